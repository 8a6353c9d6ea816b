"""From the labels of a CTC decoder to texts and words, inside the graph."""

import tensorflow as tf


class Spelling:
    """Writes texts and words with a set of tokens, batch by batch.

    Args:
        tokens: `CharacterTokens` or `PieceTokens`.
        step_seconds: Seconds from a frame of labels to the next.
    """

    def __init__(self, tokens, step_seconds):
        self._strings = tf.constant(
            [
                " " * begins + string
                for begins, string in zip(
                    tokens.starts_word, tokens.strings, strict=True
                )
            ]
        )
        self._bare = tf.constant(tokens.strings)
        self._starts_word = tf.constant(tokens.starts_word)
        self._is_space = tf.constant(tokens.is_space)
        self._step_seconds = step_seconds

    def texts(self, labels):
        """Returns the texts of labels.

        Args:
            labels: int32 `[..., T]`, with -1 from a text's end on.

        Returns:
            string `[...]`, without spaces at the ends and with single ones inside.
        """
        return tidy(self.raw_texts(labels))

    def raw_texts(self, labels):
        """Returns the texts of labels as they are, with -1 anywhere for none."""
        strings = tf.gather(self._strings, tf.maximum(labels, 0))
        strings = tf.where(labels >= 0, strings, "")
        return tf.strings.reduce_join(strings, axis=-1)

    def words(self, labels, starts, ends, confidence):
        """Returns the words of labels with their times.

        Args:
            labels: int32 `[N, T]`, with -1 from a text's end on.
            starts: int32 `[N, T]`, each symbol's first frame.
            ends: int32 `[N, T]`, the frame after its last.
            confidence: float32 `[N, T]`, its probability.

        Returns:
            A dict, W being the most words of a row: `words` string `[N, W]`;
            `word_starts` and `word_ends` float32 `[N, W]`, seconds;
            `word_confidence` float32 `[N, W]`, the mean of its symbols';
            `word_count` int32 `[N]`. Behind a row's words are empty strings and
            zeros.
        """
        classes = tf.maximum(labels, 0)
        in_word = (labels >= 0) & ~tf.gather(self._is_space, classes)
        # A word also begins where there was none in the frame before.
        gap = tf.pad(~in_word[:, :-1], [[0, 0], [1, 0]], constant_values=True)
        begins = tf.gather(self._starts_word, classes)
        begins = in_word & (gap[:, : tf.shape(labels)[1]] | begins)
        place = tf.cumsum(tf.cast(begins, tf.int32), axis=1) - 1
        count = tf.reduce_sum(tf.cast(begins, tf.int32), axis=1)
        rows, most = tf.size(count), tf.reduce_max(tf.concat([count, [0]], 0))
        segments = tf.boolean_mask(place + tf.range(rows)[:, None] * most, in_word)
        shape = rows, most

        def join(values, combine):
            picked = tf.boolean_mask(values, in_word)
            return tf.reshape(combine(picked, segments, rows * most), shape)

        def times(frames, combine):
            found = tf.cast(join(frames, combine), tf.float32) * self._step_seconds
            return tf.where(tf.range(most) < count[:, None], found, 0.0)

        return {
            "words": join(
                tf.gather(self._bare, classes), tf.strings.unsorted_segment_join
            ),
            "word_starts": times(starts, tf.math.unsorted_segment_min),
            "word_ends": times(ends, tf.math.unsorted_segment_max),
            "word_confidence": join(confidence, tf.math.unsorted_segment_mean),
            "word_count": count,
        }


def tidy(texts):
    """Removes spaces at the ends of texts, and all but one of those inside."""
    return tf.strings.regex_replace(tf.strings.strip(texts), " +", " ")
