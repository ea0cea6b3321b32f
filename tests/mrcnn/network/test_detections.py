"""From the heads' answers to the final boxes."""

import keras
import numpy as np

from mrcnn.network.detections import DetectionLayer

WHOLE = [0, 0, 1, 1]


def detect(rois, classes, scores, deltas=None, valid=None, window=WHOLE, count=3, **options):
    """Detections (D, 6) of one image with three classes; every ROI has the score for its class."""
    options = {"min_confidence": 0.5, "nms_threshold": 0.3, "bbox_std_dev": (0.1, 0.1, 0.2, 0.2)} | options
    rois = np.asarray(rois, np.float32)
    number = len(rois)
    probabilities = np.zeros((number, count), np.float32)
    probabilities[np.arange(number), classes] = scores
    deltas = np.zeros((number, count, 4)) if deltas is None else np.asarray(deltas)
    valid = np.ones(number, bool) if valid is None else np.asarray(valid)
    inputs = [rois, valid, probabilities, deltas.astype(np.float32), np.asarray(window, np.float32)]
    layer = DetectionLayer(max_instances=options.pop("max_instances", 5), **options)
    return keras.ops.convert_to_numpy(layer([keras.ops.convert_to_tensor(x[None]) for x in inputs]))[0]


APART = [[0, 0, 0.1, 0.2], [0.3, 0.3, 0.4, 0.6], [0.5, 0, 0.9, 0.2], [0.6, 0.6, 1, 0.9]]


def test_best_first_then_rows_of_nought():
    found = detect(APART, [1, 2, 1, 2], [0.6, 0.9, 0.7, 0.8])
    expected = [[*APART[i], c, s] for i, c, s in [(1, 2, 0.9), (3, 2, 0.8), (2, 1, 0.7), (0, 1, 0.6)]]
    np.testing.assert_allclose(found, [*expected, [0] * 6], rtol=1e-6)


def test_background_and_the_unsure_are_dropped():
    found = detect(APART, [0, 1, 1, 2], [0.9, 0.49, 0.5, 0.3])
    np.testing.assert_allclose(found[0], [*APART[2], 1, 0.5])
    assert not found[1:].any()


def test_nothing_found():
    assert not detect(APART, [0] * 4, [1] * 4).any()
    assert not detect(APART, [1] * 4, [0.9] * 4, valid=[False] * 4).any()


def test_an_unused_roi_does_not_count():
    found = detect(APART, [1] * 4, [0.9, 0.8, 0.7, 0.6], valid=[False, True, False, True])
    np.testing.assert_allclose(found[:, 5], [0.8, 0.6, 0, 0, 0])


def test_suppression_is_by_class():
    near = [[0, 0, 0.4, 0.4], [0, 0.01, 0.4, 0.41], [0.01, 0, 0.41, 0.4]]
    found = detect(near, [1, 2, 1], [0.7, 0.8, 0.9])
    np.testing.assert_allclose(found[:, 4:], [[1, 0.9], [2, 0.8], [0, 0], [0, 0], [0, 0]])


def test_more_than_there_is_room_for():
    found = detect(APART, [1, 2, 1, 2], [0.6, 0.9, 0.7, 0.8], max_instances=2)
    np.testing.assert_allclose(found[:, 5], [0.9, 0.8])


def test_room_for_more_than_the_rois():
    assert detect(APART, [1] * 4, [0.9] * 4, max_instances=9).shape == (9, 6)


def test_the_deltas_of_the_found_class_move_the_box():
    deltas = np.full((1, 3, 4), 9.0)
    deltas[0, 2] = [1, -0.5, np.log(2) / 0.2, 0]  # centre down by 0.1 and left by 0.05 of the sides, twice as high
    found = detect([[0.3, 0.4, 0.5, 0.8]], [2], [0.9], deltas=deltas)
    np.testing.assert_allclose(found[0, :4], [0.22, 0.38, 0.62, 0.78], atol=1e-6)


def test_boxes_end_at_the_window():
    found = detect([[0, 0.2, 0.9, 1]], [1], [0.9], window=[0.125, 0, 0.875, 0.75])
    np.testing.assert_allclose(found[0, :4], [0.125, 0.2, 0.875, 0.75])


def test_each_image_has_its_own_window_and_boxes():
    layer = DetectionLayer(max_instances=2, min_confidence=0, nms_threshold=0.3, bbox_std_dev=[1] * 4)
    rois = np.array([[WHOLE], [[0.5, 0.5, 1, 1]]], np.float32)
    windows = np.array([[0, 0.1, 1, 0.9], [0.25, 0, 0.75, 1]], np.float32)
    inputs = [rois, np.ones((2, 1), bool), np.tile(np.float32([0, 1]), (2, 1, 1)), np.zeros((2, 1, 2, 4)), windows]
    found = keras.ops.convert_to_numpy(layer([keras.ops.convert_to_tensor(x) for x in inputs]))
    np.testing.assert_allclose(found[:, 0, :4], [[0, 0.1, 1, 0.9], [0.5, 0.5, 0.75, 1]])


def test_half_precision_heads():
    inputs = [np.array([[WHOLE]], np.float32), [[True]], np.array([[[0.25, 0.75]]]), np.zeros((1, 1, 2, 4)), [WHOLE]]
    dtypes = ["float32", "bool", "float16", "float16", "float32"]
    layer = DetectionLayer(max_instances=1, min_confidence=0.5, nms_threshold=0.3, bbox_std_dev=[1] * 4)
    found = layer([keras.ops.convert_to_tensor(np.asarray(x), dtype=d) for x, d in zip(inputs, dtypes, strict=True)])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), [[[0, 0, 1, 1, 1, 0.75]]])
