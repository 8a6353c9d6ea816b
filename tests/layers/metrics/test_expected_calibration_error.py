import keras
import numpy as np
import pytest

from amalthea.layers import ExpectedCalibrationError


def by_loop(classes, probabilities, weights, bins):
    """The published definition, one bin after another."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == classes
    error = 0.0
    for edge in range(bins):
        inside = (confidence > edge / bins) & (confidence <= (edge + 1) / bins)
        if inside.any():
            share = weights[inside].sum() / weights.sum()
            accuracy = np.average(correct[inside], weights=weights[inside])
            mean = np.average(confidence[inside], weights=weights[inside])
            error += share * abs(accuracy - mean)
    return error


def random_predictions():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.4] * 4, 200).astype("float32")
    return rng.integers(0, 4, 200), probabilities, rng.uniform(0.1, 2, 200)


def test_by_hand():
    probabilities = [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.25, 0.75]]
    metric = ExpectedCalibrationError(bins=2)
    metric.update_state([0, 1, 1, 0], np.array(probabilities))
    # All in the upper bin: half are right, the mean confidence is .7625.
    assert float(metric.result()) == pytest.approx(0.2625)
    metric = ExpectedCalibrationError(bins=10)
    metric.update_state([0, 1, 1, 0], np.array(probabilities))
    # Alone in (.8, .9] .1 off, in (.5, .6] .4 off; together in (.7, .8] both wrong.
    assert float(metric.result()) == pytest.approx((0.1 + 0.4 + 0.8 + 0.75) / 4)


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_agrees_with_the_definition_over_batches(bins):
    classes, probabilities, weights = random_predictions()
    metric = ExpectedCalibrationError(bins)
    for start in range(0, 200, 64):
        part = slice(start, start + 64)
        metric.update_state(classes[part], probabilities[part], weights[part])
    expected = by_loop(classes, probabilities, weights, bins)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


def test_label_forms_agree():
    classes, probabilities, _ = random_predictions()
    results = []
    for labels in (classes, classes[:, None], np.eye(4)[classes]):
        metric = ExpectedCalibrationError()
        metric.update_state(labels, probabilities)
        results.append(float(metric.result()))
    assert results[0] == pytest.approx(
        by_loop(classes, probabilities, np.ones(200), 15), rel=1e-4
    )
    assert results[1:] == results[:1] * 2


def test_edges_reset_and_config():
    metric = ExpectedCalibrationError(bins=5, name="ece")
    assert float(metric.result()) == 0
    metric.update_state([0, 0], [[1.0, 0.0], [0.0, 1.0]])
    assert float(metric.result()) == pytest.approx(0.5)
    metric.reset_state()
    assert float(metric.result()) == 0
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert (again.bins, again.name) == (5, "ece")


def test_compiled_in_a_model():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Softmax()(inputs))
    model.compile(loss="categorical_crossentropy", metrics=[ExpectedCalibrationError()])
    classes, probabilities, _ = random_predictions()
    # The softmax of logarithms gives the probabilities back.
    figures = model.evaluate(
        np.log(probabilities), np.eye(4)[classes], verbose=0, return_dict=True
    )
    expected = by_loop(classes, probabilities, np.ones(200), 15)
    assert figures["expected_calibration_error"] == pytest.approx(expected, rel=1e-3)


def test_wrong_bins():
    with pytest.raises(ValueError, match="`bins`: expected at least 1"):
        ExpectedCalibrationError(bins=0)
