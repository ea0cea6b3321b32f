"""The mask head computes only the slots in use, where shapes may vary from step to step: in TensorFlow without XLA.

Most slots are empty: 100 for detections, say, of which 5 found something. With XLA or JAX shapes are fixed, and every
slot is computed. The results are the same: what is not in use is 0.

Shapes: N slots of all images, M <= N of them in use.
"""

import contextlib
import contextvars

import keras
from keras import ops

_vary = contextvars.ContextVar("shapes_may_vary", default=False)


@contextlib.contextmanager
def shapes_may_vary(allowed):
    """What is traced inside may leave out the unused slots if `allowed`, and if the backend is TensorFlow."""
    token = _vary.set(bool(allowed) and keras.backend.backend() == "tensorflow")
    try:
        yield
    finally:
        _vary.reset(token)


@keras.saving.register_keras_serializable("mrcnn")
class UsedRows(keras.layers.Layer):
    """[values (N, ...), used (N, 1, 1) bool] -> the rows in use (M, ...), or all of them where shapes are fixed."""

    def call(self, inputs):
        values, used = inputs
        return ops.take(values, _places(used), axis=0) if _vary.get() else values

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape, inputs[0].dtype)


def back_to_all(values, used):
    """What the rows that `UsedRows` gave have become, (M, ...), as (N, ...) with 0 where not used (N, 1, 1)."""
    if _vary.get():
        shape = (ops.shape(used)[0], *values.shape[1:])
        values = ops.scatter(_places(used)[:, None], values, shape)
    return ops.where(ops.reshape(used, (-1,) + (1,) * (len(values.shape) - 1)), values, ops.zeros_like(values))


def _places(used):
    """Indices (M,) of the rows in use, and of the first in any case: a convolution of nothing is no good."""
    used = ops.reshape(used, (-1,))
    first = ops.equal(ops.arange(ops.shape(used)[0]), 0)
    return ops.cast(ops.nonzero(ops.logical_or(used, first))[0], "int32")
