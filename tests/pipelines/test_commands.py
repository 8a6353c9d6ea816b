"""The commands that ask and measure a server, and the help of all of them."""

import subprocess
import sys

import pytest
from helpers.fake_serving import FakeRest
from helpers.half_plus_two import save_half_plus_two

from amalthea.pipelines.cli import run
from amalthea.serving.batching_parameters import read_batching_parameters


def _server(*answers):
    tensor = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}]}}
    signature = {"inputs": {"x": tensor}, "outputs": {"y": tensor}}
    metadata = {"signature_def": {"signature_def": {"serving_default": signature}}}
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": "3", "state": "AVAILABLE", "status": status}
    answers = list(answers) or [(200, {"outputs": [1.0]})]
    script = {}
    for model in ("m", "m/versions/3", "m/labels/stable"):
        script |= {
            f"GET /v1/models/{model}/metadata": [(200, {"metadata": metadata})],
            f"GET /v1/models/{model}": [(200, {"model_version_status": [version]})],
            f"POST /v1/models/{model}:predict": answers,
        }
    return FakeRest(script)


def _bench(server, tmp_path, *more):
    short = ("--seconds", "0.05", "--concurrency", "1", "--out", str(tmp_path / "out"))
    return run(["bench", server.url, "m", "--input", "1", *short, *map(str, more)])


@pytest.fixture
def version_dir(tmp_path):
    return save_half_plus_two(tmp_path / "m" / "1")


def test_bench_prints_and_writes(tmp_path, version_dir, capsys):
    with _server() as server:
        status = _bench(server, tmp_path, "--batch", "1", "8", "--write", version_dir)
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[0].startswith("clients   rows") and lines[1].split()[:2] == ["1", "1"]
    assert lines[3].endswith("amalthea serve MODELS --no-batching")
    assert [line for line in lines if line.startswith(str(tmp_path / "out"))] == [
        str(tmp_path / "out" / f"bench.{kind}") for kind in ("csv", "json", "png")
    ]
    assert any("max_batch_size" in line for line in lines)
    assert f"wrote {version_dir / 'batching_params.pbtxt'}" in lines
    assert read_batching_parameters(version_dir / "batching_params.pbtxt")


def test_bench_measures_up_to_64_rows_by_itself(tmp_path, capsys):
    with _server() as server:
        assert _bench(server, tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:5]] == ["1", "4", "16", "64"]


@pytest.mark.parametrize(
    ("more", "path"),
    [(["--version", "3"], "m/versions/3"), (["--label", "stable"], "m/labels/stable")],
)
def test_bench_of_one_version(tmp_path, more, path):
    with _server() as server:
        assert _bench(server, tmp_path, "--batch", "1", *more) == 0
        posts = {path for verb, path, _ in server.requests if verb == "POST"}
    assert posts == {f"/v1/models/{path}:predict"}


def test_bench_says_what_the_server_said(tmp_path, capsys):
    answers = [(200, {"outputs": [1.0]}), (500, {"error": "no\x1b[31m memory"})]
    with _server(*answers) as server:
        assert _bench(server, tmp_path, "--batch", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "INTERNAL: no[31m memory" in lines[2:4]


def test_no_suggestion_is_no_error(tmp_path, version_dir, capsys):
    with _server() as server:
        assert _bench(server, tmp_path, "--batch", "1", "--write", version_dir) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("too little was measured") for line in lines)
    assert f"{version_dir}: left as it is" in lines
    assert not (version_dir / "batching_params.pbtxt").exists()


def test_bench_looks_at_its_places_before_it_asks(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with _server() as server:
        assert _bench(server, tmp_path, "--write", str(tmp_path)) == 2
        assert _bench(server, tmp_path, "--out", str(tmp_path / "file")) == 2
        assert server.requests == []
    printed = capsys.readouterr()
    assert printed.out == ""  # no heading either
    assert "no SavedModel here" in printed.err and "not a folder" in printed.err


def test_ctrl_c_writes_what_was_measured(tmp_path, version_dir, capsys, monkeypatch):
    from amalthea.serving.bench import Measurement

    line = Measurement.line
    seen = []

    def interrupt(measurement):
        seen.append(measurement)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return line(measurement)

    monkeypatch.setattr(Measurement, "line", interrupt)
    with _server() as server:
        status = _bench(server, tmp_path, "--write", version_dir)
    printed = capsys.readouterr()
    assert status == 130 and printed.err == "stopped\n"
    assert "ended early: interrupted" in printed.out
    assert f"{version_dir}: left as it is" in printed.out
    rows = (tmp_path / "out" / "bench.csv").read_text().splitlines()
    assert len(rows) == 1 + 2
    assert not (version_dir / "batching_params.pbtxt").exists()


def test_bench_over_rest_never_loads_tensorflow(tmp_path, version_dir):
    code = (
        "import sys\nfrom amalthea.pipelines.cli import run\n"
        "assert run(sys.argv[1:]) == 0\n"
        "assert 'tensorflow' not in sys.modules"
    )
    words = ["--seconds", "0.05", "--concurrency", "1", "--batch", "1", "8"]
    places = ["--out", tmp_path / "out", "--write", version_dir]
    with _server() as server:
        command = [sys.executable, "-c", code, "bench", server.url, "m"]
        done = subprocess.run(
            [*command, "--input", "1", *words, *places], capture_output=True, text=True
        )
    assert done.returncode == 0 and done.stderr == ""


def test_a_label_is_given_once(tmp_path, capsys):
    assert run(["label", str(tmp_path), "stable=2", "stable=3"]) == 2
    assert "label stable is given twice" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["ask", "bench", "label", "serve"])
def test_help_shows_no_empty_defaults_and_no_needless_flags(command, capsys):
    assert run([command, "--help"]) == 0
    text = capsys.readouterr().out
    for needless in ("default: None", "default: )", "--no-json", "--no-allow-remote"):
        assert needless not in text
