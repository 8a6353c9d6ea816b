import subprocess
import sys

import pytest

import amalthea.serving


def _loaded_after(statement):
    code = (
        f"{statement}\nimport sys\n"
        "print(*(m for m in ('tensorflow', 'numpy', 'grpc') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_importing_the_client_loads_nothing_heavy():
    assert _loaded_after("from amalthea.serving import Client, ServerError") == []


def test_a_client_for_rest_does_not_load_tensorflow_when_it_is_used():
    used = (
        "from amalthea.serving import Client, Unavailable\n"
        "try: Client('http://127.0.0.1:9', retries=0).metadata('m')\n"
        "except Unavailable: pass"
    )
    assert "tensorflow" not in _loaded_after(used)


def test_a_client_for_grpc_loads_nothing_before_the_first_call():
    made = "from amalthea.serving import Client\nClient('grpc://127.0.0.1:9')"
    assert _loaded_after(made) == []


def test_the_package_offers_the_names_of_the_client():
    from amalthea.serving import client

    for name in amalthea.serving.__all__:
        assert getattr(amalthea.serving, name) is getattr(client, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        amalthea.serving.nonsense  # noqa: B018
