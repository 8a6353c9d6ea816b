"""A corpus as lists of words, split while the ones before are worked on."""

from ..threads import ordered_map
from .tokenizer import make_tokenizer

_WORKERS = 2


def stream_words(corpus, options, phrases=()):
    """Splits a corpus into words, in order.

    Args:
        corpus: A `Corpus`.
        options: `TokenizerOptions`.
        phrases: Tables of `learn_phrases`, joined in turn.

    Yields:
        For each chunk of the corpus its documents, a list of lists of `str`
        (those without words are left out), and the number of their words before
        phrases were joined.
    """
    import tensorflow as tf

    tokenize = tf.function(
        make_tokenizer(options), input_signature=[tf.TensorSpec([None], tf.string)]
    )

    def split(chunk):
        texts = (text.decode() for text in tokenize(tf.constant(chunk)).numpy())
        return [text.split(" ") for text in texts if text]

    for documents in ordered_map(split, corpus.chunks(), _WORKERS):
        count = sum(map(len, documents))
        if phrases:
            documents = [join_phrases(words, phrases) for words in documents]
        yield documents, count


def join_phrases(words, tables):
    """Joins the phrases of a document by `_`.

    From the left, each pair that a table has becomes one word, which is no part
    of another pair of the same table.

    Args:
        words: List of `str`.
        tables: What `learn_phrases` returned; each works on what those before it
            joined.

    Returns:
        List of `str`.
    """
    for table in tables:
        joined, last = [], None
        for word in words:
            if last is not None and (last, word) in table:
                joined[-1], last = f"{last}_{word}", None
            else:
                joined.append(word)
                last = word
        words = joined
    return words
