"""Sentences that espeak-ng reads, and then 40 that a person reads.

Training, validation and test are of `espeak_sentences.py`: the test's sentences and
voice are neither in training nor in validation. The model is then measured on real
speech as well, 40 sentences of LJSpeech, of which it has seen nothing. All of it again
with a language model, 4-grams of pieces from the 29,000 sentences that Multi30k has for
training; those of validation and test are not among them. Minutes are those of the
whole training command.

    python benchmarks/espeak_sentences.py --out FOLDER
    AMALTHEA_DATA=... python benchmarks/transcribe_sentences.py --data FOLDER
        [--seeds 0] [-- FLAGS]

FLAGS are added to those of `transcribe train` below.
"""

from pathlib import Path

from transcribe_runs import evaluation, make_parser, show, speech, training, transcribe

SETTINGS = ("--no-punctuation", "--tokens", "pieces", "--piece-count", 256)
SETTINGS += ("--units", 160, "--blocks", 3, "--filters", 16, "--epochs", 30)


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the made folder")
    arguments = parser.parse_args()
    real = speech(parser, "sentences", "matthes-lj.tar.gz")
    real_speech = ("--data", real, "--split", "all")
    text = real.parents[2] / "translation" / "multi30k" / "train.en.gz"
    flags = ("--data", arguments.data, *SETTINGS, *arguments.flags)
    print("amalthea transcribe train", *flags)
    show("seed", "minutes", "test", "language model", "recordings", "CER", "WER")
    for seed in arguments.seeds:
        with training("--seed", seed, *flags) as (run, metrics, minutes):
            metrics["real"] = evaluation(run, *real_speech)
            transcribe("lm", run, "--text", text)
            helped = {"real": evaluation(run, *real_speech)}
            for name in ("val", "test"):
                helped[name] = evaluation(run, "--split", name)
        for name in ("val", "test", "real"):
            for used, figures in (("", metrics[name]), ("pieces", helped[name])):
                show(
                    seed,
                    f"{minutes:.1f}",
                    name,
                    used,
                    figures["examples"],
                    f"{figures['cer']:.2%}",
                    f"{figures['wer']:.2%}",
                )


if __name__ == "__main__":
    main()
