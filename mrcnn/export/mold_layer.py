"""Images as they come from a file -> what the network takes, inside the graph: the numbers of `data/resize.py`.

Shapes: B images of one size, H W C; H' W' of the molded image; A anchors; T taps of a filter.
A molded row is the bilinear mean of two rows of the smoothed image, and a smoothed row a weighted sum of rows of the
image; both are gathered, so that rows in the padding need no padding operation and shapes stay fixed.
"""

import keras
import numpy as np
from keras import ops

from mrcnn.data.anchors import generate_anchors
from mrcnn.data.resize import WHOLE_NUMBER_SLACK, _scale, scaled_side

WHOLE = 1e-3  # gray levels; what float32 may lose of a whole number before it is cut


@keras.saving.register_keras_serializable("mrcnn")
class MoldImages(keras.layers.Layer):
    """Images uint8 (B, H, W, C) -> molded (B, H', W', C), metas (B, 12 + K), normalised anchors (B, A, 4).

    mode, min_dim, max_dim, min_scale: as in `resize_image`; mode is "square", "pad64" or "none".
    mean_pixel: (C,).  classes: K.  scales, ratios, strides, anchor_stride: of the anchors.

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
        **kwargs,
    ):
        super().__init__(**kwargs)
        if mode not in ("square", "pad64", "none"):
            raise ValueError(f'IMAGE_RESIZE_MODE is {mode!r}, which is for training: use "square", "pad64" or "none".')
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

    def call(self, images):
        batch, height, width, channels = ops.shape(images)
        scale, new_height, new_width, molded_height, molded_width = self._sizes(height, width)
        top, left = (molded_height - new_height) // 2, (molded_width - new_width) // 2
        image = images
        if self.mode != "none":
            rows = _Axis(height, new_height, top, molded_height)
            columns = _Axis(width, new_width, left, molded_width)
            image = _resized(images, rows, columns)
        molded = ops.cast(image, "float32") - ops.convert_to_tensor(self.mean_pixel, "float32")
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
        """Scale, size of the scaled image and of the molded one; numbers where the input's size is fixed."""
        max_dim = self.max_dim if self.mode == "square" else None
        if self.mode == "none":
            return 1.0, height, width, height, width
        if isinstance(height, int) and isinstance(width, int):
            scale = _scale(height, width, self.min_dim, max_dim, self.min_scale)
            new_height, new_width = scaled_side(height, scale), scaled_side(width, scale)
        else:
            scale = self._scale_in_graph(height, width, max_dim)
            sides = (ops.maximum(ops.round(_real(n) * scale), 1) for n in (height, width))
            new_height, new_width = (ops.cast(side, "int32") for side in sides)
        if self.mode == "square":
            return scale, new_height, new_width, self.max_dim, self.max_dim
        return scale, new_height, new_width, -(-new_height // 64) * 64, -(-new_width // 64) * 64

    def _scale_in_graph(self, height, width, max_dim):
        height, width = _real(height), _real(width)
        scale = ops.ones_like(height)
        if self.min_dim:
            scale = ops.maximum(scale, self.min_dim / ops.minimum(height, width))
        if self.min_scale:
            scale = ops.maximum(scale, self.min_scale)
        longest = ops.maximum(height, width)
        if max_dim:
            scale = ops.where(ops.round(longest * scale) > max_dim, max_dim / longest, scale)
        return scale

    def _anchors(self, height, width):
        """Normalised anchors (A, 4) of molded images of a size."""
        levels = [
            _level_anchors(scale, self.ratios, -(-height // stride), -(-width // stride), stride, self.anchor_stride)
            for scale, stride in zip(self.scales, self.strides, strict=True)
        ]
        height, width = (ops.cast(n, "float32") for n in (height, width))
        anchors = ops.concatenate(levels)
        return (anchors - ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0])) / (
            ops.stack([height, width, height, width]) - 1.0
        )

    def compute_output_spec(self, images):
        batch, height, width, channels = images.shape
        molded, anchors = (self.max_dim, self.max_dim) if self.mode == "square" else (None, None), None
        if self.mode != "square" and height and width:
            molded = self._sizes(height, width)[3:]
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
        return super().get_config() | {name: getattr(self, name) for name in (*names, "anchor_stride")}


class _Axis:
    """Where the rows (or columns) of a molded image come from.

    size: of the image.  scaled: of the scaled image, which begins at `start` in the molded one of `length`.
    """

    def __init__(self, size, scaled, start, length):
        place = ops.arange(length) - start
        self.inside = ops.logical_and(place >= 0, place < scaled)  # (length,)
        step = _real(size) / _real(scaled)
        point = step * ops.cast(place, step.dtype) + (0.5 * step - 0.5)
        edge = ops.minimum(1.0 + point, _real(size) - point)  # beyond the outermost pixel centre it fades
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


def _level_anchors(scale, ratios, rows, columns, stride, anchor_stride):
    """Anchors (A, 4), float32 px, of one level of `rows` x `columns` cells, as `generate_anchors` gives them."""
    if isinstance(rows, int) and isinstance(columns, int):
        boxes = generate_anchors(scale, ratios, (rows, columns), stride, anchor_stride)
        return ops.convert_to_tensor(boxes.astype(np.float32))
    shapes = ops.convert_to_tensor(generate_anchors(scale, ratios, (1, 1), stride, 1).astype(np.float32))  # (R, 4)
    y = ops.cast(ops.arange(0, rows, anchor_stride) * stride, "float32")[:, None]
    x = ops.cast(ops.arange(0, columns, anchor_stride) * stride, "float32")[None]
    y, x = y + ops.zeros_like(x), x + ops.zeros_like(y)  # (rows, columns)
    centres = ops.reshape(ops.stack([y, x, y, x], axis=-1), (-1, 1, 4))
    return ops.reshape(centres + shapes, (-1, 4))


def _real(number):
    """As float64 where the backend has it: the sizes must round as they do outside the graph."""
    return ops.cast(number, "float64" if keras.backend.backend() == "tensorflow" else "float32")
