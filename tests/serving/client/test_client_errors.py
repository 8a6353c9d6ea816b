import pickle

import pytest

from amalthea import UserError
from amalthea.serving import client
from amalthea.serving.client.errors import server_error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", client.InvalidArgument),
        ("FAILED_PRECONDITION", client.FailedPrecondition),
        ("OUT_OF_RANGE", client.OutOfRange),
        ("NOT_FOUND", client.NotFound),
        ("RESOURCE_EXHAUSTED", client.ResourceExhausted),
        ("UNAVAILABLE", client.Unavailable),
        ("DEADLINE_EXCEEDED", client.DeadlineExceeded),
        ("INTERNAL", client.Internal),
        ("DATA_LOSS", client.Internal),
        ("ABORTED", client.ServerError),
    ],
)
def test_each_code_has_its_exception(code, kind):
    error = server_error(code, "why", "http://host")
    assert type(error) is kind
    assert (error.code, error.message) == (code, "why")
    assert str(error) == f"http://host: why ({code})"
    assert isinstance(error, UserError)


def test_what_rest_cannot_tell_apart_is_caught_together():
    assert issubclass(client.FailedPrecondition, client.InvalidArgument)
    assert issubclass(client.OutOfRange, client.InvalidArgument)


def test_a_long_message_stays_one_readable_line():
    message = "JSON Value: [\n" + "1,\n" * 10_000 + "]"
    error = server_error("INVALID_ARGUMENT", message)
    assert "\n" not in str(error) and len(str(error)) < 600
    assert error.message == message


def test_what_a_terminal_would_obey_is_left_out():
    error = server_error("INTERNAL", "\x1b[31mred\0\a\x9b\ufffd \u202eNaïve 猫\r\nend")
    assert str(error) == "[31mred Naïve 猫 end (INTERNAL)"


def test_an_error_survives_the_way_between_processes():
    error = server_error("UNAVAILABLE", "busy", "http://host", transient=True)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is client.Unavailable
    assert (str(again), again.code, again.transient) == (
        str(error),
        "UNAVAILABLE",
        True,
    )
