"""Measures a recogniser on recordings, and draws what it hears."""

import dataclasses

import numpy as np

from ...layers import LogMelSpectrogram
from .answers import answer_table
from .evaluation import rows, transcript_metrics
from .model import fft_length
from .module import SpeechRecognizer
from .report import write_pictures
from .scores import character_error_rate, word_error_rate

_PICTURES = 4


def measure(task, table, split):
    """Measures one split; writes its pictures to the run.

    Args:
        task: A `SpeechRecognition`.
        table: The `AudioTable` of the split.
        split: Its name.

    Returns:
        The figures, a dict, see `transcript_metrics`. With a language model also
        `without_language_model`, a dict of `wer` and `cer`; of a streaming model whose
        run decodes by a search also `streaming`, another one of greedy decoding, which
        is how streams are answered.
    """
    config = task.config
    said = list(map(task.normalize, table.texts))
    found, elapsed = answer_table(task.serving_module(), table, config)
    heard = [transcript.text for transcript in found]
    groups = {"speakers": table.speakers, "snrs": table.snrs}
    metrics = transcript_metrics(
        said,
        heard,
        seconds=table.durations,
        elapsed=elapsed,
        unreadable=sum(not transcript.valid for transcript in found),
        **groups,
    )
    if task.language_model_unit:
        metrics["without_language_model"] = _plain_rates(task, table, said, config)
    if config.model == "streaming" and config.beam_width > 1:
        greedy = dataclasses.replace(config, beam_width=1, hot_words=())
        metrics["streaming"] = _plain_rates(task, table, said, greedy)
    metrics["data"] = str(table.source)
    listed = rows(said, heard, names=table.names, **groups)
    examples = _pictured(task, table, said, found)
    write_pictures(task.run, split, metrics, examples, listed)
    return metrics


def _plain_rates(task, table, said, config):
    """Returns the error rates without a language model."""
    module = SpeechRecognizer(task.model, task.tokens, config)
    found, _ = answer_table(module, table, config)
    rates = transcript_metrics(said, [transcript.text for transcript in found])
    return {name: rates[name] for name in ("wer", "cer")}


def _pictured(task, table, said, found):
    """Yields what the report's pictures show: from the worst to the best."""
    config = task.config
    spectrogram = LogMelSpectrogram(
        sampling_rate=config.sampling_rate,
        fft_length=fft_length(config),
        window_length=config.window_length,
        hop_length=config.hop_length,
        mel_bins=config.mel_bins,
    )
    # What was answered in parts would take too much memory, and too wide a picture.
    valid = [
        row
        for row, transcript in enumerate(found)
        if transcript.valid and table.durations[row] <= config.max_seconds
    ]
    valid.sort(
        key=lambda row: character_error_rate([said[row]], [found[row].text]),
        reverse=True,
    )
    count = min(_PICTURES, len(valid))
    for number in range(count):
        row = valid[number * (len(valid) - 1) // max(count - 1, 1)]
        samples = table.samples(row, config.sampling_rate)[None]
        posteriors, steps = task.serving_module().posteriors(
            samples, np.array([samples.shape[1]], np.int32)
        )
        yield {
            "samples": samples[0],
            "sampling_rate": config.sampling_rate,
            "log_mel": np.asarray(spectrogram(samples))[0],
            "posteriors": posteriors.numpy()[0, : steps.numpy()[0]],
            "frame_seconds": config.step_seconds,
            "symbols": task.tokens.strings,
            "words": [dataclasses.astuple(word) for word in found[row].words],
            "reference": said[row],
            "name": table.names[row],
            "hypothesis": found[row].text,
            "wer": word_error_rate([said[row]], [found[row].text]),
        }
