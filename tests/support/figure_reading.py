"""What the tests of figures share: something to draw, and how to find it in the axes again."""

import numpy as np


def two_objects(height=40, width=60):
    """A grey image, two rectangles of (y1, x1, y2, x2), their masks and class ids."""
    image = np.full((height, width, 3), 100, np.uint8)
    boxes = np.array([[5, 10, 15, 30], [20, 40, 35, 50]], np.int32)
    masks = np.zeros((height, width, 2), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return image, boxes, masks, np.array([1, 2], np.int32)


def drawn(ax, kind):
    return [patch for patch in ax.patches if isinstance(patch, kind)]


def shown_image(ax):
    return np.asarray(ax.images[0].get_array())
