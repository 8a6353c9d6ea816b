"""Beam search with language models beside pyctcdecode: word errors and speed.

    AMALTHEA_DATA=... python benchmarks/ctc_language_model.py [--peer-python PYTHON]

A model of the words of Multi30k's English training sentences (order 3) is written as an
ARPA file, which both read. What is decoded are sentences of the validation part that
are not among those, as a recogniser of characters might hear them: frames of drawn
noise, in which a symbol is now and then passed over, taken for one of a few others that
sound like it, or made up. Nothing is tuned on these sentences.

Both take the same logits, beam width, alpha and beta; other options are the defaults of
each. They decode the same batches in turns. pyctcdecode has a process for each core.
`ratio` is its seconds by those of this package, for the decoder with the same sort of
model. `--peer-python` names a Python that has pyctcdecode and kenlm.
"""

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from amalthea.data.text.ngram import NGramModel, characters
from amalthea.layers.ctc import (
    GreedyDecoder,
    PrefixBeamSearch,
    TokenLanguageModel,
    WordLanguageModel,
)
from amalthea.pipelines.transcribe.scores import (
    character_error_rate,
    word_error_rate,
)

HERE = Path(__file__).parent
ALPHABET = "abcdefghijklmnopqrstuvwxyz' "
BLANK, DELIMITER, CLASSES = 0, len(ALPHABET), len(ALPHABET) + 1
# Letters that are taken for each other.
ALIKE = ("aeiou", "yi", "bdpt", "gkcq", "sz", "fv", "mn", "lrw", "jg", "ht", "xs", "' ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--sentences", type=int, default=192)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--beam-width", type=int, default=100)
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--beta", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    root = Path(os.environ["AMALTHEA_DATA"], "translation", "multi30k").resolve()
    train = read_sentences(root / "train.en.gz")
    known = set(train)
    heard = [text for text in read_sentences(root / "val.en.gz") if text not in known]
    heard = sorted(heard[: arguments.sentences], key=len)
    rng = np.random.default_rng(arguments.seed)
    logits = [hear(text, rng) for text in heard]
    with tempfile.TemporaryDirectory() as folder:
        words = NGramModel.train([text.split() for text in train], order=3)
        words.save(Path(folder, "words.arpa"))
        peer = start_peer(arguments, Path(folder), logits, words.vocabulary)
        decoders = make_decoders(arguments, words, train) | {
            "pyctcdecode": lambda _, numbers: ask(peer, False, numbers),
            "pyctcdecode, words": lambda _, numbers: ask(peer, True, numbers),
        }
        texts, seconds = decode(decoders, logits, arguments.batch)
        peer.stdin.close()
        peer.wait()
    unknown = [word for text in heard for word in text.split()]
    unknown = np.mean([word not in words.vocabulary for word in set(unknown)])
    print(f"{len(heard)} sentences, {unknown:.1%} of their different words unknown")
    print("decoder | WER | CER | seconds | ratio")
    for name, found in texts.items():
        peer_name = "pyctcdecode, words" if ", " in name else "pyctcdecode"
        print(
            f"{name} | {word_error_rate(heard, found):.2%} | "
            f"{character_error_rate(heard, found):.2%} | {seconds[name]:.2f} | "
            f"{seconds[peer_name] / seconds[name]:.1f}"
        )


def read_sentences(path):
    """The lines of a file in the letters of the alphabet."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [re.sub("[^a-z' ]", " ", line.lower()) for line in file]
    return [" ".join(line.split()) for line in lines if line.split()]


def hear(text, rng):
    """Logits of frames, float32 `[frames, classes]`."""
    frames = [blank_frame(rng)]
    before = None
    for symbol in text:
        if symbol == before or rng.uniform() < 0.7:
            frames += [blank_frame(rng) for _ in range(rng.integers(1, 3))]
        before = symbol
        height = rng.normal(7, 1)
        if rng.uniform() < 0.03:
            height -= 5
        rivals = [
            ALPHABET.index(x) for group in ALIKE if symbol in group for x in group
        ]
        rival = rng.choice(rivals) if rivals else rng.integers(len(ALPHABET))
        lead = rng.normal(2.5, 2.0)
        for _ in range(rng.integers(1, 3)):
            frame = rng.normal(0, 1, CLASSES)
            frame[BLANK] += 3
            frame[1 + rival] = max(frame[1 + rival], height - lead + rng.normal(0, 0.5))
            frame[1 + ALPHABET.index(symbol)] += height
            frames.append(frame)
    return np.array([*frames, blank_frame(rng)], np.float32)


def blank_frame(rng):
    frame = rng.normal(0, 1, CLASSES)
    frame[BLANK] += 7
    if rng.uniform() < 0.03:
        frame[rng.integers(1, CLASSES)] += rng.normal(6, 1)
    return frame


def make_decoders(arguments, words, train):
    """From names to functions of the logits of some utterances."""
    vocabulary = ["<unk>", *words.vocabulary]
    spellings = [[1 + ALPHABET.index(x) for x in word] for word in words.vocabulary]
    weights = {"alpha": arguments.alpha, "beta": arguments.beta}
    of_words = WordLanguageModel.from_automaton(
        words.automaton(vocabulary), [[], *spellings], CLASSES, DELIMITER, **weights
    )
    letters = NGramModel.train([characters(text) for text in train], order=6)
    tokens = ["<blank>", *characters(ALPHABET)]
    # A text of as many words has more symbols: the same bonus is less for each.
    length = np.mean([len(word) + 1 for text in train for word in text.split()])
    weights["beta"] /= length
    of_letters = TokenLanguageModel.from_automaton(letters.automaton(tokens), **weights)
    layers = {
        "greedy": GreedyDecoder(),
        "beam": PrefixBeamSearch(arguments.beam_width),
        "beam, words": PrefixBeamSearch(arguments.beam_width, language_model=of_words),
        "beam, letters": PrefixBeamSearch(
            arguments.beam_width, language_model=of_letters
        ),
    }
    return {name: decoder_of(layer) for name, layer in layers.items()}


def decoder_of(layer):
    signature = [
        tf.TensorSpec([None, None, CLASSES], tf.float32),
        tf.TensorSpec([None], tf.int32),
    ]
    layer.build(signature[0].shape)
    function = tf.function(
        lambda *inputs: layer(*inputs)["labels"][:, 0],
        autograph=False,
        input_signature=signature,
    )

    def decode(logits, numbers):
        begun = time.perf_counter()
        lengths = np.array([len(x) for x in logits], np.int32)
        inputs = np.zeros((len(logits), lengths.max(), CLASSES), np.float32)
        for row, x in zip(inputs, logits, strict=True):
            row[: len(x)] = x
        labels = function(inputs, lengths).numpy()
        texts = ["".join(ALPHABET[i - 1] for i in row[row >= 0]) for row in labels]
        return [" ".join(text.split()) for text in texts], time.perf_counter() - begun

    return decode


def start_peer(arguments, folder, logits, unigrams):
    """The process that decodes by pyctcdecode."""
    np.savez(folder / "logits.npz", **{str(i): x for i, x in enumerate(logits)})
    settings = {
        "labels": ["", *ALPHABET],
        "arpa": str(folder / "words.arpa"),
        "unigrams": unigrams,
        "alpha": arguments.alpha,
        "beta": arguments.beta,
        "beam_width": arguments.beam_width,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    worker = HERE / "pyctcdecode_worker.py"
    return subprocess.Popen(
        [
            *(arguments.peer_python, worker),
            *(folder / "logits.npz", folder / "settings.json"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ask(peer, has_model, numbers):
    """Texts of some utterances, and the seconds that they took."""
    peer.stdin.write(json.dumps([has_model, numbers]) + "\n")
    peer.stdin.flush()
    answer = json.loads(peer.stdout.readline())
    return answer["texts"], answer["seconds"]


def decode(decoders, logits, batch):
    """Texts and seconds of each decoder, which take the batches in turns."""
    batches = [
        list(range(begin, min(begin + batch, len(logits))))
        for begin in range(0, len(logits), batch)
    ]
    texts = {name: [] for name in decoders}
    seconds = dict.fromkeys(decoders, 0.0)
    for decoder in decoders.values():
        # What is done once is not counted.
        decoder([logits[i] for i in batches[0]], batches[0])
    for numbers in batches:
        for name, decoder in decoders.items():
            found, taken = decoder([logits[i] for i in numbers], numbers)
            texts[name] += found
            seconds[name] += taken
    return texts, seconds


if __name__ == "__main__":
    main()
