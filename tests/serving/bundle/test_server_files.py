import http.server
import re
import subprocess
import threading

import pytest

from amalthea.serving.batching_parameters import parse_batching_parameters
from amalthea.serving.bundle.server_files import (
    image_mismatch,
    server_files,
    write_missing,
)
from amalthea.serving.repository import METRICS_PATH

# The flags used here, from the list in TensorFlow Serving's main.cc.
FLAGS = {
    "allow_version_labels_for_unavailable_models": "true",
    "batching_parameters_file": "/models/batching.config",
    "enable_batching": "true",
    "enable_per_model_batching_parameters": "true",
    "model_config_file": "/models/models.config",
    "model_config_file_poll_wait_seconds": "10",
    "monitoring_config_file": "/models/monitoring.config",
    "per_process_gpu_memory_fraction": "0.8",
}
FILES = server_files("2.21.0")
COMPOSE = FILES["compose.yaml"]


def health_command():
    """The folded scalar that bash gets, as Compose hands it over."""
    folded = COMPOSE.partition("- >-\n")[2].partition("    interval:")[0]
    lines = [line.strip() for line in folded.splitlines()]
    return " ".join(lines).replace("$$", "$")


@pytest.fixture
def answering():
    """A server that answers with a status; yields a function that starts it."""
    servers = []

    def start(status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == METRICS_PATH else 404)
                self.end_headers()
                self.wfile.write(b"# 200 \n")

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_flags_are_those_of_the_server():
    flags = dict(re.findall(r"- --(\w+)=(\S+)$", COMPOSE, re.MULTILINE))
    assert flags == FLAGS
    assert COMPOSE.count("- --") == len(FLAGS)


@pytest.mark.parametrize("status, healthy", [(200, True), (503, False), (404, False)])
def test_the_health_check_asks_for_the_metrics(answering, status, healthy):
    command = health_command().replace("/8501 ", f"/{answering(status)} ")
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=30)
    assert (done.returncode == 0) == healthy, done.stderr


def test_a_server_that_is_not_up_is_not_healthy():
    # Nothing listens on port 1 of this machine.
    command = health_command().replace("/8501 ", "/1 ")
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=30)
    assert done.returncode != 0


def test_the_compose_file_has_two_services_of_one_kind():
    # PyYAML where it is installed: the indentation is then checked, too.
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load(COMPOSE)["services"]
    assert services.keys() == {"gpu", "cpu"}
    gpu, cpu = services["gpu"], services["cpu"]
    assert gpu.pop("image") == "tensorflow/serving:2.21.0-gpu"
    assert cpu.pop("image") == "tensorflow/serving:2.21.0"
    assert cpu.pop("profiles") == ["cpu"]
    devices = gpu.pop("deploy")["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert gpu == cpu
    assert gpu["ports"] == ["8500:8500", "8501:8501"]
    assert gpu["volumes"] == ["./:/models:ro"]
    assert sorted(gpu["command"]) == [f"--{key}={FLAGS[key]}" for key in sorted(FLAGS)]
    assert gpu["healthcheck"]["test"][:3] == ["CMD", "bash", "-c"]
    assert gpu["healthcheck"]["test"][3].replace("$$", "$") == health_command()


def test_the_services_stand_at_their_places():
    lines = COMPOSE.splitlines()
    services = lines[lines.index("services:") + 1 :]
    names = [line for line in services if re.match(r"  \S", line)]
    assert names == ["  gpu:", "  cpu:"]
    gpu, cpu = (
        services[: services.index("  cpu:")],
        services[services.index("  cpu:") :],
    )
    assert "    image: tensorflow/serving:2.21.0-gpu" in gpu
    assert "    <<: *server" in gpu and "    <<: *server" in cpu
    assert cpu[2:] == ["    image: tensorflow/serving:2.21.0", "    profiles: [cpu]"]
    assert not any("\t" in line for line in lines)


@pytest.mark.parametrize(
    "version, tag",
    [("2.21.1", "2.21.1"), ("2.22.0-rc1", "2.22.0"), ("nightly", "latest")],
)
def test_the_image_is_of_the_version(version, tag):
    compose = server_files(version)["compose.yaml"]
    assert f"image: tensorflow/serving:{tag}-gpu\n" in compose
    assert f"image: tensorflow/serving:{tag}\n" in compose


@pytest.mark.parametrize("made, used", [("2.21.0", "2.22.1"), ("2.9.3", "2.21.0")])
def test_an_older_image_is_told(tmp_path, made, used):
    write_missing(tmp_path, server_files(made))
    text = image_mismatch(tmp_path, used)
    assert text.startswith(f"compose.yaml starts TensorFlow Serving {made}, which")
    assert f"TensorFlow, {used}. Change `image`" in text


@pytest.mark.parametrize(
    "compose",
    [
        server_files("2.21.0")["compose.yaml"],
        server_files("2.22.0")["compose.yaml"],
        server_files("nightly")["compose.yaml"],
        "services: {}",
        "# image: tensorflow/serving:2.3.0",
        "    image: registry.local/own:1.0",
        "\udcff",
        None,
    ],
)
def test_any_other_image_is_not(tmp_path, compose):
    if compose is not None:
        content = compose.encode("utf-8", "surrogateescape")
        (tmp_path / "compose.yaml").write_bytes(content)
    assert image_mismatch(tmp_path, "2.21.3") is None
    assert image_mismatch(tmp_path, "nightly") is None


def test_the_pool_of_threads_is_the_servers():
    parameters = parse_batching_parameters(FILES["batching.config"])
    assert parameters.thread_pool_name == "batch_threads"
    assert parameters.num_batch_threads is None


def test_the_metrics_are_on():
    lines = FILES["monitoring.config"].split("\n")[1:]
    assert " ".join(" ".join(lines).split()) == (
        'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }'
    )


def test_files_that_are_there_are_left_alone(tmp_path):
    (tmp_path / "compose.yaml").write_text("mine")
    write_missing(tmp_path, FILES)
    assert (tmp_path / "compose.yaml").read_text() == "mine"
    for name in ("batching.config", "monitoring.config"):
        assert (tmp_path / name).read_text("utf-8") == FILES[name]
