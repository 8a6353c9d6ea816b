"""Reading Morse code, the embedded `morse`: errors at each signal-to-noise ratio.

Messages of 10 to 30 words a minute, with varying speed, tone and strength; noise is
white, over the band of 4 kHz. Test messages are of a random stream of their own; the
best epoch is chosen on validation messages of another. Minutes are those of the whole
training command.

    python benchmarks/transcribe_morse.py [--seeds 0 1 2] [-- FLAGS]
"""

from transcribe_runs import make_parser, show, training

# The recordings have their own noise, tone and speed; there are new ones each epoch.
FLAGS = (
    *("--speed-probability", "0"),
    *("--noise-probability", "0"),
    *("--reverberation-probability", "0"),
    *("--gain-probability", "0"),
    *("--frequency-masks", "0"),
    *("--time-masks", "0"),
    *("--dropout", "0"),
    *("--units", "96"),
    *("--filters", "16"),
    *("--epochs", "48"),
)
LEVELS = ("-5 dB", "0 dB", "5 dB", "10 dB", "20 dB")


def main():
    arguments = make_parser(__doc__).parse_args()
    flags = ("--data", "morse", *(arguments.flags or FLAGS))
    print("amalthea transcribe train", *flags)
    levels = [f"CER at {level}" for level in LEVELS]
    show("seed", "minutes", "test CER", *levels, "WER at 10 dB")
    for seed in arguments.seeds:
        with training("--seed", seed, *flags) as (_, metrics, minutes):
            test = metrics["test"]
        by_snr = test["by_snr"]
        show(
            seed,
            f"{minutes:.1f}",
            f"{test['cer']:.2%}",
            *(f"{by_snr[level]['cer']:.2%}" for level in LEVELS),
            f"{by_snr['10 dB']['wer']:.2%}",
        )


if __name__ == "__main__":
    main()
