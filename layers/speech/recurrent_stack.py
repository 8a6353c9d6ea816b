"""Recurrent layers one on another, over whole utterances or a stream's pieces."""

import keras
from keras import ops

from ..audio.checks import check_argument, check_features
from ..audio.padding import full_lengths, sequence_mask, zero_padding
from ..sizes import at_least_0

# Each cell's layer, and how many vectors its state is.
CELLS = {"gru": (keras.layers.GRU, 1), "lstm": (keras.layers.LSTM, 2)}


@keras.saving.register_keras_serializable(package="amalthea")
class RecurrentStack(keras.layers.Layer):
    """Stack GRU or LSTM layers, normalised and with dropout.

    The inputs of each recurrent layer are layer normalised, its outputs dropped out.
    The outputs of both directions are summed, as Deep Speech 2 does, so that they are
    as wide as those of one.

    An utterance gives the same in any batch, whatever its padding holds. A backward
    layer reads each utterance from its own end, so no layer needs a mask: on GPUs the
    cuDNN kernels of Keras apply, with no utterance too short for them.

    A stack of one direction also goes on where it stopped: the state after a piece of
    a stream is one tensor to be given with the next, and the outputs are those of the
    whole stream at once.

    Args:
        units: Size of a frame of the outputs.
        layers: Number of recurrent layers.
        cell: `"gru"` or `"lstm"`.
        bidirectional: Whether each layer reads backward too.
        dropout: Share of each layer's outputs that is dropped in training.
        normalization: Whether the inputs of each layer are layer normalised.
        seed: Of the dropout.

    Call arguments:
        inputs: `[batch, frames, bins]`.
        lengths: `[batch]`, integers: frames of each utterance. `None`: all.
        initial_state: `[batch, state_size]`: the state before the first frame, where
            not bidirectional. `None`: zeros.
        training: Whether to drop out.
        return_state: Whether to return the state after the last frame too, where not
            bidirectional. Frames beyond an utterance's length do not change it.

    Output shape:
        `[batch, frames, units]`; frames beyond an utterance's length are 0. With
        `return_state` a pair of this and the state, float32 `[batch, state_size]`.

    Raises:
        ValueError: If an argument is not as above, or the inputs' rank is not 3.

    Reference:
        Amodei et al., 2016, "Deep Speech 2", section 3; Ba et al., 2016, "Layer
        Normalization".
    """

    def __init__(
        self,
        units,
        layers,
        cell="gru",
        bidirectional=True,
        dropout=0.0,
        normalization=True,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_argument(units >= 1, "units", units, "at least 1")
        check_argument(layers >= 1, "layers", layers, "at least 1")
        check_argument(cell in CELLS, "cell", cell, f"one of {tuple(CELLS)}")
        check_argument(0 <= dropout < 1, "dropout", dropout, "0 to less than 1")
        self.units = units
        # `layers` of a layer are, to Keras, those inside it.
        self.layer_count = layers
        self.cell = cell
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.normalization = normalization
        self.seed = seed
        numbers = range(layers)
        self.forward_layers = [self._recurrent(f"forward_{n}") for n in numbers]
        self.backward_layers = [
            self._recurrent(f"backward_{n}") for n in numbers if bidirectional
        ]
        self.normalizations = [
            keras.layers.LayerNormalization(
                epsilon=1e-5, dtype=self.dtype_policy, name=f"normalization_{n}"
            )
            for n in numbers
            if normalization
        ]
        self.dropouts = [
            keras.layers.Dropout(
                dropout,
                seed=None if seed is None else seed + n,
                dtype=self.dtype_policy,
                name=f"dropout_{n}",
            )
            for n in numbers
        ]

    def _recurrent(self, name):
        return CELLS[self.cell][0](
            self.units,
            return_sequences=True,
            return_state=True,
            dtype=self.dtype_policy,
            name=name,
        )

    @property
    def state_size(self):
        """Numbers of one stream's state."""
        return self.layer_count * self.units * CELLS[self.cell][1]

    def zero_state(self, batch):
        """The state of `batch` streams before their first frame."""
        return ops.zeros((batch, self.state_size), "float32")

    def build(self, input_shape):
        check_features(input_shape)
        shape = tuple(input_shape)
        for number in range(self.layer_count):
            if self.normalization:
                self.normalizations[number].build(shape)
            self.forward_layers[number].build(shape)
            if self.bidirectional:
                self.backward_layers[number].build(shape)
            shape = (*shape[:2], self.units)

    def call(
        self,
        inputs,
        lengths=None,
        initial_state=None,
        training=None,
        return_state=False,
    ):
        if self.bidirectional and (return_state or initial_state is not None):
            raise ValueError(
                "Invalid value for `initial_state` and `return_state`: expected "
                "neither, as both directions of a stack have no state to go on from"
            )
        frames = ops.shape(inputs)[1]
        outputs = zero_padding(inputs, lengths)
        # Keras' loops need a frame, even where there is none.
        outputs = ops.pad(outputs, ((0, 0), (0, at_least_0(1 - frames)), (0, 0)))
        mask = _state_mask(outputs, lengths) if return_state else None
        states = self._split_state(initial_state)
        last_states = []
        for number in range(self.layer_count):
            if self.normalization:
                outputs = self.normalizations[number](outputs)
            forward, *last_state = self.forward_layers[number](
                outputs, initial_state=states[number], mask=mask, training=training
            )
            last_states += last_state
            if self.bidirectional:
                backward = self.backward_layers[number](
                    _reverse(outputs, lengths), training=training
                )
                forward = forward + _reverse(backward[0], lengths)
            outputs = self.dropouts[number](forward, training=training)
        outputs = zero_padding(outputs[:, :frames], lengths)
        if not return_state:
            return outputs
        return outputs, self._state_after(last_states, initial_state, inputs, lengths)

    def _split_state(self, state):
        """The vectors of the state of each layer."""
        if state is None:
            return [None] * self.layer_count
        count = CELLS[self.cell][1]
        state = ops.cast(state, self.compute_dtype)
        vectors = ops.split(state, self.layer_count * count, axis=1)
        return [vectors[n * count : (n + 1) * count] for n in range(self.layer_count)]

    def _state_after(self, states, initial_state, inputs, lengths):
        """One tensor of the layers' states; of no frames the one before."""
        states = ops.cast(ops.concatenate(states, axis=1), "float32")
        if initial_state is None:
            initial_state = ops.zeros_like(states)
        counts = full_lengths(inputs) if lengths is None else lengths
        has_frames = ops.convert_to_tensor(counts)[:, None] > 0
        return ops.where(has_frames, states, ops.cast(initial_state, "float32"))

    def compute_output_spec(
        self,
        inputs,
        lengths=None,
        initial_state=None,
        training=None,
        return_state=False,
    ):
        shape = self.compute_output_shape(inputs.shape)
        outputs = keras.KerasTensor(shape, self.compute_dtype)
        if not return_state:
            return outputs
        return outputs, keras.KerasTensor((shape[0], self.state_size), "float32")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "layers": self.layer_count,
            "cell": self.cell,
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
            "normalization": self.normalization,
            "seed": self.seed,
        }


def _state_mask(values, lengths):
    """Which frames change the state; of no frames the first, as cuDNN needs one."""
    if lengths is None:
        return None
    lengths = ops.maximum(ops.convert_to_tensor(lengths), 1)
    return sequence_mask(lengths, ops.shape(values)[1])


def _reverse(values, lengths):
    """Each utterance from its last frame to its first, and padding where it was."""
    if lengths is None:
        return ops.flip(values, axis=1)
    batch, frames = ops.shape(values)[:2]
    lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
    places = ops.arange(frames, dtype="int32")
    turned = lengths[:, None] - 1 - places
    turned = ops.where(turned >= 0, turned, places)
    # Rows of one matrix: many times as fast as along an axis.
    rows = turned + frames * ops.arange(batch, dtype="int32")[:, None]
    flat = ops.reshape(values, (batch * frames, values.shape[-1]))
    return ops.reshape(ops.take(flat, rows, axis=0), ops.shape(values))
