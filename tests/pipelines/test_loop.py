"""The training loop: exact resume, best and last, early stopping."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

from amalthea import UserError
from amalthea.pipelines.config import TrainingConfig
from amalthea.pipelines.environment import prepare_training
from amalthea.pipelines.run_folder import RunFolder
from amalthea.pipelines.training import loop
from amalthea.pipelines.training.average import WeightAverage
from amalthea.pipelines.training.checkpoint import load_state, read_facts, save_state
from amalthea.pipelines.training.progress import Progress
from amalthea.pipelines.training.supervised import SupervisedTraining

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6)).astype("float32")
Y = np.eye(3, dtype="float32")[(X @ RNG.normal(size=(6, 3))).argmax(-1)]
EPOCHS = 4


class Killed(Exception):
    pass


class Jitter:
    """An augmentation with a state of its own."""

    def __init__(self):
        self.layers = [keras.layers.GaussianNoise(0.1, seed=3)]

    def __call__(self, inputs, targets):
        return self.layers[0](inputs, training=True), targets


@pytest.fixture(autouse=True)
def restore_policy():
    yield
    keras.config.set_dtype_policy("float32")


def make_training(config, score=None):
    prepare_training(config)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, dtype="float32"),
        ]
    )

    def epoch_data(epoch):
        order = np.random.default_rng([config.seed, epoch]).permutation(len(X))
        rows = (X[order], Y[order], np.ones(len(X), "float32"))
        return tf.data.Dataset.from_tensor_slices(rows).batch(20)

    return SupervisedTraining(
        model,
        keras.losses.CategoricalCrossentropy(from_logits=True),
        config,
        train_epoch=epoch_data,
        val=epoch_data(0),
        steps_per_epoch=6,
        metrics=lambda: {"accuracy": keras.metrics.CategoricalAccuracy()},
        augment=Jitter(),
        score=score or (lambda figures: (figures["val_accuracy"],)),
    )


def train(folder, config, *, resume=False, score=None, fingerprint="data"):
    training = make_training(config, score)
    loop.run_training(
        RunFolder(folder),
        training,
        config,
        resume=resume,
        fingerprint=fingerprint,
        progress=Progress(quiet=True),
    )
    return {
        group: [np.asarray(variable) for variable in members]
        for group, members in training.variables().items()
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "ema": 0.9},
        {"optimizer": "adamw", "schedule": "inverse_sqrt", "warmup_epochs": 1.0},
        {"optimizer": "rmsprop", "precision": "mixed_float16"},
        {"optimizer": "adam", "precision": "mixed_bfloat16", "clip_norm": 1.0},
        {"optimizer": "sgd", "xla": True, "l2": 1e-3},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_a_stopped_and_resumed_run_ends_equal_to_the_last_bit(
    tmp_path, monkeypatch, settings
):
    config = TrainingConfig(epochs=EPOCHS, **settings)
    whole = train(tmp_path / "whole", config)

    # Stop inside the third epoch, after some of its steps.
    steps = iter(range(15))

    def step(self, loss):
        if next(steps, None) is None:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "step", step)
        with pytest.raises(Killed):
            train(tmp_path / "cut", config)
    assert read_facts(RunFolder(tmp_path / "cut").last)["epoch"] == 2
    resumed = train(tmp_path / "cut", config, resume=True)

    assert whole.keys() == resumed.keys() >= {"model", "optimizer", "augment"}
    for group in whole:
        for one, other in zip(whole[group], resumed[group], strict=True):
            np.testing.assert_array_equal(one, other)
    assert history(tmp_path / "whole") == history(tmp_path / "cut")


def history(folder):
    with RunFolder(folder).history.open() as file:
        return [{**row, "seconds": None} for row in csv.DictReader(file)]


def test_best_holds_the_averaged_weights_of_the_best_epoch(tmp_path):
    # The score says that epoch 2 is best.
    scores = {1: 0.2, 2: 0.9, 3: 0.5, 4: 0.4}
    config = TrainingConfig(epochs=EPOCHS, ema=0.9)
    train(tmp_path / "r", config, score=lambda f: (scores[f["epoch"]],))
    run = RunFolder(tmp_path / "r")
    assert read_facts(run.best) == {"score": [0.9], "epoch": 2}

    # The same by hand: what the average was after epoch 2 of the same schedule.
    training = make_training(config)
    for epoch in range(2):
        training.train(epoch, lambda loss: None)
        with training.averaged():
            training.validate()
    with training.averaged():
        expected = [np.asarray(v) for v in training.kept()["model"]]
    training = make_training(config)
    load_state(run.best, training.kept())
    for value, wanted in zip(training.kept()["model"], expected, strict=True):
        np.testing.assert_array_equal(np.asarray(value), wanted)


def test_average_is_the_hand_worked_one():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    (kernel,) = model.weights
    kernel.assign([[0.0]])
    average = WeightAverage(model, 0.15)
    expected = 0.0
    for step, value in enumerate([1.0, 2.0, 3.0]):
        kernel.assign([[value]])
        average.update()
        decay = min(0.15, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    with average.applied():
        assert float(kernel.value[0, 0]) == pytest.approx(expected)
    assert float(kernel.value[0, 0]) == 3.0


def test_patience_stops_and_a_resumed_run_stays_stopped(tmp_path):
    config = TrainingConfig(epochs=9, patience=2)

    def falling(figures):
        return (-figures["epoch"],)

    train(tmp_path / "r", config, score=falling)
    assert len(history(tmp_path / "r")) == 3
    train(tmp_path / "r", config, score=falling, resume=True)
    assert len(history(tmp_path / "r")) == 3


def test_epochs_that_are_not_measured_are_neither_best_nor_without_patience(tmp_path):
    config = TrainingConfig(epochs=9, patience=2)

    def every_third(figures):
        return None if figures["epoch"] % 3 else (-figures["epoch"],)

    train(tmp_path / "r", config, score=every_third)
    # The third is the best; that the fourth and fifth are worse is not known.
    assert len(history(tmp_path / "r")) == 6
    assert read_facts(RunFolder(tmp_path / "r").best)["epoch"] == 3


def test_the_newest_epoch_is_the_best_until_one_is_measured(tmp_path):
    train(tmp_path / "r", TrainingConfig(epochs=2), score=lambda figures: None)
    assert read_facts(RunFolder(tmp_path / "r").best)["epoch"] == 2


def test_other_data_is_refused_on_resume(tmp_path):
    train(tmp_path / "r", TrainingConfig(epochs=1))
    with pytest.raises(UserError, match="not what the run began with"):
        train(
            tmp_path / "r", TrainingConfig(epochs=2), resume=True, fingerprint="other"
        )


def test_a_loss_that_is_no_number_ends_in_one_line(tmp_path):
    config = TrainingConfig(epochs=2, optimizer="sgd", learning_rate=1e38)
    with pytest.raises(UserError, match="the loss is .*Lower --learning-rate"):
        train(tmp_path / "r", config)
    assert not RunFolder(tmp_path / "r").last.exists()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b""])
def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path, damage):
    config = TrainingConfig(epochs=1)
    train(tmp_path / "r", config)
    last = RunFolder(tmp_path / "r").last
    last.write_bytes(damage(last.read_bytes()))
    with pytest.raises(UserError, match="is damaged"):
        train(tmp_path / "r", config, resume=True)


def test_a_checkpoint_of_other_shapes_is_refused(tmp_path):
    save_state(tmp_path / "s.npz", {"model": [keras.Variable([1.0, 2.0])]}, {"a": 1})
    with pytest.raises(UserError, match="other settings"):
        load_state(tmp_path / "s.npz", {"model": [keras.Variable([1.0])]})
    with pytest.raises(UserError, match="holds 1 model arrays where 2"):
        load_state(tmp_path / "s.npz", {"model": [keras.Variable([1.0])] * 2})
    same = keras.Variable([0.0, 0.0])
    assert load_state(tmp_path / "s.npz", {"model": [same]}) == {"a": 1}
    np.testing.assert_array_equal(same, [1.0, 2.0])


def test_event_files_hold_every_figure(tmp_path):
    train(tmp_path / "r", TrainingConfig(epochs=2))
    (file,) = (tmp_path / "r" / "logs").glob("events.*")
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found[value.tag, event.step] = tf.make_ndarray(value.tensor).item()
    rows = history(tmp_path / "r")
    assert found["val_loss", 2] == pytest.approx(float(rows[1]["val_loss"]), rel=1e-4)
    assert {tag for tag, _ in found} >= {"loss", "accuracy", "learning_rate"}
