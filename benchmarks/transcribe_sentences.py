"""Sentences that espeak-ng reads, and then 40 that a person reads.

Training, validation and test are of `espeak_sentences.py`: the test's sentences and
voice are neither in training nor in validation. The model is then measured on real
speech as well, 40 sentences of LJSpeech, of which it has seen nothing. Minutes are
those of the whole training command.

    python benchmarks/espeak_sentences.py --out FOLDER
    AMALTHEA_DATA=... python benchmarks/transcribe_sentences.py --data FOLDER
        [--seeds 0] [-- FLAGS]
"""

from pathlib import Path

from transcribe_runs import evaluation, make_parser, show, speech, training


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the made folder")
    arguments = parser.parse_args()
    real = speech(parser, "sentences", "matthes-lj.tar.gz")
    flags = ("--data", arguments.data, "--no-punctuation", *arguments.flags)
    print("amalthea transcribe train", *flags)
    show("seed", "minutes", "test", "recordings", "CER", "WER")
    for seed in arguments.seeds:
        with training("--seed", seed, *flags) as (run, metrics, minutes):
            metrics["real"] = evaluation(run, "--data", real, "--split", "all")
        for name in ("val", "test", "real"):
            figures = metrics[name]
            show(
                seed,
                f"{minutes:.1f}",
                name,
                figures["examples"],
                f"{figures['cer']:.2%}",
                f"{figures['wer']:.2%}",
            )


if __name__ == "__main__":
    main()
