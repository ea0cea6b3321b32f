"""ROIAlign over the pyramid, and bilinear crops: one bilinear sample a bin, corners aligned.

Shapes: B images, R ROIs, C channels, H W of a map, P samples along a side; boxes (y1, x1, y2, x2), normalised.

This is what the old engine did with `tf.image.crop_and_resize`: sample i of a side lies at
`y1 * (H - 1) + i * (y2 - y1) * (H - 1) / (P - 1)`, and what falls outside the map is 0.
All maps lie in one table, so that a ROI is read once, from its own level, whatever its level is.
"""

import numpy as np
from keras import ops

from mrcnn.ops import boxes as box_ops

CANONICAL_SIZE = 224.0  # a ROI of this many pixels belongs to level 4 (FPN, eq. 1)
LEVELS = (2, 3, 4, 5)


def roi_levels(boxes, image_area):
    """Pyramid level 2..5 of each ROI, (B, R, 4) -> (B, R) int32. `image_area` in pixels, a number or scalar tensor.

    FPN, eq. 1 for normalised boxes: round(4 + log2(sqrt(h * w) / (224 / sqrt(image area)))).
    """
    size = ops.sqrt(ops.maximum(box_ops.area(boxes), 0.0))
    scale = CANONICAL_SIZE / ops.sqrt(ops.cast(image_area, "float32"))
    level = 4.0 + ops.log(ops.maximum(size / scale, 1e-12)) / ops.log(2.0)
    return ops.cast(ops.clip(ops.round(level), LEVELS[0], LEVELS[-1]), "int32")


def pyramid_roi_align(maps, boxes, image_area, size, rows=None):
    """Features of each ROI.

    maps: P2..P5, each (B, H, W, C).  boxes: (B, R, 4); no gradient flows into them.  size: samples along a side, P.
    rows: (M,) int32 into the B * R ROIs, those to look at; None: all.
    Returns (B, R, P, P, C), with `rows` (M, P, P, C).
    """
    boxes = ops.nan_to_num(ops.stop_gradient(boxes))  # a training that diverged must end in its loss, not in here
    batch, rois, channels = ops.shape(boxes)[0], boxes.shape[1], maps[0].shape[-1]
    heights = [ops.shape(m)[1] for m in maps]
    widths = [ops.shape(m)[2] for m in maps]
    starts, cells = [], 0
    for height, width in zip(heights, widths, strict=True):
        starts.append(cells)
        cells = cells + height * width
    table = ops.concatenate([ops.reshape(m, (batch, -1, channels)) for m in maps], axis=1)  # (B, cells, C)
    table = ops.reshape(table, (-1, channels))  # (B * cells, C)

    which = ops.reshape(roi_levels(boxes, image_area) - LEVELS[0], (-1,))  # (B * R,)
    image = ops.repeat(ops.arange(batch), rois)  # (B * R,)
    boxes = ops.reshape(boxes, (-1, 4))
    if rows is not None:
        which, image, boxes = (ops.take(values, rows, axis=0) for values in (which, image, boxes))
    start = ops.take(_integers(starts), which) + image * cells
    height, width = ops.take(_integers(heights), which), ops.take(_integers(widths), which)
    pooled = _sample(table, start, height, width, boxes, size)
    return pooled if rows is not None else ops.reshape(pooled, (batch, rois, size[0], size[1], channels))


def crop_and_resize(maps, boxes, size):
    """One crop from each map: (N, H, W) and (N, 4) -> (N, P, P) float32. No gradient is needed here."""
    height, width = maps.shape[1:3]
    number = ops.shape(maps)[0]
    table = ops.reshape(ops.cast(maps, "float32"), (-1, 1))
    ones = ops.ones((number,), dtype="int32")
    crops = _sample(table, ops.arange(number) * (height * width), ones * height, ones * width, boxes, size)
    return ops.reshape(crops, (-1, size[0], size[1]))


def _sample(table, start, height, width, boxes, size):
    """Bilinear samples, (N, P, P, C), of N maps that lie row-major in `table` (cells, C) from row `start` (N,) on."""
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)  # (N,)
    low, high, top, bottom = _grid(y1, y2, height, size[0])  # (N, P)
    left, right, west, east = _grid(x1, x2, width, size[1])
    low, high = (start[:, None] + row * width[:, None] for row in (low, high))

    def corner(row, column, y_weight, x_weight):
        values = ops.take(table, row[:, :, None] + column[:, None, :], axis=0)  # (N, P, P, C)
        weight = ops.cast(y_weight[:, :, None] * x_weight[:, None, :], table.dtype)
        return values * weight[..., None]

    upper = corner(low, left, top, west) + corner(low, right, top, east)
    return upper + (corner(high, left, bottom, west) + corner(high, right, bottom, east))


def _grid(low, high, length, samples):
    """Where the samples of one side fall, (N, P) each: lower and upper cell, and their weights, 0 outside the map.

    A position is a mean of the two ends, so that the outermost ones lie exactly on the ends: on the map's edge they
    must not fall outside by rounding, which differs from eager to compiled code.
    """
    last = ops.cast(length - 1, "float32")[:, None]  # (N, 1)
    low, high = low[:, None], high[:, None]
    share = np.linspace(0.0, 1.0, samples, dtype="float32") if samples > 1 else np.array([0.5], "float32")  # (P,)
    position = (low * (1.0 - share) + high * share) * last  # (N, P)
    inside = ops.cast(ops.logical_and(position >= 0.0, position <= last), "float32")
    position = ops.clip(position, 0.0, last)
    lower = ops.floor(position)
    upper_weight = position - lower
    return (
        ops.cast(lower, "int32"),
        ops.cast(ops.ceil(position), "int32"),
        (1.0 - upper_weight) * inside,
        upper_weight * inside,
    )


def _integers(values):
    return ops.stack([ops.cast(v, "int32") for v in values])
