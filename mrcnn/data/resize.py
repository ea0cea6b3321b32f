"""Resizing images and masks to what the network takes, with the numbers of the old package.

The old package resized images with scikit-image and masks with SciPy. Here OpenCV and plain indexing give the same
sampling points and weights in a fraction of the time. An image value can differ by one gray level where the exact
result is a whole number: the old code sometimes lost it to rounding.
"""

import numpy as np

from mrcnn.data.fitting import fit_image
from mrcnn.data.resampling import resample
from mrcnn.extras import needs


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
    """Bilinear resize to `output_shape`: scikit-image's, in the form used here.

    Pixel centres lie at half integers and the image is surrounded by zeros, so that edges fade when it grows; the
    result is clipped to the range of the input. float32 stays float32, all else becomes float64; integers are divided
    by their largest value unless `preserve_range`.
    Other orders, modes, fill values and sigmas are left to scikit-image itself.

    Args:
        image: [H, W] or [H, W, C].
        output_shape: (height, width), px.
        order: 1, bilinear.
        mode: what is around the image; "constant".
        cval: its value.
        clip: to the range of the input.
        preserve_range: whether integers keep their values.
        anti_aliasing: smooths an image first that is made smaller.
        anti_aliasing_sigma: how far, px; None: as the sizes ask for.

    Returns:
        [height, width] or [height, width, C].

    Raises:
        ValueError: for an image without a pixel, before or after.
    """
    if order != 1 or mode != "constant" or cval != 0 or not clip or anti_aliasing_sigma is not None:
        with needs("old"):
            from skimage import transform  # only here: it takes a second, and nothing of ours needs it

        options = {"order": order, "mode": mode, "cval": cval, "clip": clip, "preserve_range": preserve_range}
        smoothing = {"anti_aliasing": anti_aliasing, "anti_aliasing_sigma": anti_aliasing_sigma}
        return transform.resize(image, output_shape, **options, **smoothing)
    image = np.asarray(image)
    resized = resample(image, int(output_shape[0]), int(output_shape[1]), anti_aliasing)
    if image.dtype != np.float32:
        resized = resized.astype(np.float64, copy=False)
    if np.issubdtype(image.dtype, np.integer) and not preserve_range:
        resized /= np.iinfo(image.dtype).max
    return resized


def resize_image(image, min_dim=None, max_dim=None, min_scale=None, mode="square", rng=None):
    """Scale an image, then pad or crop it, as the old package did, keeping its proportions and its type.

    Args:
        image: [H, W, C].
        min_dim: pixels; scale up so that the shorter side has at least so many.
        max_dim: pixels; in mode "square" no side gets longer.
        min_scale: scale up at least by this.
        mode: as described at `Config.IMAGE_RESIZE_MODE`.
        rng: np.random.Generator that places the crop; None: Python's `random`.

    Returns:
        image, window (y1, x1, y2, x2) of the image inside the padding in px, scale, padding ((top, bottom),
        (left, right), (0, 0)) and crop (y, x, height, width) or None.

    Raises:
        ValueError: for an unknown mode, an image without the channel axis, or sizes that do not fit the mode.

    Example:
        >>> image, window, scale, padding, crop = resize_image(np.zeros((4, 8, 3), np.uint8), min_dim=64, max_dim=64)
        >>> image.shape, window, scale
        ((64, 64, 3), (16, 0, 48, 64), 8.0)
    """
    fitted = fit_image(image, min_dim=min_dim, max_dim=max_dim, min_scale=min_scale, mode=mode, rng=rng)
    return fitted.image, fitted.window, fitted.scale, fitted.padding, fitted.crop


def scaled_side(side, scale):
    """Pixels of a side after scaling: at least one, so that a thin image does not vanish."""
    return max(1, round(side * scale))


def resize_mask(mask, scale, padding, crop=None):
    """Masks scaled, then padded or cropped, as `resize_image` did with their image; keeps the type.

    Args:
        mask: [H, W, N].
        scale: that of the image.
        padding: ((top, bottom), (left, right), (0, 0)), px.
        crop: (y, x, height, width), px, or None.

    Returns:
        [h, w, N], as large as the image is now.
    """
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
