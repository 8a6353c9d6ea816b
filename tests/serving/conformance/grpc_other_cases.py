"""The other gRPC methods: requests and answers as text protos."""

from case import METADATA, STATUS_TEST, GrpcCase, refused

_SPEC = 'model_spec { name: "half_plus_two" }'
_EXAMPLE = """input { example_list { examples { features { feature { key: "x"
    value { float_list { value: 2 } } } } } } }"""
_NO_SIGNATURE = (
    r"^(Expected (classification|regression) signature method_name to be"
    r"|No (classification|regression) inputs found in SignatureDef)"
)

_EXAMPLES = tuple(
    refused(f"{call}: {name}", request, code, answer, which, call, source)
    for call, source in (("Classify", "classifier.cc"), ("Regress", "regressor.cc"))
    for name, request, code, answer, which in (
        ("no model", _EXAMPLE, "INVALID_ARGUMENT", "Missing ModelSpec", "equal"),
        (
            "a missing model",
            f'model_spec {{ name: "nope" }} {_EXAMPLE}',
            "NOT_FOUND",
            "Servable not found for request: Latest(nope)",
            "equal",
        ),
        (
            "a missing signature",
            f'model_spec {{ name: "half_plus_two" signature_name: "z" }} {_EXAMPLE}',
            "INVALID_ARGUMENT",
            "No signature was found with the name: z",
            "equal",
        ),
        (
            "another signature",
            f"{_SPEC} {_EXAMPLE}",
            "INVALID_ARGUMENT",
            _NO_SIGNATURE,
            "regex",
        ),
    )
) + tuple(
    refused(
        f"MultiInference: {name}",
        f"{tasks} {_EXAMPLE}",
        code,
        answer,
        which,
        "MultiInference",
        "multi_inference.cc",
    )
    for name, tasks, code, answer, which in (
        (
            "no tasks",
            "",
            "INVALID_ARGUMENT",
            "ModelSpec has no name specified.",
            "equal",
        ),
        (
            "a missing model",
            'tasks { model_spec { name: "nope" } '
            'method_name: "tensorflow/serving/classify" }',
            "NOT_FOUND",
            "Servable not found for request: Latest(nope)",
            "equal",
        ),
        (
            "a missing signature",
            'tasks { model_spec { name: "half_plus_two" signature_name: "z" } '
            'method_name: "tensorflow/serving/classify" }',
            "INVALID_ARGUMENT",
            "Requested signature not found in model graph: z",
            "equal",
        ),
        (
            "another method",
            f'tasks {{ {_SPEC} method_name: "tensorflow/serving/predict" }}',
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
            "equal",
        ),
        (
            "a signature of predict",
            f'tasks {{ {_SPEC} method_name: "tensorflow/serving/classify" }}',
            "INVALID_ARGUMENT",
            _NO_SIGNATURE,
            "regex",
        ),
    )
)

_AVAILABLE = "state: AVAILABLE status {}"

_STATUS = (
    GrpcCase(
        "status of all versions",
        "GetModelStatus",
        _SPEC,
        "OK",
        f"model_version_status {{ version: 123 {_AVAILABLE} }} "
        f"model_version_status {{ version: 7 {_AVAILABLE} }}",
        source=STATUS_TEST,
    ),
    GrpcCase(
        "status of one version",
        "GetModelStatus",
        'model_spec { name: "half_plus_two" version { value: 7 } }',
        "OK",
        f"model_version_status {{ version: 7 {_AVAILABLE} }}",
        source=STATUS_TEST,
    ),
    refused(
        "status of no model",
        "",
        "INVALID_ARGUMENT",
        "Missing ModelSpec",
        call="GetModelStatus",
        source=STATUS_TEST,
    ),
    refused(
        "status of a missing model",
        'model_spec { name: "nope" }',
        "NOT_FOUND",
        "Could not find any versions of model nope",
        call="GetModelStatus",
        source=STATUS_TEST,
    ),
    refused(
        "status of a missing version",
        'model_spec { name: "half_plus_two" version { value: 99 } }',
        "NOT_FOUND",
        "Could not find version 99 of model half_plus_two",
        call="GetModelStatus",
        source=STATUS_TEST,
    ),
    GrpcCase(
        "metadata of a version",
        "GetModelMetadata",
        """model_spec { name: "half_plus_two" version { value: 7 } }
        metadata_field: "signature_def" """,
        "OK",
        r'(?s)^model_spec \{\s+name: "half_plus_two"\s+version \{\s+value: 7\s+\}\s+\}'
        r'\s+metadata \{\s+key: "signature_def"',
        "regex",
        METADATA,
    ),
    refused(
        "metadata of no model",
        'metadata_field: "signature_def"',
        "INVALID_ARGUMENT",
        "Missing ModelSpec",
        call="GetModelMetadata",
        source=METADATA,
    ),
    refused(
        "metadata of no field",
        _SPEC,
        "INVALID_ARGUMENT",
        "GetModelMetadataRequest must specify at least one metadata_field",
        call="GetModelMetadata",
        source=METADATA,
    ),
    refused(
        "metadata of another field",
        f'{_SPEC} metadata_field: "signature_def" metadata_field: "assets"',
        "INVALID_ARGUMENT",
        # The server leaves its own place-holder in the text.
        r"^Metadata field (%s )?is not supported ?assets$",
        "regex",
        "GetModelMetadata",
        METADATA,
    ),
    refused(
        "metadata of a missing model",
        'model_spec { name: "nope" } metadata_field: "signature_def"',
        "NOT_FOUND",
        "Servable not found for request: Latest(nope)",
        call="GetModelMetadata",
        source=METADATA,
    ),
    refused(
        "a reload of nothing",
        "",
        "INVALID_ARGUMENT",
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
        "ModelConfigList is currently supported",
        call="HandleReloadConfigRequest",
        source="model_service_impl.cc",
    ),
)

OTHER_GRPC_CASES = (*_EXAMPLES, *_STATUS)
