import keras
import numpy as np
import pytest
from helpers.coco_oracle import random_images
from keras import ops

from amalthea.layers.boxes import convert_boxes
from amalthea.layers.metrics import DetectionEvaluator, MeanAveragePrecision

KEYS = ("map50", "map", "map_small", "map_medium", "map_large")


def padded(images, rows=30):
    """Batches as the data and `NonMaxSuppression` give them."""

    def stack(part, name):
        fill = -1 if name == "classes" else 0
        columns = []
        for image in images:
            column = image[part][name]
            padding = [(0, rows - len(column))] + [(0, 0)] * (column.ndim - 1)
            columns.append(np.pad(column, padding, constant_values=fill))
        return ops.convert_to_tensor(np.stack(columns))

    return [{name: stack(part, name) for name in images[0][part]} for part in (0, 1)]


def expected(images, num_classes=3):
    evaluator = DetectionEvaluator(num_classes)
    for truth, prediction in images:
        evaluator.add(truth, prediction)
    summary = evaluator.summary()
    return {key: summary[key] for key in KEYS}


def test_agrees_with_the_evaluator_over_batches():
    images = random_images(0, flags=0.15)
    metric = MeanAveragePrecision(3)
    assert set(metric.result().values()) == {-1}
    for start in range(0, len(images), 5):
        metric.update_state(*padded(images[start : start + 5]))
    assert tuple(metric.result()) == KEYS
    assert metric.result() == expected(images)
    assert len(metric.evaluator) == len(images)
    metric.reset_state()
    assert set(metric.result().values()) == {-1}
    assert metric(*padded(images[:4])) == expected(images[:4])


@pytest.mark.parametrize("box_format", ["yxyx", "center_xywh", "rel_xywh"])
def test_box_formats(box_format):
    images = random_images(1)
    truth, prediction = padded(images)
    for part in (truth, prediction):
        part["boxes"] = convert_boxes(part["boxes"], "xyxy", box_format, (100, 250))
    metric = MeanAveragePrecision(3, box_format=box_format, image_shape=(100, 250))
    metric.update_state(truth, prediction)
    assert metric.result() == pytest.approx(expected(images), abs=1e-6)


def test_config():
    metric = MeanAveragePrecision(
        3, box_format="rel_xyxy", image_shape=(80, 60), max_detections=7, name="figures"
    )
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(again) == config
    assert (again.name, again.max_detections) == ("figures", 7)
    assert again.evaluator.max_detections == 7
    assert tuple(again.image_shape) == (80, 60)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="expected one of xyxy"):
        MeanAveragePrecision(3, box_format="corners")
    with pytest.raises(ValueError, match="`image_shape`"):
        MeanAveragePrecision(3, box_format="rel_xyxy")
    with pytest.raises(ValueError, match="`num_classes`"):
        MeanAveragePrecision(0)


class Detector(keras.Model):
    """Returns the detections it is given, and measures them as it is tested."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.precision = MeanAveragePrecision(3)

    def call(self, detections):
        return detections

    def compute_loss(self, *args, **kwargs):
        return ops.zeros(())

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.precision.update_state(y, y_pred)
        return self.precision.result()


def evaluate(images, **kwargs):
    truth, prediction = (
        {name: ops.convert_to_numpy(column) for name, column in part.items()}
        for part in padded(images)
    )
    model = Detector()
    model.compile(**kwargs)
    return model.evaluate(prediction, truth, batch_size=5, verbose=0, return_dict=True)


def test_in_a_model_that_runs_eagerly():
    images = random_images(2)
    figures = evaluate(images, run_eagerly=True)
    assert {key: figures[key] for key in KEYS} == pytest.approx(expected(images))


def test_in_a_compiled_step():
    with pytest.raises(RuntimeError, match="run_eagerly=True"):
        evaluate(random_images(2))
