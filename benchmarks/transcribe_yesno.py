"""Yes and no in Hebrew, eight words a recording: word errors on ten held back.

`--test-fraction .22` holds back ten of the files that are there, always the same, by
their content; ten others choose the best epoch, and the rest are trained on. Minutes
are those of the whole training command.

    AMALTHEA_DATA=... python benchmarks/transcribe_yesno.py [--seeds 0 1 2] [-- FLAGS]
"""

from transcribe_runs import make_parser, show, speech, training

HELD_BACK = ("--pattern", "{text}", "--test-fraction", "0.22")
# Thirty files are four steps of an epoch.
FLAGS = ("--batch-size", "8", "--epochs", "150")


def main():
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    data = speech(parser, "yesno", "waves_yesno.tar.gz")
    flags = ("--data", data, *HELD_BACK, *(arguments.flags or FLAGS))
    print("amalthea transcribe train", *flags)
    show("seed", "minutes", "files", "words", "WER", "CER")
    for seed in arguments.seeds:
        with training("--seed", seed, *flags) as (_, metrics, minutes):
            test = metrics["test"]
        show(
            seed,
            f"{minutes:.1f}",
            test["examples"],
            test["words"],
            f"{test['wer']:.2%}",
            f"{test['cer']:.2%}",
        )


if __name__ == "__main__":
    main()
