"""`TensorProto` messages to numpy arrays and back, by the rules of TensorFlow's C++."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

_BFLOAT16 = tf.bfloat16.as_numpy_dtype
# DataType: (the array's dtype, the field of the values, the dtype of its items).
_LAYOUTS = {
    types_pb2.DT_FLOAT: (np.float32, "float_val", np.float32),
    types_pb2.DT_DOUBLE: (np.float64, "double_val", np.float64),
    types_pb2.DT_INT8: (np.int8, "int_val", np.int32),
    types_pb2.DT_INT16: (np.int16, "int_val", np.int32),
    types_pb2.DT_INT32: (np.int32, "int_val", np.int32),
    types_pb2.DT_INT64: (np.int64, "int64_val", np.int64),
    types_pb2.DT_UINT8: (np.uint8, "int_val", np.int32),
    types_pb2.DT_UINT16: (np.uint16, "int_val", np.int32),
    types_pb2.DT_UINT32: (np.uint32, "uint32_val", np.uint32),
    types_pb2.DT_UINT64: (np.uint64, "uint64_val", np.uint64),
    types_pb2.DT_BOOL: (np.bool_, "bool_val", np.bool_),
    types_pb2.DT_HALF: (np.float16, "half_val", np.int32),
    types_pb2.DT_BFLOAT16: (_BFLOAT16, "half_val", np.int32),
    types_pb2.DT_COMPLEX64: (np.complex64, "scomplex_val", np.float32),
    types_pb2.DT_COMPLEX128: (np.complex128, "dcomplex_val", np.float64),
    types_pb2.DT_STRING: (np.object_, "string_val", np.object_),
}
_LAYOUTS = {
    number: (np.dtype(dtype), field, np.dtype(items))
    for number, (dtype, field, items) in _LAYOUTS.items()
}
_DATA_TYPES = {dtype: number for number, (dtype, _, _) in _LAYOUTS.items()}
# Fields whose encoding is the array's own bytes: floats, and one byte a boolean.
_PLAIN_FIELDS = ("float_val", "double_val", "scomplex_val", "dcomplex_val", "bool_val")
_HALVES = (np.dtype(np.float16), np.dtype(_BFLOAT16))  # their field holds the bits
_MAX_RANK = 64  # numpy's


class TensorProtoError(ValueError):
    """A `TensorProto` that is no tensor."""


def array_from_proto(proto, max_bytes):
    """Reads a tensor.

    The values are in `tensor_content`, or in the field of the dtype, where the
    last value stands for all that are missing and none at all for zeros.

    Args:
        proto: A `TensorProto`.
        max_bytes: The largest array to make, in bytes, see `array_bytes`. A few
            bytes can ask for any size, because missing values are repeated.

    Returns:
        A numpy array, perhaps read-only; strings are `bytes` in an array of
        dtype `object`.

    Raises:
        TensorProtoError: if the dtype, the shape and the values do not make a
            tensor, or one above `max_bytes`.
    """
    if proto.dtype not in _LAYOUTS:
        raise TensorProtoError(f"data type {proto.dtype}")
    dtype, field, items = _LAYOUTS[proto.dtype]
    shape = _shape(proto.tensor_shape)
    count = math.prod(shape)
    left = max_bytes - count * dtype.itemsize
    if left < 0:
        raise TensorProtoError(f"shape {shape} is above {max_bytes} bytes")
    try:
        if count == 0:
            return np.empty(shape, dtype)
        content = proto.tensor_content
        if content:
            return _decode(content, count, dtype).reshape(shape)
        values = getattr(proto, field)
        if field == "string_val":
            return _spread_strings(values, count, left).reshape(shape)
        return _spread(values, count, dtype, items).reshape(shape)
    except ValueError as error:  # numpy's, for a shape it cannot have
        raise TensorProtoError(str(error)) from error


def array_bytes(array):
    """Returns how much an array takes, in bytes, its strings included.

    A string that is in it several times counts as often: TensorFlow copies each.
    """
    if array.dtype == np.object_:
        return array.nbytes + sum(map(len, array.flat))
    return array.nbytes


def array_to_proto(array, proto):
    """Writes a tensor into the typed field of its dtype, as the server does.

    Args:
        array: A numpy array; strings are `bytes` in an array of dtype `object`.
        proto: The empty `TensorProto` to fill.
    """
    number = _DATA_TYPES.get(array.dtype)
    if number is None:
        proto.CopyFrom(tf.make_tensor_proto(array))
        return
    _, field, _ = _LAYOUTS[number]
    proto.dtype = number
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if field in _PLAIN_FIELDS:
        data = array.tobytes()
        tag = tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name[field].number << 3 | 2
        proto.MergeFromString(bytes([tag]) + _varint(len(data)) + data)
    elif field == "half_val":
        proto.half_val.extend(array.ravel().view(np.uint16).tolist())
    else:
        getattr(proto, field).extend(array.ravel().tolist())


def _shape(proto):
    if len(proto.dim) > _MAX_RANK:
        raise TensorProtoError(f"rank {len(proto.dim)}")
    shape = tuple(axis.size for axis in proto.dim)
    if any(size < 0 for size in shape):
        raise TensorProtoError(f"shape {shape}")
    return shape


def _decode(content, count, dtype):
    if dtype == np.object_:
        return _decode_strings(content, count)
    if len(content) != count * dtype.itemsize:
        raise TensorProtoError(f"{len(content)} bytes for {count} values of {dtype}")
    if dtype == np.bool_ and np.frombuffer(content, np.uint8).max() > 1:
        raise TensorProtoError("a byte that is no boolean")
    return np.frombuffer(content, dtype)


def _decode_strings(content, count):
    """Reads `count` lengths, then as many strings, one after the other."""
    lengths, at = [], 0
    for _ in range(count):
        length, at = _read_varint(content, at)
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise TensorProtoError("string lengths that do not add up")
    array = np.empty(count, np.object_)
    for index, length in enumerate(lengths):
        array[index] = content[at : at + length]
        at += length
    return array


def _spread(values, count, dtype, items):
    given = np.array(values, items)
    if dtype.kind == "c":  # two numbers a value
        given = given[: len(given) // 2 * 2].view(dtype)
    elif dtype in _HALVES:
        given = given.astype(np.uint16).view(dtype)
    given = given[:count].astype(dtype, copy=False)
    if len(given) == count:
        return given
    array = np.full(count, given[-1] if len(given) else 0, dtype)
    array[: len(given)] = given
    return array


def _spread_strings(values, count, max_bytes):
    values = values[:count]
    filler = values[-1] if values else b""
    missing = count - len(values)
    if sum(map(len, values)) + missing * len(filler) > max_bytes:
        raise TensorProtoError(f"{count} strings are above {max_bytes} bytes")
    array = np.empty(count, np.object_)
    array.fill(filler)  # np.full cuts the zero bytes off a string's end
    array[: len(values)] = values
    return array


def _varint(value):
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(content, at):
    value = 0
    for shift in range(0, 35, 7):  # at most 32 bits
        if at == len(content):
            break
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise TensorProtoError("a damaged string length")
