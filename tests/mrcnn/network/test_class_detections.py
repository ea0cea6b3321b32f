"""Detections of every class of a region, on two regions and three classes."""

import keras
import numpy as np
import pytest

from mrcnn.network.class_detections import ClassDetectionLayer

HEIGHT, WIDTH = 64, 128
ROIS_PX = np.array([[0, 0, 32, 32], [0, 2, 32, 34], [32, 64, 64, 128]], np.float32)


def detections(probabilities, deltas=None, valid=(True, True, True), **options):
    """Rows (D, 6) with boxes in px, without the unused ones."""
    options = {"max_instances": 5, "min_confidence": 0.3, "least_side_px": 0.0} | options
    layer = ClassDetectionLayer(nms_threshold=0.5, bbox_std_dev=[1, 1, 1, 1], delta_limit=1.0, **options)
    sides = np.float32([HEIGHT, WIDTH, HEIGHT, WIDTH])
    deltas = np.zeros((3, 3, 4)) if deltas is None else deltas
    window = np.float32([0, 0, HEIGHT, 96]) / sides
    inputs = [ROIS_PX / sides, valid, probabilities, deltas, window, np.zeros((HEIGHT, WIDTH, 3))]
    kinds = ["float32", "bool", "float32", "float32", "float32", "float32"]
    inputs = [keras.ops.convert_to_tensor(np.asarray(x)[None], kind) for x, kind in zip(inputs, kinds, strict=True)]
    rows = keras.ops.convert_to_numpy(layer(inputs))[0]
    rows[:, :4] *= sides
    return rows[rows[:, 4] > 0]


def test_a_region_may_be_two_things_and_doubles_go_within_a_class():
    found = detections([[0.1, 0.5, 0.4], [0.2, 0.45, 0.35], [0.65, 0.0, 0.35]])
    assert found[:, 4:] == pytest.approx(np.array([[1, 0.5], [2, 0.4], [2, 0.35]]))
    np.testing.assert_allclose(found[:, :4], [ROIS_PX[0], ROIS_PX[0], [32, 64, 64, 96]], atol=1e-4)  # in the window


def test_each_class_has_its_own_box():
    deltas = np.zeros((3, 3, 4))
    deltas[2, 1] = [0, 0, 9, 0]  # cut at 1: e times as high, and so the whole height
    found = detections([[1, 0, 0], [1, 0, 0], [0.1, 0.5, 0.4]], deltas)
    np.testing.assert_allclose(found[:, [0, 2]], [[48 - 16 * np.e, 64], [32, 64]], atol=1e-3)


def test_what_is_weak_small_or_no_region_goes():
    probabilities = [[0.1, 0.5, 0.4], [0.1, 0.31, 0.29], [0.1, 0.8, 0.1]]
    assert detections(probabilities, valid=[False, True, False])[:, 5] == pytest.approx([0.31])
    assert len(detections(probabilities, least_side_px=33.0)) == 0
    assert len(detections([[1, 0, 0]] * 3)) == 0


def test_no_more_than_there_is_room_for_and_no_threshold():
    probabilities = [[0.1, 0.5, 0.4], [0.1, 0.46, 0.44], [0.1, 0.8, 0.1]]
    assert len(detections(probabilities, max_instances=2)) == 2
    assert len(detections(probabilities, min_confidence=0.0, max_instances=9)) == 4  # two of each class stay
