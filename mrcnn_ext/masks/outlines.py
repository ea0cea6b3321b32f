"""From COCO objects back to what other formats hold: one polygon, a mask, or the lines around a mask."""

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mrcnn_ext.masks.crops import rle_to_crop
from mrcnn_ext.masks.rle import counts_to_bytes, decode_masks, encode_mask, polygon_parts, polygons_to_rle, rle_to_json

TOLERANCES = (1.5, 1.0, 0.75, 0.5)  # pixels
LEAST_IOU = 0.95

Corner = tuple[int, int]
Steps = dict[Corner, list[Corner]]


def by_image(coco: dict) -> list[tuple[dict, list[dict]]]:
    """(image, [annotation, ..]) for every image, also those without objects."""
    found: dict[int, list[dict]] = {item["id"]: [] for item in coco["images"]}
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


def mask_outlines(mask: np.ndarray, tolerance: float = 0.0) -> list[np.ndarray]:
    """Closed lines along the pixel edges around every part and every hole of a mask (H, W): corners (n, 2) x, y.

    Filled by the even-odd rule, all lines together give back the mask. Around a part they run clockwise on the screen,
    around a hole the other way.
    tolerance: pixels that a line may be away from the edge: corners go as long as it stays within (Ramer 1972, Douglas
    and Peucker 1973); 0 keeps them all.
    """
    padded = np.pad(mask.astype(bool), 1)
    # corner -> corners one pixel edge on, with the object on the right
    steps: Steps = {}
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
    return [_simplified(line, tolerance) for line in lines]


def rle_outlines(rle: dict, tolerance: float = 0.0) -> list[np.ndarray]:
    """As `mask_outlines`, of a compressed RLE, whose mask is never made as large as its image."""
    crop, (y1, x1) = rle_to_crop(rle)
    return [line + [x1, y1] for line in mask_outlines(crop, tolerance)]


def outer_polygons(rle: dict, tolerance: float = 0.0) -> list[list[float]]:
    """COCO's polygons x, y, x, y, .. of the parts of a mask; holes are filled."""
    return [line.ravel().tolist() for line in rle_outlines(rle, tolerance) if _signed_area(line) > 0]


def mask_to_segmentation(mask: np.ndarray) -> list | dict:
    """Mask (H, W) -> COCO segmentation that gives back the very same pixels.

    One polygon along the pixel edges when the object is one simple part, else a compressed RLE (holes, several parts).
    """
    rle, lines = encode_mask(mask), mask_outlines(mask)
    if len(lines) == 1 and polygons_to_rle([lines[0].ravel()], *mask.shape)["counts"] == rle["counts"]:
        return [np.roll(lines[0], -1, axis=0).astype(int).ravel().tolist()]
    return rle_to_json(rle)


def editable_outline(rle: dict) -> list | dict:
    """COCO segmentation of a mask for a person to correct: one polygon of few corners, which stays near the mask.

    Of TOLERANCES the first is taken that leaves an IoU of LEAST_IOU. A mask with holes, or of several parts, stays as
    it is, since one polygon cannot hold it.
    """
    exact = rle_outlines(rle)
    if len(exact) != 1:
        return rle_to_json(rle)
    for tolerance in TOLERANCES:
        line = _simplified(exact[0], tolerance)
        near = polygons_to_rle([line.ravel()], *rle["size"])
        if float(coco_mask.iou([near], [rle], [0])[0, 0]) >= LEAST_IOU:
            return [line.ravel().tolist()]
    return [exact[0].ravel().tolist()]


def _simplified(line: np.ndarray, tolerance: float) -> np.ndarray:
    """A closed line (n, 2) with fewer corners; as it is where less than a triangle would be left."""
    if not tolerance:
        return line
    corners = cv2.approxPolyDP(line.astype(np.float32)[:, None], tolerance, True)[:, 0].astype(np.float64)
    return corners if len(corners) > 2 else line


def _signed_area(line: np.ndarray) -> float:
    """Twice the area inside a closed line (n, 2), positive where it runs clockwise on the screen."""
    x, y = line.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def _walk(steps: Steps, start: Corner) -> np.ndarray:
    """Corners of the closed line from a corner back to it; its steps are taken away."""
    here, corners = start, []
    last: Corner | None = None
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


def _next_corner(steps: Steps, here: Corner, last: Corner | None) -> Corner:
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
