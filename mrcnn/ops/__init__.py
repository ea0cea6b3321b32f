"""Pure functions on tensors, in `keras.ops` only: boxes, NMS, ROIAlign."""
