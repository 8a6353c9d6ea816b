"""`Predict` by gRPC: requests and answers as text protos."""

from case import GrpcCase, refused

TENSOR = "tensor.cc"
_SPEC = 'model_spec { name: "half_plus_two" }'
_ANSWER_SPEC = """model_spec { name: "half_plus_two" version { value: 123 }
    signature_name: "serving_default" }"""
_TWO_IN_A_ROW = """value { dtype: DT_FLOAT
    tensor_shape { dim { size: 1 } } float_val: 2 }"""
_ONE = f'inputs {{ key: "x" {_TWO_IN_A_ROW} }}'
_ONE_ANSWER = f"""{_ANSWER_SPEC} outputs {{ key: "y" value {{ dtype: DT_FLOAT
    tensor_shape {{ dim {{ size: 1 }} }} float_val: 3 }} }}"""


def _floats(sizes, values):
    dims = " ".join(f"dim {{ size: {size} }}" for size in sizes)
    return f"dtype: DT_FLOAT tensor_shape {{ {dims} }} {values}"


def _tensor(name, value, sizes, values):
    """A tensor proto `value` for `x`, and the values of `y` that come of it."""
    return GrpcCase(
        name,
        "Predict",
        f'{_SPEC} inputs {{ key: "x" value {{ {value} }} }}',
        "OK",
        f'{_ANSWER_SPEC} outputs {{ key: "y" value '
        f"{{ {_floats(sizes, ' '.join(f'float_val: {item}' for item in values))} }} }}",
        source=TENSOR,
    )


def _not_a_tensor(name, value):
    return GrpcCase(
        name,
        "Predict",
        f'{_SPEC} inputs {{ key: "x" value {{ {value} }} }}',
        "INVALID_ARGUMENT",
        "tensor parsing error: x",
        source=TENSOR,
    )


def _echo(name, signature, value):
    """A tensor proto that a signature of the model `kinds` gives back as it is."""
    spec = f'name: "kinds" signature_name: "{signature}"'
    return GrpcCase(
        name,
        "Predict",
        f'model_spec {{ {spec} }} inputs {{ key: "x" value {{ {value} }} }}',
        "OK",
        f"model_spec {{ {spec} version {{ value: 1 }} }} "
        f'outputs {{ key: "y" value {{ {value} }} }}',
        source=TENSOR,
    )


_TWO = "tensor_shape { dim { size: 2 } }"

_PREDICT = (
    GrpcCase("a row", "Predict", f"{_SPEC} {_ONE}", "OK", _ONE_ANSWER),
    GrpcCase(
        "the output is named",
        "Predict",
        f'{_SPEC} {_ONE} output_filter: "y"',
        "OK",
        _ONE_ANSWER,
    ),
    GrpcCase(
        "the signature is named",
        "Predict",
        f"""model_spec {{ name: "half_plus_two" signature_name: "serving_default" }}
        {_ONE}""",
        "OK",
        _ONE_ANSWER,
    ),
    GrpcCase(
        "a version",
        "Predict",
        f'model_spec {{ name: "half_plus_two" version {{ value: 7 }} }} {_ONE}',
        "OK",
        """model_spec { name: "half_plus_two" version { value: 7 }
        signature_name: "serving_default" } outputs { key: "y" value { dtype: DT_FLOAT
        tensor_shape { dim { size: 1 } } float_val: 4 } }""",
    ),
    GrpcCase(
        "a label",
        "Predict",
        f'model_spec {{ name: "half_plus_two" version_label: "old" }} {_ONE}',
        "OK",
        """model_spec { name: "half_plus_two" version { value: 7 }
        signature_name: "serving_default" } outputs { key: "y" value { dtype: DT_FLOAT
        tensor_shape { dim { size: 1 } } float_val: 4 } }""",
        source="server_core_test.cc",
    ),
    GrpcCase(
        "one output of two",
        "Predict",
        """model_spec { name: "pair" }
        inputs { key: "a" value { dtype: DT_FLOAT float_val: 1.5
            tensor_shape { dim { size: 1 } } } }
        inputs { key: "b" value { dtype: DT_INT32 int_val: 2
            tensor_shape { dim { size: 1 } } } }
        output_filter: "twice" """,
        "OK",
        """model_spec { name: "pair" version { value: 1 }
            signature_name: "serving_default" }
        outputs { key: "twice" value { dtype: DT_INT32 int_val: 4
            tensor_shape { dim { size: 1 } } } }""",
        source="predict_impl_test.cc",
    ),
    GrpcCase(
        "two outputs",
        "Predict",
        """model_spec { name: "pair" }
        inputs { key: "a" value { dtype: DT_FLOAT float_val: 1.5 tensor_shape {} } }
        inputs { key: "b" value { dtype: DT_INT32 int_val: 2 tensor_shape {} } }
        output_filter: "twice" output_filter: "sum" """,
        "OK",
        """model_spec { name: "pair" version { value: 1 }
            signature_name: "serving_default" }
        outputs { key: "sum" value { dtype: DT_FLOAT float_val: 3.5 tensor_shape {} } }
        outputs { key: "twice" value { dtype: DT_INT32 int_val: 4 tensor_shape {} } }
        """,
        source="predict_impl_test.cc",
    ),
)

_TENSORS = (
    _tensor(
        "values in a field", _floats([2], "float_val: 2 float_val: 4"), [2], [3, 4]
    ),
    _tensor(
        "values as bytes",
        _floats([2], r'tensor_content: "\000\000\000@\000\000\200@"'),
        [2],
        [3, 4],
    ),
    _tensor(
        "the last value stands for the missing",
        _floats([2, 2], "float_val: 2 float_val: 4"),
        [2, 2],
        [3, 4, 4, 4],
    ),
    _tensor("no values are zeros", _floats([3], ""), [3], [2, 2, 2]),
    _tensor("values too many", _floats([1], "float_val: 2 float_val: 4"), [1], [3]),
    _tensor("a scalar", "dtype: DT_FLOAT float_val: 2 tensor_shape {}", [], [3]),
    _tensor("no shape", "dtype: DT_FLOAT float_val: 2", [], [3]),
    _tensor("no rows", _floats([0], ""), [0], []),
    _tensor(
        "not finite",
        _floats([3], "float_val: nan float_val: inf float_val: -inf"),
        [3],
        ["nan", "inf", "-inf"],
    ),
    _echo("double", "double", f"dtype: DT_DOUBLE {_TWO} double_val: 0.1 double_val: 2"),
    _echo("int8", "int8", f"dtype: DT_INT8 {_TWO} int_val: -128 int_val: 127"),
    _echo("int16", "int16", f"dtype: DT_INT16 {_TWO} int_val: -9 int_val: 300"),
    _echo("int64", "int64", f"dtype: DT_INT64 {_TWO} int64_val: -1 int64_val: 2"),
    _echo("uint8", "uint8", f"dtype: DT_UINT8 {_TWO} int_val: 0 int_val: 255"),
    _echo("uint32", "uint32", f"dtype: DT_UINT32 {_TWO} uint32_val: 1 uint32_val: 2"),
    _echo(
        "uint64",
        "uint64",
        f"dtype: DT_UINT64 {_TWO} uint64_val: 18446744073709551615 uint64_val: 2",
    ),
    _echo("bool", "bool", f"dtype: DT_BOOL {_TWO} bool_val: true bool_val: false"),
    _echo("half", "half", f"dtype: DT_HALF {_TWO} half_val: 15360 half_val: 1"),
    _echo(
        "bfloat16", "bfloat16", f"dtype: DT_BFLOAT16 {_TWO} half_val: 16256 half_val: 1"
    ),
    _echo(
        "complex64",
        "complex64",
        "dtype: DT_COMPLEX64 tensor_shape { dim { size: 1 } } "
        "scomplex_val: 1.5 scomplex_val: -2",
    ),
    GrpcCase(
        "bytes",
        "Predict",
        r"""model_spec { name: "texts" signature_name: "echo" }
        inputs { key: "text" value { dtype: DT_STRING
            tensor_shape { dim { size: 2 } }
            string_val: "\377\000\376" string_val: "" } }""",
        "OK",
        r"""model_spec { name: "texts" version { value: 1 } signature_name: "echo" }
        outputs { key: "text" value { dtype: DT_STRING
            tensor_shape { dim { size: 2 } }
            string_val: "\377\000\376" string_val: "" } }""",
        source=TENSOR,
    ),
    _not_a_tensor("no dtype", "tensor_shape { dim { size: 1 } } float_val: 2"),
    _not_a_tensor("a size below zero", _floats([-1], "float_val: 2")),
    _not_a_tensor("bytes too few", _floats([2], r'tensor_content: "\000\000\000@"')),
    _not_a_tensor(
        "bytes too many", _floats([1], r'tensor_content: "\000\000\000@\000"')
    ),
    _not_a_tensor(
        "sizes whose product is beyond 64 bits", _floats([2**40, 2**40], "float_val: 2")
    ),
)

_REFUSALS = (
    refused("no model", _ONE, "INVALID_ARGUMENT", "Missing ModelSpec"),
    refused(
        "an empty model's name",
        f"model_spec {{}} {_ONE}",
        "INVALID_ARGUMENT",
        "ModelSpec has no name specified.",
        source="server_core.cc",
    ),
    refused(
        "a missing model",
        f'model_spec {{ name: "nope" }} {_ONE}',
        "NOT_FOUND",
        "Servable not found for request: Latest(nope)",
        source="predict_impl_test.cc",
    ),
    refused(
        "a missing version",
        f'model_spec {{ name: "half_plus_two" version {{ value: 99 }} }} {_ONE}',
        "NOT_FOUND",
        "Servable not found for request: Specific(half_plus_two, 99)",
        source="predict_impl_test.cc",
    ),
    refused(
        "a version below zero",
        f'model_spec {{ name: "half_plus_two" version {{ value: -5 }} }} {_ONE}',
        "NOT_FOUND",
        "Servable not found for request: Specific(half_plus_two, -5)",
        source="basic_manager.cc",
    ),
    refused(
        "a missing label",
        f'model_spec {{ name: "half_plus_two" version_label: "nope" }} {_ONE}',
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: nope",
        source="server_core_test.cc",
    ),
    refused(
        "a missing signature",
        f'model_spec {{ name: "half_plus_two" signature_name: "x" }} {_ONE}',
        "FAILED_PRECONDITION",
        'Serving signature key "x" not found.',
    ),
    refused(
        "no default signature",
        f'model_spec {{ name: "kinds" }} {_ONE}',
        "FAILED_PRECONDITION",
        'Serving signature key "serving_default" not found.',
    ),
    refused(
        "no input",
        _SPEC,
        "INVALID_ARGUMENT",
        "input size does not match signature: 0!=1 len({}) != len({x}). "
        "Sent extra: {}. Missing but required: {x}.",
        source="predict_impl_test.cc",
    ),
    refused(
        "an input too many",
        f'{_SPEC} {_ONE} inputs {{ key: "z" {_TWO_IN_A_ROW} }}',
        "INVALID_ARGUMENT",
        "input size does not match signature: 2!=1 len({x,z}) != len({x}). "
        "Sent extra: {z}. Missing but required: {}.",
        source="predict_impl_test.cc",
    ),
    refused(
        "another input",
        f'{_SPEC} inputs {{ key: "z" {_TWO_IN_A_ROW} }}',
        "INVALID_ARGUMENT",
        r"^Signature input alias: x\(feed name: \S+\) not found in request and no "
        r"default value provided\. Inputs expected to be in the request \{z\}, or "
        r"default input alias set: $",
        "regex",
        source="saved_model/util.cc",
    ),
    refused(
        "another dtype",
        f"""{_SPEC} inputs {{ key: "x" value {{ dtype: DT_STRING string_val: "2"
        tensor_shape {{ dim {{ size: 1 }} }} }} }}""",
        "INVALID_ARGUMENT",
        r"^Expects arg\[0\] to be float but string is provided$",
        "regex",
        source="direct_session.cc",
    ),
    refused(
        "a double for a float",
        f'{_SPEC} inputs {{ key: "x" value {{ dtype: DT_DOUBLE double_val: 2 }} }}',
        "INVALID_ARGUMENT",
        r"^Expects arg\[0\] to be float but double is provided$",
        "regex",
        source="direct_session.cc",
    ),
    refused(
        "a missing output",
        f'{_SPEC} {_ONE} output_filter: "z"',
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: z Outputs expected to be in the "
        "set {y}.",
        source="predict_impl_test.cc",
    ),
    refused(
        "an output twice",
        f'{_SPEC} {_ONE} output_filter: "y" output_filter: "y"',
        "INVALID_ARGUMENT",
        "duplicate output tensor alias: y",
        source="predict_impl_test.cc",
    ),
    refused(
        "the model itself rejects",
        """model_spec { name: "pair" signature_name: "reject" }
        inputs { key: "x" value { dtype: DT_FLOAT float_val: -1 } }""",
        "INVALID_ARGUMENT",
        "x must be positive",
        "regex",
        source="direct_session.cc",
    ),
)

PREDICT_CASES = (*_PREDICT, *_TENSORS, *_REFUSALS)
