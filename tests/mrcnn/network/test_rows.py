"""Slots that are not in use: left out where shapes may vary, computed and dropped elsewhere, with the same results."""

import keras
import numpy as np
import pytest

from mrcnn.network import heads
from mrcnn.network.rows import UsedRows, back_to_all, shapes_may_vary

SHAPE = (2, 3, 4, 4, 5)  # pictures, ROIs, samples, channels
TENSORFLOW = keras.backend.backend() == "tensorflow"
USED = {
    "some": [[True, False, True], [False, True, False]],
    "all": [[True] * 3] * 2,
    "none": [[False] * 3] * 2,
    "not the first": [[False, True, True], [False, False, False]],
}


def array(x):
    return keras.ops.convert_to_numpy(x)


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


def mask_head(train_bn, used=True):
    keras.utils.set_random_seed(3)
    inputs = [keras.Input(SHAPE[1:]), keras.Input(SHAPE[1:2], dtype="bool")]
    options = {"classes": 6, "channels": 8, "depth": 2, "norm": "batch", "train_bn": train_bn}
    return keras.Model(inputs, heads.mask_head(inputs[0], **options, used=inputs[1] if used else None))


@pytest.mark.parametrize("which", USED)
@pytest.mark.parametrize("train_bn", [False, True])
def test_the_same_masks_with_and_without_the_unused_slots(features, which, train_bn):
    model, used = mask_head(train_bn), np.array(USED[which])
    fixed = array(model([features, used]))
    with shapes_may_vary(True):
        varying = array(model([features, used]))
    assert fixed.shape == (2, 3, 8, 8, 6)
    assert np.all(fixed[~used] == 0) and np.all(fixed[used] > 0)
    np.testing.assert_allclose(varying, fixed, rtol=1e-5, atol=1e-6)


def test_used_slots_have_the_masks_of_a_head_that_computes_all(features):
    used = np.array(USED["some"])
    every = array(mask_head(False, used=False)([features, used]))
    np.testing.assert_allclose(array(mask_head(False)([features, used]))[used], every[used], rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not TENSORFLOW, reason="on this backend shapes are fixed")
def test_rows_are_left_out_and_the_first_is_kept():
    values, used = np.arange(8.0, dtype=np.float32).reshape(4, 2), np.array([False, True, False, True])[:, None, None]
    with shapes_may_vary(True):
        taken = array(UsedRows()([values, used]))
        back = array(back_to_all(taken, used))
    assert taken.tolist() == [[0, 1], [2, 3], [6, 7]]
    assert back.tolist() == [[0, 0], [2, 3], [0, 0], [6, 7]]


@pytest.mark.skipif(not TENSORFLOW, reason="on this backend shapes are fixed")
def test_gradients_are_the_same(features):
    import tensorflow as tf

    model, used = mask_head(False), np.array(USED["some"])
    gradients = []
    for varying in (False, True):
        with shapes_may_vary(varying), tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model([features, used])))
        gradients.append([array(g) for g in tape.gradient(loss, [w.value for w in model.trainable_weights])])
    for fixed, varying in zip(*gradients, strict=True):
        np.testing.assert_allclose(varying, fixed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_predict_with_and_without_xla(features, jit_compile):
    from mrcnn.network.stored_model import StoredModel

    head, used = mask_head(False), np.array(USED["not the first"])
    model = StoredModel(head.inputs, head.outputs[0])
    model.jit_compile = jit_compile
    np.testing.assert_allclose(model.predict_on_batch([features, used]), array(head([features, used])), 1e-4, 1e-5)
