"""The masks of one image, each only as large as its box: all that changes of size and place have to touch.

N masks of an image H x W; boxes are (y1, x1, y2, x2) in px.
"""

import cv2
import numpy as np

from mrcnn.data.boxes import extract_bboxes
from mrcnn.data.resize import nearest, resize, scaled_side


class CroppedMasks:
    """N masks of one image. Every change gives a new object.

    crops: N bool arrays (h, w), cut to their pixels here; without a pixel left, 0 x 0.  corners: upper left pixels
    (y1, x1).  shape: (H, W) of the image.
    """

    def __init__(self, crops, corners, shape):
        self.shape = tuple(int(side) for side in shape)
        tight = [_cut(crop, corner) for crop, corner in zip(crops, corners, strict=True)]
        self.crops = [crop for crop, _ in tight]
        self.corners = [corner for _, corner in tight]

    @classmethod
    def of(cls, mask):
        """From masks [H, W, N]. Raises ValueError for another shape."""
        if mask.ndim != 3:
            raise ValueError(f"masks of shape {mask.shape}; load_mask should return masks [H, W, N].")
        mask = mask.astype(bool, copy=False)
        boxes = extract_bboxes(mask).tolist()
        crops = [mask[y1:y2, x1:x2, i] for i, (y1, x1, y2, x2) in enumerate(boxes)]
        return cls(crops, [box[:2] for box in boxes], mask.shape[:2])

    def __len__(self):
        return len(self.crops)

    def boxes(self):
        """Tight boxes (N, 4), int32; four zeros for an empty mask."""
        boxes = [(y, x, y + crop.shape[0], x + crop.shape[1]) for crop, (y, x) in self._placed()]
        return np.array(boxes, np.int32).reshape(-1, 4)

    def full(self):
        """Masks bool [H, W, N]."""
        mask = np.zeros((*self.shape, len(self)), bool)
        for i, (crop, (y, x)) in enumerate(self._placed()):
            mask[y : y + crop.shape[0], x : x + crop.shape[1], i] = crop
        return mask

    def mini(self, shape):
        """Masks bool [h, w, N], each resized to `shape` (h, w): what `minimize_mask` gives. None may be empty."""
        mini = np.zeros((*shape, len(self)), bool)
        for i, crop in enumerate(self.crops):
            mini[:, :, i] = resize(crop, shape) > 0.5
        return mini

    def union(self):
        """Where any mask is set, bool [H, W]."""
        covered = np.zeros(self.shape, bool)
        for crop, (y, x) in self._placed():
            covered[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
        return covered

    def chosen(self, numbers):
        """Those at the positions `numbers`, in that order."""
        return CroppedMasks([self.crops[i] for i in numbers], [self.corners[i] for i in numbers], self.shape)

    def and_then(self, others):
        """These, and after them those of `others`, which are of an image of the same size."""
        return CroppedMasks(self.crops + others.crops, self.corners + others.corners, self.shape)

    def without(self, covered):
        """Without their pixels under `covered`, bool [H, W]."""
        crops = [crop & ~covered[y : y + crop.shape[0], x : x + crop.shape[1]] for crop, (y, x) in self._placed()]
        return CroppedMasks(crops, self.corners, self.shape)

    def flipped(self, axis):
        """Upside down (axis 0) or left to right (axis 1)."""
        crops, corners = [], []
        for crop, corner in self._placed():
            corner = list(corner)
            corner[axis] = self.shape[axis] - corner[axis] - crop.shape[axis]
            crops.append(np.flip(crop, axis))
            corners.append(corner)
        return CroppedMasks(crops, corners, self.shape)

    def resized(self, scale, padding, crop=None, size=None):
        """Scaled to `size` (by default as `scale` gives it), then padded or cropped: what `resize_mask` gives."""
        size = [scaled_side(side, scale) for side in self.shape] if size is None else size
        rows, columns = (
            _sources(before, after, *pad) for before, after, pad in zip(self.shape, size, padding, strict=True)
        )
        if crop is not None:
            y, x, height, width = crop
            rows, columns = rows[y : y + height], columns[x : x + width]
        crops, corners = [], []
        for mask, (y, x) in self._placed():
            ys, xs = _within(rows, y, mask.shape[0]), _within(columns, x, mask.shape[1])
            crops.append(mask[np.ix_(rows[ys] - y, columns[xs] - x)])
            corners.append((ys.start, xs.start))
        return CroppedMasks(crops, corners, (len(rows), len(columns)))

    def warped(self, matrix, shape):
        """Moved by an affine matrix (2, 3) on (x, y) into an image of `shape` (H, W); nearest pixels."""
        height, width = shape
        crops, corners = [], []
        for crop, (y, x) in self._placed():
            h, w = crop.shape
            left, top, right, bottom = x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5  # a pixel reaches half a pixel out
            outline = matrix @ [[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]]  # (2, 4)
            left, top = np.clip(np.floor(outline.min(axis=1)).astype(int) - 1, 0, (width, height))
            right, bottom = np.clip(np.ceil(outline.max(axis=1)).astype(int) + 1, 0, (width, height))
            if h == 0 or right <= left or bottom <= top:
                crops.append(crop[:0, :0])
            else:
                shifted = np.array(matrix, np.float64)
                shifted[:, 2] += matrix[:, :2] @ [x, y] - [left, top]
                pixels = np.ascontiguousarray(crop).view(np.uint8)
                moved = cv2.warpAffine(pixels, shifted, (int(right - left), int(bottom - top)), flags=cv2.INTER_NEAREST)
                crops.append(moved.view(bool))
            corners.append((top, left))
        return CroppedMasks(crops, corners, shape)

    def _placed(self):
        return zip(self.crops, self.corners, strict=True)


def _cut(crop, corner):
    """A crop without empty rows and columns around it, and its corner then."""
    rows, columns = np.flatnonzero(crop.any(axis=1)), np.flatnonzero(crop.any(axis=0))
    if not rows.size:
        return crop[:0, :0], (0, 0)
    y, x = int(rows[0]), int(columns[0])
    return crop[y : rows[-1] + 1, x : columns[-1] + 1], (int(corner[0]) + y, int(corner[1]) + x)


def _sources(side, scaled, before, after):
    """For each row (or column) of the resized and padded image the one that it comes from, or -1."""
    sources = np.arange(side)
    if scaled != side:
        sources, last_lost = nearest(side, scaled)
        sources[-1] = -1 if last_lost else sources[-1]
    return np.pad(sources, (before, after), constant_values=-1)


def _within(sources, start, count):
    """The slice of rising `sources` that lies in start .. start + count - 1."""
    places = np.flatnonzero((sources >= start) & (sources < start + count))
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 0)
