"""New pixels of an image of another size: the old package's, torchvision's and detectron2's (see `Resizing.filter`)."""

import cv2
import numpy as np
from PIL import Image

from mrcnn.data.antialias import smooth_for

WHOLE_NUMBER_SLACK = 1e-4  # gray levels; keeps 126.9999999 from becoming 126 when cut to an integer


def resample(image, height, width, anti_aliasing):
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


def _smoothed(image, height, width):
    """Bilinear resize that keeps the type; integers are cut, not rounded, as the old package did."""
    resized = resample(image, height, width, anti_aliasing=True)
    if np.issubdtype(image.dtype, np.integer):
        resized += WHOLE_NUMBER_SLACK
    return resized.astype(image.dtype, copy=False)


def _linear(image, height, width):
    """Bilinear, not smoothed, edges repeated; whole numbers are rounded."""
    resized = cv2.resize(image.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    resized = resized.reshape(height, width, image.shape[2])  # OpenCV drops an axis of one channel
    return np.rint(resized).astype(image.dtype) if np.issubdtype(image.dtype, np.integer) else resized


def _pillow(image, height, width):
    """Pillow's bilinear: each new pixel is a mean over its own width at least, so what shrinks is smoothed."""
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    kind = np.uint8 if image.dtype == np.uint8 else np.float32
    channels = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(channel, kind)).resize((width, height), Image.Resampling.BILINEAR)
        )
        for channel in np.moveaxis(image, 2, 0)
    ]
    return np.stack(channels, axis=2).astype(image.dtype, copy=False)


FILTERS = {"smoothed": _smoothed, "linear": _linear, "pillow": _pillow}
