"""Bodies that are no request."""

from case import (
    HALF,
    JSON,
    JSON_TEST,
    REST,
    REST_TEST,
    predict,
    rest_case,
)

# Where the answer is a 1-tuple, a pattern: the offset of some errors is left open.
_BODIES = tuple(
    predict(f"body {body!r}", body, answer, "error", source)
    if isinstance(answer, str)
    else predict(f"body {body!r}", body, *answer, "error_regex", source)
    for body, answer, source in (
        ("", "JSON Parse error: The document is empty", REST_TEST),
        (None, "JSON Parse error: The document is empty", REST_TEST),
        ("  ", (r"^JSON Parse error: The document is empty\.",), JSON),
        (
            "instances = [1, 2]",
            "JSON Parse error: Invalid value. at offset: 0",
            REST_TEST,
        ),
        (
            '{"instances": [1.0',
            "JSON Parse error: Missing a comma or ] after an array element. "
            "at offset: 18",
            JSON,
        ),
        ('{"instances": [1.0,]}', (r"^JSON Parse error: Invalid value\. at",), JSON),
        ('{"instances": [01]}', (r"^JSON Parse error: Missing a comma or \]",), JSON),
        ('{"instances": [1.]}', (r"^JSON Parse error: Miss fraction part",), JSON),
        ('{"instances": [1e]}', (r"^JSON Parse error: Miss exponent",), JSON),
        ('{"instances": [.5]}', (r"^JSON Parse error: Invalid value\.",), JSON),
        ('{"instances": [+1]}', (r"^JSON Parse error: Invalid value\.",), JSON),
        ('{"instances": [nan]}', (r"^JSON Parse error: Invalid value\.",), JSON),
        ('{"instances": [1e999]}', (r"^JSON Parse error: Number too big",), JSON),
        ('{"instances": ["\\q"]}', (r"^JSON Parse error: Invalid escape",), JSON),
        ('{"instances": ["\\u12G4"]}', (r"^JSON Parse error: Incorrect hex",), JSON),
        ('{"instances": ["\\ud800"]}', (r"^JSON Parse error: .*surrogate",), JSON),
        ('{"instances": ["a', (r"^JSON Parse error: Missing a closing quot",), JSON),
        (
            '{"instances": [1.0]} x',
            (r"^JSON Parse error: The document root must not be followed by other",),
            JSON,
        ),
        (
            "{instances: [1.0]}",
            "JSON Parse error: Missing a name for object member. at offset: 1",
            JSON,
        ),
        (
            '{"instances" [1.0]}',
            (r"^JSON Parse error: Missing a colon after a name",),
            JSON,
        ),
        (
            '{"a": 1 "instances": [1.0]}',
            (r"^JSON Parse error: Missing a comma or } after an object member",),
            JSON,
        ),
        ("[1.0]", "JSON Value: [\n    1.0\n] Is not object", JSON),
        ("5", "JSON Value: 5 Is not object", JSON),
        ("null", "JSON Value: null Is not object", JSON),
        ('"inputs"', 'JSON Value: "inputs" Is not object', JSON),
        ("{}", "Missing 'inputs' or 'instances' key", JSON),
        ('{"Instances": [1.0]}', "Missing 'inputs' or 'instances' key", JSON),
        (
            '{"instances": [], "inputs": []}',
            (
                r"(?s)^JSON Value: .*Not formatted correctly expecting only one of "
                r"'inputs' or 'instances' keys to exist $",
            ),
            JSON_TEST,
        ),
        (
            '{"instances": {}}',
            "JSON Value: {\n    \"instances\": {}\n} Excepting 'instances' to be an "
            "list/array",
            JSON,
        ),
        (
            '{"instances": []}',
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
            JSON,
        ),
        (
            '{"inputs": null}',
            "JSON Value: null Type: Null is not of expected type: float",
            JSON,
        ),
        ('{"inputs": {}}', "Missing named input: x in 'inputs' object.", JSON),
        (
            '{"signature_name": 100}',
            'JSON Value: {\n    "signature_name": 100\n} not formatted correctly. '
            "'signature_name' key must be a string value.",
            REST_TEST,
        ),
        (
            '{"signature_name": "x", "instances": [1.0]}',
            'Serving signature name: "x" not found in signature def',
            REST,
        ),
    )
) + (
    predict(
        "no default signature",
        '{"instances": [1.0]}',
        'Serving signature name: "serving_default" not found in signature def',
        "error",
        REST,
        model="kinds",
    ),
    rest_case(
        "an error as the server writes it",
        "/v1/models/foo:predict",
        '{"instances": [1]}',
        '{\n    "error": "Servable not found for request: Latest(foo)"\n}',
        "text",
        404,
        JSON,
    ),
    rest_case(
        "an error with quotes as the server writes it",
        f"{HALF}:predict",
        '{"signature_name": "x", "instances": [1.0]}',
        '{\n    "error": "Serving signature name: \\"x\\" not found in signature '
        'def"\n}',
        "text",
        400,
        REST,
    ),
)

_EXAMPLES = tuple(
    rest_case(f"{verb}: {name}", f"{HALF}:{verb}", body, answer, which, 400, source)
    for verb in ("classify", "regress")
    for name, body, answer, which, source in (
        (
            "another signature",
            '{"examples": [{"x": 1.0}]}',
            r"^(Expected (classification|regression) signature method_name to be"
            r"|No (classification|regression) inputs found in SignatureDef)",
            "error_regex",
            "classifier.cc, regressor.cc",
        ),
        (
            "a missing signature",
            '{"signature_name": "nope", "examples": [{"x": 1.0}]}',
            "No signature was found with the name: nope",
            "error",
            "classifier.cc, regressor.cc",
        ),
        ("an empty body", "", "JSON Parse error: The document is empty", "error", JSON),
        (
            "no examples",
            "{}",
            "JSON Value: {} When method is classify, key 'examples' is expected and "
            "was not found",
            "error",
            JSON,
        ),
        (
            "an empty list",
            '{"examples": []}',
            "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array",
            "error",
            JSON,
        ),
        (
            "no list",
            '{"examples": {"names": ["foo"]}}',
            r"Expecting 'examples' value to be an list/array$",
            "error_regex",
            JSON_TEST,
        ),
        (
            "a list as an example",
            '{"examples": [[{"names": ["foo"]}]]}',
            "Example must be JSON object but got JSON Array",
            "error",
            JSON_TEST,
        ),
        (
            "null in an example",
            '{"examples": [{"names": [10, null]}]}',
            "Feature: names has element with unexpected JSON type: Null",
            "error",
            JSON_TEST,
        ),
        (
            "the signature's name in a list",
            '{"signature_name": ["hello"], "examples": [{"x": 1}]}',
            r"'signature_name' key must be a string value\.$",
            "error_regex",
            JSON_TEST,
        ),
    )
) + (
    rest_case(
        "classify: a missing model",
        "/v1/models/nope:classify",
        '{"examples": [{"x": 1.0}]}',
        "Servable not found for request: Latest(nope)",
        "error",
        404,
        "classification_service.cc",
    ),
    rest_case(
        "regress: a missing label",
        f"{HALF}/labels/nope:regress",
        '{"examples": [{"x": 1.0}]}',
        "Unrecognized servable version label: nope",
        "error",
        400,
        "regression_service.cc",
    ),
)


BODY_ERROR_CASES = (*_BODIES, *_EXAMPLES)
