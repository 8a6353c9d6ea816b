"""The acoustic model: samples in, logits of the tokens out, frame by frame.

Its parts are layers with names: `front_end` (samples to features), `normalization`,
`subsampling`, `encoder`, `logits`. What decodes is not among them: an attention
decoder would take what `encoder` gives in place of `logits`.
"""

import keras
from keras import ops

from ...layers import (
    MFCC,
    PCEN,
    ConformerBlock,
    ConvSubsampling,
    GlobalNormalization,
    LogMelSpectrogram,
    RecurrentStack,
    SpecAugment,
    UtteranceNormalization,
)

_COEFFICIENTS = 40  # of MFCC, as Kaldi's networks take them
# Largest masks of SpecAugment, as shares of all bins and of a recording's frames.
_WIDEST_BAND, _LONGEST_SPAN = 0.2, 0.05


def build_model(config, classes):
    """Builds the acoustic model of a config.

    Args:
        config: A `TranscribeConfig` in which the data's values are filled in.
        classes: Number of classes, the blank at 0 among them.

    Returns:
        A `keras.Model` from `samples` float32 `[N, T]` and `lengths` int32 `[N]` to a
        dict of `logits` float32 `[N, S, classes]` and `lengths` int32 `[N]`, the
        steps of each row.
    """
    samples = keras.Input((None,), dtype="float32", name="samples")
    lengths = keras.Input((), dtype="int32", name="lengths")
    x, size = samples, lengths
    if config.model == "streaming":
        # Silence before the first sample: what a stream begins with, too. What is
        # put behind the last one is of no step; the convolutions need as much.
        before = left_context(config)
        x = ops.pad(x, ((0, 0), (before, config.step_length)))
        size = size + before
    x, size = _features(config, x, size)
    if config.scope != "none":
        x = _normalization(config)(x, lengths=size)
    if config.frequency_masks or config.time_masks:
        x = SpecAugment(
            frequency_masks=config.frequency_masks,
            frequency_width=max(round(x.shape[-1] * _WIDEST_BAND), 1),
            time_masks=config.time_masks,
            time_width=100,
            time_share=_LONGEST_SPAN,
            seed=config.seed,
            name="spec_augment",
        )(x, lengths=size)
    subsampling = _subsampling(config)
    x = subsampling(x, lengths=size)
    size = subsampling.output_lengths(size)
    x = keras.layers.Dropout(config.dropout, seed=config.seed)(x)
    x = _encode(config, x, size)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(
        {"samples": samples, "lengths": lengths},
        {"logits": logits, "lengths": size},
        name="acoustic_model",
    )


def left_context(config):
    """Returns the samples before a step that a streaming model sees beside its own."""
    seen = (_subsampling(config).receptive_field - 1) * config.hop_length
    return seen + fft_length(config) - config.step_length


def fft_length(config):
    """Returns the samples of the Fourier transform: the power of 2 above a window."""
    return 1 << (config.window_length - 1).bit_length()


def longest_steps(config, samples):
    """Returns how many steps of text a number of samples has; int or an array."""
    if config.model == "streaming":
        return samples // config.step_length
    return _subsampling(config).output_lengths(1 + samples // config.hop_length)


def _features(config, samples, lengths):
    options = {
        "sampling_rate": config.sampling_rate,
        "fft_length": fft_length(config),
        "window_length": config.window_length,
        "hop_length": config.hop_length,
        "mel_bins": config.mel_bins,
        "center": config.model != "streaming",
        "name": "front_end",
    }
    if config.features == "mfcc":
        count = min(_COEFFICIENTS, config.mel_bins)
        layer = MFCC(coefficients=count, log="natural", top_db=None, **options)
    elif config.features == "pcen":
        layer = LogMelSpectrogram(power=1.0, log=None, **options)
    else:
        layer = LogMelSpectrogram(**options)
    features = layer(samples, lengths=lengths)
    lengths = layer.output_lengths(lengths)
    if config.features == "pcen":
        pcen = PCEN(config.sampling_rate, config.hop_length, name="pcen")
        features = pcen(features, lengths=lengths)
    return features, lengths


def _normalization(config):
    if config.scope == "utterance":
        return UtteranceNormalization(name="normalization")
    return GlobalNormalization(name="normalization")


def _subsampling(config):
    return ConvSubsampling(
        config.filters,
        units=config.width,
        factor=config.subsampling,
        padding="valid" if config.model == "streaming" else "same",
        name="subsampling",
    )


def _encode(config, x, lengths):
    if config.model != "conformer":
        stack = RecurrentStack(
            config.width,
            layers=config.depth,
            cell=config.cell,
            bidirectional=config.model == "recurrent",
            dropout=config.dropout,
            name="encoder",
        )
        return stack(x, lengths=lengths)
    for number in range(config.depth):
        is_last = number == config.depth - 1
        x = ConformerBlock(
            config.width,
            heads=config.heads,
            kernel_size=config.kernel_size,
            dropout=config.dropout,
            name="encoder" if is_last else f"block_{number}",
        )(x, lengths=lengths)
    return x


def adapt_normalization(model, config, batches):
    """Takes the means and variances of features, where the model is scaled by them.

    Args:
        model: What `build_model` returned.
        config: Its config.
        batches: Iterable of `(samples, lengths, ...)`.
    """
    if config.scope != "global":
        return
    layer = model.get_layer("normalization")
    samples = keras.Input((None,), dtype="float32")
    lengths = keras.Input((), dtype="int32")
    features = keras.Model([samples, lengths], _features(config, samples, lengths))
    layer.adapt(features([batch[0], batch[1]]) for batch in batches)
