"""Anchors: the boxes that the region proposal network starts from. A counts them; boxes are (y1, x1, y2, x2) in px."""

import numpy as np

from mrcnn.conventions import conventions_of


def compute_backbone_shapes(config, image_shape):
    """Sizes of the feature maps P2..P6 for an image.

    A callable `config.BACKBONE` brings its own: `config.COMPUTE_BACKBONE_SHAPE(image_shape)`, or, if that is None, the
    strides decide.

    Args:
        config: a Config.
        image_shape: [H, W, C], px.

    Returns:
        int (5, 2), (height, width) in cells.
    """
    if callable(config.BACKBONE) and config.COMPUTE_BACKBONE_SHAPE is not None:
        return config.COMPUTE_BACKBONE_SHAPE(image_shape)
    size = np.array(image_shape[:2])
    return np.array([np.ceil(size / stride) for stride in config.BACKBONE_STRIDES]).astype(int)


def generate_anchors(scales, ratios, shape, feature_stride, anchor_stride, rounded=False):
    """Anchors of one feature map: row by row, and at each cell ratio by ratio.

    Args:
        scales: px, side of the square anchor, a number or several.
        ratios: width over height, each with the area of the square.
        shape: (height, width) of the feature map in cells.
        feature_stride: px a cell, a number or (down, across).
        anchor_stride: cells between anchors.
        rounded: whether the corners are moved to whole px of the centre.

    Returns:
        float64 (A, 4), px.

    Example:
        >>> generate_anchors(8, [1], (1, 2), 16, 1).tolist()
        [[-4.0, -4.0, 4.0, 4.0], [-4.0, 12.0, 4.0, 20.0]]
    """
    ratios, scales = [axis.ravel() for axis in np.meshgrid(ratios, scales, indexing="ij")]
    heights = scales / np.sqrt(ratios)
    widths = scales * np.sqrt(ratios)
    half_sizes = 0.5 * np.stack([heights, widths], axis=1)  # (shapes, 2)
    half_sizes = np.rint(half_sizes) if rounded else half_sizes
    down, across = np.broadcast_to(feature_stride, 2)
    y = np.arange(0, shape[0], anchor_stride) * down
    x = np.arange(0, shape[1], anchor_stride) * across
    centres = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 1, 2)  # (cells, 1, 2)
    return np.concatenate([centres - half_sizes, centres + half_sizes], axis=2).reshape(-1, 4)


def generate_pyramid_anchors(scales, ratios, feature_shapes, feature_strides, anchor_stride, rounded=False):
    """Anchors of all feature maps, finest first; one scale, shape and stride a map.

    Args:
        scales: px, for each map the side of its square anchor.
        ratios: width over height.
        feature_shapes: (height, width) of each map in cells.
        feature_strides: px a cell of each map.
        anchor_stride: cells between anchors.
        rounded: as in `generate_anchors`.

    Returns:
        float64 (A, 4), px.
    """
    levels = zip(scales, feature_shapes, feature_strides, strict=True)
    return np.concatenate(
        [generate_anchors(scale, ratios, shape, stride, anchor_stride, rounded) for scale, shape, stride in levels]
    )


def anchors_for(config, image_shape):
    """Anchors of a model for images of one size.

    Args:
        config: the model's Config.
        image_shape: [H, W, C], px.

    Returns:
        float64 (A, 4), px.
    """
    conventions = conventions_of(config)
    shapes, strides = compute_backbone_shapes(config, image_shape), config.BACKBONE_STRIDES
    if conventions.anchors_spread:
        strides = np.array(image_shape[:2]) // shapes
    return generate_pyramid_anchors(
        config.RPN_ANCHOR_SCALES,
        config.RPN_ANCHOR_RATIOS,
        shapes,
        strides,
        config.RPN_ANCHOR_STRIDE,
        conventions.anchors_rounded,
    )
