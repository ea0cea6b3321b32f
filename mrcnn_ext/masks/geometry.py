"""Shapes that labelling tools draw, as polygons; crops of masks; turning by EXIF orientation.

Points are float64 (n, 2) x, y in pixels; pixel (row, column) covers x from column to column + 1.
"""

import numpy as np

ARC = 0.05  # pixels; how far a polygon may be from the curve it stands for


def rectangle(
    x: float, y: float, width: float, height: float, degrees: float = 0, around: str = "corner"
) -> np.ndarray:
    """Corners (4, 2) of a rectangle, turned clockwise on the screen around its top left `corner` or its `centre`."""
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
    pivot = corners[0] if around == "corner" else corners.mean(axis=0)
    return turned(corners, degrees, pivot)


def ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float = 0) -> np.ndarray:
    """Polygon (n, 2) of an ellipse, turned clockwise on the screen around its centre; its area is the ellipse's."""
    radius = max(abs(rx), abs(ry), 1.0)
    count = int(np.clip(np.ceil(np.pi / np.arccos(1 - min(ARC / radius, 0.5))), 16, 720))
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    grown = np.sqrt((2 * np.pi / count) / np.sin(2 * np.pi / count))  # a polygon inside the curve would be too small
    around = np.stack([cx + grown * rx * np.cos(angles), cy + grown * ry * np.sin(angles)], axis=1)
    return turned(around, degrees, np.array([cx, cy], np.float64))


def turned(shape: np.ndarray, degrees: float, pivot: np.ndarray) -> np.ndarray:
    """Points turned clockwise on the screen (y down) around a pivot."""
    if degrees % 360 == 0:
        return shape
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (shape - pivot) @ np.array([[cosine, sine], [-sine, cosine]]) + pivot


def place(crop: np.ndarray, x: int, y: int, height: int, width: int) -> np.ndarray:
    """Mask bool (height, width) with the crop's top left pixel at column x and row y; what is outside is cut off."""
    mask = np.zeros((height, width), bool)
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + crop.shape[0], height), min(x + crop.shape[1], width)
    if top < bottom and left < right:
        mask[top:bottom, left:right] = crop[top - y : bottom - y, left - x : right - x]
    return mask


def cut(shape: np.ndarray, width: int, height: int) -> np.ndarray:
    """The part of a polygon (n, 2) inside the image (Sutherland and Hodgman); no points when there is none."""
    for axis, sign, limit in ((0, 1, 0), (0, -1, width), (1, 1, 0), (1, -1, height)):
        room = sign * (shape[:, axis] - limit)
        kept = []
        for i in range(len(shape)):
            j = (i + 1) % len(shape)
            if room[i] >= 0:
                kept.append(shape[i])
            if (room[i] >= 0) != (room[j] >= 0):
                kept.append(shape[i] + (shape[j] - shape[i]) * (room[i] / (room[i] - room[j])))
        shape = np.array(kept, np.float64).reshape(-1, 2)
    return np.clip(shape, 0, [width, height])


def turn_points(shape: np.ndarray, orientation: int, width: int, height: int) -> np.ndarray:
    """Points on the stored pixels (width x height) -> points on the upright image, by EXIF orientation 1 .. 8."""
    x, y = shape[:, 0], shape[:, 1]
    pairs = {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (height - y, x),
        7: (height - y, width - x),
        8: (y, width - x),
    }
    return np.stack(pairs[orientation], axis=1)


def turn_mask(mask: np.ndarray, orientation: int) -> np.ndarray:
    """Mask (H, W) on the stored pixels -> mask on the upright image, by EXIF orientation 1 .. 8."""
    if orientation >= 5:
        mask = mask.T
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return mask[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
