"""The tasks there are. Importing this loads neither TensorFlow nor Keras."""

import dataclasses
import importlib
from collections.abc import Mapping

from ..errors import UserError


@dataclasses.dataclass(frozen=True)
class OwnVerb:
    """A verb that one task has beside those that all have.

    Args:
        summary: One line for the task's help.
        arguments: Name of the dataclass of its arguments, in the task's `options`
            module. Each field is a flag.
        method: Name of the task's method that does it. It gets the arguments by
            keyword and returns lines to print, or `None`; a generator's lines
            are printed as they come. With a field `run` among the arguments the
            run is loaded and its task has the method; without, it is a class
            method.
    """

    summary: str
    arguments: str
    method: str


@dataclasses.dataclass(frozen=True)
class TaskEntry:
    """Where a task lives, and what its command line has beside that of others.

    Args:
        name: The word on the command line.
        summary: One line for `amalthea tasks`.
        package: The task's folder under `amalthea.pipelines`. Its `config`
            module (free of TensorFlow) and its `task` module hold the two
            classes.
        config: Name of the config class.
        task: Name of the task class.
        options: Dict from `"evaluate"`, `"predict"`, `"export"` or `"doctor"` to
            the name of a dataclass in the package's `options` module (free of
            TensorFlow). Its fields are flags of that verb, each with a default,
            and reach the task's method of that name by keyword. Its docstring
            stands in the verb's help.
        verbs: Dict from name to `OwnVerb`.
    """

    name: str
    summary: str
    package: str
    config: str
    task: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    verbs: Mapping[str, OwnVerb] = dataclasses.field(default_factory=dict)

    def config_class(self):
        """Returns the config class, without loading TensorFlow."""
        return getattr(self._module("config"), self.config)

    def options_class(self, verb):
        """Returns the dataclass of a verb's options, or `None`; no TensorFlow."""
        name = self.options.get(verb)
        return None if name is None else getattr(self._module("options"), name)

    def arguments_class(self, verb):
        """Returns the dataclass of an own verb's arguments; no TensorFlow."""
        return getattr(self._module("options"), self.verbs[verb].arguments)

    def task_class(self):
        """Returns the task class, which loads TensorFlow."""
        from .environment import start_tensorflow

        start_tensorflow()  # before the task's own import would, with its chatter
        return getattr(self._module("task"), self.task)

    def _module(self, name):
        return importlib.import_module(f".{self.package}.{name}", __package__)


TASKS = {
    entry.name: entry
    for entry in (
        TaskEntry(
            "classify",
            "image classification: image bytes in, label and probabilities out",
            "classify",
            "ClassifyConfig",
            "ImageClassification",
            options={"export": "ExportOptions"},
            verbs={
                "heatmap": OwnVerb(
                    "show where in larger images each class is",
                    "HeatMapArguments",
                    "heat_map_lines",
                )
            },
        ),
        TaskEntry(
            "detect",
            "object detection: image bytes in, boxes, scores and classes out",
            "detect",
            "DetectConfig",
            "ObjectDetection",
            options={"predict": "PredictOptions", "doctor": "DoctorOptions"},
            verbs={
                "anchors": OwnVerb(
                    "fit anchors to the boxes of a data set",
                    "AnchorArguments",
                    "anchors",
                )
            },
        ),
        TaskEntry(
            "embed",
            "word embeddings: words in, vectors, neighbours and analogies out",
            "embed",
            "EmbedConfig",
            "WordEmbeddings",
            options={
                "evaluate": "EvaluateOptions",
                "predict": "PredictOptions",
                "doctor": "DoctorOptions",
            },
            verbs={
                "nearest": OwnVerb(
                    "the words nearest to a word", "NearestArguments", "nearest_lines"
                ),
                "analogy": OwnVerb(
                    "what is to c as b is to a", "AnalogyArguments", "analogy_lines"
                ),
                "save": OwnVerb(
                    "write the vectors to a file", "SaveArguments", "save_lines"
                ),
                "load": OwnVerb(
                    "make a run of a file of vectors", "LoadArguments", "load_lines"
                ),
                "map": OwnVerb("draw words in the plane", "MapArguments", "map_lines"),
                "debias": OwnVerb(
                    "take a bias out of the vectors, and measure what that does",
                    "DebiasArguments",
                    "debias_lines",
                ),
            },
        ),
        TaskEntry(
            "transcribe",
            "speech recognition: WAV bytes in, text and times of words out",
            "transcribe",
            "TranscribeConfig",
            "SpeechRecognition",
            options={
                "evaluate": "EvaluateOptions",
                "predict": "PredictOptions",
                "doctor": "DoctorOptions",
            },
            verbs={
                "lm": OwnVerb(
                    "give a run a language model",
                    "LanguageModelArguments",
                    "language_model_lines",
                ),
                "decoding": OwnVerb(
                    "show or change how a run decodes",
                    "DecodingArguments",
                    "decoding_lines",
                ),
            },
        ),
    )
}


def find_task(name):
    """Returns the entry of a task.

    Raises:
        UserError: if there is no task of that name.
    """
    if name not in TASKS:
        raise UserError(f"unknown task `{name}`", mend=f"Tasks: {', '.join(TASKS)}")
    return TASKS[name]
