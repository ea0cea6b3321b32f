"""Figures with numbers of a data set or of a result.

`objects` is what `mrcnn_ext.notebook.gather_objects` returns. Every function returns a Figure.
"""

import numpy as np

from mrcnn.plots.figures import hide_unused, new_figure
from mrcnn.plots.labels import class_label
from mrcnn.plots.palette import class_colors

_MAX_COLOURED = 12  # classes with a colour of their own in a histogram
_BLUE, _ORANGE, _GREY = "#1f6feb", "#e8590c", "#9aa4b2"


def plot_mask_statistics(objects, class_names):
    """Three histograms over the objects: share of the image, share of the own box that is mask, objects an image."""
    image_areas = np.prod(objects["image_px"], axis=1)
    box_areas = np.prod(objects["boxes_px"][:, 2:] - objects["boxes_px"][:, :2], axis=1)
    shares = 100 * objects["areas_px"] / np.maximum(image_areas, 1)
    fills = 100 * objects["areas_px"] / np.maximum(box_areas, 1)
    figure, axes = new_figure(1, 3, width=13, height=3.4)
    area_ax, fill_ax, count_ax = axes[0]
    low, high = (max(shares.min(), 0.01), max(shares.max(), 0.02)) if shares.size else (0.01, 100)
    _stacked(area_ax, shares, objects["class_ids"], class_names, np.geomspace(low * 0.999, high * 1.001, 25))
    area_ax.set(xscale="log", xlabel="mask, % of the image", ylabel="objects")
    area_ax.xaxis.set_major_formatter("{x:g}")
    _stacked(fill_ax, fills, objects["class_ids"], class_names, np.linspace(0, 100, 26))
    fill_ax.set(xlabel="mask, % of its box", ylabel="objects")
    counts = np.unique(objects["image_ids"], return_counts=True)[1]
    top = int(counts.max(initial=1))
    step = max(1, -(-top // 25))
    count_ax.hist(counts, bins=np.arange(1, top + step + 1, step) - 0.5, color=_GREY, edgecolor="white")
    count_ax.set(xlabel="objects in an image", ylabel="images")
    _legend_below(figure, area_ax)
    return figure


def plot_mean_masks(means, class_names):
    """The mean mask of each class (twelve at most), as from `mrcnn_ext.notebook.gallery.mean_masks`."""
    shown = dict(list(means.items())[:12])
    cols = max(1, min(6, len(shown)))
    rows = max(1, -(-len(shown) // cols))
    figure, axes = new_figure(rows, cols, width=2.3 * cols + 0.8, height=2.6 * rows)
    image = None
    for ax, (class_id, mean) in zip(axes.flat, shown.items(), strict=False):
        image = ax.imshow(mean, vmin=0, vmax=1, cmap="viridis")
        ax.set_title(class_label(class_id, class_names))
        ax.axis("off")
    hide_unused(axes, len(shown))
    if image is not None:
        figure.colorbar(image, ax=axes.ravel().tolist(), shrink=0.8, label="share of masks")
    return figure


def plot_anchor_fit(ious, boxes_px):
    """IoU of each true box with its best anchor: a histogram, and over the size of the box."""
    ious, boxes_px = np.asarray(ious), np.asarray(boxes_px).reshape(-1, 4)
    sides = np.sqrt(np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1))
    good = ious >= 0.5
    figure, axes = new_figure(1, 2, width=12, height=3.6)
    bars_ax, size_ax = axes[0]
    bins = np.linspace(0, 1, 21)
    bars_ax.hist([ious[good], ious[~good]], bins=bins, stacked=True, color=[_BLUE, _ORANGE], edgecolor="white")
    bars_ax.set(xlabel="IoU with the best anchor", ylabel="true boxes", xlim=(0, 1))
    size_ax.scatter(sides[good], ious[good], s=10, color=_BLUE, alpha=0.5, edgecolors="none", label="0.5 and more")
    size_ax.scatter(sides[~good], ious[~good], s=14, color=_ORANGE, edgecolors="none", label="less")
    size_ax.axhline(0.5, color="black", linewidth=0.8, linestyle="dashed")
    size_ax.set(xlabel="side of the box (px, square of equal area)", ylabel="IoU with the best anchor", ylim=(0, 1))
    size_ax.legend(frameon=False, loc="lower right")
    return figure


def plot_average_precision(evaluation):
    """Average precision of each class and of all together, for masks (for boxes, where there are no masks)."""
    kind = "segm" if "segm" in evaluation else "bbox"
    rows = {"all classes": evaluation[kind], **evaluation[kind]["classes"]}
    rows = {name: row for name, row in rows.items() if not np.isnan(row["AP"])}  # NaN: no true object of the class
    figure, axes = new_figure(width=9, height=1.1 + 0.55 * len(rows))
    ax, places = axes[0, 0], np.arange(len(rows))
    for shift, key, color in ((-0.2, "AP50", "#9ec5fe"), (0.2, "AP", _BLUE)):
        values = [row[key] for row in rows.values()]
        bars = ax.barh(places + shift, values, height=0.38, color=color, label=key)
        ax.bar_label(bars, labels=[f"{value:.2f}" for value in values], padding=3, fontsize=9)
    ax.set_yticks(places, list(rows))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xticks=np.linspace(0, 1, 6), xlabel={"segm": "mask AP", "bbox": "box AP"}[kind])
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _stacked(ax, values, class_ids, class_names, bins):
    classes = np.unique(np.abs(class_ids))
    if len(classes) > _MAX_COLOURED or not len(classes):
        ax.hist(values, bins=bins, color=_GREY, edgecolor="white")
        return
    groups = [values[np.abs(class_ids) == class_id] for class_id in classes]
    labels = [class_label(class_id, class_names) for class_id in classes]
    ax.hist(groups, bins=bins, stacked=True, color=class_colors(classes), label=labels, edgecolor="white")


def _legend_below(figure, ax):
    handles, labels = ax.get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6), frameon=False)
