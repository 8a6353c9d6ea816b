"""The one graph of speech recognition: WAV bytes in, text and times of words out."""

import tensorflow as tf

from ...data.audio import decode_wav, resample_batch
from ...data.audio.resample import MAX_RATE, MIN_RATE, is_known_rate
from ...data.audio.wav import TOO_LOUD, checked_samples, too_long_error
from ...layers import GreedyDecoder, PrefixBeamSearch, RecurrentStack
from ...serving.module import ServingModule, apply_model
from .setup import encode_hot_words
from .spelling import Spelling
from .streaming import StreamingRecognizer

N_BEST = 10  # texts of the signature `n_best`
# Symbols of a frame that the search follows: many more are never among the best.
_SYMBOLS = 32


class SpeechRecognizer(ServingModule):
    """Reads, hears and writes; what `predict`, `evaluate` and exports run.

    Args:
        model: The acoustic model, see `build_model`.
        tokens: `CharacterTokens` or `PieceTokens`.
        config: The run's `TranscribeConfig`.
        language_model: `TokenLanguageModel` or `WordLanguageModel` over the tokens,
            or `None`.

    Attributes:
        endpoints: Dict from signature name to `tf.function`. `serving_default` takes
            `wav_bytes`, string `[N]`, WAV files as `decode_wav` reads them.
            `samples` takes `samples` float32 `[N, T]`, mono, -1 to 1, padded;
            `lengths` int32 `[N]`, how many samples a row has, all where negative;
            `rate` int32 `[N]`, samples a second. Both return `text` string `[N]`;
            `score` float32 `[N]`, the natural logarithm of the text's probability,
            with what a language model adds; `words` string `[N, W]` and for each
            `word_starts` and `word_ends` float32 `[N, W]` in seconds, and
            `word_confidence` float32 `[N, W]`, 0 to 1; `word_count` int32 `[N]`;
            `valid` bool `[N]`; `error` string `[N]`.
            `n_best` takes `wav_bytes` and returns `texts` string `[N, B]` and `scores`
            float32 `[N, B]`, the best first, with `valid` and `error`; it is there
            where the config's beam is wider than 1. `stream`, of a streaming model,
            takes `samples`, `lengths` and `state_bytes`, see `StreamingRecognizer`.
        decode: The first step, see `decode_wav`: from `wav_bytes` to `(samples,
            lengths, valid, error)`.
        posteriors: From `samples` float32 `[N, T]` at the model's rate and `lengths`
            to `(probabilities, lengths)`: float32 `[N, S, classes]` and int32 `[N]`.
    """

    def __init__(self, model, tokens, config, language_model=None):
        best = make_decoder(tokens, config, language_model)
        several = make_decoder(tokens, config, language_model, N_BEST)
        for decoder in (best, several):
            decoder.build((None, None, tokens.size))
        make_portable(model)
        super().__init__([model, best, several], name="speech_recognizer")
        spelling = Spelling(tokens, config.step_seconds)

        def decode(wav_bytes):
            return decode_wav(wav_bytes, config.sampling_rate, config.max_seconds)

        def hear(decoder, samples, lengths):
            def decoded(inputs, training):
                outputs = model(inputs, training=training)
                return decoder(outputs["logits"], outputs["lengths"])

            # In one: the search refuses an empty batch, too.
            return apply_model(decoded, {"samples": samples, "lengths": lengths})

        def answer(samples, lengths, valid, error):
            found = hear(best, samples, lengths)
            found = {name: value[:, 0] for name, value in found.items()}
            labels = tf.where(valid[:, None], found["labels"], -1)
            return {
                "text": spelling.texts(labels),
                "score": tf.where(valid, found["scores"], 0.0),
                **spelling.words(
                    labels, found["starts"], found["ends"], found["confidence"]
                ),
                "valid": valid,
                "error": error,
            }

        encoded = tf.TensorSpec([None], tf.string, "wav_bytes")

        @tf.function(input_signature=[encoded], autograph=False)
        def serve_bytes(wav_bytes):
            return answer(*decode(wav_bytes))

        @tf.function(input_signature=[encoded], autograph=False)
        def serve_several(wav_bytes):
            samples, lengths, valid, error = decode(wav_bytes)
            found = hear(several, samples, lengths)
            labels = tf.where(valid[:, None, None], found["labels"], -1)
            return {
                "texts": spelling.texts(labels),
                "scores": tf.where(valid[:, None], found["scores"], 0.0),
                "valid": valid,
                "error": error,
            }

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.float32, "samples"),
                tf.TensorSpec([None], tf.int32, "lengths"),
                tf.TensorSpec([None], tf.int32, "rate"),
            ],
            autograph=False,
        )
        def serve_samples(samples, lengths, rate):
            return answer(*_resampled(samples, lengths, rate, config))

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
            autograph=False,
        )
        def posteriors(samples, lengths):
            outputs = apply_model(model, {"samples": samples, "lengths": lengths})
            return tf.nn.softmax(outputs["logits"]), outputs["lengths"]

        self.decode = decode
        self.posteriors = posteriors
        self.endpoints = {"serving_default": serve_bytes, "samples": serve_samples}
        if config.beam_width > 1:
            self.endpoints["n_best"] = serve_several
        if config.model == "streaming":
            stream = StreamingRecognizer(model, config, spelling)
            self.endpoints["stream"] = stream.serve


def make_decoder(tokens, config, language_model=None, n_best=1, beam_width=None):
    """Returns the decoder that a config asks for.

    Args:
        tokens: The tokens of the classes.
        config: A `TranscribeConfig`.
        language_model: See `SpeechRecognizer`.
        n_best: How many texts it gives, at most as many as the beam is wide.
        beam_width: Texts that are followed; the config's if not given.

    Returns:
        A `GreedyDecoder` or a `PrefixBeamSearch`.

    Raises:
        UserError: if a hot word cannot be written with the tokens.
    """
    width = beam_width or config.beam_width
    if width == 1:
        return GreedyDecoder()
    return PrefixBeamSearch(
        beam_width=width,
        n_best=min(n_best, width),
        max_symbols_per_frame=_SYMBOLS if tokens.size > 2 * _SYMBOLS else None,
        language_model=language_model,
        hot_words=encode_hot_words(config, tokens),
        hot_word_score=config.hot_word_score,
        delimiter=tokens.delimiter,
    )


def make_portable(model):
    """Keeps kernels that only a GPU has out of the graphs that are traced from now on.

    Keras takes those of cuDNN where there is a GPU, and no server without one could
    run them.

    Args:
        model: The acoustic model.
    """
    encoder = model.get_layer("encoder")
    if isinstance(encoder, RecurrentStack):
        for layer in encoder.forward_layers + encoder.backward_layers:
            layer.use_cudnn = False


def _resampled(samples, lengths, rate, config):
    """Returns what `decode_wav` does, for samples instead of files."""
    samples, lengths, sane = checked_samples(samples, lengths)
    seconds = tf.cast(lengths, tf.float64) / tf.cast(tf.maximum(rate, 1), tf.float64)
    error = tf.where(
        ~is_known_rate(rate),
        f"sampling rate not from {MIN_RATE} to {MAX_RATE}",
        tf.where(
            seconds > config.max_seconds,
            too_long_error(config.max_seconds),
            tf.where(
                sane,
                tf.where(lengths > 0, "", "no samples"),
                TOO_LOUD,
            ),
        ),
    )
    valid = tf.equal(error, "")
    samples = tf.where(valid[:, None], samples, 0.0)
    lengths = tf.where(valid, lengths, 0)
    samples, lengths = resample_batch(samples, lengths, rate, config.sampling_rate)
    return samples, lengths, valid, error
