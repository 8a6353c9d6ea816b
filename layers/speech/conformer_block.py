"""Attention and convolution in one block of an encoder."""

import keras
from keras import layers, ops

from ..audio.checks import check_argument, check_features
from ..audio.padding import sequence_mask, zero_padding
from ..precision import full_precision
from ..sizes import at_least_0
from .rotary import rotate_by_position


@keras.saving.register_keras_serializable(package="amalthea")
class ConformerBlock(keras.layers.Layer):
    """Half a feed-forward step, self-attention, a convolution, the other half.

    Each part is added to what it is given: attention for what is far away, the
    convolution for what is near. Positions are told to attention by rotary embedding.

    The convolution is followed by layer normalisation, where the paper has batch
    normalisation: its statistics would count the padding, be poor in the small batches
    of long utterances, and be others in training than in use, where here a frame gives
    the same in any batch and in a stream.

    Padding is neither attended to nor convolved, so an utterance gives the same in any
    batch, whatever its padding holds. Softmax and normalisation are computed in
    float32 at least, whatever the policy.

    Args:
        units: Size of a frame, of the inputs and the outputs; a multiple of twice
            `heads`.
        heads: Number of attention heads.
        feed_forward: Units inside the feed-forward parts, times `units`.
        kernel_size: Frames of the convolution.
        dropout: Share of each part's outputs that is dropped in training, and of the
            units inside the feed-forward parts.
        causal: Whether a frame depends on none after it.
        left_context: Frames before it that a frame attends to, where causal. `None`:
            all.
        seed: Of the dropout.

    Call arguments:
        inputs: `[batch, frames, units]`.
        lengths: `[batch]`, integers: frames of each utterance. `None`: all.
        training: Whether to drop out.

    Output shape:
        As the inputs. Frames beyond an utterance's length are 0.

    Raises:
        ValueError: If an argument is not as above, or the inputs' shape is not.

    Reference:
        Gulati et al., 2020, "Conformer: Convolution-augmented Transformer for Speech
        Recognition", section 2; Su et al., 2021, "RoFormer", section 3.2.
    """

    def __init__(
        self,
        units,
        heads=4,
        feed_forward=4,
        kernel_size=15,
        dropout=0.1,
        causal=False,
        left_context=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_argument(heads >= 1, "heads", heads, "at least 1")
        check_argument(
            units >= 1 and units % (2 * heads) == 0,
            "units",
            units,
            f"a multiple of {2 * heads}, twice the heads",
        )
        check_argument(feed_forward > 0, "feed_forward", feed_forward, "above 0")
        check_argument(kernel_size >= 1, "kernel_size", kernel_size, "at least 1")
        check_argument(0 <= dropout < 1, "dropout", dropout, "0 to less than 1")
        check_argument(
            left_context is None or (causal and left_context >= 0),
            "left_context",
            left_context,
            "`None`, or at least 0 where causal",
        )
        self.units = units
        self.heads = heads
        self.feed_forward = feed_forward
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.causal = causal
        self.left_context = left_context
        self.seed = seed
        inner = round(units * feed_forward)
        self.feed_forwards = [
            [
                self._norm(f"{name}_feed_forward_norm"),
                self._dense(inner, f"{name}_expansion", activation="silu"),
                self._dropout(2 * number),
                self._dense(units, f"{name}_contraction"),
                self._dropout(2 * number + 1),
            ]
            for number, name in enumerate(("first", "second"))
        ]
        self.attention_norm = self._norm("attention_norm")
        self.attention_inputs = self._dense(3 * units, "attention_inputs")
        self.attention_outputs = self._dense(units, "attention_outputs")
        self.attention_dropout = self._dropout(4)
        self.convolution_norm = self._norm("convolution_norm")
        self.convolution_inputs = self._dense(2 * units, "convolution_inputs")
        self.depthwise = layers.DepthwiseConv1D(
            kernel_size,
            data_format="channels_last",
            use_bias=False,
            dtype=self.dtype_policy,
            name="depthwise",
        )
        self.depthwise_norm = self._norm("depthwise_norm")
        self.convolution_outputs = self._dense(units, "convolution_outputs")
        self.convolution_dropout = self._dropout(5)
        self.output_norm = self._norm("output_norm")

    def _norm(self, name):
        return layers.LayerNormalization(
            epsilon=1e-5, dtype=self.dtype_policy, name=name
        )

    def _dense(self, units, name, activation=None):
        return layers.Dense(
            units, activation=activation, dtype=self.dtype_policy, name=name
        )

    def _dropout(self, number):
        seed = None if self.seed is None else self.seed + number
        return layers.Dropout(
            self.dropout, seed=seed, dtype=self.dtype_policy, name=f"dropout_{number}"
        )

    def build(self, input_shape):
        check_features(input_shape)
        check_argument(
            input_shape[-1] == self.units,
            "inputs",
            tuple(input_shape),
            f"frames of {self.units} units",
        )
        shape = (None, None, self.units)
        for norm, expansion, _, contraction, _ in self.feed_forwards:
            norm.build(shape)
            expansion.build(shape)
            contraction.build((None, None, expansion.units))
        for layer in (
            self.attention_norm,
            self.attention_inputs,
            self.attention_outputs,
            self.convolution_norm,
            self.convolution_inputs,
            self.depthwise,
            self.depthwise_norm,
            self.convolution_outputs,
            self.output_norm,
        ):
            layer.build(shape)

    def call(self, inputs, lengths=None, training=None):
        first, second = self.feed_forwards
        # Not even NaN in the padding may reach the sums of attention.
        outputs = zero_padding(inputs, lengths)
        outputs = outputs + self._feed_forward(outputs, first, training) / 2
        outputs = outputs + self._attention(outputs, lengths, training)
        outputs = outputs + self._convolution(outputs, lengths, training)
        outputs = outputs + self._feed_forward(outputs, second, training) / 2
        return zero_padding(self.output_norm(outputs), lengths)

    def _feed_forward(self, values, parts, training):
        norm, expansion, inner_dropout, contraction, dropout = parts
        values = inner_dropout(expansion(norm(values)), training=training)
        return dropout(contraction(values), training=training)

    def _attention(self, values, lengths, training):
        """As `ops.dot_product_attention`, which takes half as long again on a CPU."""
        batch, frames = ops.shape(values)[:2]
        values = self.attention_inputs(self.attention_norm(values))
        queries, keys, values = ops.split(values, 3, axis=-1)
        size = self.units // self.heads
        queries = rotate_by_position(queries * size**-0.5, self.heads)
        keys = ops.transpose(rotate_by_position(keys, self.heads), (0, 1, 3, 2))
        values = ops.reshape(values, (batch, frames, self.heads, size))
        values = ops.transpose(values, (0, 2, 1, 3))
        scores = full_precision(ops.matmul(queries, keys))
        attended = self._attended(frames, lengths)
        if attended is not None:
            scores = ops.where(attended, scores, -1e9)
        shares = ops.cast(ops.softmax(scores), values.dtype)
        values = ops.transpose(ops.matmul(shares, values), (0, 2, 1, 3))
        values = ops.reshape(values, (batch, frames, self.units))
        return self.attention_dropout(self.attention_outputs(values), training=training)

    def _attended(self, frames, lengths):
        """Which frames each attends to, broadcast to `[batch, heads, to, from]`."""
        mask = None
        if lengths is not None:
            mask = sequence_mask(lengths, frames)[:, None, None, :]
        if self.causal:
            places = ops.arange(frames, dtype="int32")
            distances = places[:, None] - places
            near = distances >= 0
            if self.left_context is not None:
                near = ops.logical_and(near, distances <= self.left_context)
            mask = near if mask is None else ops.logical_and(near, mask)
        return mask

    def _convolution(self, values, lengths, training):
        values = self.convolution_inputs(self.convolution_norm(values))
        values, gates = ops.split(values, 2, axis=-1)
        values = zero_padding(values * ops.sigmoid(gates), lengths)
        after = 0 if self.causal else self.kernel_size // 2
        before = self.kernel_size - 1 - after
        frames = ops.shape(values)[1]
        # There is no convolution of less than a kernel, even of no frames.
        after = after + at_least_0(1 - frames)
        values = ops.pad(values, ((0, 0), (before, after), (0, 0)))
        values = self.depthwise(values)[:, :frames]
        values = ops.silu(self.depthwise_norm(values))
        return self.convolution_dropout(
            self.convolution_outputs(values), training=training
        )

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "heads": self.heads,
            "feed_forward": self.feed_forward,
            "kernel_size": self.kernel_size,
            "dropout": self.dropout,
            "causal": self.causal,
            "left_context": self.left_context,
            "seed": self.seed,
        }
