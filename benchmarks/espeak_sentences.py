"""Makes a data set of speech: espeak-ng's voices read the sentences of Multi30k.

The sentences of training are read by many voices. Those of validation and test are
others, each read by a voice that training does not have. It needs espeak-ng
(`apt-get install espeak-ng`) and writes 16 kHz FLAC files and `manifest.jsonl`.

    python benchmarks/espeak_sentences.py --out FOLDER [--hours 5] [--seed 0]
"""

import argparse
import collections
import gzip
import io
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 16_000
LONGEST = 6.0  # seconds
WORDS_A_MINUTE = (130, 190)
PITCH = (35, 65)  # of 0 to 99; 50 is the voice's own
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029")
VARIANTS = ("m1", "m2", "m3", "m5", "m7", "m8", "f1", "f2", "f3", "f5")
VARIANTS += ("klatt", "klatt3", "belinda", "linda", "steph", "benjamin", "ed", "max")
# Neither the voice nor another accent of it is in training.
HELD_OUT = {"val": ("en-gb+m6", 200), "test": ("en-us+f4", 300)}
# What else there is may be read aloud as other words than are written.
_PLAIN = re.compile(r"""[A-Za-z ,.;:!?'"()-]+""")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--hours", type=float, default=5.0, help="of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--text", type=Path, help="folder with Multi30k's *.en.gz")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    if not shutil.which("espeak-ng"):
        parser.error("there is no espeak-ng: apt-get install espeak-ng")
    if arguments.out.exists():
        parser.error(f"{arguments.out} exists already")
    folder = arguments.text or multi30k(parser)
    make(arguments.out, folder, arguments.hours, arguments.seed, arguments.processes)


def multi30k(parser):
    if "AMALTHEA_DATA" not in os.environ:
        parser.error("name Multi30k's folder by --text or $AMALTHEA_DATA")
    return Path(os.environ["AMALTHEA_DATA"]) / "translation" / "multi30k"


def make(out, folder, hours, seed, processes):
    """Writes the recordings and, last, their list."""
    train, unseen = sentences(folder / "train.en.gz"), sentences(folder / "val.en.gz")
    known = set(map(spoken, train))
    unseen = [text for text in unseen if spoken(text) not in known]
    rng = np.random.default_rng(seed)
    rng.shuffle(train)
    rng.shuffle(unseen)
    voices = [f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS]
    records = []
    with ThreadPoolExecutor(processes) as pool:
        half = len(unseen) // 2
        for split, texts in (("val", unseen[:half]), ("test", unseen[half:])):
            voice, count = HELD_OUT[split]
            made = read_aloud(pool, texts, [voice], rng)
            for _ in range(count):
                records.append(write(out, split, *next(made)))
        made, seconds = read_aloud(pool, train, voices, rng), 0.0
        while seconds < hours * 3600:
            records.append(write(out, "train", *next(made)))
            seconds += records[-1]["duration"]
    with open(out / "manifest.jsonl", "w", encoding="utf-8") as file:
        for record in records:
            print(json.dumps(record, ensure_ascii=False), file=file)
    tell(records)


def sentences(path):
    """Returns the different sentences of a file that are read as they are written."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [" ".join(line.split()) for line in file]
    return list(dict.fromkeys(line for line in lines if _PLAIN.fullmatch(line)))


def spoken(text):
    return " ".join(re.findall("[a-z]+", text.lower()))


def read_aloud(pool, texts, voices, rng):
    """Yields number, text, voice and samples of the texts that are short enough."""
    ahead = 64
    for first in range(0, len(texts), ahead):
        part = texts[first : first + ahead]
        said = rng.choice(voices, len(part))
        speeds = rng.integers(*WORDS_A_MINUTE, len(part), endpoint=True)
        pitches = rng.integers(*PITCH, len(part), endpoint=True)
        made = pool.map(synthesize, part, said, speeds, pitches)
        for place, samples in enumerate(made):
            if len(samples) <= LONGEST * RATE:
                yield first + place, part[place], str(said[place]), samples
    raise SystemExit("there are not enough sentences for so many hours")


def synthesize(text, voice, speed, pitch):
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch)]
    command += ["--stdin", "--stdout"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    samples, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    samples = soxr.resample(samples, rate, RATE)
    return samples / max(float(np.abs(samples).max()), 1.0)


def write(out, split, number, text, voice, samples):
    """Writes a recording; returns its line of the list."""
    path = out / split / f"{number:05d}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return {
        "audio_filepath": path.relative_to(out).as_posix(),
        "text": text,
        "speaker": voice,
        "split": split,
        "duration": len(samples) / RATE,
    }


def tell(records):
    print("split | recordings | hours | voices | words")
    parts = collections.defaultdict(list)
    for each in records:
        parts[each["split"]].append(each)
    for split, part in parts.items():
        hours = sum(each["duration"] for each in part) / 3600
        words = sum(len(each["text"].split()) for each in part)
        voices = len({each["speaker"] for each in part})
        print(f"{split} | {len(part):,} | {hours:.2f} | {voices} | {words:,}")


if __name__ == "__main__":
    main()
