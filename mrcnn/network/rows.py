"""Masks are computed for the slots in use only, where shapes may vary from step to step: in TensorFlow without XLA.

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


def rows_in_use(used):
    """Indices (M,) int32 of what to compute of `used` (B, R) bool, of all images in one row; None: all of it."""
    if not _vary.get():
        return None
    used = ops.reshape(used, (-1,))
    first = ops.equal(ops.arange(ops.shape(used)[0]), 0)  # in any case: a convolution of nothing is no good
    return ops.cast(ops.nonzero(ops.logical_or(used, first))[0], "int32")


@keras.saving.register_keras_serializable("mrcnn")
class UsedRows(keras.layers.Layer):
    """used (N, 1, 1) bool -> the same for the rows that are computed, (M, 1, 1)."""

    def call(self, used):
        rows = rows_in_use(used)
        return used if rows is None else ops.take(used, rows, axis=0)

    def compute_output_spec(self, used):
        return keras.KerasTensor(used.shape, used.dtype)


def back_to_all(values, used):
    """What the `rows_in_use` have become, (M, ...), as (N, ...) with 0 where not used (N, 1, 1)."""
    rows = rows_in_use(used)
    if rows is not None:
        values = ops.scatter(rows[:, None], values, (ops.shape(used)[0], *values.shape[1:]))
    return ops.where(ops.reshape(used, (-1,) + (1,) * (len(values.shape) - 1)), values, ops.zeros_like(values))
