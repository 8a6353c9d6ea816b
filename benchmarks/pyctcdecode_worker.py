"""Decodes by pyctcdecode; run by `ctc_language_model.py` in a Python that has it.

    python pyctcdecode_worker.py LOGITS SETTINGS

LOGITS is an .npz file with an array for each utterance, `0` and on. SETTINGS is a JSON
file: `labels`, `arpa`, `unigrams`, `alpha`, `beta`, `beam_width`. Each line of the
standard input is a JSON list: whether to use the language model, and the numbers of
utterances; each is answered by a line of JSON, `seconds` and `texts`.
"""

import json
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
from pyctcdecode import build_ctcdecoder


def main():
    path, settings = sys.argv[1:]
    settings = json.loads(Path(settings).read_text())
    with np.load(path) as file:
        logits = [file[str(i)] for i in range(len(file))]
    decoders = [
        build_ctcdecoder(settings["labels"]),
        build_ctcdecoder(
            settings["labels"],
            settings["arpa"],
            settings["unigrams"],
            alpha=settings["alpha"],
            beta=settings["beta"],
        ),
    ]
    with multiprocessing.get_context("fork").Pool() as pool:
        for line in sys.stdin:
            has_model, numbers = json.loads(line)
            chosen = [logits[i] for i in numbers]
            begun = time.perf_counter()
            texts = decoders[has_model].decode_batch(
                pool, chosen, beam_width=settings["beam_width"]
            )
            seconds = time.perf_counter() - begun
            print(json.dumps({"seconds": seconds, "texts": texts}), flush=True)


if __name__ == "__main__":
    main()
