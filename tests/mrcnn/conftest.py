"""What the engine's tests share: compiling and differentiating on whatever backend Keras runs."""

import keras
import numpy as np
import pytest

import mrcnn  # noqa: F401 (before the tests import imgaug, as old code has to)


def pytest_configure(config):
    # Keras 3.15's variables lack the `copy` argument that numpy 2 wants of __array__; `get_weights()` on JAX hits that.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    )


@pytest.fixture(scope="session")
def compiled():
    """Function of arrays -> the same function, compiled by the backend, with numpy results."""

    def compile_(function):
        fast = _compile(function)
        return lambda *arrays: keras.tree.map_structure(
            keras.ops.convert_to_numpy, fast(*(keras.ops.convert_to_tensor(a) for a in arrays))
        )

    return compile_


@pytest.fixture(scope="session")
def gradient():
    """gradient(function, array): the gradient of a scalar function at a float32 array, as numpy."""

    def differentiate(function, array):
        if keras.backend.backend() == "jax":
            import jax

            return np.asarray(jax.grad(function)(keras.ops.convert_to_tensor(array)))
        import tensorflow as tf

        variable = tf.constant(array)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            value = function(variable)
        found = tape.gradient(value, variable)
        return np.zeros_like(array) if found is None else np.asarray(tf.convert_to_tensor(found))

    return differentiate


def _compile(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, autograph=False, jit_compile=True)
