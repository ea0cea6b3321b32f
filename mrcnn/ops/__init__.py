"""Pure functions on tensors, in `keras.ops` only: boxes, NMS, ROIAlign."""

from mrcnn.extras import needs_backend

with needs_backend():
    import keras  # noqa: F401
