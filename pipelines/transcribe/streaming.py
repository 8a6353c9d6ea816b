"""Speech recognition while somebody speaks: a state in, a state out."""

import zlib

import numpy as np
import tensorflow as tf

from ...data.audio.wav import TOO_LOUD, checked_samples
from ...serving.module import apply_model
from .model import left_context

_FLOAT, _LABEL = 4, 2  # bytes
# A state is numbers, float32: the mark of the model, how many of the samples no step
# has had yet, the last label, the last samples, the state of the encoder. After them
# come the labels of the text so far, uint16; no bytes of theirs are a bad text.
_MARK, _PENDING, _LAST, _FIXED = 0, 1, 2, 3
_END = "."  # numpy cuts zero bytes off the end of a string


class StreamingRecognizer:
    """Hears one piece of a recording after the other, and keeps nothing in between.

    All that it has to remember goes out as bytes and comes back with the next piece,
    so pieces may go to any server of the same model. Pieces of whatever sizes give the
    text of the whole, by greedy decoding.

    Args:
        model: The acoustic model of a config whose `model` is `streaming`.
        config: Its `TranscribeConfig`.
        spelling: A `Spelling` of the tokens.

    Attributes:
        serve: A `tf.function` that takes `samples` float32 `[N, T]`, the next piece
            of each recording, mono, -1 to 1, at the model's rate, padded; `lengths`
            int32 `[N]`, how many samples a row has, all where negative; and
            `state_bytes` string `[N]`, what came back with the piece before, empty
            for the first. What lies behind a row's length is not heard. It returns
            `text` string `[N]`, the text so far; `state_bytes` string `[N]`; `valid`
            bool `[N]`, false for a state that is not of this model or samples that
            are no audio; and `error` string `[N]`. The text of a row that is not
            valid is empty, and so is its state.
    """

    def __init__(self, model, config, spelling):
        self._step, self._before = config.step_length, left_context(config)
        # The most samples before a piece that a step may look at.
        self._kept = self._before + self._step - 1
        self._front_end = [model.get_layer("front_end")]
        if config.scope != "none":
            self._front_end.append(model.get_layer("normalization"))
        self._subsampling = model.get_layer("subsampling")
        self._encoder = model.get_layer("encoder")
        self._logits = model.get_layer("logits")
        self._size = _FIXED + self._kept + self._encoder.state_size
        # States of other models would be taken for this one's.
        kernel = model.get_layer("logits").get_weights()[0]
        self._mark = float(zlib.crc32(kernel.tobytes()) % 2**24)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.float32, "samples"),
                tf.TensorSpec([None], tf.int32, "lengths"),
                tf.TensorSpec([None], tf.string, "state_bytes"),
            ],
            autograph=False,
        )
        def serve(samples, lengths, state_bytes):
            numbers, labels, known = self._unpack(state_bytes)
            samples, lengths, sane = checked_samples(samples, lengths)
            valid = known & sane
            new, numbers = apply_model(self._hear, (samples, lengths, numbers))
            labels = tf.concat([labels, new], axis=1)
            error = tf.where(sane, "", TOO_LOUD)
            return {
                "text": tf.where(valid, spelling.texts(labels), ""),
                "state_bytes": tf.where(valid, _pack(numbers, labels), ""),
                "valid": valid,
                "error": tf.where(known, error, "not a state of this model"),
            }

        self.serve = serve

    def _unpack(self, state_bytes):
        """Returns the numbers of states, their labels, and whether they are whole."""
        size = _FLOAT * self._size
        is_new = tf.equal(state_bytes, "")
        # What is too short is filled up with zeros.
        numbers = tf.io.decode_raw(state_bytes, tf.float32, fixed_length=size)
        rest = tf.strings.length(state_bytes) - size - len(_END)
        whole = (rest >= 0) & tf.equal(rest % _LABEL, 0)
        whole &= tf.reduce_all(tf.math.is_finite(numbers), axis=1)
        whole &= tf.equal(numbers[:, _MARK], self._mark)
        rest = tf.where(whole, rest, 0)
        contents = tf.where(whole, state_bytes, _END * (size + 1))
        heard = tf.strings.substr(contents, tf.fill(tf.shape(rest), size), rest)
        longest = tf.maximum(tf.reduce_max(rest), _LABEL)
        labels = tf.io.decode_raw(heard, tf.uint16, fixed_length=longest)
        labels = tf.cast(labels, tf.int32)
        whole &= tf.reduce_all(labels < self._logits.units, axis=1)
        labels = tf.where(whole[:, None] & (labels > 0), labels, -1)
        return tf.where(whole[:, None], numbers, 0.0), labels, whole | is_new

    def _hear(self, inputs, training):
        """Returns the new labels, -1 where there is none, and the new numbers."""
        samples, sizes, numbers = inputs
        size = tf.shape(samples)[1]
        last = tf.cast(numbers[:, _LAST], tf.int32)
        pending = tf.cast(numbers[:, _PENDING], tf.int32)
        pending = tf.clip_by_value(pending, 0, self._step - 1)
        steps = (pending + sizes) // self._step
        together = tf.concat(
            [numbers[:, _FIXED : _FIXED + self._kept], samples], axis=1
        )
        # What the first step looks at begins elsewhere in each row.
        places = tf.range(self._before + self._step + size)
        places += (self._kept - self._before - pending)[:, None]
        places = tf.minimum(places, self._kept + size - 1)
        x = tf.gather(together, places, batch_dims=1)
        lengths = self._before + pending + sizes
        for layer in self._front_end:
            x = layer(x, lengths=lengths)
            lengths = getattr(layer, "output_lengths", tf.identity)(lengths)
        x = self._subsampling(x, lengths=lengths)
        x, state = self._encoder(
            x,
            lengths=steps,
            initial_state=numbers[:, _FIXED + self._kept :],
            return_state=True,
        )
        labels = tf.argmax(self._logits(x), axis=-1, output_type=tf.int32)
        before = tf.concat([last[:, None], labels], axis=1)
        there = tf.range(tf.shape(labels)[1]) < steps[:, None]
        is_new = there & (labels > 0) & (labels != before[:, :-1])
        facts = {
            _MARK: tf.fill(tf.shape(last), self._mark),
            _PENDING: tf.cast(pending + sizes - steps * self._step, tf.float32),
            _LAST: tf.cast(tf.gather(before, steps, batch_dims=1), tf.float32),
        }
        facts = tf.stack([facts[place] for place in range(_FIXED)], axis=1)
        # The last samples before each row's own end.
        places = sizes[:, None] + tf.range(self._kept)
        kept = tf.gather(together, places, batch_dims=1)
        numbers = tf.concat([facts, kept, state], axis=1)
        return tf.where(is_new, labels, -1), numbers


def _pack(numbers, labels):
    """Returns states as bytes; labels of -1 are none."""
    # As objects: numpy would cut the zero byte off.
    single_bytes = tf.constant(
        np.array([bytes([number]) for number in range(256)], object)
    )

    def joined(values):
        octets = tf.cast(tf.bitcast(values, tf.uint8), tf.int32)
        return tf.strings.reduce_join(tf.gather(single_bytes, octets), axis=-1)

    heard = joined(tf.cast(tf.maximum(labels, 0), tf.uint16))
    heard = tf.where(labels > 0, heard, "")
    parts = [joined(numbers), heard, tf.fill(tf.shape(labels[:, :1]), _END)]
    return tf.strings.reduce_join(tf.concat(parts, axis=1), axis=1)
