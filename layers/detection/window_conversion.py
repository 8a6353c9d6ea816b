"""A classifier of images of one size, rebuilt for all windows of larger images."""

import dataclasses

import keras
import numpy as np
from keras import layers, ops

from ..convolution import ConvNorm
from ..convolution.residual import ResidualBlock

_ROUND = 5040  # pixels; a multiple of every usual stride

# Layers whose output at a place depends on the input there and near it, in the same
# way all over the image: on the place alone,
_POINTWISE = (
    layers.Activation,
    layers.ActivityRegularization,
    layers.Add,
    layers.AlphaDropout,
    layers.Average,
    layers.Dense,
    layers.Dropout,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.LeakyReLU,
    layers.Maximum,
    layers.Minimum,
    layers.Multiply,
    layers.ReLU,
    layers.Rescaling,
    layers.SpatialDropout2D,
    layers.Subtract,
)
# on the place alone if their axis is that of the channels,
_BY_CHANNEL = (
    layers.BatchNormalization,
    layers.Concatenate,
    layers.LayerNormalization,
    layers.Normalization,
)
# and on the places under a kernel.
_KERNELS = (
    layers.AveragePooling2D,
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.MaxPooling2D,
    layers.SeparableConv2D,
)
_BLOCKS = (ConvNorm, ResidualBlock, layers.ZeroPadding2D)

# Layers that end the map of a window.
_ENDS = {
    layers.Flatten: "flatten",
    layers.GlobalAveragePooling2D: "average",
    layers.GlobalMaxPooling2D: "max",
}


def windows_of(x, size, stride):
    """Gathers all windows of a map.

    Args:
        x: `[batch, height, width, channels]`.
        size: `(height, width)` of a window.
        stride: `(rows, columns)` between neighbouring windows.

    Returns:
        `[batch, rows, columns, *size, channels]`.
    """
    for axis, (length, step) in zip(
        (1, 3), zip(size, stride, strict=True), strict=True
    ):
        count = (ops.shape(x)[axis] - length) // step + 1
        places = ops.arange(count)[:, None] * step + ops.arange(length)[None]
        x = ops.take(x, places, axis=axis)
    return ops.transpose(x, (0, 1, 3, 2, 4, 5))


@dataclasses.dataclass(frozen=True)
class _Map:
    """What is known of a tensor that covers the whole image.

    Args:
        shape: Height, width and channels it has for one window.
        stride: Pixels between neighbouring places, `(rows, columns)`.
    """

    shape: tuple
    stride: tuple


class WindowConversion:
    """Rebuilds a classifier, with its own layers, for images of any size.

    Tensors up to the end of the convolutional part cover the image; `_maps` has
    them. The others have one row for each window of each image.

    Attributes:
        pads: Whether a layer pads.
        stride: The smallest stride between windows, `(rows, columns)`.
    """

    def __init__(self):
        self.pads = False
        self.stride = (1, 1)
        self._maps = {}  # by the tensor's id
        self._tensors = []  # so that no id is used twice
        self._ends = []

    def whole(self, model, shape):
        """Returns the model from images to the logits of all windows, in rows."""
        network = self._convert(model, _Map(shape, (1, 1)))
        if id(network.output) in self._maps:
            raise NotImplementedError(
                "it has no flattening and no global pooling before its output"
            )
        self.stride = tuple(
            int(np.lcm.reduce([end.place.stride[axis] for end in self._ends]))
            for axis in range(2)
        )
        return network

    def set_steps(self, stride):
        """Sets the pixels between windows, multiples of the smallest stride."""
        for end in self._ends:
            end.steps = tuple(np.floor_divide(stride, end.place.stride).tolist())

    def _convert(self, model, place):
        if isinstance(model, keras.Sequential):
            model = keras.Model(model.inputs, model.outputs[0])
        inputs = keras.Input((None, None, place.shape[-1]), dtype=model.inputs[0].dtype)
        self._note(inputs, place)
        return keras.models.clone_model(
            model,
            input_tensors=keras.tree.map_structure(lambda _: inputs, model.input),
            clone_function=lambda layer: layer,
            call_function=self._call,
        )

    def _call(self, layer, *args, **kwargs):
        """Calls a layer of the model on what its inputs have become."""
        tensors = [
            tensor
            for tensor in keras.tree.flatten((args, kwargs))
            if isinstance(tensor, keras.KerasTensor)
        ]
        places = [self._maps.get(id(tensor)) for tensor in tensors]
        if not any(places):
            return layer(*args, **kwargs)
        if not all(places) or len({(p.shape[:2], p.stride) for p in places}) > 1:
            raise _unsupported(layer)
        if isinstance(layer, keras.Model):
            return self._call_model(layer, args[0], places)
        if type(layer) in _ENDS:
            return self._end(layer, args[0], places[0])
        place = self._after(layer, places)
        outputs = layer(*args, **kwargs)
        self._note(outputs, place)
        return outputs

    def _call_model(self, model, inputs, places):
        if len(places) > 1 or len(getattr(model, "outputs", None) or ()) != 1:
            raise _unsupported(model)
        converted = self._convert(model, places[0])
        outputs = converted(inputs)
        self._note(outputs, self._maps.get(id(converted.output)))
        return outputs

    def _end(self, layer, inputs, place):
        if getattr(layer, "data_format", None) == "channels_first":
            raise _unsupported(layer)
        end = _EndOfMap(place, _ENDS[type(layer)], getattr(layer, "keepdims", False))
        self._ends.append(end)
        return end(inputs)

    def _after(self, layer, places):
        """Returns the place of a layer's output; refuses what is not local."""
        if not _is_local(layer):
            raise _unsupported(layer)
        self.pads = self.pads or _pads(layer, places[0].shape)
        shapes = [
            [(1, p.shape[0] + more, p.shape[1] + more, p.shape[2]) for p in places]
            for more in (0, _ROUND)
        ]
        single = len(places) == 1
        small, large = (
            layer.compute_output_shape(sizes[0] if single else sizes)
            for sizes in shapes
        )
        steps = [_ROUND / (large[axis] - small[axis]) for axis in (1, 2)]
        if any(step != int(step) for step in steps):
            raise _unsupported(layer)
        stride = (
            int(step) * before
            for step, before in zip(steps, places[0].stride, strict=True)
        )
        return _Map(tuple(small[1:]), tuple(stride))

    def _note(self, tensor, place):
        if place is not None:
            self._maps[id(tensor)] = place
            self._tensors.append(tensor)


class _EndOfMap(keras.layers.Layer):
    """From a map of the whole image to one row for each window of each image."""

    def __init__(self, place, kind, keepdims):
        super().__init__()
        self.place = place
        self.kind = kind
        self.keepdims = keepdims
        self.steps = (1, 1)

    def call(self, inputs):
        size = self.place.shape[:2]
        if self.kind == "flatten":
            outputs = windows_of(inputs, size, self.steps)
        else:
            pool = ops.average_pool if self.kind == "average" else ops.max_pool
            outputs = pool(inputs, size, self.steps, "valid", "channels_last")
        return ops.reshape(outputs, (-1, *self._row_shape()))

    def compute_output_shape(self, input_shape):
        return (None, *self._row_shape())

    def _row_shape(self):
        height, width, channels = self.place.shape
        if self.kind == "flatten":
            return (height * width * channels,)
        return (1, 1, channels) if self.keepdims else (channels,)


def _is_local(layer):
    if getattr(layer, "data_format", None) == "channels_first":
        return False
    if isinstance(layer, _BY_CHANNEL):
        return set(np.ravel(layer.axis)) <= {-1, 3}
    return isinstance(layer, _POINTWISE + _KERNELS + _BLOCKS)


def _pads(layer, shape):
    """Whether a layer adds a border to a map of that shape."""
    if isinstance(layer, (ResidualBlock, layers.ZeroPadding2D)):
        return True
    if isinstance(layer, ConvNorm):
        layer = layer.convolution
    if not isinstance(layer, _KERNELS) or layer.padding != "same":
        return False
    if isinstance(layer, (layers.AveragePooling2D, layers.MaxPooling2D)):
        kernel, dilation = layer.pool_size, (1, 1)
    else:
        kernel, dilation = layer.kernel_size, layer.dilation_rate
    return any(
        (-(-size // step) - 1) * step + (side - 1) * spread + 1 > size
        for size, step, side, spread in zip(
            shape[:2], layer.strides, kernel, dilation, strict=True
        )
    )


def _unsupported(layer):
    kind = type(layer).__name__
    return NotImplementedError(
        f"the layer {layer.name} ({kind}) is not known to work on images of any size"
    )
