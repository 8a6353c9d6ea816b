"""Object detection as a task: train, evaluate, predict, export, doctor."""

import functools
from pathlib import Path

import keras
import numpy as np

from ...data.boxes import EMBEDDED, BoxLoader, examine_boxes
from ...data.boxes.anchors import anchor_recall, mean_best_iou, scaled_sizes
from ...data.boxes.contact_sheet import contact_sheet
from ...errors import UserError
from ...layers import DetectionEvaluator
from ..config import make_config
from ..image_task import ImageTask, announce_reading
from ..training.checkpoint import load_state
from ..training.fingerprint import fingerprint
from .backbone import store_backbone, stored_backbone, trained_backbone
from .config import DetectConfig
from .heads import make_head
from .metrics import add_answers, detection_metrics, input_truths
from .model import build_model
from .module import ObjectDetector
from .options import PredictOptions
from .predict import detections
from .report import write_pictures, write_report
from .results import result_lines
from .setup import (
    filled_in,
    has_objects,
    load_table,
    split_rows,
    suggested_size,
    table_lines,
)
from .training import LEAST_SCORE, DetectionTraining

SHOWN_FIGURES = (
    *("map50", "map", "map_small", "map_medium", "map_large", "best_f1"),
    *("localisation_accuracy", "landmark_error", "pck"),
)


class ObjectDetection(ImageTask):
    """Object detection on a user's own images.

    Attributes:
        model: The Keras model, from pixels `[N, height, width, 3]` of 0 to 255 to
            the outputs of its head.
        labels: The class names.
        head: The `Head`: what of it depends on what is found.
    """

    name = "detect"
    config_class = DetectConfig
    embedded = EMBEDDED
    streams = True

    def __init__(self, run, config, model, labels):
        super().__init__(run, config)
        self.model = model
        self.labels = labels
        self.head = make_head(config, len(labels))
        self._table = None

    @classmethod
    def _load_table(cls, data, data_dir, config, run=None):
        return load_table(data, data_dir, config, run)

    @classmethod
    def _prepare(cls, run, config, data, data_dir, resume, progress):
        table = load_table(data, data_dir, config, run if resume else None)
        for line in table.summary():
            progress.say(line)
        config = filled_in(config, table.select("train"))
        backbone = stored_backbone(run) if resume else trained_backbone(config)
        labels = tuple(table.class_names)
        task = cls(run, config, build_model(config, len(labels), backbone), labels)
        task._table = table
        height, width = config.image_size
        progress.say(
            f"model: {config.model}, {task.model.count_params():,} parameters, input "
            f"{height} x {width}, {task.head.describe()}"
        )
        if not resume:
            run.write_labels(task.labels)
            run.write_rows(run.splits, split_rows(table))
            store_backbone(run, backbone)
        return task

    def _fit(self, resume, progress):
        table, config = self._table, self.config
        loader = self._loader(
            table.select("train"),
            progress,
            augmentation=self.head.augmentation(),
            drop_remainder=True,
        )
        plain = self.head.augmentation(plain=True)
        first_plain = config.epochs - min(config.plain_epochs, config.epochs // 5)
        val, truths = None, ()
        held_out = table.take(np.flatnonzero(table.splits == "val"))
        if has_objects(held_out):
            val_loader = self._loader(held_out, progress)
            val = val_loader.ordered()
            truths = input_truths(held_out, val_loader.rows, *config.image_size)
        else:
            progress.say(
                "no validation images with objects: the last epoch is kept, not the "
                "best"
            )
        training = DetectionTraining(
            self.model,
            self.head.loss(),
            config,
            len(self.labels),
            train_epoch=lambda epoch: loader.epoch(
                epoch, plain if epoch >= first_plain else None
            ),
            val=val,
            truths=truths,
            steps_per_epoch=loader.steps_per_epoch,
        )
        self._train_model(training, resume, progress)
        self._conclude(table, progress)

    @staticmethod
    def _in_one_line(split, metrics):
        return (
            f"{split}: mAP@.5 {metrics['map50']:.4f}, mAP@[.5:.95] "
            f"{metrics['map']:.4f} ({metrics['examples']:,} images, "
            f"{metrics['boxes']:,} boxes)"
        )

    def _write_report(self):
        write_report(self.run, self.config)

    @functools.cached_property
    def fingerprint(self):
        seen = np.flatnonzero(self._table.splits != "test")
        return fingerprint(table_lines(self._table.take(seen)))

    @classmethod
    def _restore(cls, run, config):
        keras.config.set_dtype_policy(config.precision)
        labels = run.read_labels()
        model = build_model(config, len(labels), stored_backbone(run))
        load_state(run.best, {"model": model.variables})
        return cls(run, config, model, labels)

    def stream(self, inputs, *, save_dir=None, **options):
        """Yields what `predict` returns, one by one, and saves it in passing.

        Args:
            inputs: As for `predict`; a camera never ends, so close the generator.
            save_dir: The folder to write annotated images and videos to,
                `predictions.json` and `coco.json`; nothing is saved if not given.
            **options: The fields of `PredictOptions`.

        Yields:
            `DetectedImage`s.

        Raises:
            UserError: as `predict`, or if the folder cannot be written.
        """
        options = make_config(PredictOptions, options)
        yield from detections(
            inputs,
            self._answer,
            self.labels,
            options.thresholds(self.config),
            every=options.every,
            crops=options.crops,
            save_dir=save_dir,
        )

    def predict(self, inputs, **options):
        """Finds objects in images and videos.

        Args:
            inputs: Images or videos: files, folders, glob patterns, encoded images
                as `bytes`, or URLs of videos; one or a list of them.
            **options: The fields of `PredictOptions`: `confidence`, `iou`,
                `max_detections`, `every`.

        Returns:
            A list of `DetectedImage`, in the order of the inputs; one for each
            frame of a video. An image that cannot be read has `valid` false and
            does not stop the others.

        Raises:
            UserError: if a file is missing, a folder or pattern has no image, or a
                video cannot be read.
        """
        return list(self.stream(inputs, **options))

    @classmethod
    def doctor(cls, data, *, data_dir=None, save_dir=None, **settings):
        """Looks for faults in images with boxes before they are trained on.

        Args:
            data: A data spec.
            data_dir: Where TensorFlow Datasets keeps its data.
            save_dir: A folder to write a sheet of images with their boxes to,
                `contact_sheet.png`.
            **settings: Settings of the training that matter to the data:
                `image_size`, `val_fraction`, `test_fraction`, ...

        Returns:
            A report; `report.fatal` is true if training would fail,
            `report.lines()` is the text.
        """
        config = make_config(cls.config_class, settings)
        table = load_table(data, data_dir, config)
        height, width = config.image_size or suggested_size(
            table, max(config.grid_strides)
        )
        anchors = np.reshape(config.anchors, (-1, 2)) if config.anchors else None
        report = examine_boxes(
            table,
            height=height,
            width=width,
            anchors=anchors,
            anchor_count=config.anchor_count,
        )
        if save_dir is not None:
            contact_sheet(table, Path(save_dir) / "contact_sheet.png")
        return report

    @classmethod
    def anchors(cls, data, *, data_dir=None, **settings):
        """Fits anchors to the boxes of a data set's training images.

        Args:
            data: A data spec.
            data_dir: Where TensorFlow Datasets keeps its data.
            **settings: Settings of the training: `image_size`, `strides`,
                `anchors_per_grid`, `seed`, ...

        Returns:
            Lines that name the anchors of each grid, how well they fit, and the
            setting to train with them.
        """
        given = {name: x for name, x in settings.items() if x is not None}
        config = make_config(cls.config_class, given)
        table = load_table(data, data_dir, config)
        train = table.select("train")
        config = filled_in(config, train)
        sizes = scaled_sizes(train, *config.image_size)
        fitted = np.reshape(config.anchors, (-1, 2))
        height, width = config.image_size
        return [
            *table.summary(),
            f"input {height} x {width}, {len(sizes):,} boxes for training",
            *(
                f"stride {stride:2}: " + ", ".join(f"{w:g} x {h:g}" for w, h in pairs)
                for stride, pairs in zip(
                    config.grid_strides, config.grid_anchors, strict=True
                )
            ),
            f"recall at IoU .5: {anchor_recall(sizes, fitted):.4f}, "
            f"mean best IoU: {mean_best_iou(sizes, fitted):.4f}",
            f"--anchors {' '.join(f'{side:g}' for side in config.anchors)}",
        ]

    @staticmethod
    def metric_lines(metrics):
        """Returns the figures of `evaluate` as lines for a person."""
        lines = [
            f"{name:18} {metrics[name]:.4f}"
            for name in SHOWN_FIGURES
            if metrics.get(name, -1) >= 0
        ]
        lines.append(f"{'best_confidence':18} {metrics['best_confidence']:.3f}")
        lines.append(f"{'examples':18} {metrics['examples']}")
        lines.append(f"{'boxes':18} {metrics['boxes']}")
        if metrics["unreadable"]:
            lines.append(f"{'unreadable':18} {metrics['unreadable']} (left out)")
        return lines

    @staticmethod
    def result_lines(results):
        """Returns the results of `predict` as lines for a person."""
        return result_lines(results)

    def _make_serving_module(self):
        return ObjectDetector(self.model, self.labels, self.config)

    def _examples(self):
        examples = self._image_examples()
        if examples is None:
            return {}
        contents, images = examples
        thresholds = {
            "confidence": np.full(len(contents), self.config.confidence, np.float32),
            "iou": np.full(len(contents), self.config.nms_iou, np.float32),
            "max_detections": np.full(
                len(contents), self.config.max_detections, np.int32
            ),
        }
        return {
            "serving_default": {"image_bytes": contents},
            "thresholds": {"image_bytes": contents, **thresholds},
            "pixels": {"pixels": images["pixels"].numpy(), **thresholds},
        }

    def _loader(self, table, progress, **options):
        announce_reading(table, progress)
        loader = BoxLoader(
            table,
            height=self.config.image_size[0],
            width=self.config.image_size[1],
            batch_size=self.config.batch_size,
            cache=self.config.cache,
            seed=self.config.seed,
            points=bool(self.head.points),
            **options,
        )
        progress.left_out(loader.unreadable, "images")
        return loader

    def _measure(self, table, split):
        """Measures one split; writes its figures and pictures to the run."""
        self.head.check(table)
        evaluator, tally = DetectionEvaluator(len(self.labels)), self.head.tally()
        done, rows = 0, []
        answers = self.answer_batches(
            table.contents(missing=b""),
            "thresholds",
            confidence=np.float32(LEAST_SCORE),
            iou=np.float32(self.config.nms_iou),
            max_detections=np.int32(self.config.max_detections),
        )
        for batch in answers:
            rows += add_answers(evaluator, tally, table, batch, done, self.labels)
            done += len(batch["count"])
        if not len(evaluator):
            raise UserError(f"no readable image in the split {split!r}", table.source)
        metrics = {
            "data": table.source,
            "unreadable": done - len(rows),
            **tally.summary(),
            **detection_metrics(evaluator, self.labels),
        }
        self.run.write_metrics(split, metrics)
        write_pictures(self.run, split, metrics, evaluator, table, rows, self.labels)
        return metrics
