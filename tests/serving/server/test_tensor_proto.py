import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from amalthea.serving.server.tensor_proto import (
    TensorProtoError,
    array_bytes,
    array_from_proto,
    array_to_proto,
)

LIMIT = 1 << 20
NUMBERS = [
    tf.float32,
    tf.float64,
    tf.float16,
    tf.bfloat16,
    tf.int8,
    tf.int16,
    tf.int32,
    tf.int64,
    tf.uint8,
    tf.uint16,
    tf.uint32,
    tf.uint64,
    tf.bool,
    tf.complex64,
    tf.complex128,
]
FIELDS = {
    tf.float16: "half_val",
    tf.bfloat16: "half_val",
    tf.int8: "int_val",
    tf.int64: "int64_val",
    tf.bool: "bool_val",
    tf.complex64: "scomplex_val",
    tf.string: "string_val",
}


def make_proto(dtype, shape, **fields):
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, **fields)
    proto.tensor_shape.SetInParent()
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def cpp(proto):
    """What TensorFlow's own C++ reads; it raises where that refuses."""
    dtype = tf.as_dtype(proto.dtype)
    return tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()


def assert_equal(ours, theirs):
    theirs = np.asarray(theirs, object if isinstance(theirs, bytes) else None)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda dtype: dtype.name)
def test_numbers_go_to_the_typed_field_and_back(dtype):
    values = np.array([[0, 1, 2], [3, 100, 127]]).astype(dtype.as_numpy_dtype)
    proto = tensor_pb2.TensorProto()
    array_to_proto(values, proto)
    assert not proto.tensor_content
    assert proto.dtype == dtype.as_datatype_enum
    assert_equal(array_from_proto(proto, LIMIT), values)
    assert_equal(cpp(proto), values)
    by_content = make_proto(dtype, values.shape, tensor_content=values.tobytes())
    assert_equal(array_from_proto(by_content, LIMIT), values)
    assert_equal(cpp(by_content), values)


@pytest.mark.parametrize("shape", [(), (1,), (2, 0), (0,), (2, 1, 3)])
def test_shapes(shape):
    values = np.full(shape, 2.5, np.float32)
    proto = tensor_pb2.TensorProto()
    array_to_proto(values, proto)
    assert_equal(array_from_proto(proto, LIMIT), values)
    assert_equal(cpp(proto), values)


def test_large_arrays_are_encoded_right():
    values = np.random.default_rng(1).standard_normal((3, 70, 100)).astype(np.float32)
    proto = tensor_pb2.TensorProto()
    array_to_proto(values, proto)
    assert_equal(cpp(proto), values)


def test_an_array_that_is_not_contiguous():
    values = np.arange(6, dtype=np.float16).reshape(2, 3).T
    proto = tensor_pb2.TensorProto()
    array_to_proto(values, proto)
    assert_equal(cpp(proto), values)


def test_strings_keep_their_bytes():
    values = np.empty((2, 2), object)
    values[:] = [[b"a\0", b""], [b"\xff\0\xfe", b"x" * 300]]
    proto = tensor_pb2.TensorProto()
    array_to_proto(values, proto)
    assert_equal(array_from_proto(proto, LIMIT), values)
    assert_equal(cpp(proto), values)


# What clients may send: the oracle is TensorFlow's C++.
SENT = {
    "one_value_for_all": make_proto(tf.float32, [2, 3], float_val=[1.5]),
    "the_last_value_repeats": make_proto(tf.float32, [5], float_val=[1, 2, 3]),
    "more_values_than_the_shape": make_proto(tf.int64, [2], int64_val=[1, 2, 3]),
    "no_values": make_proto(tf.int32, [2, 2]),
    "no_strings": make_proto(tf.string, [2]),
    "the_last_string_repeats": make_proto(tf.string, [3], string_val=[b"a", b"b\0"]),
    "more_strings": make_proto(tf.string, [1], string_val=[b"a", b"b"]),
    "scalar": make_proto(tf.float64, [], double_val=[3.25]),
    "scalar_string": make_proto(tf.string, [], string_val=[b"x"]),
    "empty_ignores_content": make_proto(tf.float32, [0], tensor_content=b"abc"),
    "int8_that_wraps": make_proto(tf.int8, [2], int_val=[300, -129]),
    "uint8_that_wraps": make_proto(tf.uint8, [2], int_val=[300, -1]),
    "bools_repeat": make_proto(tf.bool, [3], bool_val=[False, True]),
    "half_bits": make_proto(tf.float16, [3], half_val=[0x3C00, 0x7C00]),
    "bfloat16_bits": make_proto(tf.bfloat16, [2], half_val=[0x3F80]),
    "complex_repeats": make_proto(tf.complex64, [3], scomplex_val=[1, 2, 3, 4]),
    "complex_odd": make_proto(tf.complex64, [2], scomplex_val=[1, 2, 3]),
    "complex_one_half": make_proto(tf.complex128, [2], dcomplex_val=[1]),
    "content_wins": make_proto(
        tf.uint8, [2], tensor_content=b"\x01\x02", int_val=[7, 8]
    ),
    "content_of_bools": make_proto(tf.bool, [3], tensor_content=b"\x00\x01\x01"),
    "content_of_strings": make_proto(
        tf.string, [3], tensor_content=b"\x01\x00\x03abcd"
    ),
    "content_of_a_long_string": make_proto(
        tf.string, [1], tensor_content=b"\xac\x02" + b"x" * 300
    ),
    "wrong_field": make_proto(tf.float32, [2], double_val=[1, 2]),
}


@pytest.mark.parametrize("proto", SENT.values(), ids=SENT)
def test_what_is_sent_is_read_as_cpp_reads_it(proto):
    assert_equal(array_from_proto(proto, LIMIT), cpp(proto))


REFUSED = {
    "content_too_short": make_proto(tf.float32, [2], tensor_content=b"1234"),
    "bytes_that_are_no_booleans": make_proto(tf.bool, [2], tensor_content=b"\x01\x02"),
    "content_too_long": make_proto(tf.float32, [1], tensor_content=b"12345678"),
    "negative_size": make_proto(tf.float32, [-1], float_val=[1]),
    "negative_sizes": make_proto(tf.float32, [-2, -2], float_val=[1]),
    "overflow": make_proto(tf.float32, [1 << 62, 1 << 62], float_val=[1]),
    "rank": make_proto(tf.float32, [1] * 300, float_val=[1]),
    "strings_too_short": make_proto(tf.string, [2], tensor_content=b"\x01\x05ab"),
    "strings_left_over": make_proto(tf.string, [1], tensor_content=b"\x01ab"),
    "string_lengths_missing": make_proto(tf.string, [9], tensor_content=b"\x01"),
    "string_length_endless": make_proto(tf.string, [1], tensor_content=b"\xff" * 9),
}


@pytest.mark.parametrize("proto", REFUSED.values(), ids=REFUSED)
def test_what_cpp_refuses_is_refused(proto):
    with pytest.raises(tf.errors.InvalidArgumentError):
        cpp(proto)
    with pytest.raises(TensorProtoError):
        array_from_proto(proto, LIMIT)


@pytest.mark.parametrize(
    "data_type",
    [0, types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT, types_pb2.DT_FLOAT_REF, 9999],
)
def test_data_types_that_no_client_can_send(data_type):
    proto = tensor_pb2.TensorProto(dtype=data_type)
    with pytest.raises(TensorProtoError):
        array_from_proto(proto, LIMIT)


@pytest.mark.parametrize("dtype", [tf.float32, tf.string, tf.bool])
def test_a_few_bytes_do_not_become_gigabytes(dtype):
    with pytest.raises(TensorProtoError):
        array_from_proto(make_proto(dtype, [1 << 40]), LIMIT)
    with pytest.raises(TensorProtoError):
        array_from_proto(make_proto(dtype, [1 << 62, 0, 1 << 62]), LIMIT)


def test_the_limit_is_the_array_s_size():
    proto = make_proto(tf.float32, [4], float_val=[1])
    assert array_from_proto(proto, 16).size == 4
    with pytest.raises(TensorProtoError):
        array_from_proto(proto, 15)


def strings(shape, *values):
    return make_proto(tf.string, shape, string_val=values)


@pytest.mark.parametrize(
    ("proto", "size"),
    [
        (strings([3], b"ab", b"cde"), 3 * 8 + 2 + 3 + 3),  # the last one is repeated
        (strings([1], b"ab", b"cde"), 8 + 2),  # the other is no part of the tensor
        (strings([2]), 2 * 8),
        (make_proto(tf.string, [2], tensor_content=b"\x01\x03abcd"), 2 * 8 + 4),
        (make_proto(tf.float64, [3], double_val=[1]), 24),
    ],
)
def test_strings_count_as_often_as_they_are_repeated(proto, size):
    assert array_bytes(array_from_proto(proto, size)) == size
    if proto.dtype == types_pb2.DT_STRING and not proto.tensor_content:
        with pytest.raises(TensorProtoError):
            array_from_proto(proto, size - 1)


def test_one_long_string_does_not_become_terabytes():
    proto = strings([8_000_000], bytes(1_000_000))
    with pytest.raises(TensorProtoError, match="8000000 strings are above"):
        array_from_proto(proto, 64 << 20)


def test_random_messages_are_read_as_cpp_reads_them():
    random = np.random.default_rng(7)
    read = 0
    for _ in range(300):
        dtype = [*FIELDS][random.integers(len(FIELDS))]
        shape = random.integers(0, 4, random.integers(0, 3))
        proto = make_proto(dtype, shape)
        if random.random() < 0.3:
            proto.tensor_content = random.bytes(random.integers(0, 12))
        values = random.integers(0, 100, random.integers(0, 6)).tolist()
        if dtype == tf.string:
            values = [bytes([value]) for value in values]
        getattr(proto, FIELDS[dtype]).extend(values)
        try:
            expected = cpp(proto)
        except tf.errors.InvalidArgumentError:
            with pytest.raises(TensorProtoError):
                array_from_proto(proto, LIMIT)
        else:
            assert_equal(array_from_proto(proto, LIMIT), expected)
            read += 1
    assert read > 100
