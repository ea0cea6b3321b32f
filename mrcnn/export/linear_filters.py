"""Resizing inside the graph as torchvision and detectron2 do it: the filters "linear" and "pillow" of data/resampling.

Shapes: B images, H W C; H' W' of the molded image, which begins with the scaled one. Each side is one matrix product.
"""

from keras import ops

from mrcnn.export.sizes import real


def resampled(images, scaled, molded, kind):
    """Images uint8 (B, H, W, C) -> float32 (B, H', W', C); what lies right of and below the scaled image is 0.

    scaled, molded: (height, width).  kind: "linear", or "pillow", which rounds to whole gray levels after each side.
    """
    channels = images.shape[3]
    height, width = ops.shape(images)[1:3]
    values = ops.cast(images, "float32")
    columns = _weights(width, scaled[1], molded[1], kind)  # (W', W)
    values = _whole(ops.matmul(columns, values), kind)  # (B, H, W', C)
    rows = _weights(height, scaled[0], molded[0], kind)  # (H', H)
    values = ops.matmul(rows, ops.reshape(values, (-1, height, molded[1] * channels)))
    return _whole(ops.reshape(values, (-1, molded[0], molded[1], channels)), kind)


def _weights(size, scaled, length, kind):
    """(length, size) float32: what each row (or column) of the image gives to each of the molded one."""
    place = ops.arange(length)
    step = real(size) / real(scaled)
    centre = (real(place) + 0.5) * step - 0.5
    before = real(ops.arange(size))
    if kind == "linear":
        centre = ops.clip(centre, 0, real(size) - 1)  # the edge is repeated
        reach = 1.0
    else:
        reach = ops.maximum(step, 1.0)
    weights = ops.maximum(1 - ops.abs(before[None] - centre[:, None]) / reach, 0)
    weights = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-9)
    return ops.cast(ops.where((place < scaled)[:, None], weights, ops.zeros_like(weights)), "float32")


def _whole(values, kind):
    return ops.clip(ops.floor(values + 0.5), 0.0, 255.0) if kind == "pillow" else values
