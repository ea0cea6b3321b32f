"""The region proposal network: its outputs stand in the order of the anchors."""

import keras
import numpy as np
import pytest

from mrcnn.data.anchors import generate_anchors
from mrcnn.network.rpn import region_proposals, rpn_model


@pytest.fixture(scope="module")
def model():
    """Two ratios. Object logit: the cell's value; first delta: ten times the cell's value, plus the ratio's number."""
    made = rpn_model(ratios=2, stride=1, depth=1, channels=3)
    for layer in made.layers:
        if layer.weights:
            layer.set_weights([np.zeros(w.shape) for w in layer.weights])
    kernel = np.zeros((3, 3, 1, 3))
    kernel[1, 1] = 1
    made.get_layer("rpn_conv_shared").kernel.assign(kernel)
    logits, deltas = np.zeros((1, 1, 3, 4)), np.zeros((1, 1, 3, 8))
    logits[..., 0, [1, 3]], deltas[..., 0, [0, 4]] = 1, 10
    made.get_layer("rpn_class_raw").kernel.assign(logits)
    made.get_layer("rpn_bbox_pred").kernel.assign(deltas)
    made.get_layer("rpn_bbox_pred").bias.assign([0, 0, 0, 0, 1, 0, 0, 0])
    return made


def test_outputs_stand_in_the_order_of_the_anchors(model):
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    logits, probabilities, deltas = (keras.ops.convert_to_numpy(x) for x in model(image))
    assert len(generate_anchors(8, [0.5, 1], (2, 3), 4, 1)) == deltas.shape[1] == 12
    np.testing.assert_allclose(deltas[0, :, 0], [0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51])
    np.testing.assert_allclose(logits[0, :, 1], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    np.testing.assert_allclose(probabilities[0, :, 1], 1 / (1 + np.exp(-logits[0, :, 1])), rtol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=2), 1, rtol=1e-6)


def test_levels_follow_one_another(model):
    maps = [keras.Input((None, None, 1)) for _ in range(2)]
    both = keras.Model(maps, region_proposals(maps, model))
    values = [np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1), np.full((1, 1, 2, 1), 7, np.float32)]
    _, _, deltas = both(values)
    assert deltas.shape == (1, 16, 4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(deltas)[0, 12:, 0], [70, 71, 70, 71])


def test_anchors_at_every_second_cell():
    made = rpn_model(ratios=3, stride=2, depth=4, channels=8)
    logits, _, deltas = made(np.zeros((2, 5, 8, 4), np.float32))
    anchors = generate_anchors(8, [0.5, 1, 2], (5, 8), 4, 2)
    assert logits.shape == (2, len(anchors), 2)
    assert deltas.shape == (2, len(anchors), 4)
