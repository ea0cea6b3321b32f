"""An image at the size of the network: scaled, then padded or cropped, by one of three conventions.

Shapes: H W C of an image; sizes are (height, width) in px.
"""

import random
from typing import NamedTuple

import numpy as np

from mrcnn.conventions import MATTERPORT
from mrcnn.data.resampling import FILTERS

MODES = ("square", "pad64", "crop", "none", "shorter")
NO_PADDING = [(0, 0), (0, 0), (0, 0)]


class Fitted(NamedTuple):
    """An image at the size of the network, and where the original lies in it.

    Attributes:
        image: [H, W, C], of the type that it had.
        window: (y1, x1, y2, x2) px of the image inside the padding.
        scale: New px for each old one.
        padding: ((top, bottom), (left, right), (0, 0)) px.
        crop: (y, x, height, width) px of the scaled image, or None.
        size: Of the scaled image, before padding and cropping.
    """

    image: np.ndarray
    window: tuple
    scale: float
    padding: list
    crop: tuple | None
    size: tuple


def fit_image(image, *, min_dim, max_dim, min_scale, mode, resizing=MATTERPORT.resizing, fill=0, shape=None, rng=None):
    """Scales an image [H, W, C], then pads or crops it, keeping its proportions and its type.

    Args:
        image: uint8, or floats in gray levels.
        min_dim, max_dim, min_scale, mode: Settings, see `Config.IMAGE_RESIZE_MODE`.
        resizing: A `conventions.Resizing`.
        fill: Gray level of the padding, a number or (C,).
        shape: Size to pad to in mode "shorter"; None: the next multiples of 32.
        rng: np.random.Generator that places the crop; None: Python's `random`.

    Raises:
        ValueError: For an unknown mode, an image without the channel axis, or sizes that do not fit the mode.
    """
    if image.ndim != 3:
        raise ValueError(f"resize_image: expected an image [H, W, C], got shape {image.shape}.")
    if mode not in MODES:
        names = ", ".join(repr(name) for name in MODES)
        raise ValueError(f"resize_image: unknown mode {mode!r}; IMAGE_RESIZE_MODE is one of {names}.")
    _check(mode, min_dim, max_dim)
    size = height, width = image.shape[:2]
    if mode == "none":
        return Fitted(image, (0, 0, height, width), 1, NO_PADDING, None, size)
    if mode == "shorter":
        scale, size = shorter_size(height, width, min_dim, max_dim, resizing.rounding)
    else:
        scale = scale_up(height, width, min_dim, max_dim if mode == "square" else None, min_scale)
        size = tuple(rounded(side * scale, resizing.rounding) for side in size)
    if scale != 1:
        image = FILTERS[resizing.filter](image, *size)
    if mode == "crop":
        pick = random.randint if rng is None else lambda low, high: int(rng.integers(low, high, endpoint=True))
        y, x = pick(0, size[0] - min_dim), pick(0, size[1] - min_dim)
        window = (0, 0, min_dim, min_dim)
        return Fitted(
            image[y : y + min_dim, x : x + min_dim], window, scale, NO_PADDING, (y, x, min_dim, min_dim), size
        )
    if mode == "square":
        shape = max_dim, max_dim
    elif mode == "pad64" or shape is None:
        shape = tuple(padded_side(side, mode) for side in size)
    image, window, padding = _pad(image, *shape, resizing.centred, fill)
    return Fitted(image, window, scale, padding, None, size)


def scale_up(height, width, min_dim, max_dim, min_scale):
    """The factor: at least 1, at least what min_dim and min_scale ask for, and at most what max_dim allows."""
    scale = max(1, min_dim / min(height, width)) if min_dim else 1
    if min_scale:
        scale = max(scale, min_scale)
    longest = max(height, width)
    if max_dim and round(longest * scale) > max_dim:
        scale = max_dim / longest
    return scale


def shorter_size(height, width, min_dim, max_dim, rounding):
    """Factor and size for a shorter side of `min_dim`, the longer one at most `max_dim`, up or down."""
    scale = min(min_dim / min(height, width), max_dim / max(height, width))
    return scale, tuple(rounded(side * scale, rounding) for side in (height, width))


def rounded(side, rounding):
    """Whole pixels of a scaled side: at least one, so that a thin image does not vanish. rounding: see `Resizing`."""
    whole = {"even": round, "down": int, "up": lambda length: int(length + 0.5)}[rounding]
    return max(1, whole(side))


def padded_side(side, mode):
    """Length of a side after padding in the modes "pad64" and "shorter"."""
    multiple = 64 if mode == "pad64" else 32
    return (
        (side + multiple - 1) // multiple * multiple
    )  # of positive numbers only: ONNX divides negative ones otherwise


def _check(mode, min_dim, max_dim):
    if mode in ("square", "shorter") and not max_dim:
        raise ValueError(f"resize_image: mode {mode!r} needs max_dim.")
    if mode == "pad64" and (not min_dim or min_dim % 64):
        raise ValueError(f"resize_image: mode 'pad64' needs a min_dim that is a multiple of 64, not {min_dim}.")
    if mode in ("crop", "shorter") and not min_dim:
        raise ValueError(f"resize_image: mode {mode!r} needs min_dim.")


def _pad(image, height, width, centred, fill):
    """The image within `fill` [height, width, C], its window and the padding."""
    h, w = image.shape[:2]
    top, left = ((height - h) // 2, (width - w) // 2) if centred else (0, 0)
    padding = [(top, height - h - top), (left, width - w - left), (0, 0)]
    if (h, w) != (height, width):
        inside, fill = image, np.broadcast_to(fill, image.shape[2])
        fill = np.rint(fill) if np.issubdtype(image.dtype, np.integer) else fill
        image = np.full((height, width, image.shape[2]), fill, image.dtype)
        image[top : top + h, left : left + w] = inside
    return image, (top, left, top + h, left + w), padding
