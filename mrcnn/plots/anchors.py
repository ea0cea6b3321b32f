"""Anchors drawn on an image, one panel for each level of the pyramid."""

import numpy as np

from mrcnn.plots import canvas
from mrcnn.plots.figures import hide_unused, new_figure
from mrcnn.plots.labels import counted
from mrcnn.plots.palette import class_colors

_MAX_COLUMNS = 3


def plot_anchors(image, anchors_px, levels=None):
    """Draw where the anchors of each level sit (dots) and the anchors at the place nearest the image's middle.

    Args:
        image: (H, W, 3).
        anchors_px: (A, 4) boxes in pixels of the image.
        levels: (A,) int, the level of each anchor; None: anchors of equal area are one level, as in the old engine.

    Returns:
        The Figure.

    Raises:
        ValueError: `anchors_px` has another shape, or no anchor.
    """
    anchors_px = np.asarray(anchors_px, dtype=np.float64)
    if anchors_px.ndim != 2 or anchors_px.shape[1] != 4 or not len(anchors_px):
        raise ValueError(f"anchors_px is (A, 4) with at least one anchor, not of shape {anchors_px.shape}")
    sides = np.sqrt(np.prod(anchors_px[:, 2:] - anchors_px[:, :2], axis=1))  # of a square of the same area
    levels = np.round(sides).astype(int) if levels is None else np.asarray(levels)
    shown = canvas.drawable(image)
    present = np.unique(levels)
    cols = min(len(present), _MAX_COLUMNS)
    rows = -(-len(present) // cols)
    aspect = shown.shape[0] / shown.shape[1]
    figure, axes = new_figure(rows, cols, width=4.2 * cols, height=rows * (4.2 * aspect + 0.4))
    for ax, level in zip(axes.flat, present, strict=False):
        _draw_level(ax, shown, anchors_px[levels == level], np.mean(sides[levels == level]))
    hide_unused(axes, len(present))
    return figure


def _draw_level(ax, image, anchors, side):
    middle = np.array(image.shape[:2]) / 2
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    places = np.unique(centres.round(3), axis=0)
    nearest = places[np.argmin(np.sum((places - middle) ** 2, axis=1))]
    chosen = anchors[np.all(np.abs(centres - nearest) < 0.01, axis=1)]
    overhang = max(0.0, -chosen.min(), *(chosen[:, 2:].max(axis=0) - image.shape[:2]))
    title = f"{side:.0f} px: {counted(len(anchors), 'anchor')}, {len(chosen)} at each of {len(places):,} places"
    canvas.show_image(ax, image, margin=0.02 + overhang / max(image.shape[:2]))
    ax.set_title(title, fontsize=9)
    ax.scatter(places[:, 1], places[:, 0], s=4, color="white", edgecolors="black", linewidths=0.4)
    for anchor, color in zip(chosen, class_colors(range(1, len(chosen) + 1)), strict=True):
        canvas.add_box(ax, anchor, color)
