"""The most likely texts, each with all its alignments."""

import keras
import numpy as np
from keras import ops

from ..precision import full_precision_policy
from .beams import INTEGER, unstack
from .collapse import decoded_shapes, decoded_spec, read_symbols
from .frame_table import FrameTable
from .history import run, trace
from .hot_words import HotWords
from .log_space import LEAST, LOG_ZERO, check_blank, check_logits, frame_log_probs
from .search import Search


@keras.saving.register_keras_serializable(package="amalthea")
class PrefixBeamSearch(keras.layers.Layer):
    """Decode CTC by a search for the most likely texts.

    A text's probability is the sum over all its alignments. After each frame the
    `beam_width` best prefixes are kept. Without language model and hot words this is
    what `tf.nn.ctc_beam_search_decoder` means to do; but that runs on CPUs only, and at
    times loses the extensions of a prefix (those of one that falls out of the beam
    before its turn has come), so that narrow beams may end in other texts.

    The score of a text is the logarithm of its probability, plus, where they are given,
    what the language model and the hot words add. Times and confidence are those of its
    most likely alignment.

    The time goes by `frames * beam_width` and the number of symbols that are looked at
    in a frame: `beam_width + 1` of them suffice, but with a language model or hot words
    it is all, which `max_symbols_per_frame` bounds. Frames in which no other prefix can
    enter the beam, most of those of a sure recogniser, take a fraction of the others'.

    Computed in float32 at least, whatever the policy.

    Args:
        beam_width: Number of prefixes that are kept.
        blank: The blank's class.
        n_best: Number of texts that are returned, at most `beam_width`.
        max_symbols_per_frame: Only so many of the likeliest symbols of a frame are
            added to prefixes; `None` for all.
        language_model: `TokenLanguageModel`, `WordLanguageModel` or `None`. Its
            weights are saved with this layer.
        hot_words: Words or phrases to expect, each a list of classes.
        hot_word_score: Added to the score of a text for each hot word in it.
        delimiter: The class between words, between which hot words stand; `None`
            finds hot words anywhere.

    Call arguments:
        logits: `[batch, frames, classes]`, float. Log probabilities will do.
        lengths: Number of frames of each row, `[batch]`, integer, or `None` for all.

    Output shape:
        A dict; the best text is the first. `labels` `[batch, n_best, frames]`, int32,
        with -1 from their end on; `lengths` `[batch, n_best]`, int32, the number of
        symbols; `starts` and `ends` `[batch, n_best, frames]`, int32, each symbol's
        first frame and the one after its last, with -1 likewise; `confidence`
        `[batch, n_best, frames]`, the mean probability of a symbol in its frames,
        with 0 likewise; `scores` `[batch, n_best]`, -1e30 where there are fewer texts,
        which are empty then.

    Raises:
        ValueError: If an argument is not as above.

    Reference:
        Graves, 2012, "Supervised Sequence Labelling with Recurrent Neural Networks",
        section 7.5; Hannun et al., 2014, "First-Pass Large Vocabulary Continuous Speech
        Recognition using Bi-Directional Recurrent DNNs".
    """

    def __init__(
        self,
        beam_width=100,
        blank=0,
        n_best=1,
        max_symbols_per_frame=None,
        language_model=None,
        hot_words=(),
        hot_word_score=10.0,
        delimiter=None,
        dtype=None,
        **kwargs,
    ):
        super().__init__(dtype=full_precision_policy(dtype), **kwargs)
        check_blank(blank)
        if beam_width < 1:
            raise ValueError(
                "Invalid value for `beam_width`: expected at least 1, "
                f"received beam_width={beam_width}"
            )
        if not 1 <= n_best <= beam_width:
            raise ValueError(
                f"Invalid value for `n_best`: expected 1 to {beam_width} (the beam's "
                f"width), received n_best={n_best}"
            )
        if max_symbols_per_frame is not None and max_symbols_per_frame < 1:
            raise ValueError(
                "Invalid value for `max_symbols_per_frame`: expected at least 1 or "
                f"None, received max_symbols_per_frame={max_symbols_per_frame}"
            )
        if any(len(word) == 0 for word in hot_words):
            raise ValueError(
                "Invalid value for `hot_words`: expected words of one symbol or more, "
                f"received hot_words={hot_words}"
            )
        self.beam_width = beam_width
        self.blank = blank
        self.n_best = n_best
        self.max_symbols_per_frame = max_symbols_per_frame
        self.language_model = language_model
        self.hot_words = [list(word) for word in hot_words]
        self.hot_word_score = hot_word_score
        self.delimiter = delimiter

    def build(self, logits_shape):
        check_logits(logits_shape, self.blank)
        classes = logits_shape[-1]
        used = {symbol for word in self.hot_words for symbol in word}
        if not used | {self.delimiter or 0} <= set(range(classes)):
            raise ValueError(
                "Invalid value for `hot_words`: expected classes below "
                f"{classes}, received hot_words={self.hot_words}, "
                f"delimiter={self.delimiter}"
            )
        if self.language_model is not None:
            if self.language_model.classes != classes:
                raise ValueError(
                    "Invalid value for `logits`: expected the language model's "
                    f"{self.language_model.classes} classes, received {classes}"
                )
            self.language_model.build()
        self._hot_words = None
        if self.hot_words:
            words = self.hot_words, self.hot_word_score
            self._hot_words = HotWords(*words, classes, self.delimiter)

    def call(self, logits, lengths=None):
        frames = ops.shape(logits)[1]
        log_probs = frame_log_probs(logits, lengths, self.blank)
        table = FrameTable(log_probs, self.blank, self._symbol_limit, INTEGER)
        # Nothing happens after the longest row's end.
        end = frames if lengths is None else ops.max(lengths, initial=0)
        end = ops.minimum(ops.cast(end, "int32"), frames)
        options = self.beam_width, self.blank, self._scorers, end, log_probs.dtype
        search = Search(table, *options)
        beams, history = run(search, frames)
        scores, places = self._best(beams)
        labels, is_start = trace(search, history, places, frames)
        return self._outputs(log_probs, labels, is_start, scores)

    def compute_output_spec(self, logits, lengths=None):
        shapes = self.compute_output_shape(logits.shape)
        return decoded_spec(shapes, self.compute_dtype)

    def compute_output_shape(self, logits_shape):
        return decoded_shapes(logits_shape, self.n_best)

    def get_config(self):
        return {
            **super().get_config(),
            "beam_width": self.beam_width,
            "blank": self.blank,
            "n_best": self.n_best,
            "max_symbols_per_frame": self.max_symbols_per_frame,
            "language_model": keras.saving.serialize_keras_object(self.language_model),
            "hot_words": [list(word) for word in self.hot_words],
            "hot_word_score": self.hot_word_score,
            "delimiter": self.delimiter,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        model = config.pop("language_model", None)
        model = keras.saving.deserialize_keras_object(model)
        return cls(language_model=model, **config)

    @property
    def _scorers(self):
        scorers = (self.language_model, self._hot_words)
        return [scorer for scorer in scorers if scorer is not None]

    @property
    def _symbol_limit(self):
        """How many symbols of a frame are looked at."""
        if self.max_symbols_per_frame is not None or self._scorers:
            return self.max_symbols_per_frame or np.inf
        # An extension by a symbol that is less likely than so many others is worse than
        # those by them, of which at most one has to repeat the last symbol.
        return self.beam_width + 1

    def _best(self, beams):
        """Scores and places of the best texts."""
        scores = unstack(beams.chances).total
        if self._scorers:
            scores = scores + beams.fusion.score
            for scorer, state in zip(self._scorers, beams.fusion.states, strict=True):
                scores += ops.cast(scorer.finish(state), scores.dtype)
        scores, chosen = ops.top_k(scores, self.n_best)
        return scores, ops.cast(chosen, INTEGER)

    def _outputs(self, log_probs, labels, is_start, scores):
        batch, frames, classes = ops.shape(log_probs)
        exists = scores > LEAST
        rows = (batch * self.n_best, frames)

        def by_row(x):
            return ops.reshape(ops.transpose(x, (1, 2, 0)), rows)

        exists_row = ops.reshape(exists, (batch * self.n_best, 1))
        labels = ops.where(exists_row, by_row(labels), self.blank)
        is_start = by_row(is_start) & exists_row
        repeated = ops.reshape(labels, (batch, self.n_best, frames))
        repeated = ops.transpose(repeated, (0, 2, 1))
        of_labels = ops.take_along_axis(log_probs, repeated, axis=-1)
        of_labels = ops.reshape(ops.transpose(of_labels, (0, 2, 1)), rows)
        symbols = read_symbols(labels, is_start, of_labels, self.blank)
        outputs = {
            name: ops.reshape(value, (batch, self.n_best, frames))
            for name, value in symbols.items()
            if name != "lengths"
        }
        outputs["lengths"] = ops.reshape(symbols["lengths"], (batch, self.n_best))
        outputs["scores"] = ops.where(exists, scores, LOG_ZERO)
        return outputs
