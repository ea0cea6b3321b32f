"""Colours: random ones for objects, lasting ones for classes, and a readable ink on top of them."""

import colorsys
import random

import numpy as np
from matplotlib.colors import to_rgb

# Strong enough on dark and on bright images; neighbours in the list differ in hue and in brightness.
_CLASS_PALETTE = (
    "#00a6ed", "#ff9f1c", "#2ec05c", "#e5383b", "#9d4edd", "#ffd60a",
    "#f72585", "#17c3b2", "#8b5e34", "#a7c957", "#3a5fcd", "#ff8fab",
)  # fmt: skip
_BACKGROUND_GREY = (0.6, 0.6, 0.6)
_GOLDEN_RATIO = 0.618034  # steps of this size around the hue circle never come back to the same place


def random_colors(N, bright=True):
    """N colours of evenly spaced hue in random order (Python's `random`).

    Args:
        N: how many.
        bright: at full brightness, else at 0.7 of it.

    Returns:
        A list of N tuples (r, g, b) from 0 to 1.
    """
    value = 1.0 if bright else 0.7
    colors = [colorsys.hsv_to_rgb(i / N, 1, value) for i in range(N)]
    random.shuffle(colors)
    return colors


def class_colors(class_ids):
    """One colour for each class id; the same id has the same colour in every image and run.

    Args:
        class_ids: (N,) int. Background (0) is grey; a crowd object (negative id) has the colour of its class.

    Returns:
        A list of N tuples (r, g, b) from 0 to 1.

    Example:
        >>> class_colors([0])
        [(0.6, 0.6, 0.6)]
        >>> class_colors([2]) == class_colors([-2])
        True
    """
    return [_class_color(abs(int(class_id))) for class_id in class_ids]


def _class_color(class_id):
    if class_id == 0:
        return _BACKGROUND_GREY
    if class_id <= len(_CLASS_PALETTE):
        return to_rgb(_CLASS_PALETTE[class_id - 1])
    return colorsys.hsv_to_rgb(class_id * _GOLDEN_RATIO % 1, 0.75, 0.95)


def ink_on(color):
    """Black or white, whichever is easier to read on `color`."""
    brightness = np.dot(to_rgb(color), (0.299, 0.587, 0.114))  # ITU-R BT.601 luma
    return "black" if brightness > 0.55 else "white"
