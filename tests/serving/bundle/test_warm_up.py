import numpy as np

from amalthea.serving.bundle.warm_up import make_warm_up
from amalthea.serving.records import request_arrays, response_arrays


def run(signature, inputs):
    values = inputs["text"]
    return {"length": np.array([len(value) for value in values], "int32")}


def examples(*lengths):
    return {"text": np.array([b"x" * length for length in lengths], object)}


def test_a_record_has_the_request_and_the_answer():
    warm_up = make_warm_up(run, "pets", {"s": examples(3, 5)}, [1, 4])
    assert warm_up.kept == {"s": [1, 4]}
    assert warm_up.dropped == {}
    first, second = warm_up.logs
    spec = second.predict_log.request.model_spec
    assert (spec.name, spec.signature_name) == ("pets", "s")
    assert request_arrays(first)["text"].tolist() == [b"xxx"]
    assert request_arrays(second)["text"].tolist() == [b"xxx", b"xxxxx"] * 2
    assert response_arrays(second)["length"].tolist() == [3, 5, 3, 5]
    # A server counts any other kind of log but does not run it.
    assert second.WhichOneof("log_type") == "predict_log"


def test_the_largest_batches_are_left_out():
    calls = []

    def counted(signature, inputs):
        calls.append((signature, len(inputs["text"])))
        return run(signature, inputs)

    both = {"big": examples(1000), "small": examples(10)}
    warm_up = make_warm_up(counted, "m", both, [1, 2, 4, 8], limit=4000)
    assert warm_up.kept == {"big": [1, 2], "small": [1, 2, 4, 8]}
    assert warm_up.dropped == {"big": [4, 8]}
    assert sum(log.ByteSize() for log in warm_up.logs) <= 4000
    assert ("big", 8) not in calls


def test_an_answer_that_is_too_large_is_left_out():
    def large(signature, inputs):
        return {"image": np.zeros((len(inputs["text"]), 100), "float32")}

    warm_up = make_warm_up(large, "m", {"s": examples(1)}, [1, 2, 4], limit=1000)
    assert warm_up.kept == {"s": [1]}
    assert warm_up.dropped == {"s": [2, 4]}


def test_there_are_at_most_as_many_records_as_a_server_takes():
    many = {f"s{number}": examples(1) for number in range(600)}
    warm_up = make_warm_up(run, "m", many, [1, 2])
    assert len(warm_up.logs) == 1000
    assert len(warm_up.dropped) == 200
