"""Sizes of the scaled and of the molded image, inside the graph: the numbers of `data/fitting.py`.

Heights and widths are numbers where the input's size is fixed, and tensors where it is not.
"""

import keras
from keras import ops

from mrcnn.data.fitting import padded_side, rounded, scale_up, shorter_size


def fitted_sizes(height, width, *, mode, min_dim, max_dim, min_scale, rounding):
    """Scale, (height, width) of the scaled image and of the molded one; settings as of `fit_image`."""
    if mode == "none":
        return 1.0, (height, width), (height, width)
    limit = None if mode == "pad64" else max_dim
    if isinstance(height, int) and isinstance(width, int):
        if mode == "shorter":
            scale, scaled = shorter_size(height, width, min_dim, max_dim, rounding)
        else:
            scale = scale_up(height, width, min_dim, limit, min_scale)
            scaled = tuple(rounded(side * scale, rounding) for side in (height, width))
    else:
        if mode == "shorter":
            scale = _shorter_scale(height, width, min_dim, max_dim)
        else:
            scale = _scale_up(height, width, min_dim, limit, min_scale)
        whole = {"even": ops.round, "down": ops.floor, "up": lambda x: ops.floor(x + 0.5)}[rounding]
        scaled = tuple(ops.cast(ops.maximum(whole(real(side) * scale), 1), "int32") for side in (height, width))
    if mode == "square":
        return scale, scaled, (max_dim, max_dim)
    return scale, scaled, tuple(padded_side(side, mode) for side in scaled)


def real(number):
    """As float64 where the backend has it: the sizes must round as they do outside the graph."""
    return ops.cast(number, "float64" if keras.backend.backend() == "tensorflow" else "float32")


def _scale_up(height, width, min_dim, max_dim, min_scale):
    height, width = real(height), real(width)
    scale = ops.ones_like(height)
    if min_dim:
        scale = ops.maximum(scale, min_dim / ops.minimum(height, width))
    if min_scale:
        scale = ops.maximum(scale, min_scale)
    longest = ops.maximum(height, width)
    if max_dim:
        scale = ops.where(ops.round(longest * scale) > max_dim, max_dim / longest, scale)
    return scale


def _shorter_scale(height, width, min_dim, max_dim):
    height, width = real(height), real(width)
    return ops.minimum(min_dim / ops.minimum(height, width), max_dim / ops.maximum(height, width))
