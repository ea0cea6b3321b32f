"""The heads: shapes, order of the ROIs, and layers that are another way to write known ones."""

import keras
import numpy as np
import pytest

from mrcnn.network import heads
from mrcnn.ops.roi_align import roi_levels

SHAPE = (2, 3, 4, 4, 5)  # images, ROIs, samples, channels


def array(x):
    return keras.ops.convert_to_numpy(x)


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def box_head():
    tensor = keras.Input(SHAPE[1:])
    options = {"classes": 6, "fc_size": 8, "norm": "batch", "train_bn": False}
    return keras.Model(tensor, heads.class_box_head(tensor, **options))


@pytest.fixture(scope="module")
def mask_head():
    tensor = keras.Input(SHAPE[1:])
    options = {"classes": 6, "channels": 8, "depth": 2, "norm": "batch", "train_bn": False}
    return keras.Model(tensor, heads.mask_head(tensor, **options))


def test_a_full_kernel_convolution_is_a_convolution(features):
    rois = features.reshape(-1, *SHAPE[2:])
    ours, theirs = heads.FullKernelConv(7, (4, 4), activation="relu"), keras.layers.Conv2D(7, (4, 4), activation="relu")
    ours.build(rois.shape)
    theirs.build(rois.shape)
    theirs.set_weights(ours.get_weights())
    ours.bias.assign(np.arange(7) / 10)
    theirs.bias.assign(np.arange(7) / 10)
    assert ours(rois).shape == (6, 1, 1, 7)
    np.testing.assert_allclose(array(ours(rois)), array(theirs(rois)), rtol=1e-4, atol=1e-5)


def test_box_head(box_head, features):
    logits, probabilities, deltas = (array(x) for x in box_head(features))
    assert logits.shape == probabilities.shape == (2, 3, 6)
    assert deltas.shape == (2, 3, 6, 4)
    np.testing.assert_allclose(probabilities.sum(axis=2), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=2), logits.argmax(axis=2))


def test_deltas_are_four_to_a_class(box_head, features):
    layer = box_head.get_layer("mrcnn_bbox_fc")
    weights = layer.get_weights()
    layer.set_weights([np.zeros_like(weights[0]), np.arange(24)])
    np.testing.assert_array_equal(array(box_head(features)[2])[1, 2], np.arange(24).reshape(6, 4))
    layer.set_weights(weights)


def test_mask_head(mask_head, features):
    masks = array(mask_head(features))
    assert masks.shape == (2, 3, 8, 8, 6)
    assert 0 < masks.min() < masks.max() < 1


@pytest.mark.parametrize("head", ["box_head", "mask_head"])
def test_a_roi_does_not_see_the_others(request, features, head):
    head = request.getfixturevalue(head)
    other = features.copy()
    other[0, 1] = 9
    for before, after in zip(keras.tree.flatten(head(features)), keras.tree.flatten(head(other)), strict=True):
        same = np.isclose(array(before), array(after), atol=1e-5).reshape(2, 3, -1).all(axis=2)
        np.testing.assert_array_equal(same, [[True, False, True], [True, True, True]])


def test_features_come_from_the_level_of_the_images_size():
    maps = [
        np.full((1, 64 // s, 96 // s, 1), level, np.float32)
        for level, s in zip((2, 3, 4, 5), (4, 8, 16, 32), strict=True)
    ]
    boxes = np.array([[[0, 0, 1, 1], [0.1, 0.1, 0.2, 0.9], [0.25, 0.25, 0.75, 0.5]]], np.float32)
    layer = heads.PyramidROIAlign((2, 3))
    for size in ((64, 96), (1024, 512)):
        found = array(layer([boxes, np.zeros((1, *size, 3), np.float32), *maps]))
        assert found.shape == (1, 3, 2, 3, 1)
        levels = array(roi_levels(keras.ops.convert_to_tensor(boxes), size[0] * size[1]))
        np.testing.assert_allclose(found[..., 0], levels[..., None, None] * np.ones((2, 3)))
    assert levels.max() == 5


def test_layers_survive_a_round_trip_through_their_config():
    for layer in (heads.PyramidROIAlign((7, 5)), heads.Split(3, (4, 4))):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
