"""A run of debiased vectors: what is written, what it can do, what is refused."""

import hashlib
import json
import re

import keras
import numpy as np
import pytest

from amalthea import UserError
from amalthea.data.text import planted_truth
from amalthea.pipelines import WordEmbeddings
from amalthea.pipelines.embed.debias import bias_direction, debias, specific_words

TRUTH = planted_truth()
PAIRS = [list(pair) for pair in TRUTH.definitional_pairs]
EQUAL = [list(pair) for pair in TRUTH.held_out_pairs]


def content(folder):
    """What is in a folder: dict from name to a hash."""
    return {
        str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The word lists, as text."""
    folder = tmp_path_factory.mktemp("lists")
    for name, lines in {
        "sets.txt": ["# he and she", *(" ".join(pair) for pair in PAIRS)],
        "equal.txt": [", ".join(pair) for pair in EQUAL],
        "specific.txt": [" ".join(word for pair in PAIRS for word in pair)],
        "trades.txt": [*TRUTH.leans, "zork"],
        "pairs.tsv": ["king\tqueen\t9", "rain\tsnow\t7", "rain\tking\t1"],
        "analogies.txt": [": c", "france paris germany berlin"],
    }.items():
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def debiased(planted_run, files, tmp_path_factory):
    """The run that debiasing wrote, as a task, and the lines it returned."""
    out, before = tmp_path_factory.mktemp("runs") / "fair run", content(planted_run)
    lines = WordEmbeddings.load(planted_run).debias_lines(
        out,
        definitional=files / "sets.txt",
        equalize=files / "equal.txt",
        specific=files / "specific.txt",
        occupations=files / "trades.txt",
        pairs=files / "pairs.tsv",
        analogies=files / "analogies.txt",
        permutations=100,
    )
    # The first run is as it was.
    assert content(planted_run) == before
    return WordEmbeddings.load(out), lines


def test_its_vectors_are_those_of_the_paper(debiased, planted_task):
    before, after = planted_task.vectors(), debiased[0].vectors()
    specific = [word for pair in PAIRS for word in pair]
    expected = debias(before, PAIRS, EQUAL, specific)
    assert after.words == before.words
    np.testing.assert_array_equal(after.vectors, expected.vectors)
    direction = bias_direction(before, PAIRS).directions[0]
    neutral = [word for word in before.words if word not in sum(PAIRS + EQUAL, [])]
    rows = [after.row(word) for word in neutral]
    assert np.abs(after.vectors[rows] @ direction).max() < 1e-6
    for one, other in EQUAL:
        distance = np.linalg.norm(after.vectors[rows] - after[one], axis=1)
        others = np.linalg.norm(after.vectors[rows] - after[other], axis=1)
        np.testing.assert_allclose(distance, others, atol=1e-6)


def test_the_table_has_every_measure(debiased):
    task, lines = debiased
    found = task.run.read_figures()["debias"]
    measures = {row["measure"]: row for row in found["measures"]}
    assert list(measures) == [
        *("direct bias, neutral words", "direct bias, occupations", "cluster test"),
        *("WEAT career/family, names", "WEAT career/family, terms"),
        *("WEAT math/arts", "WEAT science/arts", "word pairs", "analogies"),
    ]
    occupations = measures["direct bias, occupations"]
    assert occupations["note"] == "20 words" and occupations["before"] > 0.1
    assert occupations["after"] < 1e-6
    assert measures["analogies"]["before"] == measures["analogies"]["after"] == 1
    assert measures["WEAT math/arts"]["before"] is None
    assert "0 of 8 words in the vocabulary" in measures["WEAT math/arts"]["note"]
    for name in measures:
        (line,) = (line for line in lines if line.startswith(f"{name}  "))
    assert sum(found["explained"]) == pytest.approx(1)
    assert "debiased from the run planted run" in lines[0]
    assert any("not free of bias" in line for line in lines)


def test_occupations_are_shown_on_their_side(debiased):
    projected = debiased[0].run.read_figures()["debias"]["projected"]
    men = [one for one, _ in TRUTH.definitional_pairs]
    assert len(projected) == 2
    for side, rows in projected.items():
        sign = 1 if side.removeprefix("towards ") in men else -1
        assert len(rows) == 10
        assert np.mean([sign * TRUTH.leans[word] for word, _, _ in rows]) > 0.3
        assert all(abs(after) < 1e-6 for _, _, after in rows)


def test_it_is_a_run_like_others(debiased, planted_run, files, tmp_path):
    task, _ = debiased
    theirs, ours = content(planted_run), content(task.run.path)
    training = {"history.csv", "report/curves.png"}
    logs = {name for name in theirs if name.startswith("logs")}
    assert set(ours) == set(theirs) - training - logs
    for name in ("config.toml", "vocabulary.txt"):
        assert ours[name] == theirs[name]
    model = keras.saving.load_model(task.run.model)
    np.testing.assert_array_equal(
        model(np.array([[7]]))[0], [task.vectors().vectors[7]]
    )
    near = task.predict("King", k=2)[0].nearest
    expected = task.vectors().most_similar("king", k=2)
    assert near == [(word, pytest.approx(score, abs=1e-5)) for word, score in expected]

    figures = task.evaluate(pairs=files / "pairs.tsv")
    assert figures["pairs"] == 3
    page = (task.run.report / "index.html").read_text(encoding="utf-8")
    # An evaluation does not take what debiasing did from the page.
    assert "<h2>Debiasing</h2>" in page and "<td>direct bias, occupations</td>" in page
    assert "not free of bias" in page and re.search(r"towards \w+</th>", page)
    assert '<img src="map.png"' in page

    version = task.export(tmp_path / "models", "fair")
    card = (version / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "debiased from the run planted run" in card and "not free of bias" in card


def test_json_and_text_give_the_same(debiased, planted_task, files, tmp_path, undrawn):
    lists = {"sets": PAIRS, "equal": EQUAL, "specific": sum(PAIRS, [])}
    for name, words in lists.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(words))
    planted_task.debias_lines(
        str(tmp_path / "run"),
        definitional=str(tmp_path / "sets.json"),
        equalize=tmp_path / "equal.json",
        specific=tmp_path / "specific.json",
    )
    again = WordEmbeddings.load(tmp_path / "run").vectors()
    np.testing.assert_array_equal(again.vectors, debiased[0].vectors().vectors)


def test_extend_spares_the_words_that_a_classifier_finds(
    planted_task, tmp_path, undrawn
):
    vectors, music = planted_task.vectors(), TRUTH.clusters["music"]
    seeds = list(music[:9])
    (tmp_path / "sets.txt").write_text("he she\nman woman\n")
    (tmp_path / "seeds.txt").write_text("\n".join(seeds))
    planted_task.debias_lines(
        tmp_path / "run",
        definitional=tmp_path / "sets.txt",
        specific=tmp_path / "seeds.txt",
        extend=True,
    )
    found = specific_words(vectors, seeds)
    assert set(found) == set(music)
    after = WordEmbeddings.load(tmp_path / "run").vectors()
    direction = bias_direction(vectors, [["he", "she"], ["man", "woman"]]).directions[0]
    for word in found:
        np.testing.assert_allclose(
            after[word], vectors.unit[vectors.row(word)], atol=1e-6
        )
    assert max(abs(after[word] @ direction) for word in found) > 1e-3
    assert abs(after["rain"] @ direction) < 1e-6


def test_sets_of_more_than_two_words_have_several_directions(
    planted_task, tmp_path, undrawn
):
    sets = ["france italy spain peru", "paris rome madrid lima"]
    (tmp_path / "sets.txt").write_text("\n".join(sets))
    lines = planted_task.debias_lines(
        tmp_path / "run", definitional=tmp_path / "sets.txt", components=3
    )
    after = WordEmbeddings.load(tmp_path / "run").vectors()
    names = [each.split() for each in sets]
    directions = bias_direction(planted_task.vectors(), names, 3).directions
    assert np.abs(directions @ after["king"]).max() < 1e-6
    assert any(line.startswith("direct bias, neutral words") for line in lines)


def test_phrases_go_along(tmp_path, undrawn):
    lines = [f"{one} {other}" for one in ("king", "queen") for other in "abcdefghij"]
    (tmp_path / "a.txt").write_text("\n".join([*lines * 4, *["Rio de Janeiro"] * 40]))
    task = WordEmbeddings.train(
        tmp_path / "a.txt",
        tmp_path / "run",
        phrases=2,
        phrase_threshold=1.0,
        dim=4,
        epochs=1,
        quiet=True,
    )
    (tmp_path / "sets.txt").write_text("king queen\n")
    task.debias_lines(tmp_path / "fair", definitional=tmp_path / "sets.txt")
    fair = WordEmbeddings.load(tmp_path / "fair")
    phrases = (tmp_path / "fair" / "phrases.txt").read_text()
    assert phrases == (tmp_path / "run" / "phrases.txt").read_text() != ""
    answer = fair.serving_module().endpoints["text"](["Rio de Janeiro"])
    assert answer["count"].numpy().tolist() == [1]


@pytest.mark.parametrize("taken", ["run", "file", "other", "itself"])
def test_a_place_that_is_taken_is_refused_and_kept(
    planted_task, files, tmp_path, taken
):
    place = tmp_path / "taken"
    if taken == "itself":
        place = planted_task.run.path
    elif taken == "file":
        place.write_text("text")
    else:
        place.mkdir()
        name = "config.toml" if taken == "run" else "thesis.txt"
        (place / name).write_text("[run]\ntask = 'embed'\n")
    before = content(place) if place.is_dir() else place.read_text()
    with pytest.raises(UserError, match="exists already. Choose another --to"):
        planted_task.debias_lines(place, definitional=files / "sets.txt")
    assert (content(place) if place.is_dir() else place.read_text()) == before


def test_an_empty_folder_is_free_and_stays_so_on_a_mistake(
    planted_task, files, tmp_path, undrawn
):
    (tmp_path / "run").mkdir()
    twice = tmp_path / "twice.txt"
    twice.write_text("king queen\nking princess\n")
    with pytest.raises(UserError, match="'king': is in two equality sets"):
        planted_task.debias_lines(
            tmp_path / "run", definitional=files / "sets.txt", equalize=twice
        )
    assert not any((tmp_path / "run").iterdir())
    planted_task.debias_lines(tmp_path / "run", definitional=files / "sets.txt")
    assert WordEmbeddings.load(tmp_path / "run").predict("king")[0].known


def test_no_training_goes_on_from_it(debiased):
    folder = debiased[0].run.path
    before = content(folder)
    with pytest.raises(UserError, match="holds debiased vectors") as caught:
        WordEmbeddings.train(out=folder, resume=True, quiet=True, epochs=12)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="holds a run already"):
        WordEmbeddings.train("planted", out=folder, quiet=True)
    assert content(folder) == before


def test_a_debiased_run_is_debiased_again(debiased, tmp_path, undrawn):
    (tmp_path / "sets.txt").write_text("france paris\npuppy dog\n")
    debiased[0].debias_lines(
        tmp_path / "again", definitional=tmp_path / "sets.txt", components=2
    )
    assert WordEmbeddings.load(tmp_path / "again").predict("king")[0].known
