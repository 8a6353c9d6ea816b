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
        The figures, a dict, see `transcript_metrics`; with a language model also
        `without_language_model`, a dict of `wer` and `cer`.
    """
    said = list(map(task.normalize, table.texts))
    budget = task.config.seconds_per_batch
    found, elapsed = answer_table(task.serving_module(), table, budget)
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
        plain = SpeechRecognizer(task.model, task.tokens, task.config)
        without, _ = answer_table(plain, table, budget)
        rates = transcript_metrics(said, [transcript.text for transcript in without])
        metrics["without_language_model"] = {
            name: rates[name] for name in ("wer", "cer")
        }
    metrics["data"] = str(table.source)
    listed = rows(said, heard, names=table.names, **groups)
    examples = _pictured(task, table, said, found)
    write_pictures(task.run, split, metrics, examples, listed)
    return metrics


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
    valid = [row for row, transcript in enumerate(found) if transcript.valid]
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
