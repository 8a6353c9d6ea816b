import json
import socket
import threading

import numpy as np
import pytest
from helpers.fake_serving import FakeRest, half_of_two

from amalthea import UserError
from amalthea.serving import Client, client

META = "GET /v1/models/m/metadata"
PREDICT = "POST /v1/models/m:predict"
STATUS = "GET /v1/models/m"


def _infos(**tensors):
    return {
        name: {
            "dtype": dtype,
            "tensor_shape": {
                "dim": [{"size": str(size), "name": ""} for size in shape],
                "unknown_rank": False,
            },
            "name": f"{name}:0",
        }
        for name, (dtype, *shape) in tensors.items()
    }


def _metadata(inputs, outputs, name="serving_default"):
    signature = {
        "inputs": _infos(**inputs),
        "outputs": _infos(**outputs),
        "method_name": "tensorflow/serving/predict",
    }
    initialiser = {"inputs": {}, "outputs": _infos(op=("DT_INVALID",))}
    return {
        "model_spec": {"name": "m", "signature_name": "", "version": "1"},
        "metadata": {
            "signature_def": {
                "signature_def": {name: signature, "__saved_model_init_op": initialiser}
            }
        },
    }


HALF = _metadata({"x": ("DT_FLOAT", -1)}, {"y": ("DT_FLOAT", -1)})
ANSWER = {"outputs": [2.5, 3.0]}


def _posted(server):
    return [json.loads(body) for verb, _, body in server.requests if verb == "POST"]


def test_predict_sends_columns_and_reads_an_only_output():
    script = {META: [(200, HALF)], PREDICT: [(200, ANSWER)]}
    with FakeRest(script) as server, Client(server.url) as asking:
        for _ in range(2):
            answer = asking.predict("m", {"x": [1, 2]})
            assert answer["y"].tolist() == [2.5, 3.0]
            assert answer["y"].dtype == np.float32
        body = {"signature_name": "serving_default", "inputs": {"x": [1.0, 2.0]}}
        assert _posted(server) == [body, body]
        assert [verb for verb, *_ in server.requests] == ["GET", "POST", "POST"]


def test_bytes_and_text_go_and_come_as_the_api_says():
    metadata = _metadata(
        {"image_bytes": ("DT_STRING", -1), "text": ("DT_STRING", -1)},
        {
            "thumb_bytes": ("DT_STRING", -1),
            "label": ("DT_STRING", -1),
            "n": ("DT_INT64", -1),
        },
    )
    # What is not UTF-8 in a text is written by the server as it stands.
    answer = (
        b'{"outputs": {"thumb_bytes": [{"b64": "AP8="}, {"b64": ""}],'
        b' "label": ["\xc3\xa4\\n", "\xff"], "n": [9007199254740993, -1]}}'
    )
    script = {META: [(200, metadata)], PREDICT: [(200, answer)]}
    with FakeRest(script) as server, Client(server.url) as asking:
        found = asking.predict(
            "m", {"image_bytes": [b"\xff\xd8", "plain"], "text": ["ä", b"b"]}
        )
        assert _posted(server)[0]["inputs"] == {
            "image_bytes": [{"b64": "/9g="}, "plain"],
            "text": ["ä", {"b64": "Yg=="}],
        }
    assert found["thumb_bytes"].tolist() == [b"\0\xff", b""]
    assert found["label"].tolist() == ["ä\n".encode(), b"\xff"]
    assert found["n"].tolist() == [2**53 + 1, -1]


def test_numbers_that_json_has_no_word_for():
    script = {
        META: [(200, HALF)],
        PREDICT: [(200, b'{"outputs": [NaN, -Infinity]}')],
    }
    with FakeRest(script) as server, Client(server.url) as asking:
        found = asking.predict("m", {"x": [float("inf"), float("nan")]})["y"]
        assert b"[Infinity,NaN]" in server.requests[-1][2]
    np.testing.assert_array_equal(found, [np.nan, -np.inf])


def test_only_the_wanted_outputs_come_back():
    metadata = _metadata(
        {"x": ("DT_FLOAT", -1)}, {"a": ("DT_FLOAT", -1), "b": ("DT_FLOAT", -1)}
    )
    answer = {"outputs": {"a": [1.0], "b": [2.0]}}
    script = {META: [(200, metadata)], PREDICT: [(200, answer)]}
    with FakeRest(script) as server, Client(server.url) as asking:
        assert asking.predict("m", {"x": [1]}, outputs=["b"]).keys() == {"b"}
        for wrong, why in ((["b", "c"], "it lacks c"), ([], "none is wanted")):
            with pytest.raises(client.InvalidArgument, match=f"outputs a, b; {why}"):
                asking.predict("m", {"x": [1]}, outputs=wrong)


def test_versions_and_labels_and_odd_names_are_in_the_path():
    script = {
        "GET /tf/v1/models/a%2Fb%20c/versions/7/metadata": [(200, HALF)],
        "POST /tf/v1/models/a%2Fb%20c/versions/7:predict": [(200, ANSWER)],
        "GET /tf/v1/models/m/labels/stable/metadata": [(200, HALF)],
    }
    with FakeRest(script) as server, Client(f"{server.url}/tf") as asking:
        assert asking.predict("a/b c", {"x": [1, 2]}, version=7)["y"].size == 2
        assert asking.metadata("m", label="stable").keys() == {"serving_default"}
        with pytest.raises(client.InvalidArgument, match="both a version and a label"):
            asking.predict("m", {"x": [1]}, version=1, label="stable")
        with pytest.raises(client.InvalidArgument, match="whole number, not '7'"):
            asking.predict("m", {"x": [1]}, version="7")
        with pytest.raises(client.InvalidArgument, match="no model"):
            asking.predict("", {"x": [1]})


def test_many_examples_go_in_parts():
    metadata = _metadata({"x": ("DT_FLOAT", -1)}, {"y": ("DT_FLOAT", -1)})
    answers = [(200, {"outputs": [1.0, 2.0]}), (200, {"outputs": [3.0]})]
    script = {META: [(200, metadata)], PREDICT: answers}
    with FakeRest(script) as server, Client(server.url, batch_size=2) as asking:
        assert asking.predict("m", {"x": [1, 2, 3]})["y"].tolist() == [1, 2, 3]
        assert [body["inputs"]["x"] for body in _posted(server)] == [[1, 2], [3]]


def test_large_examples_go_alone():
    metadata = _metadata({"t": ("DT_STRING", -1)}, {"y": ("DT_FLOAT", -1)})
    answers = [(200, {"outputs": [1.0, 2.0]}), (200, {"outputs": [3.0]})]
    script = {META: [(200, metadata)], PREDICT: answers}
    with (
        FakeRest(script) as server,
        Client(server.url, max_request_bytes=100) as asking,
    ):
        texts = ["a" * 30, "b" * 30, "c" * 500]
        assert asking.predict("m", {"t": texts})["y"].tolist() == [1, 2, 3]
        assert [body["inputs"]["t"] for body in _posted(server)] == [
            texts[:2],
            texts[2:],
        ]


def test_no_examples_need_no_request():
    with FakeRest({META: [(200, HALF)]}) as server, Client(server.url) as asking:
        found = asking.predict("m", {"x": []})["y"]
        assert (found.shape, found.dtype) == ((0,), np.float32)
        assert _posted(server) == []


def test_a_model_that_was_replaced_is_looked_at_again():
    new = _metadata({"z": ("DT_FLOAT", -1)}, {"y": ("DT_INT32", -1)})
    script = {
        META: [(200, HALF), (200, new)],
        PREDICT: [(200, {"outputs": [1.5]}), (200, {"outputs": [4]})],
    }
    with FakeRest(script) as server, Client(server.url) as asking:
        assert asking.predict("m", {"x": [1]})["y"].dtype == np.float32
        assert asking.predict("m", {"z": [1]})["y"].tolist() == [4]
        with pytest.raises(client.InvalidArgument, match="inputs z; received x"):
            asking.predict("m", {"x": [1]})


def test_an_answer_that_does_not_fit_is_an_error_not_a_wrong_number():
    integer = _metadata({"x": ("DT_FLOAT", -1)}, {"y": ("DT_INT32", -1)})
    for answer in ([1.5], ["a"], [[1], [1, 2]], {"q": [1]}, [True], [2**40]):
        script = {META: [(200, integer)], PREDICT: [(200, {"outputs": answer})]}
        with (
            FakeRest(script) as server,
            pytest.raises(client.Internal, match="does not fit the signature"),
        ):
            half_of_two(server)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, client.InvalidArgument, "INVALID_ARGUMENT"),
        (404, client.NotFound, "NOT_FOUND"),
        (413, client.ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (500, client.Internal, "INTERNAL"),
        (501, client.Unimplemented, "UNIMPLEMENTED"),
        (502, client.Internal, "INTERNAL"),
        (504, client.DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (302, client.ServerError, "UNKNOWN"),
    ],
)
def test_errors_have_types_and_are_not_tried_again(status, kind, code, no_pause):
    script = {META: [(200, HALF)], PREDICT: [(status, {"error": "the reason"})]}
    with FakeRest(script) as server, pytest.raises(kind) as caught:
        half_of_two(server)
    assert (caught.value.code, caught.value.message) == (code, "the reason")
    assert str(caught.value) == f"{server.url}: the reason ({code})"
    assert len(_posted(server)) == 1 and no_pause == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(status, no_pause):
    busy = (status, {"error": "busy"})
    script = {META: [(200, HALF)], PREDICT: [busy, busy, (200, ANSWER)]}
    with FakeRest(script) as server:
        assert half_of_two(server)["y"].size == 2
    assert len(_posted(server)) == 3
    assert 0.05 <= no_pause[0] <= 0.1 <= no_pause[1] <= 0.2


@pytest.mark.parametrize(
    "text",
    [
        "2 root error(s) found.\n (0) OOM when allocating tensor with shape[9]",
        "Out of memory while trying to allocate 9 bytes.",
    ],
)
def test_a_run_out_of_memory_is_not_repeated(text, no_pause):
    script = {META: [(200, HALF)], PREDICT: [(429, {"error": text})]}
    with FakeRest(script) as server, pytest.raises(client.ResourceExhausted):
        half_of_two(server)
    assert len(_posted(server)) == 1 and no_pause == []


def test_retries_end(no_pause):
    script = {META: [(200, HALF)], PREDICT: [(503, {"error": "busy"})]}
    with FakeRest(script) as server, pytest.raises(client.Unavailable, match="busy"):
        half_of_two(server, retries=1)
    assert len(_posted(server)) == 2


def test_retries_do_not_outlast_the_timeout(no_pause):
    script = {META: [(200, HALF)], PREDICT: [(503, {"error": "busy"})]}
    with FakeRest(script) as server, pytest.raises(client.Unavailable):
        half_of_two(server, retries=1000, timeout=1.0)
    # Nothing is waited for here, so only the length of a pause ends it.
    assert no_pause and max(no_pause) <= 1.0


def test_where_nobody_listens_the_connection_is_tried_again(no_pause):
    with FakeRest({}) as server:
        gone = server.url
    with (
        Client(gone) as asking,
        pytest.raises(client.ConnectionFailed, match="Connection refused") as caught,
    ):
        asking.status("m")
    assert len(no_pause) == 2 and "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b"])
def test_an_unknown_host_is_said_plainly(host, no_pause, monkeypatch):
    def look_up(name, *rest):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with (
        Client(f"http://{host}:8501") as asking,
        pytest.raises(client.ConnectionFailed) as caught,
    ):
        asking.status("m")
    assert caught.value.message == "no such host"


def test_a_port_that_speaks_no_http_is_said_plainly(no_pause):
    def answer(listener):
        connection, _ = listener.accept()
        # What a gRPC server opens a connection with.
        connection.sendall(b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0@\0\xff")
        connection.recv(65536)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            Client(url) as asking,
            pytest.raises(client.ConnectionFailed, match="port of the REST") as e,
        ):
            asking.status("m")
        thread.join()
    assert e.value.message == "the answer is not HTTP"


def _close_midway(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"outputs": [')


@pytest.mark.parametrize("step", [_close_midway, lambda handler: None])
def test_a_connection_that_breaks_is_not_tried_again(step, no_pause):
    script = {META: [(200, HALF)], PREDICT: [step]}
    with FakeRest(script) as server, pytest.raises(client.ConnectionFailed):
        half_of_two(server)
    assert len(_posted(server)) == 1 and no_pause == []


def test_a_server_that_does_not_answer_ends_in_time(no_pause):
    done = threading.Event()
    script = {META: [(200, HALF)], PREDICT: [lambda handler: done.wait(10)]}
    with FakeRest(script) as server:
        try:
            with pytest.raises(client.DeadlineExceeded, match=r"within 0\.2 s"):
                half_of_two(server, timeout=0.2)
        finally:
            done.set()
    assert len(_posted(server)) == 1


def test_a_server_that_answers_bit_by_bit_ends_in_time():
    done = threading.Event()

    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not done.wait(0.02):
            handler.wfile.write(b" ")

    script = {META: [(200, HALF)], PREDICT: [trickle]}
    with FakeRest(script) as server:
        try:
            with pytest.raises(client.DeadlineExceeded):
                half_of_two(server, timeout=0.3)
        finally:
            done.set()


@pytest.mark.parametrize(
    "content", [b"<html>hello</html>", b"[]", b"{}", b'{"metadata": 3}', b"", b"\xff"]
)
def test_what_is_no_model_server_is_said_so(content):
    script = {META: [(200, content)], STATUS: [(200, b"null")]}
    with FakeRest(script) as server, Client(server.url) as asking:
        with pytest.raises(client.Internal, match="not that of a model server"):
            asking.metadata("m")
        with pytest.raises(client.Internal, match="not that of a model server"):
            asking.status("m")


def test_an_error_that_is_no_json_is_shown_as_it_stands():
    script = {META: [(404, b"<h1>nothing\nhere</h1>")], STATUS: [(404, b"")]}
    with FakeRest(script) as server, Client(server.url) as asking:
        with pytest.raises(client.NotFound, match="<h1>nothing here</h1>"):
            asking.metadata("m")
        with pytest.raises(client.NotFound, match="HTTP status 404"):
            asking.status("m")


def test_an_error_may_be_any_json():
    script = {META: [(400, {"error": {"code": 3}})]}
    with (
        FakeRest(script) as server,
        Client(server.url) as asking,
        pytest.raises(client.InvalidArgument, match="'code': 3"),
    ):
        asking.metadata("m")


@pytest.mark.parametrize("inputs", [[1.0], 1.0, None, "x", {1: 2}])
def test_inputs_that_are_no_dict_of_names(inputs):
    with (
        FakeRest({META: [(200, HALF)]}) as server,
        Client(server.url) as asking,
        pytest.raises(client.InvalidArgument, match="takes the inputs x"),
    ):
        asking.predict("m", inputs)


def test_metadata_lists_the_signatures():
    with FakeRest({META: [(200, HALF)]}) as server, Client(server.url) as asking:
        found = asking.metadata("m")
    assert found == {
        "serving_default": client.Signature(
            "serving_default",
            {"x": client.TensorInfo("x", "float32", (None,))},
            {"y": client.TensorInfo("y", "float32", (None,))},
        )
    }


def test_an_unknown_signature_names_those_there_are():
    with (
        FakeRest({META: [(200, HALF)]}) as server,
        Client(server.url) as asking,
        pytest.raises(client.FailedPrecondition, match="it has serving_default"),
    ):
        asking.predict("m", {"x": [1]}, signature="other")


def _status(state, code="OK", message=""):
    status = {"error_code": code, "error_message": message}
    version = {"version": "3", "state": state, "status": status}
    return 200, {"model_version_status": [version]}


def test_status():
    script = {STATUS: [_status("END", "INTERNAL", "broken")]}
    with FakeRest(script) as server, Client(server.url) as asking:
        expected = client.VersionStatus(3, "END", "INTERNAL", "broken")
        assert asking.status("m") == [expected]


def test_waiting_for_a_model(no_pause):
    steps = [
        (404, {"error": "Could not find any versions of model m"}),
        (503, {"error": "starting"}),
        _status("LOADING"),
        _status("AVAILABLE"),
    ]
    with FakeRest({STATUS: steps}) as server, Client(server.url) as asking:
        asking.wait_until_ready("m")
    assert len(server.requests) == 4 and len(no_pause) == 3


def test_waiting_ends_and_says_how_the_model_stands(no_pause):
    script = {STATUS: [_status("END", "INTERNAL", "no variables")]}
    with FakeRest(script) as server, Client(server.url) as asking:
        expected = r"not ready after 0\.01 s: version 3 is END \(no variables\)"
        with pytest.raises(client.DeadlineExceeded, match=expected):
            asking.wait_until_ready("m", timeout=0.01)


def test_threads_share_a_client():
    script = {META: [(200, HALF)], PREDICT: [(200, ANSWER)]}
    found = []
    with FakeRest(script) as server, Client(server.url) as asking:
        threads = [
            threading.Thread(
                target=lambda: found.append(asking.predict("m", {"x": [1, 2]})["y"])
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [array.tolist() for array in found] == [[2.5, 3.0]] * 8


def test_a_closed_client_says_so():
    asking = Client("http://127.0.0.1:9")
    asking.close()
    asking.close()
    with pytest.raises(UserError, match="closed"):
        asking.status("m")


@pytest.mark.parametrize(
    "setting",
    [{"timeout": 0}, {"batch_size": 0}, {"max_request_bytes": 0}, {"retries": -1}],
)
def test_settings_are_checked(setting):
    with pytest.raises(UserError, match=f"`{next(iter(setting))}`"):
        Client("http://127.0.0.1:9", **setting)
