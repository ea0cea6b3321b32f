"""Masks as crops of their boxes: into RLE of a whole image and back, never with a mask as large as the image."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mrcnn_ext.masks.rle import rle_box, run_lengths


def crop_to_rle(crop: np.ndarray, corner: Any, height: int, width: int) -> dict:
    """Crop bool (h, w) whose upper left pixel is at corner (y1, x1) -> compressed RLE of an image height x width.

    Raises ValueError when it does not lie inside the image.
    """
    y1, x1 = (int(v) for v in corner[:2])
    if y1 < 0 or x1 < 0 or y1 + crop.shape[0] > height or x1 + crop.shape[1] > width:
        raise ValueError(f"a crop of {crop.shape} px at {(y1, x1)} leaves its image of {height} x {width} px.")
    edges = np.diff(np.pad(np.asarray(crop, np.int8), ((1, 1), (0, 0))), axis=0).T  # (w, h + 1): COCO goes by columns
    columns, rows = np.nonzero(edges == 1)
    starts = (columns + x1) * height + rows + y1
    columns, rows = np.nonzero(edges == -1)
    ends = (columns + x1) * height + rows + y1
    apart = starts[1:] != ends[:-1]  # a run may go on from the foot of a column to the head of the next
    starts, ends = starts[np.append(True, apart)[: len(starts)]], ends[np.append(apart, True)[: len(ends)]]
    places = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    runs = np.diff(places).tolist()
    runs = runs[:-1] if runs[-1] == 0 else runs
    return coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)


def rle_to_crop(rle: dict) -> tuple[np.ndarray, tuple[int, int]]:
    """Compressed RLE -> (bool (h, w) of its tight box, (y1, x1)); 0 x 0 pixels for an empty mask.

    Raises ValueError for a broken one, before pycocotools reads past its counts.
    """
    height, width = (int(n) for n in rle["size"])
    runs = run_lengths(rle["counts"])
    if runs is None or runs.sum() != height * width:
        raise ValueError(f"broken RLE: its runs do not fill {height} x {width} pixels")
    x1, y1, w, h = (int(v) for v in rle_box(rle))
    crop = np.zeros((h, w), bool)
    if not crop.size:
        return crop, (y1, x1)
    ends = np.cumsum(runs)
    starts, ends = ends[0::2][: len(runs) // 2], ends[1::2]
    first, last = starts // height - x1, (ends - 1) // height - x1  # columns that a run begins and ends in
    for start, end, begin, until in zip(starts.tolist(), ends.tolist(), first.tolist(), last.tolist(), strict=True):
        for column in range(begin, until + 1):
            base = (column + x1) * height + y1
            crop[max(start - base, 0) : end - base, column] = True
    return crop, (y1, x1)
