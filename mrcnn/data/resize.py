"""Resizing images and masks to what the network takes, with the numbers of the old package.

The old package resized images with scikit-image and masks with SciPy. Here OpenCV and plain indexing give the same
sampling points and weights in a fraction of the time. An image value can differ by one gray level where the exact
result is a whole number: the old code sometimes lost it to rounding.
"""

import random

import cv2
import numpy as np

from mrcnn.data.antialias import smooth_for
from mrcnn.extras import needs

WHOLE_NUMBER_SLACK = 1e-4  # gray levels; keeps 126.9999999 from becoming 126 when cut to an integer


def resize(
    image,
    output_shape,
    order=1,
    mode="constant",
    cval=0,
    clip=True,
    preserve_range=False,
    anti_aliasing=False,
    anti_aliasing_sigma=None,
):
    """Bilinear resize of [H, W] or [H, W, C] to `output_shape` (height, width): scikit-image's, in the form used here.

    Pixel centres lie at half integers and the image is surrounded by zeros, so that edges fade when it grows; the
    result is clipped to the range of the input. float32 stays float32, all else becomes float64; integers are divided
    by their largest value unless `preserve_range`. `anti_aliasing` smooths an image first that is made smaller.
    Other orders, modes, fill values and sigmas are left to scikit-image itself.
    Raises ValueError for an image without a pixel, before or after.
    """
    if order != 1 or mode != "constant" or cval != 0 or not clip or anti_aliasing_sigma is not None:
        with needs("old"):
            from skimage import transform  # only here: it takes a second, and nothing of ours needs it

        options = {"order": order, "mode": mode, "cval": cval, "clip": clip, "preserve_range": preserve_range}
        smoothing = {"anti_aliasing": anti_aliasing, "anti_aliasing_sigma": anti_aliasing_sigma}
        return transform.resize(image, output_shape, **options, **smoothing)
    image = np.asarray(image)
    resized = _resample(image, int(output_shape[0]), int(output_shape[1]), anti_aliasing)
    if image.dtype != np.float32:
        resized = resized.astype(np.float64, copy=False)
    if np.issubdtype(image.dtype, np.integer) and not preserve_range:
        resized /= np.iinfo(image.dtype).max
    return resized


def _resample(image, height, width, anti_aliasing):
    """[H, W(, C)] -> float [height, width(, C)], values as they are; float32 for bool, 8 and 16 bits, else float64."""
    if image.size == 0 or height < 1 or width < 1:
        raise ValueError(f"resize: an image of shape {image.shape} cannot become {height} x {width} px (H x W).")
    if image.dtype not in (np.uint8, np.float32):
        image = image.astype(np.float32 if image.dtype in (bool, np.uint16) else np.float64)
    if anti_aliasing:
        image = smooth_for(image, height, width)
    pixels = image.astype(np.promote_types(image.dtype, np.float32), copy=False)
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    resized = resized.reshape((height, width) + image.shape[2:])  # OpenCV drops an axis of one channel
    grown = [axis for axis, size in ((0, height), (1, width)) if size > image.shape[axis]]
    for axis in grown:
        _fade_edges(resized, axis, image.shape[axis])  # OpenCV repeats the edge
    return np.clip(resized, image.min(), image.max(), out=resized) if grown else resized


def _fade_edges(result, axis, size_before):
    """Weaken the rows (or columns) whose sampling point lies beyond the outermost pixel centre, in place."""
    size = result.shape[axis]
    step = size_before / size
    points = step * np.arange(size) + (0.5 * step - 0.5)
    weights = np.minimum(1, np.minimum(1 + points, size_before - points)).astype(result.dtype)
    result *= weights.reshape((-1,) + (1,) * (result.ndim - 1 - axis))


def resize_image(image, min_dim=None, max_dim=None, min_scale=None, mode="square", rng=None):
    """Scale an image [H, W, C], then pad or crop it, keeping its proportions and its type.

    min_dim: pixels; scale up so that the shorter side has at least so many. max_dim: pixels; in mode "square" no side
    gets longer. min_scale: scale up at least by this. mode: "none", "square", "pad64" or "crop", as described at
    `Config.IMAGE_RESIZE_MODE`. rng: np.random.Generator that places the crop; None: Python's `random`.

    Returns image, window (y1, x1, y2, x2) of the image inside the padding in px, scale, padding ((top, bottom),
    (left, right), (0, 0)) and crop (y, x, height, width) or None.
    Raises ValueError for an unknown mode, an image without the channel axis, or sizes that do not fit the mode.
    """
    if image.ndim != 3:
        raise ValueError(f"resize_image: expected an image [H, W, C], got shape {image.shape}.")
    height, width = image.shape[:2]
    if mode == "none":
        return image, (0, 0, height, width), 1, [(0, 0), (0, 0), (0, 0)], None
    scale = _scale(height, width, min_dim, max_dim if mode == "square" else None, min_scale)
    if scale != 1:
        image = _scale_image(image, scaled_side(height, scale), scaled_side(width, scale))
        height, width = image.shape[:2]
    if mode == "square":
        if not max_dim:
            raise ValueError("resize_image: mode 'square' needs max_dim.")
        image, window, padding = _pad(image, max_dim, max_dim)
        return image, window, scale, padding, None
    if mode == "pad64":
        if not min_dim or min_dim % 64:
            raise ValueError(f"resize_image: mode 'pad64' needs a min_dim that is a multiple of 64, not {min_dim}.")
        image, window, padding = _pad(image, -(-height // 64) * 64, -(-width // 64) * 64)
        return image, window, scale, padding, None
    if mode == "crop":
        if not min_dim:
            raise ValueError("resize_image: mode 'crop' needs min_dim.")
        pick = random.randint if rng is None else lambda low, high: int(rng.integers(low, high, endpoint=True))
        y, x = pick(0, height - min_dim), pick(0, width - min_dim)
        window = (0, 0, min_dim, min_dim)
        return image[y : y + min_dim, x : x + min_dim], window, scale, [(0, 0)] * 3, (y, x, min_dim, min_dim)
    raise ValueError(f"resize_image: unknown mode {mode!r}; IMAGE_RESIZE_MODE is 'none', 'square', 'pad64' or 'crop'.")


def _scale(height, width, min_dim, max_dim, min_scale):
    """The factor: at least 1, at least what min_dim and min_scale ask for, and at most what max_dim allows."""
    scale = max(1, min_dim / min(height, width)) if min_dim else 1
    if min_scale:
        scale = max(scale, min_scale)
    longest = max(height, width)
    if max_dim and round(longest * scale) > max_dim:
        scale = max_dim / longest
    return scale


def scaled_side(side, scale):
    """Pixels of a side after scaling: at least one, so that a thin image does not vanish."""
    return max(1, round(side * scale))


def _scale_image(image, height, width):
    """Bilinear resize that keeps the type; integers are cut, not rounded, as the old package did."""
    resized = _resample(image, height, width, anti_aliasing=True)
    if np.issubdtype(image.dtype, np.integer):
        resized += WHOLE_NUMBER_SLACK
    return resized.astype(image.dtype, copy=False)


def _pad(image, height, width):
    """The image in the middle of zeros [height, width, C], its window and the padding."""
    h, w = image.shape[:2]
    top, left = (height - h) // 2, (width - w) // 2
    padding = [(top, height - h - top), (left, width - w - left), (0, 0)]
    if (h, w) != (height, width):
        image = np.pad(image, padding)
    return image, (top, left, top + h, left + w), padding


def resize_mask(mask, scale, padding, crop=None):
    """Masks [H, W, N] scaled, then padded or cropped, as `resize_image` did with their image; keeps the type."""
    if scale != 1 and all(mask.shape[:2]):  # `load_mask` of an empty image may give (0, 0, 0)
        height, width = mask.shape[:2]
        rows, row_lost = nearest(height, scaled_side(height, scale))
        columns, column_lost = nearest(width, scaled_side(width, scale))
        mask = mask[rows[:, np.newaxis], columns]  # both at once: quick for any memory layout
        if row_lost:
            mask[-1] = 0
        if column_lost:
            mask[:, -1] = 0
    if crop is not None:
        y, x, height, width = crop
        return mask[y : y + height, x : x + width]
    if any(before or after for before, after in padding):
        mask = np.pad(mask, padding)
    return mask


def nearest(size_before, size):
    """Where the pixels of a nearest-neighbour zoom along one axis come from, as in scipy.ndimage.zoom with order 0.

    The points run from the first pixel to the last. Where rounding takes the last point beyond the last pixel, SciPy
    reads a zero. Returns indices (size,) and whether the last one is lost so.
    """
    last = size_before - 1
    points = np.arange(size) * (last / (size - 1) if size > 1 else 1.0)
    return np.minimum(np.floor(points + 0.5).astype(np.intp), last), points[-1] > last
