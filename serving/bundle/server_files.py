"""The files beside the models that start a server: for Docker Compose, and flags."""

import contextlib
import re
from pathlib import Path

from ...files import atomic_file
from ..repository import CONFIG_FILE, METRICS_PATH

COMPOSE_FILE = "compose.yaml"

_COMPOSE = """\
# TensorFlow Serving for the models in this folder.
#
#   docker compose up -d          on a GPU (needs the NVIDIA Container Toolkit)
#   docker compose up -d cpu      without one; not both, they take the same ports
#   docker compose logs -f        what it says
#   docker compose down           stop it; without a GPU:
#   docker compose --profile cpu down
#
# REST answers at http://localhost:8501, gRPC at localhost:8500, metrics for
# Prometheus at http://localhost:8501{metrics}. There is no access
# control: let nobody reach these ports who should not ask the models.
#
# An export writes this file only where it is missing: change it as you like.

x-server: &server
  # Added to the flags of the image, which names the ports and one model; that
  # model is ignored because of the model_config_file.
  command:
    - --model_config_file=/models/{config}
    # `amalthea label` counts on no more than 10.
    - --model_config_file_poll_wait_seconds=10
    # Else a server that starts refuses labels: no version is loaded yet.
    - --allow_version_labels_for_unavailable_models=true
    - --enable_batching=true
    - --batching_parameters_file=/models/batching.config
    - --enable_per_model_batching_parameters=true
    - --monitoring_config_file=/models/monitoring.config
    # Of a GPU's memory; TensorFlow takes nearly all of it where none is stated.
    - --per_process_gpu_memory_fraction=0.8
  ports:
    - "8500:8500"
    - "8501:8501"
  volumes:
    - ./:/models:ro
  restart: unless-stopped
  # The server knows no orderly stop. Behind an init process it stops at once;
  # as the first process it would not hear the signal and be killed in the end.
  init: true
  stop_grace_period: 10s
  healthcheck:
    # The REST port opens when all models are loaded. The image has no curl.
    test:
      - CMD
      - bash
      - -c
      - >-
        exec 3<>/dev/tcp/127.0.0.1/8501 &&
        printf 'GET {metrics} HTTP/1.0\\r\\n\\r\\n' >&3 &&
        read -r line <&3 && [[ $$line == *" 200 "* ]]
    interval: 10s
    timeout: 5s
    retries: 3
    start_period: 5m

services:
  gpu:
    <<: *server
    image: tensorflow/serving:{version}-gpu
    deploy:
      resources:
        reservations:
          devices:
            # A model runs on one GPU; more would only have their memory taken.
            - driver: nvidia
              count: 1
              capabilities: [gpu]

  cpu:
    <<: *server
    image: tensorflow/serving:{version}
    profiles: [cpu]
"""

_MONITORING = f"""\
# For --monitoring_config_file. An export writes it only where it is missing.
prometheus_config {{
  enable: true
  path: "{METRICS_PATH}"
}}
"""

_BATCHING = """\
# For --batching_parameters_file. An export writes it only where it is missing.
#
# With --enable_per_model_batching_parameters the server takes from here only the
# pool of threads that runs the batches of all models; everything else is read from
# the batching_params.pbtxt of each version, and a version without one is not batched.
thread_pool_name { value: "batch_threads" }
# Unless stated the pool has one thread for each CPU core of the server. One or two
# are often enough where a GPU does the work.
# num_batch_threads { value: 2 }
"""


def server_files(tensorflow_version):
    """What to put beside the models.

    Args:
        tensorflow_version: The TensorFlow that the models were saved with; the
            server's image is of the same version.

    Returns:
        A dict from file name to text.
    """
    version = re.match(r"\d+\.\d+\.\d+", tensorflow_version)
    compose = _COMPOSE.format(
        version=version.group() if version else "latest",
        metrics=METRICS_PATH,
        config=CONFIG_FILE,
    )
    return {
        COMPOSE_FILE: compose,
        "monitoring.config": _MONITORING,
        "batching.config": _BATCHING,
    }


def image_mismatch(models_dir, tensorflow_version):
    """Tells whether `compose.yaml` starts an older server than a model is for.

    The file is never overwritten, so after an upgrade of TensorFlow it still names
    the image of the version before, which may lack what a new model needs.

    Args:
        models_dir: The folder of models.
        tensorflow_version: The version of TensorFlow a model was saved with.

    Returns:
        A line of text; `None` if the server's minor version is no older, or not
        known, such as that of `latest`.
    """
    path = Path(models_dir) / COMPOSE_FILE
    text = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = path.read_text(encoding="utf-8")
    tags = re.findall(
        r"^\s*image:\s*[\"']?tensorflow/serving:([\d.]+)", text, re.MULTILINE
    )
    tags = [tag for tag in tags if _minor_version(tag)]
    model = _minor_version(tensorflow_version)
    if not tags or not model:
        return None
    oldest = min(tags, key=_minor_version)
    if _minor_version(oldest) >= model:
        return None
    return (
        f"{COMPOSE_FILE} starts TensorFlow Serving {oldest}, which is older than the "
        f"model's TensorFlow, {tensorflow_version}. Change `image` in it, or move it "
        "away and export again"
    )


def write_missing(folder, files):
    """Writes the files that a folder does not have yet.

    Args:
        folder: The `Path` of the folder.
        files: Dict from name to text.

    Raises:
        UserError: if one cannot be written.
    """
    for name, text in files.items():
        if not (folder / name).exists():
            with atomic_file(folder / name) as file:
                file.write(text)


def _minor_version(text):
    found = re.match(r"(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else None
