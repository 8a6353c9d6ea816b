"""Characters and pieces, against SentencePiece itself and cases worked by hand."""

import subprocess
import sys

import pytest
import sentencepiece

from amalthea.errors import UserError
from amalthea.pipelines.transcribe.tokens import (
    CharacterTokens,
    PieceTokens,
    TextNormalizer,
    alphabet,
    load_tokens,
)

TEXTS = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "a cat and a dog ran to the mat",
    "don't let the cat out",
    "an open door and a logged-in user",
] * 4
SIZE = 29


@pytest.fixture(scope="module")
def pieces():
    return PieceTokens.train(TEXTS, SIZE)


def test_characters_by_hand():
    tokens = CharacterTokens(" 'abc")
    assert tokens.size == 6
    assert tokens.strings == ["", " ", "'", "a", "b", "c"]
    assert tokens.is_space == [False, True, False, False, False, False]
    assert tokens.starts_word == [False] * 6
    assert tokens.delimiter == 1
    assert tokens.encode("ab cä") == [3, 4, 1, 5]
    assert tokens.decode([3, 0, 4, 1, 0, 5]) == "ab c"
    assert tokens.unknown("ab cäöä") == {"ä", "ö"}


def test_characters_without_a_space():
    assert CharacterTokens("01").delimiter is None


@pytest.mark.parametrize("characters", ["", "aba"])
def test_characters_that_are_no_alphabet(characters):
    with pytest.raises(ValueError, match=f"characters={characters!r}"):
        CharacterTokens(characters)


def test_pieces_are_those_of_sentencepiece(pieces, tmp_path):
    pieces.save(tmp_path)
    model = sentencepiece.SentencePieceProcessor(str(tmp_path / "pieces.model"))
    assert pieces.size == model.get_piece_size() == SIZE
    shown = [
        "\u2581" * starts + string
        for starts, string in zip(pieces.starts_word, pieces.strings, strict=True)
    ]
    assert shown[0] == ""
    assert shown[1:] == [model.id_to_piece(number) for number in range(1, SIZE)]
    for text in TEXTS:
        assert pieces.encode(text) == model.encode(text)
        assert pieces.decode(pieces.encode(text)) == text


def test_pieces_mark_where_words_start(pieces):
    labels = pieces.encode("the cat")
    assert all(0 < label < pieces.size for label in labels)
    assert sum(pieces.starts_word[label] for label in labels) == 2
    assert pieces.delimiter is None and len(pieces.starts_word) == pieces.size
    marks = zip(pieces.strings, pieces.starts_word, strict=True)
    # The mark alone.
    assert pieces.is_space == [begins and not string for string, begins in marks]


def test_pieces_leave_out_what_they_do_not_know(pieces):
    text = "the cät has 2 mats"
    assert pieces.unknown(text) == set("ä2h") - set("".join(TEXTS))
    assert pieces.decode(pieces.encode(text)) == "the ct has  mats"
    assert pieces.unknown("the cat") == set()


def test_blanks_are_left_out(pieces):
    labels = pieces.encode("the cat sat")
    spread = [label for each in labels for label in (0, each, 0)]
    assert pieces.decode(spread) == "the cat sat"


def test_the_same_texts_give_the_same_pieces(pieces):
    assert PieceTokens.train(iter(TEXTS), SIZE).strings == pieces.strings


def test_special_pieces_of_other_models_are_no_classes(tmp_path):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_prefix=str(tmp_path / "other"),
        vocab_size=SIZE,
        pad_id=3,
        minloglevel=3,
    )
    tokens = PieceTokens((tmp_path / "other.model").read_bytes())
    assert tokens.size == 1 + SIZE - 4  # no <unk>, <s>, </s> and <pad>
    assert not {"<unk>", "<s>", "</s>", "<pad>"} & set(tokens.strings)
    assert tokens.decode(tokens.encode("a dog sat")) == "a dog sat"


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [
        (TEXTS, 100_000, "100,000 pieces are too many for these texts. Ask for [0-9]+"),
        (TEXTS, 5, "5 pieces are too few for the texts' different characters. Ask fo"),
        (["", " "], 40, "there are no texts"),
    ],
)
def test_sizes_that_texts_cannot_give(texts, size, message, capfd):
    with pytest.raises(UserError, match=message):
        PieceTokens.train(texts, size)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("texts", [TEXTS, ["ab"], ["a b c"]])
def test_the_sizes_asked_for_instead_are_right(texts):
    for wrong in (1, 40, 100_000):
        with pytest.raises(UserError) as caught:
            PieceTokens.train(texts, wrong)
        size = int(caught.value.mend.split()[-1].replace(",", ""))
        assert PieceTokens.train(texts, size).size == size


def test_other_bytes_are_no_model():
    with pytest.raises(ValueError, match="received 4 other bytes"):
        PieceTokens(b"what")


def test_tokens_are_saved_and_loaded(pieces, tmp_path):
    characters = CharacterTokens(' "\\äあ')
    characters.save(tmp_path / "characters")
    pieces.save(tmp_path / "pieces")
    loaded = load_tokens(tmp_path / "characters", "characters")
    assert loaded.strings == characters.strings
    loaded = load_tokens(tmp_path / "pieces", "pieces")
    assert loaded.strings == pieces.strings
    assert loaded.encode(TEXTS[0]) == pieces.encode(TEXTS[0])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("characters.json", b'"aa"'),
        ("characters.json", b"[1"),
        ("characters.json", b"7"),
        ("characters.json", b'"\xff"'),
        ("pieces.model", b"what"),
        ("pieces.model", b""),
    ],
)
def test_damaged_files(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: is damaged"):
        load_tokens(tmp_path, name.partition(".")[0])


def test_no_files(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_tokens(tmp_path, "characters")


def test_what_another_training_left_is_not_taken(pieces, tmp_path):
    pieces.save(tmp_path)
    CharacterTokens("ab").save(tmp_path)
    assert load_tokens(tmp_path, "characters").strings == ["", "a", "b"]
    assert load_tokens(tmp_path, "pieces").strings == pieces.strings


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("  The\tCat\n sat. ", "the cat sat"),
        (
            "Don\u2019t \u2018stop\u2019 rock 'n' roll, o'clock",
            "don't stop rock n roll o'clock",
        ),
        (
            "well-known T-shirt \u2014 and/or 50% off!",
            "well known t shirt and or 50 off",
        ),
        ("(2+2) = $4 \u2026 \u00abja\u00bb _x_", "22 4 ja x"),
        ("e\u0301te\u0301 \u0130", "\u00e9t\u00e9 i\u0307"),
        ("...", ""),
    ],
)
def test_text_without_punctuation(text, plain):
    normalize = TextNormalizer(punctuation=False)
    assert normalize(text) == plain
    assert normalize(plain) == plain


def test_text_as_it_is_written():
    text = " \u201cDon\u2019t\u201d,\u00a0 he said - Twice. "
    assert (
        TextNormalizer(lowercase=False)(text)
        == "\u201cDon\u2019t\u201d, he said - Twice."
    )
    assert TextNormalizer()(text) == "\u201cdon\u2019t\u201d, he said - twice."


def test_alphabet():
    assert alphabet(["cab a", "b'a"]) == " 'abc"
    with pytest.raises(UserError, match="have no characters"):
        alphabet(["", ""])


def test_tensorflow_is_not_needed():
    code = (
        "import sys, amalthea.pipelines.transcribe.tokens as tokens;"
        "tokens.CharacterTokens('ab'); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
