"""Slots that are not in use: left out where shapes may vary, computed and dropped elsewhere, with the same results."""

import keras
import numpy as np
import pytest

from mrcnn.network import heads
from mrcnn.network.rows import UsedRows, back_to_all, rows_in_use, shapes_may_vary

IMAGES, ROIS, SAMPLES, CHANNELS = 2, 3, 4, 5
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
def inputs():
    """ROIs of two images, and these, and their four maps."""
    random = np.random.default_rng(0)
    corner = random.uniform(0, 0.5, (IMAGES, ROIS, 2))
    rois = np.concatenate([corner, corner + random.uniform(0.1, 0.5, corner.shape)], axis=-1).astype(np.float32)
    maps = [random.normal(size=(IMAGES, side, side, CHANNELS)).astype(np.float32) for side in (16, 8, 4, 2)]
    return [rois, np.zeros((IMAGES, 64, 64, 3), np.float32), *maps]


def mask_head(train_bn, with_used=True):
    """[rois, images, maps, used] -> masks: ROIAlign and the head."""
    keras.utils.set_random_seed(3)
    rois, image = keras.Input((ROIS, 4)), keras.Input((64, 64, 3))
    maps = [keras.Input((side, side, CHANNELS)) for side in (16, 8, 4, 2)]
    slots = keras.Input((ROIS,), dtype="bool")
    used = slots if with_used else None
    features = heads.PyramidROIAlign((SAMPLES, SAMPLES))([rois, image, *maps], used=used)
    options = {"classes": 6, "channels": 8, "depth": 2, "norm": "batch", "train_bn": train_bn}
    return keras.Model([rois, image, *maps, slots], heads.mask_head(features, **options, used=used))


@pytest.mark.parametrize("which", USED)
@pytest.mark.parametrize("train_bn", [False, True])
def test_the_same_masks_with_and_without_the_unused_slots(inputs, which, train_bn):
    model, used = mask_head(train_bn), np.array(USED[which])
    fixed = array(model([*inputs, used]))
    with shapes_may_vary(True):
        varying = array(model([*inputs, used]))
    assert fixed.shape == (IMAGES, ROIS, 2 * SAMPLES, 2 * SAMPLES, 6)
    assert np.all(fixed[~used] == 0) and np.all(fixed[used] > 0)
    np.testing.assert_allclose(varying, fixed, rtol=1e-5, atol=1e-6)


def test_used_slots_have_the_masks_of_a_head_that_computes_all(inputs):
    used = np.array(USED["some"])
    every = array(mask_head(False, with_used=False)([*inputs, used]))
    np.testing.assert_allclose(array(mask_head(False)([*inputs, used]))[used], every[used], rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not TENSORFLOW, reason="on this backend shapes are fixed")
def test_rows_are_left_out_and_the_first_is_kept():
    values, used = np.arange(8.0, dtype=np.float32).reshape(4, 2), np.array([False, True, False, True])[:, None, None]
    assert rows_in_use(used) is None
    with shapes_may_vary(True):
        rows = array(rows_in_use(used))
        taken = array(UsedRows()(used))
        back = array(back_to_all(values[rows], used))
    assert rows.tolist() == [0, 1, 3]
    assert taken[:, 0, 0].tolist() == [False, True, True]
    assert back.tolist() == [[0, 0], [2, 3], [0, 0], [6, 7]]


@pytest.mark.skipif(not TENSORFLOW, reason="on this backend shapes are fixed")
def test_gradients_are_the_same(inputs):
    import tensorflow as tf

    model, used = mask_head(False), np.array(USED["some"])
    gradients = []
    for varying in (False, True):
        with shapes_may_vary(varying), tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model([*inputs, used])))
        gradients.append([array(g) for g in tape.gradient(loss, [w.value for w in model.trainable_weights])])
    for fixed, varying in zip(*gradients, strict=True):
        np.testing.assert_allclose(varying, fixed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_predict_with_and_without_xla(inputs, jit_compile):
    from mrcnn.network.stored_model import StoredModel

    head, used = mask_head(False), np.array(USED["not the first"])
    model = StoredModel(head.inputs, head.outputs[0])
    model.jit_compile = jit_compile
    np.testing.assert_allclose(model.predict_on_batch([*inputs, used]), array(head([*inputs, used])), 1e-4, 1e-5)
