"""Test accuracy on `digits` beside an RBF support-vector machine on the same split.

Both train on the training part (the machine on training and validation, for it has
nothing to choose) and are tested on the same test images, for several seeds.

    python benchmarks/digits.py [seeds]
"""

import sys
import tempfile
import time
from pathlib import Path

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from amalthea.data.images import load_images
from amalthea.pipelines import ImageClassification


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    table = load_images("digits")
    rows = table.pixels.reshape(len(table), -1) / 255.0
    test = table.splits == "test"
    machine = make_pipeline(StandardScaler(with_std=False), SVC(C=10))
    machine.fit(rows[~test], table.labels[~test])
    accuracy = machine.score(rows[test], table.labels[test])
    print(f"support-vector machine: {accuracy:.4f} of {test.sum()} test images")
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            task = ImageClassification.train(
                "digits", Path(folder) / "run", seed=seed, quiet=True
            )
            seconds = time.perf_counter() - begun
            metrics = task.evaluate("digits", split="test")
        print(
            f"amalthea, seed {seed}: {metrics['accuracy']:.4f}, "
            f"calibration error {metrics['calibration_error']:.4f}, {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
