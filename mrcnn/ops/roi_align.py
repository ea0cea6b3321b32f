"""ROIAlign over the pyramid, and bilinear crops.

Shapes: B images, R ROIs, C channels, H W of a map, P bins along a side; boxes (y1, x1, y2, x2), normalised.

Matterport's pooling is what the old engine did with `tf.image.crop_and_resize`, one bilinear sample a bin, corners
aligned: sample i of a side lies at `y1 * (H - 1) + i * (y2 - y1) * (H - 1) / (P - 1)`, and what falls outside the map
is 0. That of torchvision and detectron2 is in `roi_taps`.
All maps lie in one table, so that a ROI is read once, from its own level, whatever its level is.
"""

import functools

from keras import ops

from mrcnn.conventions import MATTERPORT
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.roi_taps import AdaptiveTaps, bin_taps, corner_taps

CANONICAL_SIZE = 224.0  # a ROI of this many pixels belongs to level 4 (FPN, eq. 1)
LEVELS = (2, 3, 4, 5)
SLACK = 1e-6  # levels; torchvision's


def roi_levels(boxes, image_area, rule="round"):
    """Pyramid level 2..5 of each ROI, (B, R, 4) -> (B, R) int32. `image_area` in pixels, a number or scalar tensor.

    FPN, eq. 1 for normalised boxes: round(4 + log2(sqrt(h * w) / (224 / sqrt(image area)))), or with the rule "floor"
    its floor, of a hair more than it, so that rounding does not send a ROI of 224 px down.
    """
    size = ops.sqrt(ops.maximum(box_ops.area(boxes), 0.0))
    scale = CANONICAL_SIZE / ops.sqrt(ops.cast(image_area, "float32"))
    level = 4.0 + ops.log(ops.maximum(size / scale, 1e-12)) / ops.log(2.0)
    level = ops.round(level) if rule == "round" else ops.floor(level + SLACK)
    return ops.cast(ops.clip(level, LEVELS[0], LEVELS[-1]), "int32")


def pyramid_roi_align(maps, boxes, image_area, size, rows=None, pooling=MATTERPORT.pooling):
    """Features of each ROI.

    maps: P2..P5, each (B, H, W, C).  boxes: (B, R, 4); no gradient flows into them.  size: samples along a side, P.
    rows: (M,) int32 into the B * R ROIs, those to look at; None: all.  pooling: a `conventions.Pooling`.
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

    which = ops.reshape(roi_levels(boxes, image_area, pooling.level) - LEVELS[0], (-1,))  # (B * R,)
    image = ops.repeat(ops.arange(batch), rois)  # (B * R,)
    boxes = ops.reshape(boxes, (-1, 4))
    if rows is not None:
        which, image, boxes = (ops.take(values, rows, axis=0) for values in (which, image, boxes))
    start = ops.take(_integers(starts), which) + image * cells
    height, width = ops.take(_integers(heights), which), ops.take(_integers(widths), which)
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)  # (N,)
    pooled = _sample(
        table, start, width, _taps(y1, y2, height, size[0], pooling), _taps(x1, x2, width, size[1], pooling)
    )
    return pooled if rows is not None else ops.reshape(pooled, (batch, rois, size[0], size[1], channels))


def crop_and_resize(maps, boxes, size):
    """One crop from each map: (N, H, W) and (N, 4) -> (N, P, P) float32. No gradient is needed here."""
    height, width = maps.shape[1:3]
    number = ops.shape(maps)[0]
    table = ops.reshape(ops.cast(maps, "float32"), (-1, 1))
    ones = ops.ones((number,), dtype="int32")
    y1, x1, y2, x2 = ops.unstack(boxes, 4, axis=-1)
    down, across = corner_taps(y1, y2, ones * height, size[0]), corner_taps(x1, x2, ones * width, size[1])
    crops = _sample(table, ops.arange(number) * (height * width), ones * width, down, across)
    return ops.reshape(crops, (-1, size[0], size[1]))


def _taps(low, high, length, bins, pooling):
    """Taps of one side, as `pooling` says."""
    if pooling.kind == "corners":
        return corner_taps(low, high, length, bins)
    if pooling.kind == "bins":
        return bin_taps(low, high, length, bins, pooling.samples, pooling.aligned)
    return AdaptiveTaps(low, high, length, bins, pooling.samples, pooling.aligned)


def _sample(table, start, width, rows, columns):
    """(N, P, P, C) of N maps that lie row-major in `table` (cells, C) from row `start` (N,) on.

    width: (N,) of the maps.  rows, columns: taps along both sides, see `roi_taps`.
    """

    def corner(row, column):
        cells = (start[:, None] + row[0] * width[:, None])[:, :, None] + column[0][:, None, :]
        values = ops.take(table, cells, axis=0)  # (N, P, P, C)
        weight = ops.cast(row[1][:, :, None] * column[1][:, None, :], table.dtype)
        return values * weight[..., None]

    if isinstance(rows, AdaptiveTaps):
        if not rows.limited:
            return _sample_adaptive(corner, rows, columns)
        rows, columns = ([taps.tap(k) for k in range(taps.count)] for taps in (rows, columns))
    return _sum(_sum(corner(row, column) for column in columns) for row in rows)


def _sample_adaptive(corner, rows, columns):
    """With as many taps as the batch turns out to need."""

    def add_row(i, total):
        row = rows.tap(i)
        add = lambda j, total: (j + 1, total + corner(row, columns.tap(j)))  # noqa: E731
        return i + 1, ops.while_loop(lambda j, _: j < columns.count, add, (zero, total))[1]

    zero = ops.zeros((), "int32")
    nothing = corner(rows.tap(0), columns.tap(0)) * 0.0
    return ops.while_loop(lambda i, _: i < rows.count, add_row, (zero, nothing))[1]


def _sum(terms):
    return functools.reduce(lambda total, term: total + term, terms)


def _integers(values):
    return ops.stack([ops.cast(v, "int32") for v in values])
