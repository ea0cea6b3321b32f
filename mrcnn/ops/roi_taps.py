"""Where ROIAlign reads a map: for each bin along a side of a ROI, cells and their weights ("taps").

Shapes: N ROIs, P bins. A tap is a pair (cells (N, P) int32, weights (N, P)); a bin's value is the sum of its taps.
`low`, `high` are where a side of the ROIs begins and ends, (N,), as shares of the map; `length` is the map's, (N,).
"""

import numpy as np
from keras import ops

ROUNDING = 1e-4  # cells: a bin of whole cells is one of so many on every backend, though its box was normalised
MOST_NEAR = 6  # samples, more than half a cell apart, within a cell of a cell: five, and one for rounding


def corner_taps(low, high, length, bins):
    """One bilinear sample a bin, the outermost on the ends; 0 outside the map. Share 1 is the last cell's centre.

    A position is a mean of the two ends, so that the outermost ones lie exactly on the ends: on the map's edge they
    must not fall outside by rounding, which differs from eager to compiled code.
    """
    last = ops.cast(length - 1, "float32")[:, None]  # (N, 1)
    low, high = low[:, None], high[:, None]
    share = np.linspace(0.0, 1.0, bins, dtype="float32") if bins > 1 else np.array([0.5], "float32")  # (P,)
    position = (low * (1.0 - share) + high * share) * last  # (N, P)
    inside = ops.cast(ops.logical_and(position >= 0.0, position <= last), "float32")
    position = ops.clip(position, 0.0, last)
    lower = ops.floor(position)
    upper_weight = position - lower
    return [
        (ops.cast(lower, "int32"), (1.0 - upper_weight) * inside),
        (ops.cast(ops.ceil(position), "int32"), upper_weight * inside),
    ]


def bin_taps(low, high, length, bins, samples, aligned):
    """The mean of `samples` bilinear samples in each bin (Mask R-CNN, section 3), as PyTorch's libraries place them.

    aligned: see `conventions.Pooling`. A sample up to a cell outside the map counts as on its edge, beyond it is 0.
    """
    side = _Side(low, high, length, bins, aligned)
    taps = []
    for i in range(samples):
        position, inside = side.sample(i, float(samples))
        lower = ops.floor(position)
        upper_weight = position - lower
        inside = inside / samples
        taps.append((ops.cast(lower, "int32"), (1.0 - upper_weight) * inside))
        taps.append((ops.cast(ops.minimum(lower + 1.0, side.last), "int32"), upper_weight * inside))
    return taps


class AdaptiveTaps:
    """As `bin_taps`, with ceil(cells of a bin) samples in each bin, as detectron2 has it.

    The samples are at most a cell apart, so a bin of n samples reads n + 1 cells, one after the other: tap k of `count`
    is the cell at k from the first. With `most`, a bin of more cells is read at most + 1 of them, evenly spread.
    """

    def __init__(self, low, high, length, bins, most, aligned):
        self.side = _Side(low, high, length, bins, aligned)
        self.limited = most is not None
        self.samples = ops.maximum(ops.ceil(self.side.step - ROUNDING), 1.0)  # (N, 1)
        self.most = most if self.limited else ops.cast(ops.max(self.samples), "int32")
        self.first = ops.floor(self.side.sample(0.0, self.samples)[0])  # (N, P)

    @property
    def count(self):
        return self.most + 1

    def tap(self, k):
        """Tap k, 0 or more."""
        cell, weight = self._of_all(ops.cast(k, "float32"))
        if self.limited:
            position, inside = self.side.sample(k, self.count)
            spread = self.samples > self.most
            cell = ops.where(spread, ops.floor(position + 0.5), cell)
            weight = ops.where(spread, inside / self.count, weight)
        weight = ops.where(self.side.step > 0.0, weight, 0.0)  # an empty ROI has no samples
        return ops.cast(ops.minimum(cell, self.side.last), "int32"), weight

    def _of_all(self, k):
        """Cell k from the first, and its weight from all samples less than a cell away."""
        cell = self.first + k
        apart = ops.maximum(self.side.step / self.samples, 1e-6)  # more than half a cell where a bin has several
        first = ops.maximum(ops.ceil((cell - 1.0 - self.side.start) / apart - 0.5) - 1.0, 0.0)
        weight = ops.zeros_like(cell)
        for i in range(MOST_NEAR):
            position, inside = self.side.sample(first + i, self.samples)
            inside = ops.where(first + i < self.samples, inside / self.samples, 0.0)
            weight = weight + ops.maximum(1.0 - ops.abs(position - cell), 0.0) * inside
        return cell, weight


class _Side:
    """A side of the ROIs in cells of their maps."""

    def __init__(self, low, high, length, bins, aligned):
        length = ops.cast(length, "float32")
        self.length = length[:, None]
        self.last = self.length - 1.0
        low, high = low * length, high * length
        size = high - low if aligned else ops.maximum(high - low, 1.0)
        self.step = (size / bins)[:, None]  # (N, 1), cells of a bin
        self.start = (low - 0.5 if aligned else low)[:, None] + np.arange(bins, dtype="float32") * self.step  # (N, P)

    def sample(self, i, samples):
        """Positions (N, P) of sample i of `samples` in each bin, cut to the map, and 1 where it counts, else 0."""
        position = self.start + (i + 0.5) * self.step / samples
        inside = ops.cast(ops.logical_and(position >= -1.0, position <= self.length), "float32")
        return ops.clip(position, 0.0, self.last), inside
