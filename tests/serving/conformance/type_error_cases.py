"""Values and shapes that an input does not take."""

from case import (
    FAILED,
    JSON_TEST,
    REST_TEST,
    kinds,
    pair,
    predict,
    rest_case,
    texts,
)

_TYPE_ERRORS = tuple(
    kinds(
        f"{value} for {kind}",
        kind,
        f"[{value}]",
        f"JSON Value: {written or value} Type: {json_type} is not of expected type: "
        f"{kind}",
        "error",
    )
    for kind, value, json_type, written in (
        ("float", '"x"', "String", None),
        ("float", "null", "Null", None),
        ("float", "true", "True", None),
        ("float", "false", "False", None),
        ("double", '"1.0"', "String", None),
        ("int32", "1.0", "Number", None),
        ("int32", "1.5", "Number", None),
        ("int32", "1e2", "Number", "100.0"),
        ("int32", "NaN", "Number", None),
        ("int32", "2147483648", "Number", None),
        ("int32", "true", "True", None),
        ("int8", "0.5", "Number", None),
        ("uint8", '"a"', "String", None),
        ("int64", "9223372036854775808", "Number", None),
        ("int64", "0.25", "Number", None),
        ("uint32", "-1", "Number", None),
        ("uint32", "4294967296", "Number", None),
        ("uint64", "-1", "Number", None),
        ("bool", "1", "Number", None),
        ("bool", '"true"', "String", None),
    )
) + (
    kinds(
        "an object for float",
        "float",
        '[{"b64": "AA=="}]',
        'JSON Value: {\n    "b64": "AA=="\n} Type: Object is not of expected type: '
        "float",
        "error",
    ),
    kinds(
        "a large double for a float",
        "float",
        "[1.79769e+308]",
        "Cannot convert JSON value: 1.79769e+308 to float without loss of precision.",
        "error",
        JSON_TEST,
    ),
    kinds(
        "a whole number beyond a float's",
        "float",
        "[16777217]",
        "Cannot convert JSON value: 16777217 to float without loss of precision.",
        "error",
        JSON_TEST,
    ),
    # One more than the largest that is allowed, although a float holds it.
    kinds(
        "two to the 24th for a float",
        "float",
        "[16777216]",
        "Cannot convert JSON value: 16777216 to float without loss of precision.",
        "error",
    ),
    kinds(
        "a whole number beyond a double's",
        "double",
        "[9007199254740993]",
        "Cannot convert JSON value: 9007199254740993 to double without loss of "
        "precision.",
        "error",
        JSON_TEST,
    ),
    predict(
        "strings for a float",
        '{"instances": ["x", "y"]}',
        FAILED.format(0)
        + 'JSON Value: "x" Type: String is not of expected type: float',
        "error",
        REST_TEST,
    ),
    *(
        predict(
            f"{name} cannot be written",
            f'{{"signature_name": "to_{name}", "instances": [1.5]}}',
            f"Failed to write JSON value for tensor type: {name}",
            "error",
            JSON_TEST,
            model="kinds",
        )
        for name in ("half", "bfloat16", "complex64")
    ),
    rest_case(
        "a half cannot be read from a column",
        "/v1/models/kinds:predict",
        '{"signature_name": "half", "inputs": [1.5]}',
        "Conversion of JSON Value: 1.5 to type: half",
        "error",
        501,
    ),
    predict(
        "a half cannot be read from a row",
        '{"signature_name": "half", "instances": [1]}',
        "Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: "
        "Conversion of JSON Value: 1 to type: half",
        "error",
        model="kinds",
    ),
    rest_case(
        "a complex number cannot be read",
        "/v1/models/kinds:predict",
        '{"signature_name": "complex64", "inputs": [1]}',
        "Conversion of JSON Value: 1 to type: complex64",
        "error",
        501,
    ),
)

_SHAPES = (
    predict(
        "a longer row",
        '{"instances": [[1,2],[3,4],[5,6,7]]}',
        FAILED.format(2) + "Expecting tensor size: 2 but got: 3",
        "error",
        JSON_TEST,
    ),
    predict(
        "a deeper row",
        '{"instances": [[1,2],[3,4],[[5,6]]]}',
        FAILED.format(2) + "Expecting shape [2] but got: [1,2]",
        "error",
        JSON_TEST,
    ),
    predict(
        "a list after a number",
        '{"instances": [1, [1]]}',
        FAILED.format(1) + "Expecting shape [] but got: [1]",
        "error",
        JSON_TEST,
    ),
    predict(
        "a list within a list of numbers",
        '{"instances": [[1.0, [2.0]]]}',
        FAILED.format(0) + "Encountered list at unexpected level: 1 expected < 1",
        "error",
    ),
    predict(
        "a number beside a list",
        '{"instances": [[[1.5], 2.5]]}',
        FAILED.format(0) + "JSON Value: 2.5 found at incorrect level: 2 in the JSON "
        "DOM. Expected at level: 2",
        "error",
    ),
    predict(
        "uneven lists in a column",
        '{"inputs": [[1.0, 2.0], [3.0]]}',
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        "error",
    ),
    pair(
        "another shape of a named input",
        '{"instances": [{"a": [[1, 2]], "b": 1}, {"a": [[[1, 2]]], "b": 1}]}',
        "Failed to process element: 1 key: a of 'instances' list. Error: "
        "INVALID_ARGUMENT: Expecting shape [1,2] but got: [1,1,2]",
        source=JSON_TEST,
    ),
    pair(
        "another size of a named input",
        '{"instances": [{"a": 1, "b": [1, 2]}, {"a": 1, "b": [1]}]}',
        "Failed to process element: 1 key: b of 'instances' list. Error: "
        "INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
        source=JSON_TEST,
    ),
    pair(
        "a list among objects",
        '{"instances": [{"a": 1, "b": 1}, [1, 20], {"a": 1, "b": 1}]}',
        "Expecting object but got list at item 1 of input list",
        source=JSON_TEST,
    ),
    texts(
        "an object among lists",
        '{"signature_name": "echo", "instances": [["baz"], {"text": ["baz"]}]}',
        "Expecting value/list but got object at item 1 of input list",
        "error",
        JSON_TEST,
    ),
    pair(
        "rows of two inputs without names",
        '{"instances": [1, 2]}',
        "instances is a plain list, but expecting list of objects as multiple input "
        "tensors required as per tensorinfo_map",
    ),
    pair(
        "columns of two inputs without names",
        '{"inputs": [1, 2]}',
        "inputs is a plain value/list, but expecting an object as multiple input "
        "tensors required as per tensorinfo_map",
    ),
    pair(
        "an input less in a row",
        '{"instances": [{"a": 1}]}',
        r"(?s)Failed to process element: 0 of 'instances' list\. JSON object: "
        r'\{\s+"a": 1\s+\} (keys must be equal to|must only have keys): a,b$',
        "error_regex",
    ),
    pair(
        "an input too many in a row",
        '{"instances": [{"a": 1, "b": 1, "c": 1}]}',
        "Failed to process element: 0 key: c of 'instances' list. Error: "
        "INVALID_ARGUMENT: JSON object: does not have named input: c",
    ),
    pair(
        "an input less in columns",
        '{"inputs": {"a": [1]}}',
        "Missing named input: b in 'inputs' object.",
    ),
    pair(
        "uneven outputs in rows",
        '{"signature_name": "uneven", "instances": [1, 2]}',
        r"Tensor name: \w+ has inconsistent batch size: \d expecting: \d",
        "error_regex",
        JSON_TEST,
    ),
    pair(
        "a scalar output in rows",
        '{"signature_name": "total", "instances": [1, 2]}',
        "Tensor name: total has no shape information ",
        source=JSON_TEST,
    ),
    pair(
        "the model itself rejects",
        '{"signature_name": "reject", "instances": [-1.0]}',
        "x must be positive",
        "error_regex",
        "direct_session.cc",
    ),
)


TYPE_ERROR_CASES = (*_TYPE_ERRORS, *_SHAPES)
