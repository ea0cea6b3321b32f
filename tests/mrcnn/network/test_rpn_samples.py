"""The RPN at sampled anchors: what it says of them anywhere, with the same gradients."""

import keras
import numpy as np
import pytest

from mrcnn.network.rpn import region_proposals, rpn_model
from mrcnn.network.rpn_samples import SampledRPN

SHAPES = ((7, 9), (4, 5), (2, 3), (1, 2), (1, 1))  # of the maps; odd ones and even ones
CHANNELS, RATIOS = 3, 3


def array(x):
    return keras.ops.convert_to_numpy(x)


def made(stride, convolutions=1):
    """An RPN with random weights, maps of two images, and its answers at all anchors."""
    keras.utils.set_random_seed(4)
    rpn = rpn_model(ratios=RATIOS, stride=stride, depth=CHANNELS, channels=5, convolutions=convolutions)
    random = np.random.default_rng(0)
    for weight in rpn.weights:  # biases too
        weight.assign(random.normal(size=weight.shape))
    maps = [random.normal(size=(2, *shape, CHANNELS)).astype(np.float32) for shape in SHAPES]
    return rpn, maps, region_proposals([keras.ops.convert_to_tensor(m) for m in maps], rpn)


@pytest.mark.parametrize(("stride", "convolutions"), [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)])
def test_every_anchor_has_the_answer_of_the_whole_map(stride, convolutions):
    rpn, maps, (logits, probabilities, deltas) = made(stride, convolutions)
    number = logits.shape[1]
    order = np.random.default_rng(1).permutation(number).astype(np.int32)
    anchors = np.stack([order, order[::-1]])
    found = SampledRPN(rpn)([anchors[:, :7], anchors[:, 7:], *maps], everywhere=probabilities)
    for name, expected in (("logits", array(logits)), ("deltas", array(deltas))):
        expected = np.stack([expected[image, anchors[image]] for image in range(2)])
        np.testing.assert_allclose(array(found[name]), expected, rtol=1e-4, atol=1e-5)
    assert array(found["positive"]).tolist() == [list(range(7))] * 2
    assert array(found["negative"]).tolist() == [list(range(7, number))] * 2


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients are taken by TensorFlow's tape")
@pytest.mark.parametrize("convolutions", [1, 2])
def test_gradients_are_those_of_the_whole_map(convolutions):
    import tensorflow as tf

    rpn, maps, _ = made(1, convolutions)
    anchors = np.array([[0, 5, 5, 188], [200, 250, 270, 275]], np.int32)  # of all levels, one twice
    weights, maps = [weight.value for weight in rpn.weights], [tf.constant(m) for m in maps]
    gradients = []
    for sampled in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            logits, probabilities, deltas = region_proposals(maps, rpn)
            if sampled:
                found = SampledRPN(rpn)([anchors[:, :2], anchors[:, 2:], *maps], everywhere=probabilities)
                logits, deltas = found["logits"], found["deltas"]
            else:
                logits, deltas = (tf.gather(x, anchors, batch_dims=1) for x in (logits, deltas))
            loss = tf.reduce_sum(tf.sin(logits)) + tf.reduce_sum(tf.square(deltas))
        gradients.append([array(tf.convert_to_tensor(g)) for g in tape.gradient(loss, weights + maps)])
    for whole, of_samples in zip(*gradients, strict=True):
        assert np.abs(whole).max() > 0
        np.testing.assert_allclose(of_samples, whole, rtol=1e-3, atol=1e-4)
