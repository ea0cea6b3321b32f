"""From COCO objects back to what other formats hold: one polygon, a mask, or the lines around a mask."""

import numpy as np

from mrcnn_ext.masks.rle import counts_to_bytes, decode_masks, polygon_parts, polygons_to_rle


def by_image(coco: dict):
    """(image, [annotation, ..]) for every image, also those without objects."""
    found = {item["id"]: [] for item in coco["images"]}
    for item in coco["annotations"]:
        found[item["image_id"]].append(item)
    return [(image, found[image["id"]]) for image in coco["images"]]


def single_polygon(annotation: dict) -> np.ndarray | None:
    """Points (n, 2) of an object that is one polygon; None for all others."""
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list) and len(segmentation) == 1:
        return np.array(segmentation[0], np.float64).reshape(-1, 2)
    return None


def object_mask(annotation: dict, height: int, width: int) -> np.ndarray:
    """Mask bool (height, width) of an object."""
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        rle = polygons_to_rle(polygon_parts(segmentation), height, width)
    else:
        rle = {"size": [height, width], "counts": counts_to_bytes(segmentation["counts"], height, width)}
    return decode_masks([rle], height, width)[:, :, 0]


def mask_outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Closed lines along the pixel edges around every part and every hole of a mask (H, W): corners (n, 2) x, y.

    Filled by the even-odd rule, all lines together give back the mask.
    """
    padded = np.pad(mask.astype(bool), 1)
    steps = {}  # corner -> corners one pixel edge on, with the object on the right
    for dy, dx, start, end in (
        (-1, 0, (0, 0), (1, 0)),
        (0, 1, (1, 0), (1, 1)),
        (1, 0, (1, 1), (0, 1)),
        (0, -1, (0, 1), (0, 0)),
    ):
        edge = padded & ~np.roll(padded, (-dy, -dx), (0, 1))
        for row, column in (np.argwhere(edge) - 1).tolist():
            a, b = (column + start[0], row + start[1]), (column + end[0], row + end[1])
            steps.setdefault(a, []).append(b)
    lines = []
    for start in sorted(steps):
        while start in steps:  # more than one line may pass a corner
            lines.append(_walk(steps, start))
    return lines


def _walk(steps: dict, start) -> np.ndarray:
    """Corners of the closed line from a corner back to it; its steps are taken away."""
    here, corners, last = start, [], None
    while here != start or last is None:
        after = _next_corner(steps, here, last)
        step = (after[0] - here[0], after[1] - here[1])
        if step != last:
            corners.append(here)
        here, last = after, step
    return np.array(corners, np.float64)


def keyhole(lines: list[np.ndarray]) -> np.ndarray:
    """One closed line (n, 2) through all lines, with bridges of no width from the first corner of the first.

    By the even-odd rule it fills what the lines fill; each bridge is walked both ways and cancels.
    """
    start = lines[0][:1]
    walk = [lines[0], start]
    for line in lines[1:]:
        walk += [line, line[:1], start]
    return np.concatenate(walk[:-1] if len(lines) > 1 else walk[:1])


def _next_corner(steps: dict, here, last):
    """Take one step away from a corner; where two pixels touch by a corner, stay with the same pixel."""
    following = steps[here]
    choice = 0
    if len(following) > 1 and last is not None:
        right = (here[0] - last[1], here[1] + last[0])
        choice = following.index(right) if right in following else 0
    after = following.pop(choice)
    if not following:
        del steps[here]
    return after
