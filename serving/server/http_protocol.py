"""uvicorn's HTTP protocol, for clients that are odd, slow or ill-meaning."""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 60.0  # in which a request's header must come
MAX_HEADER_BYTES = 1 << 16
_INVALID = "Invalid HTTP request received."


class HttpProtocol(HttpToolsProtocol):
    """A connection whose requests' headers are limited in time and size.

    It is closed if no whole header comes in `HEADER_SECONDS`: after its start, or
    after the first byte that follows an answer. Between the two uvicorn's own limit
    for an idle connection holds.

    A wish to change the protocol, as Java's client has for HTTP/2, is passed over, as
    HTTP lets a server do. uvicorn would lose the request's body.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._use_parser()
        self._header_timer = None
        self._in_header = False
        self._header_bytes = 0

    def connection_made(self, transport):
        super().connection_made(transport)
        self._await_header()

    def connection_lost(self, exc):
        self._stop_header_timer()
        super().connection_lost(exc)

    def data_received(self, data):
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
            self._await_header()
        self._header_bytes += len(data)
        try:
            self._feed(memoryview(data))
        except httptools.HttpParserError:
            self.send_400_response(_INVALID)
            return
        if self._in_header and self._header_bytes > MAX_HEADER_BYTES:
            self.send_400_response("The header is too large.")

    def on_message_begin(self):
        self._in_header = True
        self._header_bytes = 0  # what came together with its start is let pass
        super().on_message_begin()

    def on_headers_complete(self):
        self._in_header = False
        self._stop_header_timer()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self):
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _feed(self, data):
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # The parser has read a header and leaves the rest to others.
                data = data[upgrade.args[0] :]
            head = self._head_without_upgrade()
            self._use_parser()
            self.parser.feed_data(head)

    def _head_without_upgrade(self):
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise httptools.HttpParserError(_INVALID)
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % item for item in self.headers if item[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _use_parser(self):
        self.parser = httptools.HttpRequestParser(self)
        # As uvicorn does: what follows a last request is dropped in silence.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _await_header(self):
        self._stop_header_timer()
        self._header_timer = self.loop.call_later(
            HEADER_SECONDS, self.timeout_keep_alive_handler
        )

    def _stop_header_timer(self):
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
