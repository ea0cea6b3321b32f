"""What the RPN says of the sampled anchors, for its losses.

These look at a few hundred of the anchors of all places, so that nearly all of their gradient through the convolutions
over whole maps would be zeros. Here the sampled anchors' places are computed once more, each from the cells around it,
and only this has a gradient: the same numbers for about a third of the RPN's work.

Shapes: B images, P positive and N negative slots, S = P + N, C channels of the maps, F of the RPN.
"""

import re

import keras
import numpy as np
from keras import ops

from mrcnn.ops import sampling

SIDE = 3  # of each of the RPN's kernels


class SampledRPN(keras.layers.Layer):
    """An `rpn_model` at sampled anchors, with gradients into its weights and into the maps.

    Call with [positive (B, P), negative (B, N), P2, ..., P6 (B, H, W, C)], anchors as indices over all levels, P2
    first, and with `everywhere`, any output of the same model: it is not looked at, but makes that model, whose weights
    these are, a part of the network also where the ROIs are given and nothing else asks it.
    Returns a dict: `logits` (B, S, 2) and `deltas` (B, S, 4), float32, and the places in these of the positive anchors
    (`positive`, (B, P)) and of the negative ones (`negative`, (B, N)).
    """

    def __init__(self, rpn, **kwargs):
        super().__init__(**kwargs)
        parts = [rpn.get_layer(name) for name in ("rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred")]
        before = [layer for layer in rpn.layers if re.fullmatch(r"rpn_conv\d", layer.name)]
        self._parts = lambda: parts  # the layers are the rpn_model's: as an attribute they would be this one's too
        self._before = lambda: before
        self.side = SIDE + (SIDE - 1) * len(before)  # of the square of cells that an answer is computed from
        self.ratios = parts[1].filters // 2
        self.stride = parts[0].strides[0]

    def call(self, inputs, everywhere):
        positive, negative, *maps = inputs
        anchors = ops.concatenate([positive, negative], axis=1)  # (B, S)
        count, channels = anchors.shape[1], maps[0].shape[-1]
        cells, inside = self._around(anchors, [m.shape[1:3] for m in maps])  # (B, S, side * side)
        number = count * self.side * self.side
        table = ops.concatenate([ops.reshape(m, (-1, m.shape[1] * m.shape[2], channels)) for m in maps], axis=1)
        values = sampling.gather(table, ops.reshape(cells, (-1, number)))
        values = values * ops.cast(ops.reshape(inside, (-1, number, 1)), values.dtype)
        for convolution in self._before():
            values, inside = self._smaller(values, inside, convolution)
        shared, logits, deltas = self._parts()
        values = ops.reshape(values, (-1, count, SIDE * SIDE * values.shape[-1]))
        x = shared.activation(self._product(values, shared))
        ratio = anchors % self.ratios
        first = ops.arange(count, dtype="int32")[None] + ops.zeros_like(anchors)
        return {
            "logits": self._of_ratio(self._product(x, logits), ratio),
            "deltas": self._of_ratio(self._product(x, deltas), ratio),
            "positive": first[:, : positive.shape[1]],
            "negative": first[:, positive.shape[1] :],
        }

    def _around(self, anchors, shapes):
        """The cells that the anchors (B, S) are computed from, and whether they lie in their map: (B, S, side * side).

        shapes: (H, W) of the maps. A cell is an index into the maps' cells, one map after the other, each row-major.
        """
        shapes = np.array(shapes)
        places = -(-shapes // self.stride)  # rows and columns of places in each map
        padding = np.maximum((places - 1) * self.stride + SIDE - shapes, 0) // 2  # above and left, of "same"
        first_anchor = np.cumsum([0, *places.prod(axis=1) * self.ratios])
        first_cell = np.cumsum([0, *shapes.prod(axis=1)])[:-1]
        level = ops.sum(ops.cast(anchors[..., None] >= first_anchor[1:-1].astype("int32"), "int32"), axis=-1)

        def of_level(numbers):
            return ops.take(ops.convert_to_tensor(numbers, "int32"), level)  # (B, S)

        place = (anchors - of_level(first_anchor[:-1])) // self.ratios
        width = of_level(places[:, 1])
        corners = (place // width, place % width)
        offsets = np.indices((self.side, self.side)).reshape(2, -1).astype("int32")  # of rows and of columns
        offsets -= (self.side - SIDE) // 2  # each convolution before the last looks a cell further
        rows, columns = (
            (corner * self.stride - of_level(padding[:, axis]))[..., None] + offsets[axis]
            for axis, corner in enumerate(corners)
        )
        height, width = of_level(shapes[:, 0])[..., None], of_level(shapes[:, 1])[..., None]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return ops.where(inside, of_level(first_cell)[..., None] + rows * width + columns, 0), inside

    def _smaller(self, values, inside, convolution):
        """Squares of cells through a convolution: each loses its rim. What lies outside its map is 0 for the next one.

        values: the squares' cells (B, ..., C).  inside: (B, S, n * n).
        """
        side = round(inside.shape[2] ** 0.5)
        squares = ops.reshape(values, (-1, side, side, values.shape[-1]))
        kernel = ops.cast(convolution.kernel, self.compute_dtype)
        x = ops.conv(ops.cast(squares, self.compute_dtype), kernel, padding="valid")
        x = convolution.activation(x + ops.cast(convolution.bias, self.compute_dtype))
        inside = ops.reshape(inside, (-1, inside.shape[1], side, side))[:, :, 1:-1, 1:-1]
        inside = ops.reshape(inside, (-1, inside.shape[1], (side - 2) ** 2))
        return x * ops.cast(ops.reshape(inside, (-1, side - 2, side - 2, 1)), x.dtype), inside

    def _product(self, x, convolution):
        """`convolution`, whose window is the whole of x (B, S, cells * channels), without its activation."""
        kernel = ops.cast(convolution.kernel, self.compute_dtype)
        kernel = ops.reshape(kernel, (-1, convolution.filters))
        return ops.matmul(x, kernel) + ops.cast(convolution.bias, self.compute_dtype)

    def _of_ratio(self, x, ratio):
        """Of the answers for every ratio, (B, S, ratios * n), those of one, (B, S, n), float32."""
        x = ops.reshape(ops.cast(x, "float32"), (-1, x.shape[1], self.ratios, x.shape[2] // self.ratios))
        return ops.take_along_axis(x, ratio[..., None, None], axis=2)[:, :, 0]

    def compute_output_spec(self, inputs, everywhere):
        positive, negative = inputs[:2]
        batch, count = positive.shape[0], positive.shape[1] + negative.shape[1]
        return {
            "logits": keras.KerasTensor((batch, count, 2), "float32"),
            "deltas": keras.KerasTensor((batch, count, 4), "float32"),
            "positive": keras.KerasTensor(positive.shape, "int32"),
            "negative": keras.KerasTensor(negative.shape, "int32"),
        }
