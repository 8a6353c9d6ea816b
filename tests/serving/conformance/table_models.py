"""The models that the conformance table asks, made in a few seconds."""

import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two

# Named as a JSON error names them; each has a signature that gives back its input.
KINDS = (
    "float",
    "double",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "uint64",
    "bool",
    "half",
    "bfloat16",
    "complex64",
)
UNWRITABLE = ("half", "bfloat16", "complex64")  # by REST; `to_half` makes one
_TF_NAMES = {"float": "float32", "double": "float64", "half": "float16"}

CONFIG = """
model_config_list {{
  config {{
    name: "half_plus_two"
    base_path: "{folder}/half_plus_two"
    model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: 7 versions: 123 }} }}
    version_labels {{ key: "stable" value: 123 }}
    version_labels {{ key: "old" value: 7 }}
    version_labels {{ key: "a/b c" value: 7 }}
  }}
  config {{
    name: "kinds"
    base_path: "{folder}/kinds"
    model_platform: "tensorflow"
  }}
  config {{
    name: "texts"
    base_path: "{folder}/texts"
    model_platform: "tensorflow"
  }}
  config {{
    name: "pair"
    base_path: "{folder}/pair"
    model_platform: "tensorflow"
  }}
}}
"""


def save_table_models(folder):
    """Saves the models and the `models.config` that names them.

    Args:
        folder: Where to.

    Returns:
        The folder, which a server can be started on.
    """
    save_half_plus_two(folder / "half_plus_two" / "7", offset=3.0)
    save_half_plus_two(folder / "half_plus_two" / "123", offset=2.0)
    _save(
        folder / "kinds" / "1",
        {
            **{kind: _echo(kind) for kind in KINDS},
            **{f"to_{kind}": _cast(kind) for kind in UNWRITABLE},
        },
    )
    _save(
        folder / "texts" / "1",
        {
            "serving_default": _signature(
                lambda text: {
                    "text": text,
                    "text_bytes": text,
                    "length": tf.strings.length(text),
                },
                text="string",
            ),
            "echo": _signature(lambda text: {"text": text}, text="string"),
            "echo_bytes": _signature(lambda text: {"text_bytes": text}, text="string"),
            "length": _signature(
                lambda text: {"length": tf.strings.length(text)}, text="string"
            ),
        },
    )
    _save(
        folder / "pair" / "1",
        {
            "serving_default": _signature(
                lambda a, b: {"sum": a + tf.cast(b, tf.float32), "twice": 2 * b},
                a="float32",
                b="int32",
            ),
            "uneven": _signature(lambda x: {"all": x, "first": x[:1]}, x="float32"),
            "total": _signature(lambda x: {"total": tf.reduce_sum(x)}, x="float32"),
            "no_rows": _signature(lambda x: {"y": x[:0]}, x="float32"),
            "no_rows_of_two": _signature(
                lambda x: {"y": x[:0], "z": x[:0]}, x="float32"
            ),
            "reject": _signature(_positive_only, x="float32"),
        },
    )
    (folder / "models.config").write_text(CONFIG.format(folder=folder))
    return folder


def _positive_only(x):
    positive = tf.debugging.assert_positive(x, "x must be positive")
    with tf.control_dependencies([positive]):
        return {"y": tf.identity(x)}


def _echo(kind):
    return _signature(lambda x: {"y": tf.identity(x)}, x=_TF_NAMES.get(kind, kind))


def _cast(kind):
    dtype = _TF_NAMES.get(kind, kind)
    return _signature(lambda x: {"y": tf.cast(x, dtype)}, x="float32")


def _signature(function, **dtypes):
    # Shapes are left open, so that only the server's own checks can reject.
    specs = [tf.TensorSpec(None, dtype, name) for name, dtype in dtypes.items()]
    return tf.function(function, input_signature=specs)


def _save(version_dir, signatures):
    tf.saved_model.save(tf.Module(), str(version_dir), signatures=signatures)
