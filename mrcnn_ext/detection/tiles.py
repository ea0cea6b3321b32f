"""Tiles of an image far larger than the network, and one object again from its parts in several tiles."""
# By hand: masks are joined across seams as RLEs, for which SAHI would bring more than it saves.

from collections.abc import Iterator

import numpy as np
from pycocotools import mask as coco_mask

from mrcnn.data.boxes import compute_overlaps
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.masks.crops import rle_to_crop

SAME = 0.4  # IoU, in the part of the image that both tiles see, from which on two detections are one object
INSIDE = 0.7  # share of the smaller one that the larger one covers, from which on it, if cut, is a part of it
EDGE = 2, 0.01  # pixels, and share of a tile's side: a box this near to a side of its tile was cut there


def tiles_of(height: int, width: int, side: int, overlap: float) -> list[tuple[int, int, int, int]]:
    """Boxes (y1, x1, y2, x2) of squares that cover an image, row by row; neighbours share `overlap` of a side or more.

    An image smaller than `side` is one smaller tile. Raises ValueError for an overlap that is not in 0 .. 0.5.
    """
    if not 0 <= overlap <= 0.5:
        raise ValueError(f"the overlap of tiles is a share of their side, 0 to 0.5, but is {overlap}.")
    if side < 1:
        raise ValueError(f"the side of tiles is in pixels, 1 or more, but is {side}.")
    rows, columns = _starts(height, side, overlap), _starts(width, side, overlap)
    return [(y, x, min(y + side, height), min(x + side, width)) for y in rows for x in columns]


def tile_count(height: int, width: int, side: int, overlap: float) -> int:
    """How many tiles `tiles_of` gives."""
    return len(_starts(height, side, overlap)) * len(_starts(width, side, overlap))


def join(parts: list[tuple[tuple[int, int, int, int], Detections]], height: int, width: int) -> Detections:
    """The objects of an image from those of its tiles, [(tile, Detections in pixels of the image), ..].

    An object whose part lies well inside what a neighbour sees is the neighbour's. Detections of one class in two tiles
    that agree where both tiles see are one object: the one deepest in its tile, if no side cut it, or else the union of
    all parts, with the best score. Two of one tile are one object only if the tile cut both, like ends of a bracket.
    Memory: one mask at a time, and the RLEs.
    """
    tiles = np.concatenate([np.tile(tile, (len(found), 1)) for tile, found in parts] or [np.zeros((0, 4), int)])
    found = _together([found for _, found in parts], height, width)
    depth = _depth(found.boxes, tiles, height, width)
    cut = _cut(depth, tiles)
    kept = np.flatnonzero(~_seen_by_neighbour(found.boxes, tiles, cut, [tile for tile, _ in parts], (height, width)))
    found, tiles = found.take(kept), tiles[kept]
    cut, depth = np.any(cut[kept], axis=1), depth[kept].min(axis=1, initial=np.inf)
    joined = [_one_object(found, members, cut, depth) for members in _groups(found, tiles, cut)]
    order = np.argsort([-score for _, _, score, _ in joined], kind="stable")
    joined = [joined[i] for i in order]
    return Detections(
        height,
        width,
        np.array([one[0] for one in joined], np.int32),
        np.array([one[2] for one in joined], np.float32),
        np.array([one[1] for one in joined], np.int64).reshape(-1, 4),
        None if found.rles is None else [one[3] for one in joined],
    )


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """First pixels of the tiles along one side, evenly spread."""
    if length <= side:
        return [0]
    step = max(1, int(side * (1 - overlap)))
    number = -(-(length - side) // step) + 1
    return np.linspace(0, length - side, number).round().astype(int).tolist()


def _together(parts: list[Detections], height: int, width: int) -> Detections:
    if not parts:
        return Detections(height, width, np.zeros(0, np.int32), np.zeros(0), np.zeros((0, 4), np.int64), [])
    masks = all(part.rles is not None for part in parts)
    rles = [rle for part in parts for rle in part.rles or []] if masks else None
    class_ids = np.concatenate([part.class_ids for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    return Detections(height, width, class_ids, scores, np.concatenate([part.boxes for part in parts]), rles)


def _depth(boxes, tiles, height, width) -> np.ndarray:
    """Pixels (N, 4) from each side of a box to that of its tile; endless where the image ends there, too."""
    at_end = tiles == np.array([0, 0, height, width])
    return np.where(at_end, np.inf, np.abs(boxes - tiles))


def _cut(depth, tiles) -> np.ndarray:
    """Sides (N, 4) of boxes that are as near to that of their tile as if it had cut them."""
    return depth <= np.maximum(EDGE[0], EDGE[1] * (tiles[:, 2:] - tiles[:, :2]).max(axis=1, initial=0))[:, None]


def _seen_by_neighbour(boxes, tiles, cut, all_tiles, size) -> np.ndarray:
    """Cut boxes that a neighbouring tile, which reaches further on the cut side, sees as well, and would not cut."""
    seen = np.zeros(len(boxes), bool)
    signs = np.array([-1, -1, 1, 1])
    for other in np.unique(np.array(all_tiles).reshape(-1, 4), axis=0):
        further = (signs * (other - tiles) > 0) | ~cut  # on every side that was cut
        inside = (boxes[:, :2] >= other[:2]).all(axis=1) & (boxes[:, 2:] <= other[2:]).all(axis=1)
        inside &= ~_cut(_depth(boxes, other, *size), other[None]).any(
            axis=1
        )  # or each tile would leave it to the other
        seen |= cut.any(axis=1) & further.all(axis=1) & inside
    return seen


def _groups(found: Detections, tiles, cut) -> list[list[int]]:
    """Numbers of the detections of each object; those that agree best come together first."""
    group_of = [[i] for i in range(len(found))]
    for _, i, j in sorted(_pairs(found, tiles, cut), reverse=True):
        one, other = group_of[i], group_of[j]
        if one is not other and not _two_of_a_tile(one, other, tiles, cut):
            one += other
            for k in other:
                group_of[k] = one
    return list({id(group): group for group in group_of}.values())


def _two_of_a_tile(one, other, tiles, cut) -> bool:
    """Whether a tile has a detection in each of two groups, and did not cut both: then these are two objects."""
    same = (tiles[one][:, None] == tiles[other]).all(axis=2)
    return bool((same & ~(cut[one][:, None] & cut[other])).any())


def _pairs(found: Detections, tiles, cut) -> Iterator[tuple[float, int, int]]:
    """(IoU, i, j) of detections in two tiles that may be one object."""
    order = np.argsort(found.boxes[:, 0], kind="stable")
    for place, i in enumerate(order):
        below = order[place + 1 :]
        below = below[: np.searchsorted(found.boxes[below, 0], found.boxes[i, 2])]
        near = (found.boxes[below, 1] < found.boxes[i, 3]) & (found.boxes[below, 3] > found.boxes[i, 1])
        near &= (found.class_ids[below] == found.class_ids[i]) & (tiles[below] != tiles[i]).any(axis=1)
        for j in below[near]:
            iou, are_one = _agreement(found, i, j, tiles, cut)
            if are_one:
                yield iou, int(i), int(j)


def _agreement(found: Detections, i: int, j: int, tiles, cut) -> tuple[float, bool]:
    """IoU in the part of the image that both tiles see, and whether the two can be one object."""
    y1, x1 = np.maximum(tiles[i, :2], tiles[j, :2])
    y2, x2 = np.minimum(tiles[i, 2:], tiles[j, 2:])
    if y1 >= y2 or x1 >= x2:
        return 0.0, False
    if found.rles is None:
        both = np.clip(found.boxes[[i, j]], [y1, x1, y1, x1], [y2, x2, y2, x2])
        iou = float(compute_overlaps(both[:1], both[1:])[0, 0])
        return iou, iou >= SAME
    top, left, bottom, right = _common(found.boxes[i], found.boxes[j], (y1, x1, y2, x2))
    one, other = (_window(found.rles[k], top, left, bottom, right) for k in (i, j))
    shared = int(np.sum(one & other))
    if not shared:
        return 0.0, False
    iou = shared / int(np.sum(one | other))
    smaller, pixels = min((i, int(one.sum())), (j, int(other.sum())), key=lambda pair: pair[1])
    return iou, iou >= SAME or bool(cut[smaller] and shared / pixels >= INSIDE)


def _common(box, other, window) -> tuple[int, int, int, int]:
    """The smallest box around both, cut to what both tiles see."""
    low, high = np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])
    (top, left), (bottom, right) = np.maximum(low, window[:2]), np.minimum(high, window[2:])
    return int(top), int(left), int(np.ceil(bottom)), int(np.ceil(right))


def _window(rle: dict, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """Mask bool of a part of the image."""
    crop, (y1, x1) = rle_to_crop(rle)
    window = np.zeros((max(bottom - top, 0), max(right - left, 0)), bool)
    y, x, y_end, x_end = max(top, y1), max(left, x1), min(bottom, y1 + crop.shape[0]), min(right, x1 + crop.shape[1])
    if y < y_end and x < x_end:
        window[y - top : y_end - top, x - left : x_end - left] = crop[y - y1 : y_end - y1, x - x1 : x_end - x1]
    return window


def _one_object(found: Detections, members: list[int], cut, depth) -> tuple:
    """Class id, box, score and RLE of the detections of one object."""
    whole = [i for i in members if not cut[i]]
    if whole or len(members) == 1:
        best = max(whole or members, key=lambda i: (depth[i], found.scores[i]))
        rle = None if found.rles is None else found.rles[best]
        return found.class_ids[best], found.boxes[best], found.scores[best], rle
    boxes = found.boxes[members]
    box = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    rle = None if found.rles is None else coco_mask.merge([found.rles[i] for i in members])
    return found.class_ids[members[0]], box, found.scores[members].max(), rle
