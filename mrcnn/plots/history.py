"""Loss curves of a training run."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from mrcnn.plots.figures import hide_unused, new_figure

TITLES = {
    "loss": "total",
    "rpn_class_loss": "RPN: object or not",
    "rpn_bbox_loss": "RPN: boxes",
    "mrcnn_class_loss": "head: classes",
    "mrcnn_bbox_loss": "head: boxes",
    "mrcnn_mask_loss": "head: masks",
}
TRAIN_COLOR, VAL_COLOR = "#1f6feb", "#e8590c"


def plot_losses(history):
    """Draw the total loss and its five parts over the epochs, training and validation.

    Args:
        history: a CSV file as Keras' `CSVLogger` writes it, or a dict of lists as `History.history`.

    Returns:
        The Figure.

    Raises:
        ValueError: if the history holds no loss.
    """
    columns = history if isinstance(history, dict) else _read_csv(history)
    names = [name for name in TITLES if len(columns.get(name, ()))]
    if not names:
        source = "the history" if isinstance(history, dict) else str(history)
        raise ValueError(f"{source} holds no epoch of {', '.join(TITLES)}; it has: {', '.join(columns) or 'nothing'}")
    cols = min(3, len(names))
    rows = -(-len(names) // cols)
    figure, axes = new_figure(rows, cols, width=4.2 * cols, height=3 * rows)
    for ax, name in zip(axes.flat, names, strict=False):
        _draw_curve(ax, columns[name], "training", TRAIN_COLOR)
        _draw_curve(ax, columns.get(f"val_{name}", ()), "validation", VAL_COLOR)
        ax.set_title(TITLES[name])
        ax.set_ylim(0, 1.08 * highest(columns[name], columns.get(f"val_{name}", ())))
        ax.set_xlim(0.5, len(columns[name]) + 0.5)  # one epoch alone: no ticks between whole numbers
        ax.grid(alpha=0.3)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_xlabel("epoch")
    axes.flat[0].legend(frameon=False)
    hide_unused(axes, len(names))
    return figure


def _draw_curve(ax, values, label, color):
    if len(values):
        marker = "o" if len(values) < 20 else None  # few epochs: a single point must be seen too
        ax.plot(np.arange(1, len(values) + 1), values, color=color, label=label, marker=marker, markersize=3)


def highest(*curves):
    """The largest number of some curves, or 1 where there is none above zero: an axis needs a height."""
    values = np.concatenate([np.asarray(curve, dtype=float) for curve in curves])
    return np.max(values[np.isfinite(values)], initial=0) or 1


def _read_csv(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = rows[0] if rows else ()
    return {name: np.array([_number(row[name]) for row in rows]) for name in names}


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")  # CSVLogger writes NA where an epoch has no value: a gap in the curve
