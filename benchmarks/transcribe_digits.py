"""Strings of 3 to 8 spoken digits, joined from FSDD: unseen speakers, unseen takes.

Each of the five speakers is held out in turn: neither training nor validation has a
recording of theirs. `seen` holds out takes instead, about one in seven, of speakers
that training has. The best epoch is chosen on validation strings. Minutes are those of
the whole training command. The language model of words is learnt from the training
strings, its weights are chosen on the validation strings; it knows the ten words and no
more, as their order is random.

    AMALTHEA_DATA=... python benchmarks/transcribe_digits.py [--seeds 0 1] [-- FLAGS]
"""

import numpy as np
from transcribe_runs import evaluation, make_parser, show, speech, training, transcribe

SPEAKERS = ("george", "jackson", "nicolas", "theo", "yweweler")
SEEN = "seen"
STRINGS = ("--pattern", "{text}_{speaker}_{take}", "--join", "3", "8")


def main():
    parser = make_parser(__doc__)
    tests = (*SPEAKERS, SEEN)
    parser.add_argument("--tests", nargs="+", choices=tests, default=tests)
    arguments = parser.parse_args()
    data = speech(parser, "fsdd", "fsdd-train.tar.gz")
    flags = ("--data", data, *STRINGS, *arguments.flags)
    print("amalthea transcribe train", *flags, "[--hold-out SPEAKER]")
    columns = "minutes", "strings", "digits", "WER", "CER", "WER with words"
    show("seed", "test", *columns)
    for seed in arguments.seeds:
        rates = []
        for test in arguments.tests:
            held_out = () if test == SEEN else ("--hold-out", test)
            with training("--seed", seed, *flags, *held_out) as (run, metrics, minutes):
                figures = metrics["test"]
                transcribe("lm", run)
                with_words = evaluation(run)["wer"]
            if test != SEEN:
                rates.append((figures["wer"], with_words))
            show(
                seed,
                test,
                f"{minutes:.1f}",
                figures["examples"],
                figures["words"],
                f"{figures['wer']:.2%}",
                f"{figures['cer']:.2%}",
                f"{with_words:.2%}",
            )
        if len(rates) == len(SPEAKERS):
            plain, with_words = np.mean(rates, axis=0)
            means = f"{plain:.2%}", "", f"{with_words:.2%}"
            show(seed, "mean of speakers", "", "", "", *means)


if __name__ == "__main__":
    main()
