"""What an export of word embeddings answers, in-process and from a server."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.one_graph import assert_one_graph, assert_same_answer
from helpers.serving import embedded, urls

from amalthea.data.text import TokenizerOptions, join_phrases
from amalthea.pipelines.embed.client import embed
from amalthea.pipelines.embed.module import WordEmbedder
from amalthea.pipelines.embed.word_vectors import WordVectors
from amalthea.serving import Client

ODD = [b"King", "ＫＩＮＧ".encode(), b" king\n", b"no such word", b"", b"k\xffng"]
KNOWN = [True, True, True, False, False, False]


def answer_of(task, signature, **inputs):
    """What the task's serving module answers, as numpy arrays."""
    endpoint = task.serving_module().endpoints[signature]
    inputs = {
        name: tf.constant(rows, tf.int32 if name == "k" else tf.string)
        for name, rows in inputs.items()
    }
    return {name: output.numpy() for name, output in endpoint(**inputs).items()}


def small_module(words, vectors, phrases=(), **options):
    """A module of these words and vectors."""
    embedding = keras.layers.Embedding(*np.shape(vectors))
    embedding.build()
    embedding.embeddings.assign(np.array(vectors, np.float32))
    return WordEmbedder(words, embedding, TokenizerOptions(**options), phrases)


def bags(module, words, texts):
    """How often each known word is in texts, by a module of one-hot vectors."""
    answer = module.endpoints["text"](tf.constant(texts))
    counts = (answer["vectors"] * tf.cast(answer["count"], tf.float32)[:, None]).numpy()
    return [
        sorted(
            word for word, n in zip(words, row, strict=True) for _ in range(round(n))
        )
        for row in counts
    ]


@pytest.fixture(scope="module")
def version(planted_task, tmp_path_factory):
    """The folder of the export."""
    return planted_task.export(tmp_path_factory.mktemp("models"), "planted")


@pytest.fixture(scope="module")
def server(version):
    with embedded(version.parent.parent) as server:
        yield server


INPUTS = {
    "serving_default": {"words": [b"king", *ODD]},
    "nearest": {"word": [b"queen", *ODD], "k": [5, 1, 0, 3, 7, 2, -1]},
    "analogy": {
        "a": [b"france", b"France", b"man", *ODD],
        "b": [b"paris", b"Paris", b"woman", *ODD[::-1]],
        "c": [b"germany", b"Peru", b"king", *[b"king"] * 6],
    },
    "text": {
        "text": [
            b"The king, and the Queen!",
            *(b"", b"...", b"zork", b"king \xff\xfe queen", "kıng".encode()),
        ]
    },
}


@pytest.mark.parametrize("signature", INPUTS)
def test_a_fresh_process_and_a_server_answer_the_same(
    planted_task, version, server, signature
):
    inputs = INPUTS[signature]
    answer = answer_of(planted_task, signature, **inputs)
    if "k" in inputs:
        inputs = {**inputs, "k": np.array(inputs["k"], np.int32)}
    assert_one_graph(answer, version, inputs, signature=signature)
    for url in urls(server):
        with Client(url) as client:
            served = client.predict("planted", inputs, signature=signature)
        assert_same_answer(answer, served)


def test_a_client_gets_what_predict_gives(planted_task, server):
    words = ["Queen", "no such word", "paris", "rain"]
    expected = planted_task.predict(words, k=4)
    for url in urls(server):
        with Client(url, batch_size=3) as client:
            results = embed(client, words, "planted", k=4)
        for ours, theirs in zip(expected, results, strict=True):
            assert (ours.word, ours.known) == (theirs.word, theirs.known)
            assert ours.vector == pytest.approx(theirs.vector)
            assert [word for word, _ in ours.nearest] == [
                word for word, _ in theirs.nearest
            ]


def test_every_word_has_its_vector(planted_task):
    vectors = planted_task.vectors()
    answer = answer_of(planted_task, "serving_default", words=vectors.words)
    np.testing.assert_array_equal(answer["vectors"], vectors.vectors)
    assert answer["known"].all()


def test_nearest_is_most_similar(planted_task):
    vectors = planted_task.vectors()
    words = vectors.words[::20]
    answer = answer_of(planted_task, "nearest", word=words, k=[8] * len(words))
    for row, word in enumerate(words):
        names, scores = zip(*vectors.most_similar(word, k=8), strict=True)
        assert [name.decode() for name in answer["nearest"][row]] == list(names)
        np.testing.assert_allclose(answer["scores"][row], scores, atol=1e-5)
    assert answer["known"].all() and (answer["count"] == 8).all()


def test_each_row_has_a_k_of_its_own(planted_task):
    size = len(planted_task.vectors())
    k = [3, 0, -2, 2**31 - 1, 5, 5]
    words = ["king", "king", "king", "queen", "KING", "zork"]
    answer = answer_of(planted_task, "nearest", word=words, k=k)
    assert answer["count"].tolist() == [3, 0, 0, size - 1, 5, 0]
    assert answer["nearest"].shape == answer["scores"].shape == (6, size - 1)
    for row, count in enumerate(answer["count"]):
        assert all(answer["nearest"][row, :count])
        assert not any(answer["nearest"][row, count:])
        assert (answer["scores"][row, count:] == 0).all()
        assert (np.diff(answer["scores"][row, :count]) <= 0).all()
    # All words but the one that was asked for.
    others = {name.decode() for name in answer["nearest"][3]}
    assert others == set(planted_task.vectors().words) - {"queen"}
    none = answer_of(planted_task, "nearest", word=["king", "zork"], k=[0, 9])
    assert none["nearest"].shape == (2, 0)


def test_analogy_is_that_of_the_vectors(planted_task):
    vectors = planted_task.vectors()
    random = np.random.default_rng(0)
    questions = random.choice(vectors.words, (60, 3)).tolist()
    questions += [["man", "woman", "king"], ["king", "king", "queen"]]
    a, b, c = zip(*questions, strict=True)
    answer = answer_of(planted_task, "analogy", a=a, b=b, c=c)
    for row, question in enumerate(questions):
        ((word, score),) = vectors.analogy(*question, k=1)
        assert answer["d"][row].decode() == word
        assert answer["score"][row] == pytest.approx(score, abs=1e-5)
    assert answer["d"][-2] == b"queen"
    one = answer_of(planted_task, "analogy", a=["man"], b=["zork"], c=["king"])
    assert (one["d"].tolist(), one["score"].tolist()) == ([b""], [0])
    assert not one["known"].any()


def test_a_text_is_the_mean_of_its_words(planted_task):
    vectors = planted_task.vectors()
    texts = ["The king's men: king, QUEEN - zork!", "zork", "", "rain"]
    answer = answer_of(planted_task, "text", text=texts)
    words = ["the", "king", "queen"]
    expected = np.mean([vectors[word] for word in words], axis=0)
    np.testing.assert_allclose(answer["vectors"][0], expected, atol=1e-6)
    assert answer["count"].tolist() == [3, 0, 0, 1]
    assert not answer["vectors"][1:3].any()
    np.testing.assert_array_equal(answer["vectors"][3], vectors["rain"])


def test_words_are_known_in_any_form_of_their_letters(planted_task):
    answer = answer_of(planted_task, "serving_default", words=ODD)
    assert answer["known"].tolist() == KNOWN
    king = planted_task.vectors()["king"]
    for row, known in enumerate(KNOWN):
        np.testing.assert_array_equal(answer["vectors"][row], king * known)


def test_without_folding_other_forms_are_other_words():
    vectors = np.eye(3)
    module = small_module(["King", "king", "ﬁn"], vectors, lowercase=False, nfkc=False)
    words = tf.constant(["King", "king", "KING", "fin", "ﬁn"])
    answer = module.endpoints["serving_default"](words)
    assert answer["known"].numpy().tolist() == [True, True, False, False, True]
    np.testing.assert_array_equal(answer["vectors"][0], vectors[0])


@pytest.mark.parametrize("signature", INPUTS)
def test_an_empty_batch_gets_an_empty_answer(planted_task, signature):
    answer = answer_of(
        planted_task, signature, **{name: [] for name in INPUTS[signature]}
    )
    full = answer_of(planted_task, signature, **INPUTS[signature])
    for name, output in answer.items():
        assert len(output) == 0 and output.dtype == full[name].dtype
        assert output.ndim == full[name].ndim


def test_a_vector_of_zeros_is_like_no_other():
    module = small_module(["a", "b", "c"], [[0, 0], [1, 0], [-1, 0]])
    word, k = tf.constant(["a", "b"]), tf.constant([2, 2])
    answer = module.endpoints["nearest"](word, k)
    np.testing.assert_array_equal(answer["scores"], [[0, 0], [0, -1]])


def test_an_analogy_of_all_words_has_no_answer():
    module = small_module(["a", "b"], [[1, 0], [0, 1]])
    a, b = tf.constant(["a"]), tf.constant(["b"])
    answer = module.endpoints["analogy"](a, b, a)
    assert answer["d"].numpy().tolist() == [b""] and answer["score"] == 0
    assert answer["known"].numpy().all()
    assert WordVectors(["a", "b"], np.eye(2)).analogy("a", "b", "a") == []


PHRASES = [
    {("rio", "de"): 9.0, ("new", "york"): 9.0, ("york", "times"): 9.0},
    {("rio_de", "janeiro"): 9.0, ("new_york", "times"): 9.0, ("a", "b"): 9.0},
]
WORDS = ["rio_de_janeiro", "new_york", "new_york_times", "times", "york", "rio", "a"]


@pytest.fixture(scope="module")
def phrased():
    """A module of those words, by one-hot vectors, and phrases."""
    return small_module(WORDS, np.eye(len(WORDS)), PHRASES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rio de Janeiro", ["rio_de_janeiro"]),  # though no word is rio_de
        ("rio de", []),  # what training dropped as too rare
        ("New York, times", ["new_york_times"]),
        ("new new york york times", ["new_york"]),  # york_times is no known word
        ("a new york", ["a", "new_york"]),
        ("a b", []),
        ("york", ["york"]),
        ("new_york", ["new_york"]),  # the underscore separates, so it is joined
        ("", []),
    ],
)
def test_phrases_of_a_text_are_joined_as_in_training(phrased, text, expected):
    assert bags(phrased, WORDS, [text]) == [sorted(expected)]


def test_phrases_of_any_text_are_joined_as_in_training():
    letters, random = list("abcd"), np.random.default_rng(3)
    pairs = [(one, other) for one in letters for other in letters]
    first = {pair: 1.0 for pair in pairs[::2]}
    second = {(f"{a}_{b}", c): 1.0 for a, b in list(first)[::2] for c in letters[1:]}
    second |= {pair: 1.0 for pair in pairs[1::4]}
    tables = [first, {}, second]
    texts = [
        " ".join(random.choice(letters, length))
        for length in random.integers(1, 12, 300)
    ]
    joined = [join_phrases(text.split(), tables) for text in texts]
    words = sorted(set(sum(joined, [])))
    module = small_module(words, np.eye(len(words)), tables)
    # One batch: no phrase reaches into the next text.
    assert bags(module, words, texts) == [sorted(each) for each in joined]


def test_a_whole_phrase_is_a_word_to_ask_for(phrased):
    words = tf.constant(["New_York", "new york", "york"])
    answer = phrased.endpoints["serving_default"](words)
    assert answer["known"].numpy().tolist() == [True, False, True]
