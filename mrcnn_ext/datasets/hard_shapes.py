"""A made data set that is harder than the shapes: eight classes, most objects small, everything textured, much hidden.

Objects turn freely, hide one another and are hidden by things of no class; their colours may be near the background's.
As with `mrcnn_ext.datasets.shapes` all follows from the seed. Command: `mrcnn shapes data/hard --hard`.
"""

import colorsys
from pathlib import Path

import cv2
import numpy as np

from mrcnn_ext.datasets.shapes import Drawing, make_shapes, seen, visible_masks

SIZE = (192, 192)
CLASSES = ("square", "circle", "triangle", "ring", "cross", "star", "bar", "half disc")  # category ids 1 .. 8
OBJECTS = (4, 12)  # least, most; and so many things of no class among them:
STRANGERS = (1, 3)
RADIUS = (5 / 192, 28 / 192)  # of the shorter side; small ones are as frequent as large ones on a logarithmic scale
MIN_RADIUS = 5  # pixels
BORDER = 0.05  # centres keep this far from the border, as a fraction of each side
FROM_BACKGROUND = 45  # least distance of a colour from the background's mean, in RGB units of 0..255
GRAIN = (2, 5, 12, 30)  # pixels a cell of the textures
CROSS = ((1, 3), (1, 1), (3, 1), (3, -1), (1, -1), (1, -3), (-1, -3), (-1, -1), (-3, -1), (-3, 1), (-1, 1), (-1, 3))
FINE = 4  # sub-pixels a side, for soft edges


def make_hard_shapes(out_dir, counts=None, size=SIZE, seed=2018, progress=True) -> Path:
    """Make the set in `out_dir`, and return its path; the arguments are those of `make_shapes`."""
    return make_shapes(out_dir, counts, size, seed, progress, Drawing("hard shapes", CLASSES, random_image))


def random_image(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Draw one image: uint8 RGB (height, width, 3) and, per object, (class id 1..8, visible mask (height, width))."""
    background = _texture(rng, height, width, _colour(rng), rng.uniform(15, 40))
    class_ids = [int(i) for i in rng.integers(1, len(CLASSES) + 1, rng.integers(*OBJECTS, endpoint=True))]
    class_ids += [0] * int(rng.integers(*STRANGERS, endpoint=True))
    things = [(i, _coverage(rng, CLASSES[i - 1] if i else None, height, width)) for i in rng.permutation(class_ids)]
    things = [things[i] for i in seen(things)]
    image, mean = background, background.mean((0, 1))
    for _, coverage in things:
        rows, columns = (_span(np.any(coverage, axis)) for axis in (1, 0))
        part, share = image[rows, columns], coverage[rows, columns, None]
        part += (_texture(rng, part.shape[0], part.shape[1], _colour(rng, mean), rng.uniform(5, 25)) - part) * share
    visible = visible_masks([coverage for _, coverage in things])
    objects = [(int(i), mask) for (i, _), mask in zip(things, visible, strict=True) if i]
    return np.rint(image).astype(np.uint8), objects


def outlines(name: str | None) -> list[np.ndarray]:
    """Closed lines (points, 2) of a shape of radius 1, x and y; what two of them enclose is a hole. None: a strip."""
    circle = _regular(64)
    return {
        None: [_box(3.0, 0.25)],
        "square": [_box(0.75, 0.75)],
        "circle": [0.9 * circle],
        "triangle": [_regular(3)],
        "ring": [circle, 0.5 * circle],
        "cross": [np.array(CROSS) / 3],
        "star": [_regular(10) * np.where(np.arange(10) % 2, 0.45, 1)[:, None]],
        "bar": [_box(1.0, 0.3)],
        "half disc": [circle[:33]],
    }[name]


def _regular(corners: int) -> np.ndarray:
    """A regular polygon's corners, the first one on top."""
    turn = 2 * np.pi * np.arange(corners) / corners
    return np.stack([np.sin(turn), -np.cos(turn)], axis=1)


def _box(half_width: float, half_height: float) -> np.ndarray:
    return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (half_width, half_height)


def _span(touched: np.ndarray) -> slice:
    """From the first to the last True of bool (n,)."""
    places = np.flatnonzero(touched)
    return slice(places[0], places[-1] + 1)


def _coverage(rng, name: str | None, height: int, width: int) -> np.ndarray:
    """How much of each pixel a random shape covers, 0..1, (height, width); soft over one pixel at the edge."""
    low, high = (max(share * min(height, width), MIN_RADIUS) for share in RADIUS)
    radius = np.exp(rng.uniform(np.log(low), np.log(high)))
    centre = rng.uniform(BORDER, 1 - BORDER, 2) * (width, height)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lines = [((radius * line @ turn.T + centre) * FINE - 0.5).round().astype(np.int32) for line in outlines(name)]
    fine = np.zeros((height * FINE, width * FINE), np.uint8)
    cv2.fillPoly(fine, lines, 255)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) / 255.0


def _texture(rng, height: int, width: int, colour, strength: float) -> np.ndarray:
    """Clouds and grain about a colour, float RGB (height, width, 3) in 0..255; strength: their spread."""
    clouds = np.zeros((height, width, 3))
    for cell in GRAIN:
        cells = rng.normal(size=(-(-height // cell) + 1, -(-width // cell) + 1, 3))
        clouds += cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(colour + strength / np.sqrt(len(GRAIN)) * clouds, 0, 255)


def _colour(rng, away_from=None) -> np.ndarray:
    """A random RGB colour, 0..255, at least FROM_BACKGROUND from another one."""
    while True:
        colour = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.9))) * 255
        if away_from is None or np.linalg.norm(colour - away_from) >= FROM_BACKGROUND:
            return colour
