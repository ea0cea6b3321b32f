"""Normalisation: frozen, trained, over what counts only."""

import keras
import numpy as np
import pytest

from mrcnn.network.norm import EPSILON, BatchNorm, normalise


def array(x):
    """A tensor or a variable as numpy."""
    return np.array(np.asarray(x) if isinstance(x, keras.Variable) else keras.ops.convert_to_numpy(x))


def layer_with(train_bn, mean=2.0, variance=4.0):
    """Of two channels, with these moving statistics."""
    layer = BatchNorm(train_bn, epsilon=EPSILON)
    layer.build((None, 3, 2))
    layer.moving_mean.assign([mean, mean])
    layer.moving_variance.assign([variance, variance])
    return layer


def batch():
    return np.random.default_rng(0).normal(5, 3, (4, 3, 2)).astype(np.float32)


@pytest.mark.parametrize("training", [True, False, None])
def test_frozen_uses_the_moving_statistics_in_any_mode(training):
    layer = layer_with(False)
    found = array(layer(keras.ops.convert_to_tensor(batch()), training=training))
    np.testing.assert_allclose(found, (batch() - 2) / np.sqrt(4 + EPSILON), rtol=1e-5)
    np.testing.assert_array_equal(array(layer.moving_mean), [2, 2])
    np.testing.assert_array_equal(array(layer.moving_variance), [4, 4])


@pytest.mark.parametrize(("train_bn", "training"), [(True, False), (True, True), (None, True)])
def test_trained_uses_the_batch(train_bn, training):
    layer = layer_with(train_bn)
    found = array(layer(keras.ops.convert_to_tensor(batch()), training=training))
    np.testing.assert_allclose(found.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(0, 1)), 1, atol=1e-3)
    moved = 0.99 * 2 + 0.01 * batch().mean(axis=(0, 1))
    np.testing.assert_allclose(array(layer.moving_mean), moved, rtol=1e-5)


def test_none_follows_the_mode():
    found = array(layer_with(None)(keras.ops.convert_to_tensor(batch()), training=False))
    np.testing.assert_allclose(found, (batch() - 2) / np.sqrt(4 + EPSILON), rtol=1e-5)


def test_what_is_not_valid_does_not_count():
    values = batch()
    values[1] = 1e6
    valid = np.array([True, False, True, True])[:, None].repeat(3, axis=1)
    found = layer_with(True)(keras.ops.convert_to_tensor(values), valid=keras.ops.convert_to_tensor(valid))
    rest = array(found)[[0, 2, 3]]
    np.testing.assert_allclose(rest.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(rest.std(axis=(0, 1)), 1, atol=1e-3)


@pytest.mark.parametrize("train_bn", [False, True])
def test_in_a_model_that_trains(train_bn):
    """gamma and beta learn in any case; the moving statistics move only when they are trained."""
    image = keras.Input((4, 6, 2))
    model = keras.Model(image, normalise(image, "bn", train_bn=train_bn))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    layer = model.get_layer("bn")
    layer.moving_mean.assign([2, 2])
    before = {w.name: array(w) for w in layer.weights}
    rng = np.random.default_rng(0)
    model.train_on_batch(rng.normal(5, 3, (3, 4, 6, 2)).astype(np.float32), np.ones((3, 4, 6, 2), np.float32))
    moved = {w.name: bool((array(w) != before[w.name]).all()) for w in layer.weights}
    assert moved == {"gamma": True, "beta": True, "moving_mean": train_bn, "moving_variance": train_bn}


@pytest.mark.parametrize(("channels", "groups"), [(64, 4), (48, 3), (40, 2), (16, 1), (8, 1), (20, 1)])
def test_group_norm_has_groups_of_about_sixteen(channels, groups):
    image = keras.Input((4, 6, channels))
    model = keras.Model(image, normalise(image, "gn", norm="group"))
    assert model.get_layer("gn").groups == groups
    values = np.random.default_rng(0).normal(3, 2, (2, 4, 6, channels)).astype(np.float32)
    found = array(model(values)).reshape(2, 24, groups, channels // groups)
    np.testing.assert_allclose(found.mean(axis=(1, 3)), 0, atol=1e-4)


def test_unknown_norm():
    with pytest.raises(ValueError, match='NORM is \'layer\': use "batch" or "group"'):
        normalise(keras.Input((4, 4, 8)), "x", norm="layer")
