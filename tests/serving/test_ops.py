import json
import subprocess
import sys

import pytest

from amalthea.serving.ops import PYTHON_OPS, TEXT_OPS, served_ops

PROGRAM = """
import json
import tensorflow
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session as session

def registered():
    ops = op_def_pb2.OpList()
    ops.ParseFromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
    return {op.name for op in ops.op}

core = registered()
import tensorflow_text
print(json.dumps([sorted(core), sorted(registered() - core)]))
"""


def test_the_lists_agree_with_the_libraries_themselves():
    pytest.importorskip("tensorflow_text")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    core, text = map(set, json.loads(done.stdout.splitlines()[-1]))
    assert text == TEXT_OPS
    assert served_ops() - TEXT_OPS <= core
    assert core >= PYTHON_OPS


def test_served_ops_hold_what_models_are_made_of():
    needed = {"Conv2D", "DecodeImage", "MatMul", "StatefulPartitionedCall", "While"}
    assert needed <= served_ops()
    assert not PYTHON_OPS & served_ops()
