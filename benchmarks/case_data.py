"""The images and objects both sides work on. numpy only; runs on Python 3.7 too."""

import numpy as np

OBJECTS = 7
CLASSES = 4  # with the background


def settings(size):
    """What both sides have in common for square images of `size` pixels."""
    small = size < 256
    return {
        "batch": 8 if small else 1,
        "rois": 32 if small else 200,
        "anchors": (8, 16, 32, 64, 128) if small else (32, 64, 128, 256, 512),
    }


def made_images(size, seed=0):
    """A batch of noise, uint8 [B, H, W, 3], boxes px (B, OBJECTS, 4), which the masks fill, class ids (B, OBJECTS)."""
    rng = np.random.RandomState(seed)
    count = settings(size)["batch"]
    images = rng.randint(0, 256, (count, size, size, 3)).astype(np.uint8)
    y1, x1 = rng.randint(0, size * 2 // 3, (2, count, OBJECTS))
    height, width = rng.randint(size // 12, size // 3, (2, count, OBJECTS))
    boxes = np.stack([y1, x1, y1 + height, x1 + width], axis=-1)
    return images, boxes, rng.randint(1, CLASSES, (count, OBJECTS))


def full_masks(boxes, size):
    """Boolean masks [OBJECTS, H, W] of boxes (OBJECTS, 4)."""
    masks = np.zeros((len(boxes), size, size), bool)
    for number, (y1, x1, y2, x2) in enumerate(boxes):
        masks[number, y1:y2, x1:x2] = True
    return masks


def between_scores(scores):
    """The least score at which the OBJECTS best of `scores` (N,) are left."""
    best = np.sort(scores)[::-1]
    return float(best[OBJECTS - 1 : OBJECTS + 1].mean()) if len(best) > OBJECTS else 0.0


def detections(scores, least_score):
    """What was found, as the two sides say it."""
    return f"{len(scores)} objects above {least_score!r}"
