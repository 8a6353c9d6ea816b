"""Word embeddings on the command line: right use, and every kind of bad input."""

import contextlib
import gzip
import io
import json
import tomllib

import pytest
from gensim.models import KeyedVectors
from helpers.complaints import complaint

from amalthea.data.text.planted import planted_sentences
from amalthea.pipelines.cli import run

PAIRS = "king\tqueen\t8\nrain\tsnow\t7\nrain\tking\t1\n"
ANALOGIES = ": capital\nfrance paris germany berlin\nfrance paris zork lima\n"


def embed(verb, *words):
    return run(["embed", verb, *map(str, words)])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of text files. Tests must not change it."""
    folder = tmp_path_factory.mktemp("data") / "my text"
    (folder / "more").mkdir(parents=True)
    sentences = [f"{sentence.capitalize()}." for sentence in planted_sentences()[:8000]]
    sentences += ["Rio de Janeiro!"] * 60
    (folder / "a.txt").write_text("\n".join(sentences[:4000]), encoding="utf-8")
    with gzip.open(folder / "more" / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(sentences[4000:]))
    (folder / "notes.pdf").write_bytes(b"%PDF")
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run and what its training said. Tests must not change it."""
    out, said = tmp_path_factory.mktemp("runs") / "my run", io.StringIO()
    with contextlib.redirect_stdout(said):
        words = ["--epochs", 5, "--dim", 20, "--workers", 1, "--seed", 3]
        words += ["--phrases", 2, "--phrase-threshold", 500]
        assert embed("train", "--data", data, "--out", out, *words) == 0
    return out, said.getvalue()


def test_training_says_what_it_trains_on_and_where_the_run_is(trained):
    out, said = trained
    assert "2 text files" in said and "1 other file left out" in said
    assert "3 phrases are joined" in said and "documents" in said
    assert "epoch 5/5" in said and "words a second" in said and f"run: {out}" in said
    config = tomllib.loads((out / "config.toml").read_text())
    assert (config["seed"], config["window"], config["phrases"]) == (3, 5, 2)
    assert (out / "phrases.txt").read_text(encoding="utf-8").startswith("1 ")
    assert (out / "report" / "index.html").exists() and (out / "model.keras").exists()


def test_the_way_to_an_audited_export(trained, tmp_path, capsys):
    words = ["--to", tmp_path / "models", "--name", "words"]
    assert embed("export", trained[0], *words) == 0
    version = tmp_path / "models" / "words" / "1"
    said = capsys.readouterr().out
    assert str(version) in said and "serve it: amalthea serve" in said
    card = (version / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| words_per_second |" in card and "\nmy text\n" in card
    assert run(["check", str(version)]) == 0
    said = capsys.readouterr().out
    assert "findings: none" in said and "signature analogy" in said
    assert embed("export", trained[0], *words, "--version", 1) == 2
    assert "exists already" in complaint(capsys)


def test_evaluate_writes_figures(trained, tmp_path, capsys):
    (tmp_path / "pairs.tsv").write_text(PAIRS)
    (tmp_path / "analogies.txt").write_text(ANALOGIES)
    words = ["--pairs", tmp_path / "pairs.tsv", "--analogies"]
    words += [tmp_path / "analogies.txt", "--restrict-vocab", 30000]
    words += ["--json", tmp_path / "figures.json"]
    assert embed("evaluate", trained[0], *words) == 0
    said = capsys.readouterr().out
    assert "spearman " in said and "  capital " in said and "report: " in said
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["coverage"] == 1 and figures["analogy_coverage"] == 0.5
    assert -1 <= figures["spearman"] <= 1 and 0 <= figures["analogy_accuracy"] <= 1
    page = (trained[0] / "report" / "index.html").read_text(encoding="utf-8")
    assert "word pairs: Spearman" in page and "<td>capital</td>" in page


def test_predict_shows_and_saves_words(trained, tmp_path, capsys):
    asked = ["King", "zork", "rio_de_janeiro"]
    assert embed("predict", trained[0], *asked, "--k", 2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == asked
    assert lines[0].count(",") == 1 and lines[1].endswith("  unknown")
    words = [*asked, "--k", 2, "--json", "--save-dir", tmp_path / "out"]
    assert embed("predict", trained[0], *words) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["known"] for row in rows] == [True, False, True]
    assert len(rows[0]["vector"]) == 20 and rows[1]["vector"] is None
    saved = (tmp_path / "out" / "predictions.json").read_text(encoding="utf-8")
    assert json.loads(saved) == rows


def test_predict_reads_the_standard_input(trained, capsys, monkeypatch):
    given = io.TextIOWrapper(io.BytesIO(b"king\r\n\n Queen \nk\xffng"))
    monkeypatch.setattr("sys.stdin", given)
    assert embed("predict", trained[0], "rain", "-", "--k", 1) == 0
    lines = capsys.readouterr().out.splitlines()
    words = ["rain", "king", "Queen", "k\N{REPLACEMENT CHARACTER}ng"]
    assert [line.split()[0] for line in lines] == words
    assert lines[3].endswith("unknown")


def test_words_of_bytes_that_are_no_utf8(trained, capsys):
    # So Python hands on the bytes of a command line.
    assert embed("predict", trained[0], b"k\xff".decode(errors="surrogateescape")) == 0
    assert capsys.readouterr().out.strip().endswith("unknown")


def test_nearest_and_analogy(trained, capsys):
    assert embed("nearest", trained[0], "King", "rain", "--k", 3) == 0
    king, rain = capsys.readouterr().out.splitlines()
    assert king.startswith("King  ") and rain.startswith("rain  ")
    assert king.count(",") == rain.count(",") == 2
    for method in ("add", "mul"):
        words = ["France", "paris", "Germany", "--k", 4, "--method", method]
        assert embed("analogy", trained[0], *words) == 0
        found = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
        assert len(found) == 4 and not {"france", "paris", "germany"} & set(found)


@pytest.mark.parametrize("form", [None, "word2vec-binary", "glove"])
def test_saved_vectors_open_in_gensim(trained, tmp_path, capsys, form):
    file = tmp_path / "vectors.txt"
    words = [] if form is None else ["--form", form]
    assert embed("save", trained[0], file, *words) == 0
    assert f"{file}: " in capsys.readouterr().out
    loaded = KeyedVectors.load_word2vec_format(
        file,
        fvocab=f"{file}.vocab",
        binary=form == "word2vec-binary",
        no_header=form == "glove",
    )
    assert loaded.vector_size == 20 and "rio_de_janeiro" in loaded
    assert loaded.get_vecattr("rio_de_janeiro", "count") == 60


def test_a_name_that_ends_in_npy_is_numpys(trained, tmp_path, capsys):
    assert embed("save", trained[0], tmp_path / "vectors.npy") == 0
    assert "as npy" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {
        *("vectors.npy", "vectors.words.txt", "vectors.npy.vocab"),
    }


def test_map_draws_and_writes_for_the_projector(trained, tmp_path, capsys):
    words = ["--to", tmp_path / "my map", "--method", "pca"]
    words += ["--words", "King", "queen", "rain"]
    assert embed("map", trained[0], *words) == 0
    said = capsys.readouterr().out
    assert "my map/map.png" in said and f"--logdir '{tmp_path / 'my map'}'" in said
    assert {path.name for path in (tmp_path / "my map").iterdir()} == {
        *("map.png", "projector_config.pbtxt", "vectors.tsv", "words.tsv"),
    }


def test_debias_writes_a_run(trained, tmp_path, capsys, undrawn):
    (tmp_path / "sets.txt").write_text("king queen\nprince princess\n")
    words = ["--definitional", tmp_path / "sets.txt", "--to", tmp_path / "debiased"]
    assert embed("debias", trained[0], *words) == 0
    said = capsys.readouterr().out
    assert "direct bias, neutral words" in said and "not free of bias" in said
    assert embed("nearest", tmp_path / "debiased", "king", "--k", 1) == 0


def test_doctor_looks_at_the_text(data, capsys):
    assert embed("doctor", "--data", data) == 0
    said = capsys.readouterr().out
    assert "2 text files" in said and "ready for training" in said


def test_resume_goes_on_where_the_run_ended(data, tmp_path, capsys, undrawn):
    words = ["--data", data, "--dim", 4, "--workers", 1, "--out", tmp_path / "run"]
    assert embed("train", *words, "--epochs", 1) == 0
    words = ["--out", tmp_path / "run", "--resume", "--epochs", 2]
    capsys.readouterr()
    assert embed("train", *words) == 0
    assert "resuming after epoch 1 of 2" in capsys.readouterr().out
    assert embed("train", *words, "--window", 3) == 2
    assert "keeps its settings: window is 5" in complaint(capsys)


@pytest.mark.parametrize(
    "verb",
    [
        *("train", "evaluate", "predict", "nearest", "analogy", "save", "map"),
        *("debias", "export", "doctor"),
    ],
)
def test_each_verb_has_help(verb, capsys):
    assert embed(verb, "--help") == 0
    assert f"usage: amalthea embed {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("train --data nowhere/ --out r", "nowhere/: no such data"),
        ("train --data empty --out r", "empty: has no text files"),
        ("train --data blank.txt --out r", "blank.txt: has no words"),
        ("train --data few.txt --out r", "has no word that occurs 5 times"),
        ("train --data few.txt --out r --min-count 2", "has one word of use"),
        ("train --data utf16.txt --out r", "utf16.txt: is UTF-16"),
        ("train --data binary.txt --out r", "binary.txt: is no text"),
        ("train --data broken.txt.gz --out r", "broken.txt.gz: is damaged"),
        ("train --data DATA --out r --algorithm fasttext", "--algorithm"),
        ("train --data DATA --out r --dim 0", "`dim`"),
        ("train --data DATA --out r --dim wide", "--dim"),
        ("train --data DATA --out r --config few.txt", "few.txt: is not valid TOML"),
        ("train --data DATA --out few.txt", "few.txt: is a file, not a folder"),
        ("train --data DATA --out RUN", "holds a run already"),
        ("train --data DATA", "--out"),
        ("train --out r", "`data` is missing"),
        ("evaluate RUN", "nothing to measure. Name --pairs or --analogies"),
        ("evaluate RUN --pairs nowhere", "nowhere: cannot be read"),
        ("evaluate RUN --pairs one.txt", "one.txt, line 1: expected a word, a word"),
        ("evaluate RUN --pairs strange.tsv", "has 0 of 1 pairs with both words"),
        ("evaluate RUN --analogies one.txt", "one.txt, line 1: expected four words"),
        ("evaluate RUN --analogies a.txt --restrict-vocab 0", "`restrict_vocab`"),
        ("evaluate RUN --analogies a.txt --restrict-vocab 1", "no question with all"),
        ("evaluate nowhere --pairs a.txt", "nowhere: no such run folder"),
        ("evaluate other --pairs a.txt", "is a run of the task 'classify', not of"),
        ("predict other king", "is a run of the task 'classify', not of 'embed'"),
        ("predict RUN", "no words"),
        ("predict RUN king --k 0", "`k`"),
        ("predict RUN king --save-dir few.txt", "cannot be written"),
        ("nearest RUN", "no words"),
        ("nearest RUN quen", "'quen': is not in the vocabulary. Did you mean 'queen'?"),
        ("nearest RUN king --k 0", "`k`"),
        ("analogy RUN man king", "C"),
        ("analogy RUN man king zork", "'zork': is not in the vocabulary"),
        ("analogy RUN man king queen --k 0", "`k`"),
        ("save RUN few.txt/v.txt", "cannot be written"),
        ("save RUN v.txt --form fast", "--form"),
        ("map RUN --to m --words king queen", "a map needs 3 words or more"),
        ("map RUN --to m --words king queen zork", "'zork': is not in the vocabulary"),
        ("map RUN --to m --count 2", "a map needs 3 words or more"),
        ("map RUN --to few.txt --method pca", "cannot be written"),
        ("map RUN --to m --method som", "--method"),
        ("debias RUN --to r", "--definitional"),
        ("debias RUN --to r --definitional nowhere", "nowhere: cannot be read"),
        ("debias RUN --to r --definitional one.txt", "one.txt, line 1: expected two"),
        ("debias RUN --to r --definitional bad.json", "bad.json: is not valid JSON"),
        ("debias RUN --to r --definitional zork.txt", "no definitional set has two"),
        ("debias RUN --to RUN --definitional sets.txt", "exists already"),
        ("debias RUN --to r --definitional sets.txt --extend", "needs --specific"),
        ("debias RUN --to r --definitional sets.txt --components 0", "`components`"),
        ("debias RUN --to r --definitional sets.txt --components 4", "span 2 direct"),
        ("debias RUN --to r --definitional sets.txt --permutations 0", "`permut"),
        (
            "debias RUN --to r --definitional sets.txt --occupations zork.txt",
            "zork.txt: has 2 words, and none of them has a vector",
        ),
        ("debias RUN --to few.txt --definitional sets.txt", "exists already"),
        ("export RUN --to m", "`name`"),
        ("export RUN --to few.txt --name x", "cannot be written"),
        ("doctor --data nowhere/", "nowhere/: no such data"),
    ],
)
def test_a_mistake_ends_in_one_line(
    words, part, data, trained, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name, content in {
        "blank.txt": b" \n\n",
        "few.txt": b"a few a few-words",
        "utf16.txt": "text".encode("utf-16"),
        "binary.txt": b"a\0b",
        "broken.txt.gz": gzip.compress(b"text " * 1000)[:-9],
        "strange.tsv": b"zork\tking\t3\n",
        "a.txt": ANALOGIES.encode(),
        "one.txt": b"king\n",
        "bad.json": b"[[",
        "zork.txt": b"zork quux\n",
        "sets.txt": b"king queen\nprince princess\n",
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text("[run]\ntask = 'classify'\n")
    places = {"DATA": data, "RUN": trained[0]}
    verb, *words = words.split()
    assert embed(verb, *(places.get(word, word) for word in words)) == 2
    assert part in complaint(capsys)
    assert not (tmp_path / "r").exists() and not (tmp_path / "m").exists()
