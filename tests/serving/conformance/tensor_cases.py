"""Values in and out: rows, columns, numbers, strings and bytes."""

import gzip

from case import (
    FAILED,
    HALF,
    JSON,
    JSON_TEST,
    REST,
    REST_TEST,
    Case,
    kinds,
    pair,
    predict,
    texts,
)

_ROWS_AND_COLUMNS = (
    predict(
        "rows of two",
        '{"instances": [[1.0, 2.0], [3.0, 4.0]]}',
        '{"predictions": [[2.5, 3.0], [3.5, 4.0]]}',
        source=REST_TEST,
    ),
    predict(
        "rows of whole numbers",
        '{"instances": [[1, 2], [3, 4]]}',
        '{"predictions": [[2.5, 3.0], [3.5, 4.0]]}',
        source=REST_TEST,
    ),
    predict(
        "rows as the server writes them",
        '{"instances": [1.0, 2.0, 5.0]}',
        '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}',
        "text",
    ),
    predict(
        "rows of two as the server writes them",
        '{"instances": [[1.0, 2.0], [3.0, 4.0]]}',
        '{\n    "predictions": [[2.5, 3.0], [3.5, 4.0]\n    ]\n}',
        "text",
    ),
    predict(
        "a column as the server writes it",
        '{"inputs": [3.0, 4.0]}',
        '{\n    "outputs": [\n        3.5,\n        4.0\n    ]\n}',
        "text",
    ),
    predict(
        "columns",
        '{"signature_name": "serving_default", "inputs": [3.0, 4.0]}',
        '{"outputs": [3.5, 4.0]}',
        source=REST_TEST,
    ),
    predict("a scalar column", '{"inputs": 3.0}', '{"outputs": 3.5}'),
    predict("an empty column", '{"inputs": []}', '{"outputs": []}'),
    predict("an empty row", '{"instances": [[]]}', '{"predictions": [[]]}'),
    predict(
        "columns by name",
        '{"inputs": {"x": [[1], [2]]}}',
        '{"outputs": [[2.5], [3.0]]}',
    ),
    predict(
        "columns with a name too many",
        '{"inputs": {"x": [1.0], "z": [1.0]}}',
        '{"outputs": [2.5]}',
    ),
    predict(
        "rows by name",
        '{"instances": [{"x": 1.0}, {"x": 2.0}]}',
        '{"predictions": [2.5, 3.0]}',
    ),
    predict(
        "an empty signature name",
        '{"signature_name": "", "instances": [1.0]}',
        '{"predictions": [2.5]}',
        source=REST,
    ),
    predict(
        "unknown keys", '{"a": [1], "inputs": [1.0], "b": {}}', '{"outputs": [2.5]}'
    ),
    predict(
        "a key twice: the first counts",
        '{"inputs": [1.0], "inputs": [2.0]}',
        '{"outputs": [2.5]}',
    ),
    predict("white space around", ' \n{"inputs" :\t[1.0]\r\n} ', '{"outputs": [2.5]}'),
    predict(
        "a byte order mark", b'\xef\xbb\xbf{"inputs": [1.0]}', '{"outputs": [2.5]}'
    ),
    pair(
        "two inputs in rows",
        '{"instances": [{"a": 1.5, "b": 2}, {"b": 3, "a": -0.5}]}',
        '{"predictions": [{"sum": 3.5, "twice": 4}, {"sum": 2.5, "twice": 6}]}',
        "json",
        JSON_TEST,
    ),
    pair(
        "two inputs in columns",
        '{"inputs": {"a": [[1.5, 2.5]], "b": [[2, 3]]}}',
        '{"outputs": {"sum": [[3.5, 5.5]], "twice": [[4, 6]]}}',
        "json",
        JSON_TEST,
    ),
    pair(
        "scalars in columns",
        '{"inputs": {"a": 1.5, "b": 2}}',
        '{"outputs": {"sum": 3.5, "twice": 4}}',
        "json",
    ),
    pair(
        "no rows of one output",
        '{"signature_name": "no_rows", "instances": [1.0]}',
        '{"predictions": []}',
        "json",
        JSON_TEST,
    ),
    pair(
        "no rows of two outputs",
        '{"signature_name": "no_rows_of_two", "instances": [1.0]}',
        '{"predictions": []}',
        "json",
        JSON_TEST,
    ),
    pair(
        "a scalar output in a column",
        '{"signature_name": "total", "inputs": [1.0, 2.0]}',
        '{"outputs": 3.0}',
        "json",
    ),
    pair(
        "uneven outputs in columns",
        '{"signature_name": "uneven", "inputs": [1.0, 2.0]}',
        '{"outputs": {"all": [1.0, 2.0], "first": [1.0]}}',
        "json",
    ),
    Case(
        "a request in gzip",
        "POST",
        f"{HALF}:predict",
        (("Content-Encoding", "gzip"),),
        gzip.compress(b'{"inputs": [1.0]}', mtime=0),
        200,
        '{"outputs": [2.5]}',
        "json",
        "evhttp_request.cc",
    ),
    Case(
        "a damaged gzip",
        "POST",
        f"{HALF}:predict",
        (("Content-Encoding", "gzip"),),
        b"not gzip at all",
        400,
        None,
        "status",
        "evhttp_request.cc",
    ),
    Case(
        "a request in chunks",
        "POST",
        f"{HALF}:predict",
        (),
        (b'{"inp', b'uts": [1.', b"0]}"),
        200,
        '{"outputs": [2.5]}',
        "json",
        "evhttp_request.cc",
    ),
    Case(
        "another content type",
        "POST",
        f"{HALF}:predict",
        (("Content-Type", "text/plain"),),
        '{"inputs": [1.0]}',
        200,
        '{"outputs": [2.5]}',
        "json",
        REST,
    ),
)

_NUMBERS = (
    kinds(
        "six digits",
        "float",
        "[9e6, 999999, 0.5, 0.0003, 0.00003, 555557.5]",
        "[9e+06, 999999.0, 0.5, 0.0003, 3e-05, 555557.5]",
        source=JSON_TEST,
    ),
    kinds(
        "nine digits where six lose something",
        "float",
        "[0.1, 0.33333334, 16777215, 1234567, 123456789.0, 3.4028234e38]",
        "[0.1, 0.333333343, 16777215.0, 1234567.0, 123456792.0, 3.40282347e+38]",
    ),
    kinds(
        "whole numbers and exponents",
        "float",
        "[0, 1, -1, 100000, 1000000, 1e10, 1e-4, 1e-5]",
        "[0.0, 1.0, -1.0, 100000.0, 1e+06, 1e+10, 0.0001, 1e-05]",
    ),
    kinds("minus zero", "float", "[-0, -0.0]", "[0.0, -0.0]"),
    kinds("the smallest float", "float", "[1.4013e-45]", "[1.4013e-45]"),
    kinds("below the smallest float", "float", "[1e-300]", "[0.0]"),
    kinds(
        "not finite",
        "float",
        "[[NaN, Infinity], [3, -Infinity]]",
        "[[NaN, Infinity], [3.0, -Infinity]]",
        source=JSON_TEST,
    ),
    kinds("infinity in short", "float", "[Inf, -Inf]", "[Infinity, -Infinity]"),
    kinds(
        "doubles",
        "double",
        "[0.1, 0.3333333333333333, 123456789, 1e22, 1e-7, 2.5, NaN, -Infinity]",
        "[0.1, 0.33333333333333331, 123456789.0, 1e+22, 1e-07, 2.5, NaN, -Infinity]",
    ),
    kinds(
        "whole numbers of each size",
        "int64",
        "[9223372036854775807, -9223372036854775808, 0]",
        "[9223372036854775807, -9223372036854775808, 0]",
    ),
    kinds("uint64", "uint64", "[18446744073709551615, 0]", "[18446744073709551615, 0]"),
    kinds("uint32", "uint32", "[4294967295]", "[4294967295]"),
    kinds("int32", "int32", "[2147483647, -2147483648]", "[2147483647, -2147483648]"),
    kinds("int16", "int16", "[[-32768], [32767]]", "[[-32768], [32767]]"),
    kinds("int8", "int8", "[-128, 127]", "[-128, 127]"),
    kinds("uint8", "uint8", "[0, 255]", "[0, 255]"),
    kinds("beyond uint8: the low bits", "uint8", "[300, -1]", "[44, 255]"),
    kinds("beyond int8: the low bits", "int8", "[200]", "[-56]"),
    kinds("halves, of which there are none", "half", "[]", "[]"),
    kinds("bool", "bool", "[true, false]", "[true, false]"),
    predict(
        "rows of whole numbers of an int32 input",
        '{"signature_name": "int32", "instances": [[1,2],[3,4],[5,6]]}',
        '{"predictions": [[1,2],[3,4],[5,6]]}',
        source=JSON_TEST,
        model="kinds",
    ),
)

_STRINGS = (
    texts(
        "strings",
        '{"signature_name": "echo", "instances": ["foo", "bar"]}',
        '{"predictions": ["foo", "bar"]}',
        source=JSON_TEST,
    ),
    texts(
        "b64 in",
        '{"signature_name": "echo", "instances": '
        '[{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}',
        '{"predictions": ["hello", "world"]}',
        source=JSON_TEST,
    ),
    texts(
        "b64 in lists",
        '{"signature_name": "echo", "instances": '
        '[[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}',
        '{"predictions": [["hello"], ["world"]]}',
        source=JSON_TEST,
    ),
    texts(
        "b64 by name",
        '{"signature_name": "echo", "instances": '
        '[{"text": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}]}',
        '{"predictions": [[["hello"], ["world"]]]}',
        source=JSON_TEST,
    ),
    texts(
        "b64 as the whole column",
        '{"signature_name": "echo", "inputs": {"b64": "aGVsbG8="}}',
        '{"outputs": "hello"}',
        source=JSON,
    ),
    texts(
        "b64 out",
        '{"signature_name": "echo_bytes", "instances": '
        '[["hello", "world"], ["tf", "serving"]]}',
        '{"predictions": [[{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}], '
        '[{"b64": "dGY="}, {"b64": "c2VydmluZw=="}]]}',
        source=JSON_TEST,
    ),
    texts(
        "b64 out in columns",
        '{"signature_name": "echo_bytes", "inputs": ["hello"]}',
        '{"outputs": [{"b64": "aGVsbG8="}]}',
        source=JSON_TEST,
    ),
    texts(
        "bytes in and out",
        '{"signature_name": "echo_bytes", "instances": [{"b64": "AP/+gA=="}]}',
        '{"predictions": [{"b64": "AP/+gA=="}]}',
    ),
    texts(
        "b64 without padding",
        '{"signature_name": "echo", "instances": [{"b64": "aGVsbG8"}]}',
        '{"predictions": ["hello"]}',
        source="absl::Base64Unescape",
    ),
    texts(
        "empty strings",
        '{"signature_name": "echo_bytes", "instances": ["", {"b64": ""}]}',
        '{"predictions": [{"b64": ""}, {"b64": ""}]}',
    ),
    texts(
        "three outputs",
        '{"instances": ["a", {"b64": "w6k="}]}',
        '{"predictions": ['
        '{"text": "a", "text_bytes": {"b64": "YQ=="}, "length": 1}, '
        '{"text": "\\u00e9", "text_bytes": {"b64": "w6k="}, "length": 2}]}',
        source=JSON_TEST,
    ),
    texts(
        "text is UTF-8, however it is written",
        '{"signature_name": "length", "instances": '
        '["\u00e9", "\\u00e9", "\\ud83d\\ude00", "\U0001f600", "a\\u0000b"]}',
        '{"predictions": [2, 2, 4, 4, 3]}',
    ),
    texts(
        "a string of bytes that are no UTF-8",
        b'{"signature_name": "length", "instances": ["\xff\xfe"]}',
        '{"predictions": [2]}',
    ),
    texts(
        "text as the server writes it",
        '{"signature_name": "echo", "instances": ["\u00e9/\\"\\\\\\n\\u0001"]}',
        '{\n    "predictions": ["\u00e9/\\"\\\\\\n\\u0001"\n    ]\n}',
        "text",
    ),
    texts(
        "a number for a string",
        '{"signature_name": "echo", "inputs": [1]}',
        "JSON Value: 1 Type: Number is not of expected type: string",
        "error",
    ),
    texts(
        "damaged b64",
        '{"signature_name": "echo", "inputs": [{"b64": "!"}]}',
        "Unable to base64 decode",
        "error",
    ),
    texts(
        "damaged b64 in a row",
        '{"signature_name": "echo", "instances": ["a", {"b64": "aGVsbG8"}, '
        '{"b64": "a?"}]}',
        FAILED.format(2) + "Unable to base64 decode",
        "error",
    ),
    texts(
        "b64 of a number",
        '{"signature_name": "echo", "inputs": [{"b64": 5}]}',
        'JSON Value: {\n    "b64": 5\n} not formatted correctly for base64 data',
        "error",
    ),
    texts(
        "b64 and another key",
        '{"signature_name": "echo", "instances": [{"b64": "AA==", "c": 1}]}',
        "Failed to process element: 0 key: b64 of 'instances' list. Error: "
        "INVALID_ARGUMENT: JSON object: does not have named input: b64",
        "error",
    ),
)


TENSOR_CASES = (*_ROWS_AND_COLUMNS, *_NUMBERS, *_STRINGS)
