"""Figures for a notebook's last line: made through pyplot, so that Jupyter can show them, and taken out of it again."""

import matplotlib.pyplot as plt


def new_figure(rows=1, cols=1, *, width=12, height=4, layout="constrained"):
    """A figure and its (rows, cols) array of axes; width and height in inches, layout as in Matplotlib.

    The figure is closed for pyplot: it appears where a cell returns or displays it, once, and leaves no memory behind.
    """
    with plt.ioff():  # else Jupyter's backend keeps each figure until the cell ends, also a closed one
        figure, axes = plt.subplots(rows, cols, figsize=(width, height), layout=layout, squeeze=False)
    plt.close(figure)
    return figure, axes


def hide_unused(axes, used):
    """Switch off the axes of a grid after the first `used`."""
    for ax in axes.flat[used:]:
        ax.set_visible(False)
