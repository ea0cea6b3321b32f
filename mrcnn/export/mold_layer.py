"""Images as they come from a file -> what the network takes, inside the graph: the numbers of `data/resize.py`.

Shapes: B images of one size, H W C; H' W' of the molded image; A anchors; T taps of a filter.
A molded row is the bilinear mean of two rows of the smoothed image, and a smoothed row a weighted sum of rows of the
image; both are gathered, so that rows in the padding need no padding operation and shapes stay fixed.
"""

import keras
import numpy as np
from keras import ops

from mrcnn.conventions import MATTERPORT, Resizing
from mrcnn.data.anchors import generate_anchors
from mrcnn.data.resampling import WHOLE_NUMBER_SLACK
from mrcnn.export.linear_filters import resampled
from mrcnn.export.sizes import fitted_sizes, real
from mrcnn.ops import boxes as box_ops

WHOLE = 1e-3  # gray levels; what float32 may lose of a whole number before it is cut


@keras.saving.register_keras_serializable("mrcnn")
class MoldImages(keras.layers.Layer):
    """Images uint8 (B, H, W, C) -> molded (B, H', W', C), metas (B, 12 + K), normalised anchors (B, A, 4).

    mode, min_dim, max_dim, min_scale: as in `fit_image`; mode is not "crop".
    mean_pixel: (C,).  classes: K.  scales, ratios, strides, anchor_stride: of the anchors.
    resizing, edge, anchors_rounded, anchors_spread: of the `Conventions`.

    The metas hold what the network reads of them: shapes, window and scale.
    """

    def __init__(
        self,
        *,
        mode,
        min_dim,
        max_dim,
        min_scale,
        mean_pixel,
        classes,
        scales,
        ratios,
        strides,
        anchor_stride,
        resizing=MATTERPORT.resizing,
        edge=1,
        anchors_rounded=False,
        anchors_spread=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if mode == "crop":
            raise ValueError(
                f'IMAGE_RESIZE_MODE is {mode!r}, which is for training: use "square", "shorter", "pad64" or "none".'
            )
        self.mode = mode
        self.min_dim = min_dim
        self.max_dim = max_dim
        self.min_scale = min_scale
        self.mean_pixel = [float(value) for value in mean_pixel]
        self.classes = classes
        self.scales = [float(value) for value in scales]
        self.ratios = [float(value) for value in ratios]
        self.strides = [int(value) for value in strides]
        self.anchor_stride = anchor_stride
        self.resizing = Resizing(*resizing)
        self.edge = edge
        self.anchors_rounded = anchors_rounded
        self.anchors_spread = anchors_spread

    def call(self, images):
        batch, height, width, channels = ops.shape(images)
        scale, scaled, (molded_height, molded_width) = self._sizes(height, width)
        new_height, new_width = scaled
        top = left = 0
        if self.resizing.centred:
            top, left = (molded_height - new_height) // 2, (molded_width - new_width) // 2
        mean = ops.convert_to_tensor(self.mean_pixel, "float32")
        if self.mode == "none":
            molded = ops.cast(images, "float32") - mean
        elif self.resizing.filter == "smoothed":
            rows = _Axis(height, new_height, top, molded_height)
            columns = _Axis(width, new_width, left, molded_width)
            molded = _resized(images, rows, columns) - mean
        else:
            molded = resampled(images, scaled, (molded_height, molded_width), self.resizing.filter) - mean
            rows, columns = (ops.arange(n) < end for n, end in zip((molded_height, molded_width), scaled, strict=True))
            molded = ops.where((rows[:, None] & columns[None])[..., None], molded, 0.0)
        numbers = [0, height, width, channels, molded_height, molded_width, channels]
        numbers += [top, left, top + new_height, left + new_width, scale]
        meta = ops.stack([ops.cast(number, "float32") for number in numbers])  # (12,)
        meta = ops.concatenate([meta, ops.zeros((self.classes,), "float32")])
        anchors = self._anchors(molded_height, molded_width)
        return (
            molded,
            ops.broadcast_to(meta[None], (batch, 12 + self.classes)),
            ops.broadcast_to(anchors[None], (batch, ops.shape(anchors)[0], 4)),
        )

    def _sizes(self, height, width):
        return fitted_sizes(
            height,
            width,
            mode=self.mode,
            min_dim=self.min_dim,
            max_dim=self.max_dim,
            min_scale=self.min_scale,
            rounding=self.resizing.rounding,
        )

    def _anchors(self, height, width):
        """Normalised anchors (A, 4) of molded images of a size."""
        levels = []
        for scale, stride in zip(self.scales, self.strides, strict=True):
            cells = (height + stride - 1) // stride, (width + stride - 1) // stride  # ONNX cuts quotients below 0 to 0
            strides = (height // cells[0], width // cells[1]) if self.anchors_spread else (stride, stride)
            shape = generate_anchors(scale, self.ratios, (1, 1), 1, 1, self.anchors_rounded)
            levels.append(_level_anchors(shape, cells, strides, self.anchor_stride))
        return box_ops.norm(ops.concatenate(levels), height, width, self.edge)

    def compute_output_spec(self, images):
        batch, height, width, channels = images.shape
        molded, anchors = (self.max_dim, self.max_dim) if self.mode == "square" else (None, None), None
        if self.mode != "square" and height and width:
            molded = self._sizes(height, width)[2]
        if None not in molded:
            cells = [[len(range(0, -(-n // s), self.anchor_stride)) for n in molded] for s in self.strides]
            anchors = len(self.ratios) * sum(rows * columns for rows, columns in cells)
        return (
            keras.KerasTensor((batch, *molded, channels), "float32"),
            keras.KerasTensor((batch, 12 + self.classes), "float32"),
            keras.KerasTensor((batch, anchors, 4), "float32"),
        )

    def get_config(self):
        names = ("mode", "min_dim", "max_dim", "min_scale", "mean_pixel", "classes", "scales", "ratios", "strides")
        names += ("anchor_stride", "edge", "anchors_rounded", "anchors_spread")
        return super().get_config() | {name: getattr(self, name) for name in names} | {"resizing": list(self.resizing)}


class _Axis:
    """Where the rows (or columns) of a molded image come from.

    size: of the image.  scaled: of the scaled image, which begins at `start` in the molded one of `length`.
    """

    def __init__(self, size, scaled, start, length):
        place = ops.arange(length) - start
        self.inside = ops.logical_and(place >= 0, place < scaled)  # (length,)
        step = real(size) / real(scaled)
        point = step * ops.cast(place, step.dtype) + (0.5 * step - 0.5)
        edge = ops.minimum(1.0 + point, real(size) - point)  # beyond the outermost pixel centre it fades
        self.fade = ops.cast(ops.clip(edge, 0.0, 1.0), "float32")
        lower = ops.floor(point)
        self.weight = ops.cast(point - lower, "float32")
        self.lower = ops.cast(lower, "int32")
        self.size = size
        self.length = length
        self.grown = step < 1.0
        self.sigma = ops.maximum((step - 1.0) / 2.0, 0.0)
        self.radius = ops.cast(4.0 * self.sigma + 0.5, "int32")
        if isinstance(size, int) and isinstance(scaled, int):  # then the loop over the taps has a known length
            self.radius = int(4 * max(size / scaled - 1, 0) / 2 + 0.5)

    def tap(self, offset):
        """Weight, not yet divided by their sum, of the neighbour at an offset."""
        offset = ops.cast(offset, self.sigma.dtype)
        spread = ops.maximum(self.sigma, 1e-6)
        return ops.cast(ops.exp(-0.5 * ops.square(offset / spread)), "float32")


def _resized(images, rows, columns):
    """uint8 (B, H, W, C) -> float32 (B, H', W', C) of whole numbers, zeros around: smoothed, resampled, cut."""
    images = ops.cast(images, "float32")
    least, most = (f(images, axis=(1, 2, 3), keepdims=True) for f in (ops.min, ops.max))
    images = _smoothed(images, rows, axis=1)  # (B, 2H', W, C)
    images = _smoothed(images, columns, axis=2)  # (B, 2H', 2W', C)
    y, x = rows.weight[:, None, None], columns.weight[:, None]  # (H', 1, 1), (W', 1)
    image = images[:, : rows.length] * (1 - y) + images[:, rows.length :] * y  # (B, H', 2W', C)
    image = image[:, :, : columns.length] * (1 - x) + image[:, :, columns.length :] * x
    image = image * rows.fade[:, None, None] * columns.fade[:, None]
    grown = ops.logical_or(rows.grown, columns.grown)  # only then it is cut to the range that it had
    image = ops.floor(ops.where(grown, ops.clip(image, least, most), image) + WHOLE_NUMBER_SLACK)
    inside = ops.logical_and(rows.inside[:, None], columns.inside[None])[..., None]
    return ops.where(inside, image, 0.0)


def _smoothed(values, axis_of, axis):
    """The rows before and after each molded row, Gauss-filtered and cut: `axis` gets twice the molded length."""
    base = ops.concatenate([axis_of.lower, axis_of.lower + 1])
    base = ops.clip(base, 0, axis_of.size - 1)
    radius = axis_of.radius

    def add(offset, total, weights):
        place = base + offset
        inside = ops.logical_and(place >= 0, place < axis_of.size)
        taken = ops.take(values, ops.clip(place, 0, axis_of.size - 1), axis=axis)
        weight = axis_of.tap(offset)
        factor = ops.cast(inside, "float32") * weight
        factor = ops.reshape(factor, ops.shape(factor) + (1,) * (len(values.shape) - axis - 1))
        return offset + 1, total + taken * factor, weights + weight

    start = ops.take(values, base, axis=axis) * 0.0
    zero = ops.zeros((), "float32")
    if isinstance(radius, int):
        state = (-radius, start, zero)
        for _ in range(2 * radius + 1):
            state = add(*state)
    else:
        state = ops.while_loop(lambda offset, *_: offset <= radius, add, (-radius, start, zero))
    return ops.floor(state[1] / state[2] + WHOLE)


def _level_anchors(shapes, cells, strides, anchor_stride):
    """Anchors (A, 4), float32 px, of one level, as `generate_anchors` gives them.

    shapes: (R, 4) those of a cell at 0, 0.  cells: rows and columns.  strides: px a cell, down and across.
    """
    y, x = (
        ops.cast(ops.arange(0, number, anchor_stride) * stride, "float32")
        for number, stride in zip(cells, strides, strict=True)
    )
    y, x = y[:, None] + ops.zeros_like(x)[None], x[None] + ops.zeros_like(y)[:, None]  # (rows, columns)
    centres = ops.reshape(ops.stack([y, x, y, x], axis=-1), (-1, 1, 4))
    return ops.reshape(centres + ops.convert_to_tensor(shapes.astype(np.float32)), (-1, 4))
