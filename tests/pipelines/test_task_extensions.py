"""What a task adds to its command line: options of verbs, own verbs, streaming."""

import dataclasses
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from amalthea import UserError
from amalthea.pipelines import registry
from amalthea.pipelines.base import Task
from amalthea.pipelines.cli import VERBS, run
from amalthea.pipelines.registry import OwnVerb, TaskEntry
from amalthea.pipelines.verbs import Run


@dataclasses.dataclass(frozen=True)
class ToyPredict:
    """INPUT is a word."""

    times: int = 1
    """Repeat each answer."""

    def __post_init__(self):
        if self.times < 1:
            raise UserError(f"Invalid value for `times`: received {self.times}")


@dataclasses.dataclass(frozen=True)
class ToyDoctor:
    """Data is a name."""

    save_dir: Path | None = None
    """Where the pictures go."""


@dataclasses.dataclass(frozen=True)
class ToyEvaluate:
    """Figures."""

    beam: int = 1
    """Width of the beam."""


@dataclasses.dataclass(frozen=True)
class ToyExport:
    """One folder."""

    half: bool = False
    """Halve the weights."""


@dataclasses.dataclass
class Nearest:
    run: Run
    """The run folder."""
    word: str = "king"
    """Look for words like this one."""


@dataclasses.dataclass
class Fit:
    count: int = 3
    """How many."""


@dataclasses.dataclass
class Answer:
    source: str
    text: str


class Toy(Task):
    """Answers words; notes what the command line asked of it."""

    name = "toy"
    calls = []

    fingerprint = _prepare = _fit = _restore = _evaluate = None
    _examples = _make_serving_module = None

    def __init__(self):
        self.run = types.SimpleNamespace(report=Path("report"))

    @classmethod
    def load(cls, run):
        cls.calls.append(("load", str(run)))
        return cls()

    def predict(self, inputs, times=1):
        self.calls.append(("predict", inputs, times))
        return [Answer(word, word.upper() * times) for word in inputs]

    def save_results(self, results, folder, **options):
        self.calls.append(("save", str(folder), options))
        super().save_results(results, folder, **options)

    def evaluate(self, data, *, split, data_dir, json, beam):
        self.calls.append(("evaluate", beam))
        return {}

    def export(self, models_dir, name, version, *, keep, half):
        self.calls.append(("export", half))
        return Path(models_dir)

    @classmethod
    def doctor(cls, data, *, data_dir=None, save_dir=None):
        cls.calls.append(("doctor", data, save_dir))
        return types.SimpleNamespace(lines=lambda: ["healthy"], fatal=False)

    @staticmethod
    def metric_lines(metrics):
        return []

    @staticmethod
    def result_lines(results):
        return [f"{result.source}: {result.text}" for result in results]

    def nearest(self, word):
        self.calls.append(("nearest", word))
        return [f"{word} queen"]

    @classmethod
    def fit(cls, count):
        for number in range(count):
            cls.calls.append(("made", number))
            yield f"anchor {number}"


class Streaming(Toy):
    streams = True

    def stream(self, inputs, *, save_dir=None, times=1):
        try:
            for word in inputs:
                self.calls.append(("made", word))
                yield Answer(word, word.upper() * times)
        finally:
            self.calls.append(("ended", save_dir))


@pytest.fixture
def calls(monkeypatch):
    options = types.SimpleNamespace(
        ToyPredict=ToyPredict,
        ToyDoctor=ToyDoctor,
        ToyEvaluate=ToyEvaluate,
        ToyExport=ToyExport,
        Nearest=Nearest,
        Fit=Fit,
    )
    task = types.SimpleNamespace(Toy=Toy, Streaming=Streaming)
    monkeypatch.setitem(sys.modules, "amalthea.pipelines.toy.options", options)
    monkeypatch.setitem(sys.modules, "amalthea.pipelines.toy.task", task)
    names = {
        "predict": "ToyPredict",
        "doctor": "ToyDoctor",
        "evaluate": "ToyEvaluate",
        "export": "ToyExport",
    }
    verbs = {
        "nearest": OwnVerb("words that are alike", "Nearest", "nearest"),
        "anchors": OwnVerb("shapes of boxes", "Fit", "fit"),
    }
    for name, kind in (("toy", "Toy"), ("live", "Streaming")):
        entry = TaskEntry(name, "a toy", "toy", "", kind, names, verbs)
        monkeypatch.setitem(registry.TASKS, name, entry)
    monkeypatch.setattr(Toy, "calls", [])
    return Toy.calls


def test_options_of_predict_reach_the_task(calls, tmp_path, capsys):
    words = ["toy", "predict", "r", "a", "b", "--times", "2"]
    assert run(words) == 0
    assert capsys.readouterr().out == "a: AA\nb: BB\n"
    assert run([*words, "--json", "--save-dir", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == [{"source": "a", "text": "AA"}, {"source": "b", "text": "BB"}]
    assert json.loads((tmp_path / "predictions.json").read_text()) == rows
    ask = ("predict", ["a", "b"], 2)
    save = ("save", str(tmp_path), {"times": 2})
    assert calls == [("load", "r"), ask, ("load", "r"), ask, save]


def test_options_have_defaults(calls, capsys):
    assert run(["toy", "predict", "r", "a"]) == 0
    assert run(["toy", "doctor", "--data", "d"]) == 0
    assert ("predict", ["a"], 1) in calls and ("doctor", "d", None) in calls


def test_options_of_the_other_verbs(calls, tmp_path, capsys):
    assert run(["toy", "doctor", "--data", "d", "--save-dir", "s"]) == 0
    assert run(["toy", "evaluate", "r", "--beam", "4"]) == 0
    assert run(["toy", "export", "r", "--to", str(tmp_path), "--half"]) == 0
    assert "healthy" in capsys.readouterr().out
    asked = [call for call in calls if call[0] != "load"]
    assert asked == [("doctor", "d", Path("s")), ("evaluate", 4), ("export", True)]


def test_own_verbs(calls, capsys):
    assert run(["toy", "nearest", "r", "--word", "queen"]) == 0
    assert run(["toy", "anchors"]) == 0
    assert capsys.readouterr().out == "queen queen\nanchor 0\nanchor 1\nanchor 2\n"
    made = [("made", number) for number in range(3)]
    assert calls == [("load", "r"), ("nearest", "queen"), *made]


def test_own_verbs_and_options_are_in_the_help(calls, capsys):
    assert run(["toy"]) == 0
    assert "nearest      words that are alike" in capsys.readouterr().out
    assert run(["toy", "nearest", "--help"]) == 0
    text = capsys.readouterr().out
    assert "words that are alike" in text and "--word" in text
    assert run(["toy", "predict", "--help"]) == 0
    text = capsys.readouterr().out
    assert "INPUT is a word." in text and "--times" in text
    assert "Repeat each answer." in text and "--json" in text
    assert calls == []


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("toy nearst r", "toy has train, evaluate, predict, export, doctor, nearest"),
        ("toy predict r a --times 0", "Invalid value for `times`: received 0"),
        ("toy predict r a --times many", "--times"),
        ("toy predict r a --word x", "--word"),
        ("toy anchors --count x", "--count"),
        ("classify predict r a --times 2", "--times"),
    ],
)
def test_a_mistake_ends_in_one_line(calls, words, part, capsys):
    assert run(words.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert part in line
    assert calls == []


def test_results_that_stream_are_printed_as_they_come(calls, capsys, monkeypatch):
    monkeypatch.setattr(
        "builtins.print", lambda line, flush: calls.append((line, flush))
    )
    assert run(["live", "predict", "r", "a", "b", "--save-dir", "s"]) == 0
    made = [("made", "a"), ("a: A", True), ("made", "b"), ("b: B", True)]
    assert calls == [("load", "r"), *made, ("ended", Path("s"))]


def test_results_that_stream_are_json_lines(calls, capsys):
    assert run(["live", "predict", "r", "a", "b", "--json", "--times", "2"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [{"source": "a", "text": "AA"}, {"source": "b", "text": "BB"}]


def test_ctrl_c_ends_a_stream(calls, monkeypatch):
    def interrupt(line, flush=False, file=None):
        if file is None:
            raise KeyboardInterrupt

    monkeypatch.setattr("builtins.print", interrupt)
    assert run(["live", "predict", "r", "a", "b"]) == 130
    assert calls == [("load", "r"), ("made", "a"), ("ended", None)]


def test_what_the_registry_names_is_there_without_tensorflow():
    code = (
        "import dataclasses, sys\n"
        "from amalthea.pipelines.registry import TASKS\n"
        "for entry in TASKS.values():\n"
        "    found = [entry.options_class(verb) for verb in entry.options]\n"
        "    found += [entry.arguments_class(verb) for verb in entry.verbs]\n"
        "    assert all(map(dataclasses.is_dataclass, found)), entry.name\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", registry.TASKS)
def test_each_task_has_what_its_entry_promises(name):
    entry = registry.TASKS[name]
    assert set(entry.options) <= set(VERBS) - {"train"}
    assert not set(entry.verbs) & set(VERBS)
    for verb in entry.options:
        entry.options_class(verb)()  # every field has a default
    for own in entry.verbs.values():
        assert callable(getattr(entry.task_class(), own.method))
