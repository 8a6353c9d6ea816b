"""The settings of speech recognition."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from amalthea import UserError
from amalthea.pipelines.config import make_config
from amalthea.pipelines.transcribe.config import TranscribeConfig, filled_in
from amalthea.pipelines.transcribe.options import DoctorOptions, PredictOptions


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"model": "transformer"}, "`model`: expected one of recurrent, conformer"),
        ({"units": 0}, "`units`: expected at least 1"),
        ({"blocks": 0}, "`blocks`: expected at least 1"),
        ({"cell": "rnn"}, "`cell`: expected one of gru, lstm"),
        ({"heads": 0}, "`heads`: expected at least 1"),
        ({"kernel_size": 0}, "`kernel_size`: expected at least 1"),
        ({"filters": 0}, "`filters`: expected at least 1"),
        ({"subsampling": 3}, "`subsampling`: expected 1, 2, 4 or 8"),
        ({"dropout": 0.95}, "`dropout`: expected 0 to 0.9"),
        ({"dropout": float("nan")}, "`dropout`: expected 0 to 0.9"),
        ({"sampling_rate": 999}, "`sampling_rate`: expected 1000 to 192000"),
        ({"sampling_rate": 0}, "`sampling_rate`: expected at least 1"),
        ({"features": "mel"}, "`features`: expected one of log-mel, mfcc, pcen"),
        ({"mel_bins": 0}, "`mel_bins`: expected at least 1"),
        ({"window": 2.0}, "`window`: expected 0.001 to 1"),
        ({"hop": 0.03}, "`hop`: expected 0.001 to 0.025"),
        ({"hop": 0.0}, "`hop`: expected 0.001 to 0.025"),
        ({"normalization": "batch"}, "`normalization`: expected one of auto"),
        ({"tokens": "bytes"}, "`tokens`: expected one of characters, pieces"),
        ({"piece_count": 7}, "`piece_count`: expected at least 8"),
        ({"join": (3,)}, "`join`: expected two numbers in order, at least 1"),
        ({"join": (0, 3)}, "`join`: expected two numbers in order, at least 1"),
        ({"join": (4, 3)}, "`join`: expected two numbers in order, at least 1"),
        ({"join": (1, 2, 3)}, "`join`: expected two numbers in order, at least 1"),
        ({"join_count": 0}, "`join_count`: expected at least 1"),
        ({"val_fraction": 0.0}, "`val_fraction`: expected 0.01 to 0.5"),
        ({"test_fraction": 0.6}, "`test_fraction`: expected 0 to 0.5"),
        ({"max_seconds": 0.0}, "`max_seconds`: expected 0.1 to 3600"),
        ({"seconds_per_batch": 0.5}, "`seconds_per_batch`: expected at least 1"),
        ({"cache": "disk"}, "`cache`: expected one of auto, memory, none"),
        ({"speed_probability": 1.1}, "`speed_probability`: expected 0 to 1"),
        ({"noise_probability": -0.1}, "`noise_probability`: expected 0 to 1"),
        ({"reverberation_probability": 2.0}, "`reverberation_probability`: expected"),
        ({"gain_probability": 2.0}, "`gain_probability`: expected 0 to 1"),
        ({"speed": (0.4, 1.0)}, "`speed`: expected two numbers in order, from 0.5"),
        ({"speed": (1.1, 0.9)}, "`speed`: expected two numbers in order, from 0.5"),
        ({"speed": (1.1,)}, "`speed`: expected a list of 2"),
        ({"noise_snr": (30.0, 5.0)}, "`noise_snr`: expected two numbers in order"),
        ({"noise_snr": (float("nan"), 5.0)}, "`noise_snr`: expected two numbers"),
        ({"frequency_masks": -1}, "`frequency_masks`: expected at least 0"),
        ({"time_masks": -1}, "`time_masks`: expected at least 0"),
        ({"beam_width": 0}, "`beam_width`: expected at least 1"),
        ({"beam_width": 1, "hot_words": ("a",)}, "`beam_width`: expected at least 2"),
        ({"alpha": -0.5}, "`alpha`: expected at least 0"),
        ({"epochs": 0}, "`epochs`: expected at least 1"),
        ({"batch_size": 0}, "`batch_size`: expected at least 1"),
        ({"learning_rate": 0.0}, "`learning_rate`: expected a number above 0"),
        ({"xla": True}, "`xla`: expected false"),
        ({"label_smoothing": 0.1}, "`label_smoothing`: expected 0, as CTC"),
        ({"model": "conformer", "units": 140}, "`units`: expected a multiple of twice"),
        (
            {"model": "streaming", "normalization": "utterance"},
            "`normalization`: expected global or none",
        ),
        (
            {"model": "streaming", "features": "pcen"},
            "`features`: expected log-mel or mfcc",
        ),
        ({"unit": 3}, "unknown setting `unit`"),
    ],
    ids=str,
)
def test_a_setting_out_of_its_range(values, expected):
    with pytest.raises(UserError, match=expected):
        make_config(TranscribeConfig, values)


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        (PredictOptions, {"chunk": 0.0}, "`chunk`: expected 0.01 to 60 seconds"),
        (PredictOptions, {"chunk": float("nan")}, "`chunk`: expected 0.01 to 60"),
        (PredictOptions, {"beam": 3}, "unknown setting `beam`"),
        (DoctorOptions, {"subsampling": 3}, "`subsampling`: expected one of 1, 2, 4"),
    ],
    ids=str,
)
def test_an_option_out_of_its_range(options, values, expected):
    with pytest.raises(UserError, match=expected):
        make_config(options, values)


def test_what_is_not_given_is_taken_from_the_model_and_the_data():
    rates = np.array([8000, 8000, 44_100], np.int32)
    config = filled_in(TranscribeConfig(), rates)
    assert (config.units, config.blocks, config.scope) == (128, 2, "utterance")
    assert (config.sampling_rate, config.mel_bins) == (8000, 64)
    assert (config.window_length, config.hop_length) == (200, 80)
    assert (config.step_length, config.step_seconds) == (320, 0.04)
    config = filled_in(TranscribeConfig(model="streaming"), rates[2:])
    assert (config.sampling_rate, config.mel_bins) == (16_000, 80)
    assert (config.units, config.blocks, config.scope) == (192, 3, "global")
    given = TranscribeConfig(
        model="conformer", units=32, blocks=1, sampling_rate=22_050, mel_bins=40
    )
    assert filled_in(given, rates) == given
    assert dataclasses.replace(given, normalization="none").scope == "none"


def test_a_config_needs_no_tensorflow():
    program = (
        "import sys; from amalthea.pipelines.registry import find_task\n"
        "entry = find_task('transcribe'); entry.config_class()\n"
        "entry.options_class('predict'); entry.arguments_class('lm')\n"
        "assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
