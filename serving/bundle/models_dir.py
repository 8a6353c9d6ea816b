"""What an export does in the folder of models once its version is there."""

from ..locks import claimed
from ..repository import CONFIG_FILE
from .models_config import ModelsConfig
from .server_files import server_files, write_missing
from .versions import hide_versions, remove_partial_files, version_numbers


def refresh_models_dir(
    models_dir, tensorflow_version, name=None, version=None, keep=None
):
    """Brings `models.config` up to date; writes the other files if missing.

    Exports into one folder wait here for each other. Each file appears whole; a
    process that dies in between leaves a folder that can be served, and the next
    export mends it and removes what was left behind.

    Args:
        models_dir: The folder of models, a `Path`.
        tensorflow_version: The version of TensorFlow the models are for.
        name: The model that was exported; `None` if none was.
        version: The version of it.
        keep: How many versions to keep; all if `None`. Never removed are this
            version, the newest, and any that bears a label or that
            `models.config` names; that holds for a minute after a label was
            moved away, too. The others are hidden, for `remove_leftovers`.

    Raises:
        UserError: if `models.config` is damaged or a file cannot be written.
    """
    with claimed(models_dir):
        config = ModelsConfig(models_dir)
        if name is not None:
            config.add(name)
            config.choose_versions(name)
        config.tidy()
        config.save()
        files = server_files(tensorflow_version)
        write_missing(models_dir, files)
        # Only who holds the lock writes these files: their partial ones are dead.
        remove_partial_files(models_dir, [CONFIG_FILE, *files])
        if name is not None and keep is not None:
            folder = models_dir / name
            old = version_numbers(folder)[:-keep]
            entry = config.entry(name)
            wanted = {
                version,
                *entry.version_labels.values(),
                *entry.model_version_policy.specific.versions,
            }
            hide_versions(folder, [number for number in old if number not in wanted])
