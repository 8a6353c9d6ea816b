"""Paths, versions, labels, status and metadata."""

from case import (
    HALF,
    JSON,
    METADATA,
    REST,
    REST_TEST,
    STATUS_TEST,
    UTIL,
    get,
    malformed,
    rest_case,
)

_PATHS = (
    malformed("get an unknown path", "GET", "/v1/foo"),
    malformed("post to an unknown path", "POST", "/v1/foo"),
    malformed("post to the list of models", "POST", "/v1/models"),
    malformed("get a predict path", "GET", f"{HALF}:predict"),
    malformed("version in the singular", "GET", "/v1/models/foo/version/50:predict"),
    malformed("regress, singular", "POST", "/v1/models/foo/version/50:regress"),
    malformed("a version that is a word", "POST", f"{HALF}/versions/HELLO:predict"),
    malformed("regress, a word", "POST", "/v1/models/foo/versions/HELLO:regress"),
    malformed("label in the singular", "POST", f"{HALF}/label/stable:predict"),
    malformed(
        "version and label", "POST", f"{HALF}/versions/123/labels/stable:predict"
    ),
    malformed("label and version", "GET", f"{HALF}/labels/stable/versions/123"),
    malformed("post to metadata", "POST", f"{HALF}/metadata"),
    malformed("post to a model", "POST", HALF),
    malformed("an unknown method", "POST", f"{HALF}:explain", UTIL),
    malformed("no method after the colon", "POST", f"{HALF}:", UTIL),
    malformed("no model before the colon", "POST", "/v1/models/:predict", UTIL),
    malformed("a slash at the end", "GET", f"{HALF}/", UTIL),
    malformed("a deeper path", "GET", "/v1/models/debug/model_name"),
    malformed("an escaped colon", "POST", f"{HALF}%3Apredict", UTIL),
    malformed("a query", "POST", f"{HALF}:predict?a=b", "evhttp_request.cc"),
    malformed("put", "PUT", f"{HALF}:predict", REST),
    malformed("delete", "DELETE", HALF, REST),
    malformed("the method in capitals", "POST", f"{HALF}:PREDICT", REST),
    rest_case(
        "the path in capitals",
        "/V1/Models/half_plus_two:predict",
        '{"inputs": [2.0]}',
        '{"outputs": [3.0]}',
        "json",
        source=UTIL,
    ),
    get(
        "no model's name", "/v1/models", 400, "Missing model name in request.", "error"
    ),
    get("outside of the API", "/index", 404, None, "status"),
    # The text is lost on its way: `ParseModelInfo` fails before one is written.
    rest_case(
        "a version beyond 64 bits",
        f"{HALF}/versions/18446744073709551615:predict",
        "",
        None,
        "status",
        400,
        REST_TEST,
    ),
)

_VERSIONS = (
    rest_case(
        "a version",
        f"{HALF}/versions/123:predict",
        '{"instances": [1.0, 2.0]}',
        '{"predictions": [2.5, 3.0]}',
        "json",
        source=REST_TEST,
    ),
    rest_case(
        "an older version",
        f"{HALF}/versions/7:predict",
        '{"instances": [1.0, 2.0]}',
        '{"predictions": [3.5, 4.0]}',
        "json",
        source=REST_TEST,
    ),
    rest_case(
        "a version with leading zeros",
        f"{HALF}/versions/0007:predict",
        '{"instances": [1.0]}',
        '{"predictions": [3.5]}',
        "json",
        source=UTIL,
    ),
    rest_case(
        "a label",
        f"{HALF}/labels/stable:predict",
        '{"instances": [1.0, 2.0]}',
        '{"predictions": [2.5, 3.0]}',
        "json",
        source=REST_TEST,
    ),
    rest_case(
        "another label",
        f"{HALF}/labels/old:predict",
        '{"instances": [1.0, 2.0]}',
        '{"predictions": [3.5, 4.0]}',
        "json",
        source=REST_TEST,
    ),
    rest_case(
        "a label with escaped characters",
        f"{HALF}/labels/a%2Fb%20c:predict",
        '{"instances": [1.0]}',
        '{"predictions": [3.5]}',
        "json",
        source="http_rest_api_util_test.cc",
    ),
    rest_case(
        "an escaped model name",
        "/v1/models/half%5Fplus%5ftwo:predict",
        '{"instances": [1.0]}',
        '{"predictions": [2.5]}',
        "json",
        source="http_rest_api_util_test.cc",
    ),
    rest_case(
        "a missing model",
        "/v1/models/foo:predict",
        '{"instances": [1]}',
        "Servable not found for request: Latest(foo)",
        "error",
        404,
        REST_TEST,
    ),
    rest_case(
        "a missing model's version",
        "/v1/models/foo/versions/50:predict",
        '{"instances": [1]}',
        "Servable not found for request: Specific(foo, 50)",
        "error",
        404,
        REST_TEST,
    ),
    rest_case(
        "a missing version",
        f"{HALF}/versions/99:predict",
        '{"instances": [1]}',
        "Servable not found for request: Specific(half_plus_two, 99)",
        "error",
        404,
        REST_TEST,
    ),
    rest_case(
        "a missing label",
        f"{HALF}/labels/nope:predict",
        '{"instances": ["x", "y"]}',
        "Unrecognized servable version label: nope",
        "error",
        400,
        REST_TEST,
    ),
    rest_case(
        "a missing model's label",
        "/v1/models/foo/labels/stable:predict",
        '{"instances": [1]}',
        "Unrecognized servable version label: stable",
        "error",
        400,
        "server_core.cc",
    ),
    # The body is read before the model is looked for.
    rest_case(
        "a missing model and an empty body",
        "/v1/models/foo:predict",
        "",
        "JSON Parse error: The document is empty",
        "error",
        400,
        JSON,
    ),
)

_STATUS = (
    get(
        "status of all versions",
        HALF,
        200,
        """{"model_version_status": [
          {"version": "123", "state": "AVAILABLE",
           "status": {"error_code": "OK", "error_message": ""}},
          {"version": "7", "state": "AVAILABLE",
           "status": {"error_code": "OK", "error_message": ""}}]}""",
        "json",
        STATUS_TEST,
    ),
    get(
        "status of one version",
        f"{HALF}/versions/7",
        200,
        """{"model_version_status": [
          {"version": "7", "state": "AVAILABLE",
           "status": {"error_code": "OK", "error_message": ""}}]}""",
        "json",
    ),
    get("status of a label", f"{HALF}/labels/stable", 200, r'"123"', "regex"),
    get(
        "status of a missing model",
        "/v1/models/nope",
        404,
        "Could not find any versions of model nope",
        "error",
        STATUS_TEST,
    ),
    get(
        "status of a missing version",
        f"{HALF}/versions/99",
        404,
        "Could not find version 99 of model half_plus_two",
        "error",
        STATUS_TEST,
    ),
    get(
        "a model's name of reserved characters",
        "/v1/models/m%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D",
        404,
        "Could not find any versions of model m!#$%&'()*+,/:;=?@[]",
        "error",
        "http_rest_api_util_test.cc",
    ),
    get(
        "metadata is no model's name",
        "/v1/models/metadata",
        404,
        "Could not find any versions of model metadata",
        "error",
        UTIL,
    ),
    get(
        "metadata",
        f"{HALF}/metadata",
        200,
        {
            "model_spec": {
                "name": "half_plus_two",
                "signature_name": "",
                "version": "123",
            },
            "metadata": {
                "signature_def": {
                    "signature_def": {
                        "serving_default": {
                            "inputs": {
                                "x": {
                                    "dtype": "DT_FLOAT",
                                    "tensor_shape": {"dim": [], "unknown_rank": True},
                                    "name": "serving_default_x:0",
                                }
                            },
                            "outputs": {
                                "y": {
                                    "dtype": "DT_FLOAT",
                                    "tensor_shape": {"dim": [], "unknown_rank": True},
                                    "name": "StatefulPartitionedCall:0",
                                }
                            },
                            "method_name": "tensorflow/serving/predict",
                        }
                    }
                }
            },
        },
        "part",
    ),
    get(
        "metadata of a version",
        f"{HALF}/versions/7/metadata",
        200,
        {"model_spec": {"name": "half_plus_two", "version": "7"}},
        "part",
        UTIL,
    ),
    get(
        "metadata of a label",
        f"{HALF}/labels/old/metadata",
        200,
        {"model_spec": {"name": "half_plus_two", "version": "7"}},
        "part",
        "http_rest_api_util_test.cc",
    ),
    get(
        "metadata of a missing model",
        "/v1/models/nope/metadata",
        404,
        "Servable not found for request: Latest(nope)",
        "error",
        METADATA,
    ),
    get(
        "metadata of a missing version",
        f"{HALF}/versions/99/metadata",
        404,
        "Servable not found for request: Specific(half_plus_two, 99)",
        "error",
        METADATA,
    ),
    get(
        "metadata of a missing label",
        f"{HALF}/labels/nope/metadata",
        400,
        "Unrecognized servable version label: nope",
        "error",
        METADATA,
    ),
)


PATH_CASES = (
    *_PATHS,
    *_VERSIONS,
    *_STATUS,
    get(
        "metrics",
        "/monitoring/prometheus/metrics",
        200,
        r"(?m)^# TYPE :tensorflow:serving:request_count counter$",
        "regex",
        "prometheus_exporter.cc",
    ),
)
