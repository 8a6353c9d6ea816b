"""The layers of the audio front end beside librosa.

Batches of 16 utterances of 10 s and of 64 of 2 s with speech's spectrum (noise in
bursts), 16 kHz, frames of 25 ms every 10 ms: the log-mel spectrogram of 80 bands, 13
MFCCs of 40 bands, and PCEN of the former's magnitudes. Ours is one graph of unknown
shape, as in an export. librosa takes one utterance after the other and is called in two
ways: as documented, which makes the matrix of filters anew in each call, and with that
matrix kept by the caller.

All run in turns in one process with the threads they take by themselves: TensorFlow one
for each core; librosa one, and one for each core in the product with the matrix of
filters. Printed are the seconds of audio in a second, by the median of the calls, the
medians of the ratios of neighbouring calls on the clock and of the cores' time, and the
largest difference between the features. Whatever else runs on the machine changes the
ratios: they are those of the cores' time where it leaves one core to both.

    python benchmarks/audio_front_end.py
"""

import argparse
import time

import librosa
import numpy as np
import tensorflow as tf

from amalthea.layers.audio import MFCC, PCEN, LogMelSpectrogram

RATE = 16000
STFT = {"n_fft": 512, "win_length": 400, "hop_length": 160}
FLOOR = 1e-10
SIZES = ((16, 10), (64, 2))
# Seconds after which the threads of librosa's products of matrices no longer wait for
# another: until then they take time from what runs next.
PAUSE = 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(
        "utterances | features | librosa, matrix | librosa s/s | ours s/s | ratio | "
        "ratio of CPU | largest difference"
    )
    for batch, seconds in SIZES:
        samples = speech_like(batch, seconds, arguments.seed)
        for name, functions in cases().items():
            compare(f"{batch} of {seconds} s | {name}", samples, functions, arguments)


def compare(label, samples, functions, arguments):
    """Prints a row for each of librosa's two ways."""
    ours, *theirs = functions
    lengths = np.full(len(samples), samples.shape[1], "int32")
    tensors = tf.constant(samples), tf.constant(lengths)
    calls = [lambda: ours(*tensors).numpy()]
    calls += [
        lambda way=way: np.stack([way(row).T for row in samples]) for way in theirs
    ]
    difference = [np.abs(call() - calls[0]()).max() for call in calls[1:]]
    wall, cpu = measure(calls, arguments.calls)
    audio = samples.size / RATE
    for column, way in enumerate(("made in each call", "kept"), start=1):
        print(
            f"{label} | {way} | {audio / np.median(wall[:, column]):.0f} | "
            f"{audio / np.median(wall[:, 0]):.0f} | "
            f"{np.median(wall[:, column] / wall[:, 0]):.1f} | "
            f"{np.median(cpu[:, column] / cpu[:, 0]):.1f} | "
            f"{difference[column - 1]:.1e}",
            flush=True,
        )


def cases():
    """For each kind of features our graph and librosa's two functions of one row."""
    bank, small_bank = (
        librosa.filters.mel(sr=RATE, n_fft=STFT["n_fft"], n_mels=bins)
        for bins in (80, 40)
    )

    def librosa_mel(row, bins, power=2.0):
        return librosa.feature.melspectrogram(
            y=row, sr=RATE, n_mels=bins, power=power, **STFT
        )

    def kept_mel(row, matrix, power=2):
        return matrix @ np.abs(librosa.stft(row, **STFT)) ** power

    def logarithm(energies):
        return np.log(np.maximum(energies, FLOOR))

    def mfcc(energies):
        return librosa.feature.mfcc(S=librosa.power_to_db(energies), n_mfcc=13)

    def pcen(magnitudes):
        return librosa.pcen(magnitudes * 2.0**31, sr=RATE, hop_length=160)

    log_mel, cepstrum = LogMelSpectrogram(RATE), MFCC(13, mel_bins=40)
    magnitudes, normalised = LogMelSpectrogram(RATE, power=1.0, log=None), PCEN(RATE)

    def our_pcen(samples, lengths):
        frames = magnitudes.output_lengths(lengths)
        return normalised(magnitudes(samples, lengths), frames)

    return {
        "log-mel": (
            graph(log_mel),
            lambda row: logarithm(librosa_mel(row, 80)),
            lambda row: logarithm(kept_mel(row, bank)),
        ),
        "MFCC": (
            graph(cepstrum),
            lambda row: mfcc(librosa_mel(row, 40)),
            lambda row: mfcc(kept_mel(row, small_bank)),
        ),
        "PCEN": (
            graph(our_pcen),
            lambda row: pcen(librosa_mel(row, 80, 1.0)),
            lambda row: pcen(kept_mel(row, bank, 1)),
        ),
    }


def graph(function):
    signature = [tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32)]
    return tf.function(function, input_signature=signature)


def measure(functions, calls):
    """Wall and CPU seconds, `[calls, functions]` each, the functions in turns."""
    wall, cpu = np.empty((2, calls, len(functions)))
    for call in range(-2, calls):
        for column, function in enumerate(functions):
            time.sleep(PAUSE)
            start = time.perf_counter(), time.process_time()
            function()
            # What the two first calls, still slow, write at the end is overwritten.
            wall[call, column] = time.perf_counter() - start[0]
            cpu[call, column] = time.process_time() - start[1]
    return wall, cpu


def speech_like(batch, seconds, seed):
    """Noise that falls by 6 dB an octave, in bursts of a fifth of a second."""
    rng = np.random.default_rng(seed)
    size = seconds * RATE
    spectrum = np.fft.rfft(rng.normal(size=(batch, size)))
    spectrum /= np.maximum(np.fft.rfftfreq(size, 1 / RATE), 200)
    noise = np.fft.irfft(spectrum, size)
    bursts = np.sin(np.arange(size) * (2.5 * np.pi / RATE)) ** 2
    noise *= 0.01 + bursts
    return (0.3 * noise / np.abs(noise).max()).astype("float32")


if __name__ == "__main__":
    main()
