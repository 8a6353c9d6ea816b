"""Which models a server has: as `models.config` says, or the folders as they lie."""

import os
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ...errors import UserError
from ..repository import CONFIG_FILE, CONTAINER_ROOT, PLATFORM
from .errors import StatusError
from .versions import version_folders


class ModelConfigSource:
    """The models that a path names, and their changes.

    Args:
        models: A folder of models with or without a `models.config`, the folder
            of one model, or a file such as `models.config`.

    Attributes:
        root: The folder that the paths of a config are relative to.

    Raises:
        UserError: if there is nothing at `models`.
    """

    def __init__(self, models):
        models = Path(os.path.abspath(models))
        if models.is_file():
            self.root, self._file = models.parent, models
        elif models.is_dir():
            self.root, self._file = models, models / CONFIG_FILE
        else:
            raise UserError("no such folder", models, "Name a folder of models")
        self._seen = None
        self._lists = True  # folders, where there is no file

    def poll(self):
        """Looks whether other models are asked for than at the last call.

        Without a `models.config`, a model that was found stays even if its
        folder goes away, as one that is listed would.

        Returns:
            A `ModelServerConfig` with absolute paths; `None` if nothing changed.

        Raises:
            UserError: if the file is new and wrong, or there is no model.
        """
        seen = self._look()
        if seen == self._seen:
            return None
        self._seen = seen
        if isinstance(seen, bytes):
            return self.with_absolute_paths(_parse(seen, self._file))
        return _listing(seen)

    def with_absolute_paths(self, config):
        """Makes the paths of a config those of this machine.

        Args:
            config: A `ModelServerConfig`. A relative path counts from the folder
                of models; so does one under `/models`, the container's, where
                this machine has no such path.

        Returns:
            A new `ModelServerConfig`.
        """
        result = ModelServerConfig()
        result.CopyFrom(config)
        for model in result.model_config_list.config:
            path = model.base_path
            if path.startswith(f"{CONTAINER_ROOT}/") and not os.path.exists(path):
                path = path.removeprefix(f"{CONTAINER_ROOT}/")
            model.base_path = os.path.abspath(self.root / path)
        return result

    def list_no_more(self):
        """Takes no notice of new folders from now on, only of the file."""
        self._lists = False

    def _look(self):
        """Returns the file's content, or the path of each model by its name."""
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            if not self._lists or isinstance(self._seen, bytes):
                return self._seen
        except OSError as error:
            raise UserError(f"cannot be read ({error.strerror})", self._file) from error
        return {**_find_models(self.root), **(self._seen or {})}


def check_model_config(config, previous):
    """Checks a config as TensorFlow Serving does.

    Args:
        config: A `ModelServerConfig` with a `model_config_list` and the paths as
            they were given.
        previous: The config that it replaces; an empty one at first.

    Raises:
        StatusError: INVALID_ARGUMENT, with TensorFlow Serving's text where it
            refuses that too.
    """
    names = set()
    known = {model.name for model in previous.model_config_list.config}
    for model in config.model_config_list.config:
        if not model.name:
            raise _invalid("Illegal to list a model without a name in config list")
        if model.name in names:
            raise _invalid(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
        platform = _platform(model)
        if platform != PLATFORM:
            if model.name in known:
                raise _invalid(
                    f"Illegal to change a model's platform. For model {model.name} "
                    f"platform was {PLATFORM} and new platform requested is {platform}"
                )
            raise _invalid(
                f"Model {model.name} requests unsupported platform {platform}"
            )
        if not model.base_path:
            raise _invalid(f"Model {model.name} has no base_path")


def _platform(model):
    if model.model_type == model_server_config_pb2.MODEL_TYPE_UNSPECIFIED:
        if not model.model_platform:
            raise _invalid(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) "
                "nor ModelServerConfig::model_platform."
            )
        return model.model_platform
    if model.model_platform:
        raise _invalid(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            "ModelServerConfig::model_platform."
        )
    if model.model_type != model_server_config_pb2.TENSORFLOW:
        raise _invalid(
            f"ModelServerConfig::model_type choice {model.model_type} not supported."
        )
    return PLATFORM


def _parse(content, path):
    config = ModelServerConfig()
    try:
        text_format.Parse(content.decode(), config)
        check_model_config(config, ModelServerConfig())
    except (UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"not a model config ({error})", path) from error
    except StatusError as error:
        raise UserError(error.message, path) from error
    if config.WhichOneof("config") != "model_config_list":
        raise UserError("no `model_config_list` in this config", path)
    return config


def _find_models(root):
    if version_folders(root):
        return {root.name: root}
    if (root / "saved_model.pb").exists():
        raise UserError("is a version of a model", root, "Name the folder above it")
    try:
        paths = sorted(root.iterdir())
    except OSError:
        return {}
    return {
        path.name: path
        for path in paths
        if not path.name.startswith(".") and version_folders(path)
    }


def _listing(paths):
    if not paths:
        raise UserError("no models here", mend="Export one with `amalthea TASK export`")
    config = ModelServerConfig()
    for name, path in paths.items():
        config.model_config_list.config.add(
            name=name, base_path=str(path), model_platform=PLATFORM
        )
    return config


def _invalid(message):
    return StatusError("INVALID_ARGUMENT", message)
