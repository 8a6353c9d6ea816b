"""A classifier slid over larger images: the logits of every window."""

import copy
import dataclasses

import keras
import numpy as np
from keras import layers, ops

from ..boxes.precision import full_precision_policy
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


@keras.saving.register_keras_serializable(package="amalthea")
class SlidingWindow(keras.layers.Layer):
    """Apply an image classifier to every window of larger images.

    Each window gets the logits that the classifier gives for that part of the image
    cut out. How they are computed depends on the network:

    - One that pads nothing (`"valid"` convolutions) runs once over the whole image,
      its dense layers as convolutions. What windows share is computed once.
    - One that pads (`"same"`) sees zeros round a cut-out window and the image round
      one that is not. One pass gives other logits, so each window is cut out and the
      windows are evaluated row by row.

    `context=True` takes the one pass for networks that pad too. A window's logits are
    then those of the window together with its surroundings: of the network applied to
    a larger cut-out, with the features round the window in place of the padding. At
    the image's border the padding stays, so an image of one window's size gets the
    classifier's own logits.

    In one pass, features up to the first flattening or global pooling run over the
    image; flattening becomes a gathering of the map under each window (with the dense
    layer after it, a convolution whose kernel has the map's size), global pooling
    becomes pooling of that size, and all that follows works on each window by itself.

    Args:
        model: A Keras model from images `[batch, height, width, channels]` of a fixed
            size, the window's, to one vector `[batch, classes]`. Its weights are
            shared, not copied; it runs in inference mode.
        stride: Pixels between neighbouring windows, a number or `(rows, columns)`.
            For one pass a multiple of the network's own stride (all its strides
            multiplied), which is what it is if not given.
        context: Whether windows may see what is round them.

    Attributes:
        window: `(height, width)` of a window in pixels.
        stride: `(rows, columns)`: pixels between neighbouring windows.
        one_pass: Whether the network runs once over the whole image.

    Call arguments:
        inputs: Images `[batch, height, width, channels]` as the model takes them, at
            least as large as the window. Height and width may be dynamic. What the
            network's stride leaves over at the right and below is cut off.

    Output shape:
        `[batch, rows, columns, classes]`, float32, with
        `rows = (height - window) // stride + 1` and columns alike.

    Raises:
        ValueError: If the model is no classifier of images of a fixed size, a layer
            is not known to work on larger images and one pass or the network's own
            stride is asked for, or the images are smaller than the window.

    Reference:
        Sermanet et al., 2014, "OverFeat: Integrated Recognition, Localization and
        Detection using Convolutional Networks", section 3.5.
    """

    def __init__(self, model, stride=None, context=False, dtype=None, **kwargs):
        super().__init__(dtype=full_precision_policy(dtype), **kwargs)
        self.model = model
        self.context = context
        height, width, channels, self.classes = _check_model(model)
        self.window = (height, width)
        conversion = _Conversion()
        try:
            network = conversion.whole(model, (height, width, channels))
        except NotImplementedError as error:
            if context or stride is None:
                raise ValueError(
                    f"Invalid value for `model`: {error}; without `context` and with a "
                    "`stride` it can be evaluated window by window"
                ) from None
            network = None
        self.one_pass = network is not None and (context or not conversion.pads)
        self._unit = conversion.stride if self.one_pass else (1, 1)
        self.stride = _check_stride(
            conversion.stride if stride is None else stride, self._unit
        )
        conversion.set_steps(self.stride)
        self._network = network if self.one_pass else None

    def counts(self, height, width):
        """Returns rows and columns of the windows of an image.

        Args:
            height: The image's height in pixels, an integer or a tensor of one.
            width: Its width.

        Raises:
            ValueError: If no window fits.
        """
        for size, window in zip((height, width), self.window, strict=True):
            if isinstance(size, int) and size < window:
                raise ValueError(
                    "Invalid value for `inputs`: expected images of at least "
                    f"{self.window[0]} x {self.window[1]} pixels, received "
                    f"{height} x {width}"
                )
        return tuple(
            (size - window) // step + 1
            for size, window, step in zip(
                (height, width), self.window, self.stride, strict=True
            )
        )

    def window_boxes(self, height, width):
        """Returns where the windows of an image are.

        Args:
            height: The image's height in pixels.
            width: Its width.

        Returns:
            A NumPy array `[rows, columns, 4]`, float32, `xyxy` in pixels.
        """
        tops, lefts = (
            np.arange(count) * step
            for count, step in zip(self.counts(height, width), self.stride, strict=True)
        )
        left, top = np.meshgrid(lefts, tops)
        bottom, right = top + self.window[0], left + self.window[1]
        return np.stack([left, top, right, bottom], axis=-1).astype("float32")

    def call(self, inputs):
        rows, columns = self.counts(*ops.shape(inputs)[1:3])
        if not self.one_pass:
            return self._window_by_window(inputs, rows, columns)
        # A window's size and whole strides: every `"same"` layer then pads at the
        # top and left as it does for one window, whatever the image's size.
        height, width = (
            size - (size - window) % step
            for size, window, step in zip(
                ops.shape(inputs)[1:3], self.window, self._unit, strict=True
            )
        )
        logits = self._network(inputs[:, :height, :width], training=False)
        return self._as_map(logits, rows, columns)

    def _window_by_window(self, inputs, rows, columns):
        height, width = self.window
        channels = inputs.shape[-1]

        def one_row(top):
            strip = ops.take(inputs, top + ops.arange(height), axis=1)
            crops = windows_of(strip, self.window, self.stride)
            crops = ops.reshape(crops, (-1, height, width, channels))
            return self._as_map(self.model(crops, training=False), 1, columns)[:, 0]

        tops = ops.arange(rows) * self.stride[0]
        return ops.transpose(ops.map(one_row, tops), (1, 0, 2, 3))

    def _as_map(self, logits, rows, columns):
        logits = ops.cast(logits, self.compute_dtype)
        return ops.reshape(logits, (-1, rows, columns, self.classes))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        rows = None if height is None else self.counts(height, self.window[1])[0]
        columns = None if width is None else self.counts(self.window[0], width)[1]
        return (batch, rows, columns, self.classes)

    def get_config(self):
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "stride": self.stride,
            "context": self.context,
        }

    @classmethod
    def from_config(cls, config):
        # A copy: Keras takes a functional model's config apart.
        model = keras.saving.deserialize_keras_object(copy.deepcopy(config["model"]))
        return cls(**{**config, "model": model})


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


class _Conversion:
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


def _check_model(model):
    """Returns height, width, channels and classes of a classifier."""
    try:
        (_, height, width, channels), (_, classes) = (
            model.input_shape,
            model.output_shape,
        )
        if None not in (height, width, channels, classes):
            return height, width, channels, classes
    except (AttributeError, TypeError, ValueError):
        pass
    raise ValueError(
        "Invalid value for `model`: expected a classifier from images [batch, height, "
        "width, channels] of a fixed size to [batch, classes], received one from "
        f"{getattr(model, 'input_shape', None)} to "
        f"{getattr(model, 'output_shape', None)}"
    )


def _check_stride(stride, unit):
    pair = tuple(stride) if isinstance(stride, list | tuple) else (stride, stride)
    if (
        len(pair) != 2
        or not all(isinstance(step, int) and step > 0 for step in pair)
        or any(np.remainder(pair, unit))
    ):
        raise ValueError(
            "Invalid value for `stride`: expected a positive multiple of the network's "
            f"own, {unit[0]} x {unit[1]}, received stride={stride}"
        )
    return pair
