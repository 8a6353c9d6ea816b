"""The language model of a run: learnt from text or read, kept, and put to use."""

import itertools

import numpy as np

from ...data.text.ngram import UNKNOWN, NGramModel
from ...data.text.ngram import characters as as_characters
from ...errors import UserError
from ...layers import TokenLanguageModel, WordLanguageModel

ORDERS = {"words": 3, "characters": 6, "pieces": 4}  # lengths of the longest n-grams
# What is tried where the weights are not given.
ALPHAS = (0.25, 0.5, 0.75, 1.0, 1.5)
BETAS = (0.0, 0.75, 1.5, 3.0)
_BLANK = "<blank>"  # no text has it
_LARGEST = 2**26  # numbers in a table of tokens: 512 MiB


def stored_file(run):
    """Returns where a run keeps its language model."""
    return run.path / "language_model.arpa"


def load_language_model(run, unit, tokens, config):
    """Returns the layer of the language model that a run keeps.

    Args:
        run: The `RunFolder`.
        unit: What its n-grams are of, `"words"` or `"tokens"`.
        tokens: The run's tokens.
        config: Its `TranscribeConfig`.

    Raises:
        UserError: if the file cannot be read.
    """
    ngrams = NGramModel.load(stored_file(run))
    return make_layer(ngrams, tokens, unit, alpha=config.alpha, beta=config.beta)


def fitting_unit(tokens):
    """Returns what the n-grams of a language model for some tokens had best be of.

    Args:
        tokens: The run's tokens.

    Returns:
        `"words"` where the tokens part them by a space of its own, else `"tokens"`.
    """
    return "tokens" if tokens.delimiter is None else "words"


def train_ngrams(texts, tokens, unit, *, order=None, min_count=1):
    """Learns an n-gram model from texts.

    Args:
        texts: Iterable of `str`, normalised.
        tokens: The run's tokens.
        unit: `"words"` or `"tokens"`.
        order: Length of the longest n-grams; as `ORDERS` if not given.
        min_count: Words that occur less often count as unknown ones.

    Returns:
        An `NGramModel`.

    Raises:
        UserError: if the texts hold nothing.
    """
    if unit == "words":
        kind = unit
        sentences = (text.split() for text in texts)
    else:
        kind, names = tokens.kind, token_names(tokens)
        sentences = ([names[label] for label in tokens.encode(text)] for text in texts)
    return NGramModel.train(sentences, order or ORDERS[kind], min_count)


def token_names(tokens):
    """Returns what each class of some tokens is called in an ARPA file."""
    strings = [
        "\u2581" * begins + string
        for begins, string in zip(tokens.starts_word, tokens.strings, strict=True)
    ]
    return [_BLANK, *as_characters(strings[1:])]


def make_layer(ngrams, tokens, unit, *, alpha, beta):
    """Returns the layer that scores texts while they are searched for.

    Args:
        ngrams: An `NGramModel`.
        tokens: The tokens of the classes.
        unit: `"words"` or `"tokens"`: what the model's n-grams are of.
        alpha: Weight of its log probabilities.
        beta: Added for each word or token.

    Returns:
        A `WordLanguageModel` or a `TokenLanguageModel`.

    Raises:
        UserError: if the model does not go with the tokens.
    """
    if unit == "tokens":
        names = token_names(tokens)
        known = set(ngrams.vocabulary)
        if not known & set(names):
            raise UserError(
                "the language model knows none of the run's tokens",
                mend="Use one of words, or one that was made with --unit tokens",
            )
        automaton = ngrams.automaton(names)
        if len(automaton.finals) * tokens.size > _LARGEST:
            raise UserError(
                f"the language model is too large: {len(automaton.finals):,} histories "
                f"of {tokens.size} tokens",
                mend="Lower --order",
            )
        return TokenLanguageModel.from_automaton(automaton, alpha=alpha, beta=beta)
    if tokens.delimiter is None:
        raise UserError(
            "a language model of words needs a recogniser of characters with a space",
            mend="Use --unit tokens",
        )
    words = [UNKNOWN, *ngrams.vocabulary]
    spellings = [
        [] if tokens.unknown(word) else tokens.encode(word) for word in words[1:]
    ]
    if not any(spellings):
        raise UserError(
            "the run cannot write a word of the language model",
            mend="Look at its language and its case",
        )
    return WordLanguageModel.from_automaton(
        ngrams.automaton(words),
        [[], *spellings],
        tokens.size,
        tokens.delimiter,
        alpha=alpha,
        beta=beta,
    )


def heard_texts(batches, decode, *options):
    """Returns the texts of batches, a list of `str` in the order of their rows.

    Args:
        batches: List of `(logits, lengths)`.
        decode: Function from those two and the options to texts, string `[N]`.
        *options: What else it takes.
    """
    return [
        text.decode(errors="replace")
        for logits, lengths in batches
        for text in decode(logits, lengths, *options).numpy()
    ]


def choose_weights(batches, texts, search, spell, error_rate, alphas, betas):
    """Tries weights of a language model on recordings and returns the best.

    Args:
        batches: List of `(logits, lengths)`: float32 `[N, S, classes]`, int32 `[N]`.
        texts: What is said in them, a list of `str` in the order of their rows.
        search: A `PrefixBeamSearch` with a language model.
        spell: Function from labels int32 `[N, S]` to texts, string `[N]`.
        error_rate: Function from references and hypotheses to a number; the smallest
            is best.
        alphas: What to try for `alpha`.
        betas: What to try for `beta`.

    Returns:
        `(alpha, beta, rate)`.
    """
    import tensorflow as tf

    layer = search.language_model
    weights = layer.alpha, layer.beta

    # With weights that are tensors one graph serves all of them.
    @tf.function(reduce_retracing=True, autograph=False)
    def decode(logits, lengths, alpha, beta):
        layer.alpha, layer.beta = alpha, beta
        return spell(search(logits, lengths)["labels"][:, 0])

    found = []
    try:
        for alpha, beta in itertools.product(alphas, betas):
            heard = heard_texts(batches, decode, np.float32(alpha), np.float32(beta))
            found.append((error_rate(texts, heard), alpha, beta))
    finally:
        layer.alpha, layer.beta = weights
    rate, alpha, beta = min(found)
    return alpha, beta, rate
