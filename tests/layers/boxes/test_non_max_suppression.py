import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from amalthea.layers.boxes import NonMaxSuppression, convert_boxes, pair_queue
from amalthea.layers.boxes import non_max_suppression as module

IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture
def small_steps(monkeypatch):
    """So that small inputs need many chunks, tiles and pages."""
    for name, value in (("_CHUNK", 12), ("_WINDOW", 7), ("_TILE", 5), ("_PAGE", 3)):
        monkeypatch.setattr(module, name, value)


def draw(batch, candidates, classes, spread=30.0, seed=0):
    """Boxes that overlap much, and scores of which no two are equal."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, spread, (batch, candidates, 2))
    sizes = rng.uniform(8, 20, (batch, candidates, 2))
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], -1)
    scores = rng.permutation(batch * candidates * classes) + 1.0
    scores = scores.reshape(batch, candidates, classes) / (scores.size + 1)
    return boxes.astype("float32"), scores.astype("float32")


def arrays(outputs):
    return {name: ops.convert_to_numpy(value) for name, value in outputs.items()}


def compiled(layer, **options):
    if IS_TENSORFLOW:
        return tf.function(layer, autograph=False, **options)
    import jax

    return jax.jit(layer)


def run(layer, boxes, scores):
    """The layer's outputs as arrays, from a graph, where many steps are fast."""
    return arrays(compiled(layer)(boxes, scores))


def soon(layer):
    """The layer, compiled where each operation by itself takes its time."""
    return layer if IS_TENSORFLOW else compiled(layer)


def combined(boxes, scores, detections, iou_threshold, score_threshold):
    """TensorFlow's own, whose names for the corners are another order."""
    found = tf.image.combined_non_max_suppression(
        boxes[:, :, None],
        scores,
        detections,
        detections,
        iou_threshold,
        score_threshold,
        clip_boxes=False,
    )
    count = found.valid_detections.numpy()
    exists = np.arange(detections) < count[:, None]
    return {
        "boxes": found.nmsed_boxes.numpy(),
        "scores": found.nmsed_scores.numpy(),
        "classes": np.where(exists, found.nmsed_classes.numpy().astype("int32"), -1),
        "count": count,
    }


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name)


def test_by_hand():
    boxes = [
        [0.0, 0.0, 10.0, 10.0],
        [0.0, 0.0, 10.0, 8.0],  # IoU .8 with the first
        [0.0, 0.0, 10.0, 5.0],  # .5 with the first, .625 with the second
        [20.0, 0.0, 30.0, 10.0],
    ]
    scores = [[0.5, 0.0], [0.9, 0.2], [0.7, 0.3], [0.1, 0.6]]
    layer = NonMaxSuppression(5, iou_threshold=0.6, score_threshold=0.15)
    outputs = arrays(layer(np.array([boxes]), np.array([scores])))
    # Class 0: the second suppresses the first and the third. Class 1: the last, the
    # third, which suppresses the second.
    assert outputs["count"].tolist() == [3]
    assert outputs["classes"].tolist() == [[0, 1, 1, -1, -1]]
    np.testing.assert_allclose(outputs["scores"], [[0.9, 0.6, 0.3, 0, 0]])
    empty = [0.0] * 4
    expected = [boxes[1], boxes[3], boxes[2], empty, empty]
    np.testing.assert_array_equal(outputs["boxes"], [expected])

    # An overlap equal to the threshold does not suppress, nor a kept class another.
    layer = NonMaxSuppression(5, iou_threshold=0.625, score_threshold=0.15)
    outputs = arrays(layer(np.array([boxes]), np.array([scores])))
    np.testing.assert_allclose(outputs["scores"], [[0.9, 0.7, 0.6, 0.3, 0.2]])


@pytest.mark.parametrize(
    ("candidates", "classes", "detections", "iou_threshold", "score_threshold"),
    [
        (60, 1, 50, 0.5, 0.1),
        (40, 12, 200, 0.65, 0.001),
        (3, 2, 10, 0.5, 0.5),
        (30, 3, 1, 0.1, 0.0),
        (30, 3, 9, 0.0, 0.999),
        (50, 4, 60, 1.0, 0.2),
    ],
)
def test_equals_tensorflow_in_small_steps(
    small_steps, candidates, classes, detections, iou_threshold, score_threshold
):
    boxes, scores = draw(3, candidates, classes)
    layer = NonMaxSuppression(detections, iou_threshold, score_threshold)
    theirs = combined(boxes, scores, detections, iou_threshold, score_threshold)
    assert_same(run(layer, boxes, scores), theirs)


def test_equals_tensorflow_with_many_candidates():
    boxes, scores = draw(2, 900, 20, spread=60.0)
    layer = NonMaxSuppression(100)
    outputs = arrays(soon(layer)(boxes, scores))
    assert_same(outputs, combined(boxes, scores, 100, 0.65, 0.001))


def test_no_limit_of_candidates():
    # Everything overlaps everything; only the last is apart.
    boxes, scores = draw(1, 3000, 1, spread=0.1)
    boxes[:] = boxes[0, 0]
    worst = scores[0, :, 0].argmin()
    boxes[0, worst] += 100
    outputs = run(NonMaxSuppression(5, 0.5, 0.0), boxes, scores)
    assert outputs["count"].tolist() == [2]
    np.testing.assert_array_equal(outputs["boxes"][0, 1], boxes[0, worst])


def test_class_agnostic_equals_tensorflow(small_steps):
    boxes, scores = draw(3, 60, 5)
    layer = NonMaxSuppression(40, 0.4, 0.7, class_agnostic=True)
    outputs = run(layer, boxes, scores)
    for image, count in enumerate(outputs["count"]):
        best = scores[image].max(-1)
        kept = tf.image.non_max_suppression(boxes[image], best, 40, 0.4, 0.7).numpy()
        assert count == len(kept) > 5
        for name, expected in (
            ("boxes", boxes[image][kept]),
            ("scores", best[kept]),
            ("classes", scores[image].argmax(-1)[kept]),
        ):
            np.testing.assert_array_equal(outputs[name][image, :count], expected)


@pytest.mark.parametrize("sigma", [0.1, 0.5])
def test_soft_equals_tensorflow(sigma):
    boxes, scores = draw(2, 40, 3)
    agnostic = NonMaxSuppression(30, 0.5, 0.2, True, soft_nms_sigma=sigma)
    per_class = NonMaxSuppression(90, 0.5, 0.2, soft_nms_sigma=sigma)
    agnostic, per_class = run(agnostic, boxes, scores), run(per_class, boxes, scores)

    def expected(image, scores, detections):
        kept, lowered = tf.image.non_max_suppression_with_scores(
            boxes[image], scores, detections, 1.0, 0.2, soft_nms_sigma=sigma
        )
        return boxes[image][kept.numpy()], lowered.numpy()

    for image in range(2):
        kept, lowered = expected(image, scores[image].max(-1), 30)
        count = agnostic["count"][image]
        assert count == len(kept) > 10
        np.testing.assert_array_equal(agnostic["boxes"][image, :count], kept)
        np.testing.assert_allclose(agnostic["scores"][image, :count], lowered, 1e-5)
        for klass in range(3):
            kept, lowered = expected(image, scores[image, :, klass], 90)
            ours = per_class["classes"][image] == klass
            np.testing.assert_array_equal(per_class["boxes"][image][ours], kept)
            np.testing.assert_allclose(per_class["scores"][image][ours], lowered, 1e-5)
        assert (np.diff(per_class["scores"][image]) <= 0).all()


def test_soft_takes_the_best_candidates():
    boxes, scores = draw(1, 20, 2)
    layer = NonMaxSuppression(40, score_threshold=0, soft_nms_sigma=9, max_candidates=6)
    outputs = run(layer, boxes, scores)
    assert outputs["count"].tolist() == [6]
    best = np.sort(scores.ravel())[-6:]
    assert (outputs["scores"][0, :6] <= best[::-1]).all()


def greedy(boxes, scores, detections, iou_threshold, score_threshold):
    """Numbers of kept pairs, by the definition, in the order of box and class."""
    kept = []
    flat = scores.ravel()
    for pair in np.argsort(-flat, kind="stable"):
        if not flat[pair] > score_threshold or len(kept) == detections:
            break
        box, klass = divmod(pair, scores.shape[1])
        others = [other // scores.shape[1] for other in kept]
        others = [
            b for b, p in zip(others, kept, strict=True) if p % len(scores[0]) == klass
        ]
        low = np.maximum(boxes[others, :2], boxes[box, :2])
        high = np.minimum(boxes[others, 2:], boxes[box, 2:])
        shared = np.clip(high - low, 0, None).prod(-1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
        if (shared <= iou_threshold * (areas[others] + areas[box] - shared)).all():
            kept.append(pair)
    return np.array(kept)


def test_equal_scores_in_the_order_of_boxes_and_classes(small_steps):
    rng = np.random.default_rng(0)
    boxes, scores = draw(2, 30, 6)
    boxes = boxes.round()
    for levels in (1, 4):
        scores = rng.integers(0, levels + 1, scores.shape).astype("float32")
        layer = NonMaxSuppression(70, 0.45, 0.0)
        outputs = run(layer, boxes, scores)
        for image in range(2):
            kept = greedy(boxes[image], scores[image], 70, 0.45, 0.0)
            count = outputs["count"][image]
            assert count == len(kept)
            assert outputs["classes"][image, :count].tolist() == (kept % 6).tolist()
            expected = boxes[image][kept // 6]
            np.testing.assert_array_equal(outputs["boxes"][image, :count], expected)


@pytest.mark.parametrize("box_format", ["yxyx", "xywh", "rel_center_xywh"])
def test_formats(box_format):
    boxes, scores = draw(2, 30, 3)
    given = convert_boxes(boxes, "xyxy", box_format, image_shape=(64, 32))
    layer = NonMaxSuppression(20, 0.5, 0.1, box_format=box_format)
    outputs = arrays(soon(layer)(given, scores))
    theirs = combined(boxes, scores, 20, 0.5, 0.1)
    given = ops.convert_to_numpy(given)
    for name in ("scores", "classes", "count"):
        np.testing.assert_array_equal(outputs[name], theirs[name])
    # The very boxes that were given.
    for image in range(2):
        matches = (outputs["boxes"][image][:, None] == given[image]).all(-1)
        assert matches.any(-1).tolist() == (outputs["classes"][image] >= 0).tolist()


def test_thresholds_of_each_image():
    boxes, scores = draw(3, 40, 3)
    limits = {
        "score_threshold": np.array([0.1, 0.5, 0.8], "float32"),
        "iou_threshold": np.array([0.7, 0.2, 0.4], "float32"),
        "max_detections": np.array([25, 4, 0]),
    }
    outputs = arrays(soon(NonMaxSuppression(20))(boxes, scores, **limits))
    assert outputs["count"].tolist() == [20, 4, 0]
    for image, count in enumerate(outputs["count"]):
        theirs = combined(
            boxes[image : image + 1],
            scores[image : image + 1],
            20,
            limits["iou_threshold"][image],
            limits["score_threshold"][image],
        )
        for name in ("boxes", "scores", "classes"):
            ours = outputs[name][image]
            np.testing.assert_array_equal(ours[:count], theirs[name][0, :count])
            assert (ours[count:] == (-1 if name == "classes" else 0)).all()


@pytest.mark.parametrize(
    ("class_agnostic", "sigma"), [(False, 0.0), (True, 0.0), (False, 0.5)]
)
def test_nan_scores_are_never_kept(class_agnostic, sigma):
    boxes, scores = draw(2, 20, 3)
    scores[0, ::2, 1] = np.nan
    scores[1, :7] = np.nan
    layer = NonMaxSuppression(60, 0.5, 0.1, class_agnostic, sigma)
    suppress = soon(layer)
    outputs = arrays(suppress(boxes, scores))
    # As if these scores were too low.
    assert_same(outputs, arrays(suppress(boxes, np.nan_to_num(scores, nan=0.0))))


def test_odd_boxes():
    nan, inf = np.nan, np.inf
    boxes = [
        [5.0, 5.0, 5.0, 9.0],  # empty, twice
        [5.0, 5.0, 5.0, 9.0],
        [nan, 0.0, 9.0, 9.0],
        [0.0, 0.0, inf, 9.0],
        [0.0, 0.0, 8.0, 8.0],
        [8.0, 8.0, 0.0, 0.0],  # the same, inverted
    ]
    scores = np.linspace(0.9, 0.4, 6)[None, :, None]
    outputs = arrays(soon(NonMaxSuppression(6))(np.array([boxes]), scores))
    assert outputs["count"].tolist() == [5]
    np.testing.assert_array_equal(outputs["boxes"][0, :5], boxes[:5])


def test_batch_of_no_image_and_nothing_found():
    for sigma in (0.0, 0.5):
        layer = NonMaxSuppression(4, soft_nms_sigma=sigma)
        outputs = arrays(soon(layer)(np.zeros((0, 9, 4)), np.zeros((0, 9, 2))))
        shapes = layer.compute_output_shape((0, 9, 4), (0, 9, 2))
        assert {name: value.shape for name, value in outputs.items()} == shapes
        outputs = arrays(soon(layer)(np.ones((1, 9, 4)), np.zeros((1, 9, 2))))
        assert outputs["count"].tolist() == [0]
        assert outputs["classes"].tolist() == [[-1] * 4]
        assert not outputs["boxes"].any() and not outputs["scores"].any()


def model_of(layer, candidates, classes):
    inputs = {
        "boxes": keras.Input((candidates, 4), name="boxes"),
        "scores": keras.Input((candidates, classes), name="scores"),
        "score_threshold": keras.Input((), name="score_threshold"),
    }
    outputs = layer(**inputs)
    assert keras.backend.standardize_dtype(outputs["classes"].dtype) == "int32"
    assert keras.backend.standardize_dtype(outputs["boxes"].dtype) == "float32"
    assert outputs["boxes"].shape == (None, layer.max_detections, 4)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("candidates", [30, None])
def test_in_a_saved_model(candidates, tmp_path):
    boxes, scores = draw(3, 30, 4)
    model = model_of(NonMaxSuppression(20, 0.5), candidates, 4)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    thresholds = np.full(3, 0.3, "float32")
    inputs = {"boxes": boxes, "scores": scores, "score_threshold": thresholds}
    theirs = combined(boxes, scores, 20, 0.5, 0.3)
    assert_same(model.predict(inputs, verbose=0), theirs)
    for count in (1, 2):
        few = {name: value[:count] for name, value in inputs.items()}
        expected = {name: value[:count] for name, value in theirs.items()}
        assert_same(arrays(soon(model)(few)), expected)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_compiles_under_xla(sigma):
    layer = NonMaxSuppression(20, 0.5, 0.2, soft_nms_sigma=sigma)
    boxes, scores = draw(3, 30, 4)
    options = {"jit_compile": True} if IS_TENSORFLOW else {}
    ours = arrays(compiled(layer, **options)(boxes, scores))
    for name, value in arrays(layer(boxes, scores)).items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_full_precision_whatever_the_policy(policy):
    boxes, scores = draw(2, 30, 3)
    layer = NonMaxSuppression(20, 0.5, 0.1, dtype=policy)
    theirs = combined(boxes + 1000, scores, 20, 0.5, 0.1)
    assert_same(arrays(soon(layer)(boxes + 1000, scores)), theirs)


def test_config():
    options = {
        "max_detections": 7,
        "iou_threshold": 0.3,
        "score_threshold": 0.2,
        "class_agnostic": True,
        "soft_nms_sigma": 0.4,
        "box_format": "xywh",
        "max_candidates": 50,
    }
    config = keras.saving.serialize_keras_object(NonMaxSuppression(**options))
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, NonMaxSuppression)
    assert {name: getattr(again, name) for name in options} == options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_detections": 0}, "`max_detections`: expected at least 1"),
        ({"max_candidates": 0}, "`max_candidates`: expected at least 1"),
        ({"iou_threshold": 1.5}, "`iou_threshold`: expected 0 to 1"),
        ({"soft_nms_sigma": -1.0}, "`soft_nms_sigma`: expected 0 or above"),
        ({"box_format": "xyz"}, "`box_format`: expected one of xyxy"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        NonMaxSuppression(**options)


@pytest.mark.parametrize(
    ("boxes", "scores", "message"),
    [
        ((2, 9, 5), (2, 9, 3), "`boxes`: expected .batch, candidates, 4"),
        ((2, 9, 4), (2, 8, 3), "`scores`: expected .batch, 9, classes"),
        ((2, 9, 4), (2, 9), "`scores`: expected .batch, 9, classes"),
    ],
)
def test_wrong_shapes(boxes, scores, message):
    with pytest.raises(ValueError, match=message):
        NonMaxSuppression()(np.zeros(boxes), np.zeros(scores))


def test_queue_of_pairs():
    # Classes in blocks of 3, so that the pairs of a box are in several.
    boxes, scores = draw(2, 20, 6)
    queue = pair_queue.PairQueue(
        ops.convert_to_tensor(boxes),
        ops.convert_to_tensor(scores),
        ops.convert_to_tensor(np.array([0.3, 0.9], "float32")),
        "xyxy",
        size=10,
    )
    state, tables = queue.start(), []
    take = soon(queue.take)
    for _ in range(12):
        table, state = take(state)
        tables.append(ops.convert_to_numpy(table))
    table = np.concatenate(tables, axis=1)
    for image, threshold in enumerate((0.3, 0.9)):
        found = table[image]
        found = found[np.isfinite(found[:, pair_queue.SCORE])]
        pairs = found[:, pair_queue.BOX] * 6 + found[:, pair_queue.CLASS]
        flat = scores[image].ravel()
        expected = np.argsort(-flat)[: (flat > threshold).sum()]
        assert pairs.astype(int).tolist() == expected.tolist()
        np.testing.assert_array_equal(found[:, :4], boxes[image][expected // 6])
