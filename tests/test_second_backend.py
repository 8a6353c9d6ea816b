"""The layers' tests on JAX, in a process of its own that conftest.py has started."""


def test_layers_pass_on_jax(second_backend):
    status, passed, text = second_backend.result()
    assert status == 0, text[-5000:]
    assert "keras backend: jax" in text
    assert passed >= 50, text[-1000:]
