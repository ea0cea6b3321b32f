"""Masks in their small forms: polygons and run-length codes (RLE), both in COCO's sense.

pycocotools is the only rasteriser: COCO's evaluation uses it, so training masks come from it too.
An RLE here is `{"size": [height, width], "counts": bytes}` (compressed); in JSON files `counts` is text.
Polygons hold x, y, x, y, .. in pixels; the pixel in row r and column c covers x from c to c + 1 and y from r to r + 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

MIN_POLYGON_NUMBERS = 6  # three points; pycocotools would read four numbers as a box
MAX_COORDINATE = 1e9  # pixels; beyond it cutting loses its precision
FAR_OUTSIDE = 4096  # pixels; pycocotools' memory grows with the length of an edge, so parts further out are cut off


def encode_mask(mask: np.ndarray) -> dict:
    """One mask as a compressed RLE.

    Args:
        mask: (H, W), any dtype; non-zero is object.

    Returns:
        {"size": [H, W], "counts": bytes}.

    Raises:
        ValueError: the array has other than two axes.

    Example:
        >>> mask = np.zeros((4, 6), bool)
        >>> mask[1:3, 2:5] = True
        >>> rle = encode_mask(mask)
        >>> rle["size"], rle_area(rle)
        ([4, 6], 6)
        >>> bool((decode_masks([rle], 4, 6)[:, :, 0] == mask).all())
        True
    """
    if mask.ndim != 2:
        raise ValueError(f"encode_mask takes one mask (H, W), but got the shape {mask.shape}.")
    return coco_mask.encode(np.asfortranarray(mask != 0, dtype=np.uint8))


def encode_masks(masks: np.ndarray) -> list[dict]:
    """Masks (H, W, N) -> N compressed RLEs."""
    if masks.ndim != 3:
        raise ValueError(f"encode_masks takes masks (H, W, N), but got the shape {masks.shape}.")
    return [encode_mask(masks[:, :, i]) for i in range(masks.shape[2])]


def decode_masks(rles: Sequence[dict], height: int, width: int) -> np.ndarray:
    """N RLEs of one image -> bool masks (height, width, N); N may be 0.

    Raises ValueError for a broken one.  (pycocotools' own decode warns under numpy 2, and reads past broken counts.)
    """
    masks = np.zeros((len(rles), width * height), bool)
    for mask, rle in zip(masks, rles, strict=True):
        runs = run_lengths(rle["counts"])
        if runs is None or runs.sum() != mask.size:
            raise ValueError(f"broken RLE: its runs do not fill {height} x {width} pixels")
        ends = np.cumsum(runs).tolist()
        for start, end in zip(ends[0::2], ends[1::2], strict=False):
            mask[start:end] = True
    return masks.reshape(len(rles), width, height).transpose(2, 1, 0)


def rle_area(rle: dict) -> int:
    """Pixels in the mask.  One at a time: pycocotools 2.0.11 fails for 256 and more at once under numpy 2."""
    return int(coco_mask.area(rle))


def rle_box(rle: dict) -> list[float]:
    """Tight box [x, y, width, height] in pixels; all zero for an empty mask."""
    return [float(v) for v in coco_mask.toBbox(rle)]


def rle_to_json(rle: dict) -> dict:
    """RLE with `counts` as text, ready for json.dump."""
    counts = rle["counts"]
    return {
        "size": [int(v) for v in rle["size"]],
        "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts,
    }


def polygon_parts(segmentation: Sequence) -> tuple[np.ndarray, ...]:
    """COCO's list of polygons -> float64 arrays (2 * points,), without the parts of fewer than three points.

    Raises ValueError for what is no list of numbers, an odd count of numbers, or numbers that are not finite.
    """
    parts = []
    for part in segmentation:
        try:
            numbers = np.array(part, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"its segmentation must hold lists of numbers, but holds {str(part)[:60]!r}") from error
        if numbers.ndim != 1:
            raise ValueError(f"its segmentation must hold flat lists x, y, x, y, .., but holds {str(part)[:60]!r}")
        if numbers.size % 2:
            raise ValueError(f"a polygon has {numbers.size} numbers; x, y pairs need an even count")
        if not np.isfinite(numbers).all():
            raise ValueError("a polygon has a coordinate that is not a finite number")
        if numbers.size and np.abs(numbers).max() > MAX_COORDINATE:
            raise ValueError(f"a polygon has the coordinate {np.abs(numbers).max():g}, which no image has")
        if numbers.size >= MIN_POLYGON_NUMBERS:
            parts.append(numbers)
    return tuple(parts)


def polygons_to_rle(parts: Sequence[np.ndarray], height: int, width: int) -> dict:
    """Union of polygons -> compressed RLE of an image of height x width.  No part at all gives an empty mask."""
    near = [cut_polygon(np.asarray(part, np.float64), height, width, FAR_OUTSIDE) for part in parts]
    near = [part for part in near if part.size >= MIN_POLYGON_NUMBERS]
    if not near:
        return encode_mask(np.zeros((height, width), np.uint8))
    return coco_mask.merge(coco_mask.frPyObjects(near, height, width))


def counts_to_bytes(counts: Any, height: int, width: int) -> bytes:
    """RLE counts of any kind (list of run lengths, text, bytes) -> compressed bytes for an image of height x width.

    Raises ValueError when the runs do not add up to height * width.
    """
    if isinstance(counts, list):
        if any(not isinstance(run, int) or run < 0 for run in counts) or sum(counts) != height * width:
            raise ValueError(
                f"its run lengths must be whole numbers that add up to {height} x {width} = {height * width}"
            )
        return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)["counts"]
    if isinstance(counts, str):
        counts = counts.encode("ascii", "replace")
    if not isinstance(counts, bytes):
        raise ValueError(f"its counts are neither a list nor text, but {type(counts).__name__}")
    runs = run_lengths(counts)
    if runs is None:
        raise ValueError("its counts are not a compressed RLE")
    if runs.sum() != height * width:
        raise ValueError(f"its run lengths add up to {runs.sum()}, not to {height} x {width} = {height * width}")
    return counts


def run_lengths(counts: bytes | str) -> np.ndarray | None:
    """Run lengths int64 (runs,) of compressed counts, the first of them background; None when they are broken."""
    counts = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    codes = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        return None
    # A value is a group of 5-bit digits, the lowest first. Bit 32 says that another digit follows.
    last = np.flatnonzero((codes & 32) == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    digits = last - first + 1
    if digits.max() > 8:
        return None
    place = np.arange(codes.size) - np.repeat(first, digits)  # of each digit in its value
    values = np.add.reduceat((codes & 31) << (5 * place), first)
    is_negative = (codes[last] & 16) > 0  # two's complement: bit 16 of the last digit is the sign
    values -= np.where(is_negative, 1 << (5 * digits), 0)
    # From the fourth run on, a value is the difference from the run two before.
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs if (runs >= 0).all() else None


def cut_polygon(part: np.ndarray, height: int, width: int, margin: float = 0) -> np.ndarray:
    """Polygon (2 * points,) without what is more than `margin` pixels outside the image; may come out empty."""
    points = part.reshape(-1, 2)
    for axis, end in ((0, width), (1, height)):
        for sign, limit in ((1, end + margin), (-1, margin)):
            room = limit - sign * points[:, axis]  # negative: beyond this side
            if (room >= 0).all():
                continue
            points = _cut_side(points, room)
            if len(points) == 0:
                return np.zeros(0)
    return points.reshape(-1)


def _cut_side(points: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Points (n, 2) of a polygon without its part where `room` (n,) is negative (Sutherland and Hodgman)."""
    kept = []
    for i in range(len(points)):
        j = (i + 1) % len(points)
        if room[i] >= 0:
            kept.append(points[i])
        if (room[i] >= 0) != (room[j] >= 0):
            kept.append(points[i] + (points[j] - points[i]) * (room[i] / (room[i] - room[j])))
    return np.array(kept).reshape(-1, 2)
