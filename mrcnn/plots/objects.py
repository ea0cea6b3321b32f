"""What a data set holds: how many objects of each class, and how large they are."""

import numpy as np

from mrcnn.plots.figures import hide_unused, new_figure
from mrcnn.plots.labels import class_label
from mrcnn.plots.palette import class_colors

_MAX_COLUMNS = 3


def plot_class_counts(class_ids, class_names):
    """Draw one bar per class with its number of objects; classes without objects stay in the list.

    class_ids: (N,) of all objects; crowd objects (negative) count for their class. class_names: background first.
    Returns the Figure.
    """
    counts = np.bincount(np.abs(np.asarray(class_ids, dtype=int)), minlength=len(class_names))
    classes = np.arange(1, len(counts))
    labels = [class_label(class_id, class_names) for class_id in classes]
    figure, axes = new_figure(width=8, height=1 + 0.35 * max(len(classes), 1))
    ax = axes[0, 0]
    bars = ax.barh(labels, counts[1:], color=class_colors(classes))
    ax.bar_label(bars, labels=[f"{count:,}" for count in counts[1:]], padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel("objects")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def plot_box_sizes(boxes_px, class_ids=None, class_names=None):
    """Draw height over width of all boxes, a panel per class where classes are given.

    boxes_px: (N, 4). class_ids: (N,); class_names: background first.
    Lines mark the limits of COCO's small, medium and large objects where they cross the image: boxes of 32 x 32 and
    96 x 96 pixels in area. Returns the Figure.
    """
    boxes_px = np.asarray(boxes_px, dtype=np.float64).reshape(-1, 4)
    heights, widths = (boxes_px[:, 2:] - boxes_px[:, :2]).T
    groups = {"all objects": (np.ones(len(boxes_px), bool), "#1f6feb")}
    if class_ids is not None:
        classes = np.abs(np.asarray(class_ids, dtype=int))
        present = np.unique(classes)
        labels = [class_label(class_id, class_names) for class_id in present]
        colors = class_colors(present)
        groups = {
            label: (classes == k, color) for label, k, color in zip(labels, present, colors, strict=True)
        } or groups
    limit = 1.05 * max(1.0, *heights, *widths) if len(boxes_px) else 1.0
    cols = min(len(groups), _MAX_COLUMNS)
    rows = -(-len(groups) // cols)
    figure, axes = new_figure(rows, cols, width=4.2 * cols, height=4 * rows)
    for ax, (label, (chosen, color)) in zip(axes.flat, groups.items(), strict=False):
        ax.scatter(widths[chosen], heights[chosen], s=10, alpha=0.4, color=color, edgecolors="none")
        _draw_size_limits(ax, limit)
        median = np.sqrt(np.median(heights[chosen] * widths[chosen])) if chosen.any() else 0
        ax.set_title(f"{label}: {chosen.sum():,}, median {median:.0f} px", fontsize=10)
        ax.set(xlim=(0, limit), ylim=(0, limit), xlabel="width (px)", ylabel="height (px)", aspect="equal")
    hide_unused(axes, len(groups))
    return figure


def _draw_size_limits(ax, limit):
    for side in (32, 96):
        if side < limit:
            widths = np.linspace(side * side / limit, limit, 100)
            ax.plot(widths, side * side / widths, color="gray", linewidth=0.8, linestyle="dashed")
