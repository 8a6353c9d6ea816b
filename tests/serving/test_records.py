import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from amalthea import UserError
from amalthea.serving.records import (
    MAX_RECORDS,
    prediction_log,
    read_records,
    request_arrays,
    response_arrays,
    write_records,
)

INPUTS = {
    "image_bytes": np.array([b"x\0", b"\xff\xd8"], object),
    "pixels": np.arange(12, dtype=np.uint8).reshape(2, 2, 3, 1),
}
OUTPUTS = {
    "label": np.array(["ü".encode(), b""], object),
    "share": np.array([0.5, np.nan], np.float32),
    "valid": np.array([True, False]),
}


def test_what_is_written_is_read_as_a_server_reads_it(tmp_path):
    path = tmp_path / "assets.extra" / "records"
    write_records(path, [prediction_log("m", "s", INPUTS, OUTPUTS)] * 2)
    # TensorFlow's own reader of the format, not compressed.
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    assert len(records) == 2
    request = prediction_log_pb2.PredictionLog.FromString(
        records[0]
    ).predict_log.request
    assert (request.model_spec.name, request.model_spec.signature_name) == ("m", "s")
    assert request.inputs["pixels"].dtype == tf.uint8.as_datatype_enum

    (log, _) = read_records(path)
    for expected, received in (
        (INPUTS, request_arrays(log)),
        (OUTPUTS, response_arrays(log)),
    ):
        assert expected.keys() == received.keys()
        for name in expected:
            assert expected[name].dtype == received[name].dtype
            np.testing.assert_array_equal(expected[name], received[name])


def test_a_damaged_or_too_long_file(tmp_path):
    path = tmp_path / "records"
    with pytest.raises(UserError, match="cannot be read"):
        list(read_records(path))
    path.write_bytes(b"\0" * 7)
    with pytest.raises(UserError, match="damaged records"):
        list(read_records(path))
    path.write_bytes(b"")
    assert list(read_records(path)) == []
    log = prediction_log("m", "s", {"x": np.zeros(1, np.float32)})
    write_records(path, [log] * 3)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="damaged records"):
        list(read_records(path))
    write_records(path, [log] * (MAX_RECORDS + 1))
    with pytest.raises(UserError, match="more than 1000"):
        list(read_records(path))
