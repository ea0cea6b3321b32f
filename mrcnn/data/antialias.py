"""Smoothing before an image is made smaller, with the numbers of the scikit-image that the old package ran on."""

import cv2
import numpy as np

NUDGE = 1e-12  # gray levels; more than the rounding of float64, less than what the weakest neighbour adds


def smooth_for(image, height, width):
    """Image [H, W] or [H, W, C], Gauss-filtered as fits a resize to (height, width); keeps the type.

    image: uint8, float32 or float64. Sigma is half of what the factor has above 1, along each axis; below a factor of
    1.25 nothing changes. The image is surrounded by zeros, and uint8 is cut, not rounded, after each axis.
    """
    for axis, size in ((0, height), (1, width)):
        sigma = (image.shape[axis] / size - 1) / 2
        radius = int(4 * sigma + 0.5)
        if radius > 0:
            weights = np.exp(-0.5 / sigma**2 * np.arange(-radius, radius + 1) ** 2)
            image = _filter(image, axis, weights / weights.sum()).reshape(image.shape)
    return image


def _filter(image, axis, weights):
    only = np.ones(1)
    across, down = (weights, only) if axis == 1 else (only, weights)
    if image.dtype != np.uint8:
        return cv2.sepFilter2D(image, -1, across, down, borderType=cv2.BORDER_CONSTANT)
    smooth = cv2.sepFilter2D(image, cv2.CV_64F, across, down, borderType=cv2.BORDER_CONSTANT)
    smooth += cv2.LUT(cv2.convertScaleAbs(smooth), _nudges(weights))
    return smooth.astype(np.uint8)


def _nudges(weights):
    """For each gray level, a small number to add before the cut, as the old filter met whole numbers by chance.

    In an even area its sum is the level itself or a hair less, and then one level is lost. The order of the sum
    decides: from the outside in.
    """
    levels = np.arange(256.0)
    total = levels * weights[len(weights) // 2]
    for weight in weights[: len(weights) // 2]:
        total += (levels + levels) * weight
    return np.where(total < levels, -NUDGE, NUDGE)
