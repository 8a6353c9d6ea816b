import contextlib
import json
import logging
import os
import signal
import socket
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from google.protobuf import text_format
from helpers.half_plus_two import save_half_plus_two
from helpers.model_server import wait_until
from tensorflow_serving.config import model_server_config_pb2

from amalthea.errors import UserError
from amalthea.serving.batching_parameters import read_batching_parameters
from amalthea.serving.server import engine
from amalthea.serving.server.embedded import EmbeddedServer
from amalthea.serving.server.options import ServerOptions

# Notes its arguments and the files it is given, then waits for SIGTERM; it only
# notes SIGINT.
FAKE = """\
#!{python} -S
import json, os, signal, sys
print("the program starts", flush=True)
arguments = dict(word[2:].split("=", 1) for word in sys.argv[1:])
files = {{name: open(path).read() for name, path in arguments.items()
         if name.endswith("_file") and name != "record"}}
signal.signal(signal.SIGTERM, lambda *_: os._exit({status}))
signal.signal(signal.SIGINT, lambda *_: open({record!r} + ".heard", "w").close())
with open({record!r} + ".part", "w") as file:
    json.dump([arguments, files], file)
os.rename({record!r} + ".part", {record!r})
while True:
    signal.pause()
"""


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    (folder / "pets" / "3").mkdir(parents=True)
    (folder / "pets" / "3" / "saved_model.pb").touch()
    return folder


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a `tensorflow_model_server` on the PATH; returns what waits for it."""
    record = tmp_path / "record"

    def install(status=7):
        binary = tmp_path / "bin" / "tensorflow_model_server"
        binary.parent.mkdir()
        binary.write_text(
            FAKE.format(python=sys.executable, record=str(record), status=status)
        )
        binary.chmod(0o755)
        monkeypatch.setenv("PATH", str(binary.parent), prepend=os.pathsep)

        def started():
            wait_until(record.exists)
            return json.loads(record.read_text())

        return started

    return install


@pytest.fixture
def nothing_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@contextlib.contextmanager
def beside(work):
    """Runs `work` in a thread while the block serves; hands its error on."""
    served, errors = threading.Event(), []

    def run():
        try:
            work()
        except BaseException as error:
            errors.append(error)
            if not served.is_set():
                stop()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        served.set()
        thread.join(30)
    assert not errors, errors


def options(**settings):
    return ServerOptions(**{"rest_port": 0, "grpc_port": 0, **settings})


def stop():
    os.kill(os.getpid(), signal.SIGTERM)


def serve_until(started, models, *arguments):
    """Serves until the program has started; returns its flags, files and status."""
    seen = []

    def work():
        seen.extend(started())
        stop()

    with beside(work):
        seen.append(engine.serve(models, *arguments))
    return seen


def test_the_command_line_of_the_real_server(models, fake, capsys):
    flags, files, status = serve_until(
        fake(), models, options(poll_seconds=2, timeout_seconds=1.5, cors=True)
    )
    assert status == 7
    paths = ("model_config_file", "monitoring_config_file", "batching_parameters_file")
    assert {name: flags[name] for name in flags if name not in paths} == {
        "port": flags["port"],
        "rest_api_port": flags["rest_api_port"],
        "rest_api_timeout_in_ms": "1500",
        "rest_api_enable_cors_support": "true",
        "model_config_file_poll_wait_seconds": "2",
        "file_system_poll_wait_seconds": "2",
        "allow_version_labels_for_unavailable_models": "true",
        "enable_batching": "true",
        "enable_per_model_batching_parameters": "true",
    }
    assert 0 < int(flags["port"]) != int(flags["rest_api_port"]) > 0
    config = text_format.Parse(
        files["model_config_file"], model_server_config_pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        "pets",
        str(models / "pets"),
        "tensorflow",
    )
    assert '"/monitoring/prometheus/metrics"' in files["monitoring_config_file"]
    printed = capsys.readouterr().out
    assert "tensorflow_model_server" in printed and "models: pets" in printed
    assert f"http://127.0.0.1:{flags['rest_api_port']}" in printed
    assert not os.path.exists(flags["model_config_file"])


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("0.0.0.0", "it listens on every network interface of this machine"),
        (
            "127.0.0.1",
            "warning: it listens on every network interface of this machine, not "
            "only on 127.0.0.1; --engine embedded keeps to that",
        ),
    ],
)
def test_who_can_reach_it_is_said_before_it_starts(models, fake, capfd, host, line):
    serve_until(fake(), models, options(host=host))
    lines = capfd.readouterr().out.splitlines()
    assert lines.index(line) < lines.index("the program starts")


def test_the_file_of_threads_is_one_that_is_understood(models, fake, tmp_path):
    _, files, _ = serve_until(fake(), models, options())
    path = tmp_path / "batching"
    path.write_text(files["batching_parameters_file"])
    assert read_batching_parameters(path).thread_pool_name


def test_without_batching(models, fake):
    flags, _, _ = serve_until(fake(), models, options(batching=False), "tensorflow")
    assert flags["enable_batching"] == "false"
    assert not {"batching_parameters_file", "enable_per_model_batching_parameters"} & (
        flags.keys()
    )


def test_the_files_beside_the_models_are_used(models, fake):
    (models / "batching.config").write_text("num_batch_threads { value: 3 }")
    (models / "monitoring.config").write_text("prometheus_config { enable: true }")
    flags, _, _ = serve_until(fake(), models, options())
    assert flags["batching_parameters_file"] == str(models / "batching.config")
    assert flags["monitoring_config_file"] == str(models / "monitoring.config")


def test_changes_of_the_list_of_models_are_handed_on(models, fake, capsys):
    started = fake()

    def work():
        path = Path(started()[0]["model_config_file"])
        (models / "models.config").write_text("model_config_list {")  # damaged
        wait_until(lambda: "models.config" in capsys.readouterr().out)
        (models / "models.config").write_text(
            textwrap.dedent(
                """
                model_config_list { config {
                  name: "pets" base_path: "pets" model_platform: "tensorflow"
                  version_labels { key: "canary" value: 3 }
                } }
                """
            )
        )
        wait_until(lambda: "canary" in path.read_text())
        assert f'"{models / "pets"}"' in path.read_text()
        stop()

    with beside(work):
        assert engine.serve(models, options(poll_seconds=0.05)) == 7


def test_the_first_signal_is_handed_on_and_the_second_kills(models, fake, tmp_path):
    started = fake()

    def work():
        started()
        os.kill(os.getpid(), signal.SIGINT)
        wait_until((tmp_path / "record.heard").exists)
        os.kill(os.getpid(), signal.SIGINT)

    with beside(work):
        assert engine.serve(models, options()) == 128 + signal.SIGKILL


def test_signals_are_as_before_afterwards(models, fake):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert serve_until(fake(status=0), models, options())[-1] == 0
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


@pytest.mark.parametrize("name", ["rest_port", "grpc_port"])
def test_a_port_in_use(models, fake, name):
    fake()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"{port}: the port is in use"):
            engine.serve(models, options(**{name: port}))


@pytest.mark.parametrize("choice", ["auto", "embedded", "tensorflow"])
def test_no_models(tmp_path, fake, choice):
    fake()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no models .*Export"):
        engine.serve(tmp_path / "empty", options(), choice)
    with pytest.raises(UserError, match="nowhere"):
        engine.serve(tmp_path / "nowhere", options(), choice)


def test_an_engine_that_is_not_there(models, nothing_on_the_path):
    with pytest.raises(UserError, match="no tensorflow_model_server on the PATH"):
        engine.serve(models, options(), "tensorflow")
    with pytest.raises(UserError, match="expected one of auto, tensorflow, embedded"):
        engine.serve(models, options(), "both")


@pytest.mark.parametrize("choice", ["auto", "embedded"])
def test_the_embedded_server(tmp_path, nothing_on_the_path, capsys, choice):
    for name in ("half_plus_two", "two words"):
        save_half_plus_two(tmp_path / "models" / name / "4")
    printed = []

    def text():
        printed.append(capsys.readouterr().out)
        return "".join(printed)

    def work():
        wait_until(lambda: "stop with Ctrl-C" in text())
        save_half_plus_two(tmp_path / "next")
        (tmp_path / "next").rename(tmp_path / "models" / "half_plus_two" / "5")
        wait_until(lambda: "version 4 unloaded" in text())
        stop()

    before = list(logging.getLogger("amalthea.serving").handlers)
    with beside(work):
        status = engine.serve(tmp_path / "models", options(poll_seconds=0.05), choice)
    assert status == 0
    lines = text().splitlines()
    assert lines[0] == "engine: embedded (no tensorflow_model_server on the PATH)"
    served = next(line for line in lines if line.startswith("model half_plus_two:"))
    rest = served.split(" at ")[1].removesuffix("/v1/models/half_plus_two:predict")
    assert rest.startswith("http://127.0.0.1:") and "version 4" in served
    assert any(line.endswith("/v1/models/two%20words:predict") for line in lines)
    assert f"try: curl {rest}/v1/models/half_plus_two/metadata" in lines
    assert any("half_plus_two: version 5 loaded" in line for line in lines)
    assert lines[-1] == "stopped"
    assert logging.getLogger("amalthea.serving").handlers == before


def test_a_signal_is_waited_for_and_the_second_ends_all(monkeypatch):
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    with engine._StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wait() == signal.SIGTERM
        assert not left
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: left)
    assert left == [128 + signal.SIGINT]


def test_a_second_signal_ends_a_stop_that_takes_long(
    tmp_path, nothing_on_the_path, monkeypatch, capsys
):
    save_half_plus_two(tmp_path / "models" / "half_plus_two" / "1")
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    stop_server = EmbeddedServer.stop

    def slow_stop(server, *arguments):
        stop()
        wait_until(lambda: left)
        stop_server(server, *arguments)

    monkeypatch.setattr(EmbeddedServer, "stop", slow_stop)

    def work():
        printed = []
        wait_until(
            lambda: (
                printed.append(capsys.readouterr().out)
                or "stop with Ctrl-C" in "".join(printed)
            )
        )
        stop()

    with beside(work):
        engine.serve(tmp_path / "models", options())
    assert left == [128 + signal.SIGTERM]
