import pytest

from amalthea import UserError
from amalthea.serving.batching_parameters import (
    BatchingParameters,
    parse_batching_parameters,
    read_batching_parameters,
)

# The example of TensorFlow Serving's batching guide, with a comment.
GUIDE = """
max_batch_size { value: 128 }
batch_timeout_micros { value: 0 }   # do not wait
max_enqueued_batches { value: 1000000 }
num_batch_threads { value: 8 }
"""


def test_reads_what_the_server_reads(tmp_path):
    path = tmp_path / "batching_params.pbtxt"
    path.write_text(GUIDE)
    assert read_batching_parameters(path) == BatchingParameters(
        max_batch_size=128,
        batch_timeout_micros=0,
        max_enqueued_batches=1_000_000,
        num_batch_threads=8,
    )


def test_writes_wrapped_and_plain_fields():
    parameters = BatchingParameters(
        max_batch_size=64,
        allowed_batch_sizes=(1, 4, 64),
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
        pad_variable_length_inputs=True,
        thread_pool_name="pool",
    )
    words = parameters.text().split()
    text = " ".join(words)
    for part in (
        "max_batch_size { value: 64 }",
        "enable_large_batch_splitting { value: true }",
        "max_execution_batch_size { value: 4 }",
        "allowed_batch_sizes: 1 allowed_batch_sizes: 4 allowed_batch_sizes: 64",
        "pad_variable_length_inputs: true",
        'thread_pool_name { value: "pool" }',
    ):
        assert part in text
    assert "batch_timeout_micros" not in text
    assert parse_batching_parameters(parameters.text()) == parameters
    assert parameters.largest_batch == 4
    assert parameters.batch_sizes == (1, 4)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"max_batch_size": 0}, "`max_batch_size`: expected a whole number"),
        ({"num_batch_threads": -1}, "`num_batch_threads`"),
        ({"batch_timeout_micros": -1}, "`batch_timeout_micros`: expected 0 or more"),
        ({"max_execution_batch_size": 0}, "at least 1, received 0"),
        ({"max_execution_batch_size": -3}, "at least 1, received -3"),
        (
            {
                "max_batch_size": 8,
                "max_execution_batch_size": 16,
                "enable_large_batch_splitting": True,
            },
            "`max_execution_batch_size`: expected at most 8",
        ),
        ({"allowed_batch_sizes": (2, 1)}, "positive rising numbers"),
        ({"allowed_batch_sizes": (0, 1)}, "positive rising numbers"),
        ({"max_batch_size": 8, "allowed_batch_sizes": (1, 4)}, "8 as the last"),
    ],
)
def test_values_that_contradict_each_other(values, text):
    with pytest.raises(UserError, match=text):
        BatchingParameters(**values)


def test_without_splitting_the_largest_execution_has_no_effect():
    # As in TensorFlow Serving, which then does not look at it.
    parameters = BatchingParameters(max_batch_size=8, max_execution_batch_size=16)
    assert parameters.largest_batch == 8


@pytest.mark.parametrize(
    "content", [b"max_batch_size: 5", b"nonsense { value: 1 }", b"\xff\xfe", b"{"]
)
def test_a_file_that_is_none_of_it(tmp_path, content):
    path = tmp_path / "batching_params.pbtxt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="batching_params.pbtxt: "):
        read_batching_parameters(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_batching_parameters(tmp_path / "gone")
