"""What every image with boxes needs: axes, boxes, outlines, captions that stay in the image, showing and saving."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patches
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mrcnn.data.image import as_rgb
from mrcnn.plots.masks import mask_outlines
from mrcnn.plots.palette import ink_on

_CAPTION_PAD = 2  # points around the text of a caption


def drawable(image):
    """A new (H, W, 3) uint8 copy of an image of one or more channels; numbers of other types are cut to 0..255."""
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16, bool):
        image = np.clip(image, 0, 255).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] > 4:
        image = image[..., :3]
    return np.array(as_rgb(image))


def open_axes(figsize, on_screen=True):
    """New axes; `on_screen=False` keeps the figure away from pyplot, so that nothing shows it and nothing holds it."""
    if on_screen:
        return plt.subplots(1, figsize=figsize)[1]
    figure = Figure(figsize=figsize)
    FigureCanvasAgg(figure)
    return figure.subplots()


def show():
    """`plt.show()` without the complaint of backends that have no screen."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*non-interactive", category=UserWarning)
        plt.show()


def save(ax, path):
    """Write the figure of `ax` to an image file, cut to its content."""
    ax.figure.savefig(path, bbox_inches="tight", pad_inches=0.1)


def show_image(ax, image, title="", margin=0.02):
    """Put an image on axes without ticks, in the coordinates of boxes: it reaches from (0, 0) to (H, W).

    margin: room for boxes that leave the image, as a part of its longer side.
    """
    height, width = image.shape[:2]
    margin *= max(height, width)
    ax.imshow(image, extent=(0, width, height, 0))
    ax.set_ylim(height + margin, -margin)
    ax.set_xlim(-margin, width + margin)
    ax.axis("off")
    ax.set_title(title)
    ax.apply_aspect()  # captions are measured in pixels of the image, so its place must be known now


def add_box(ax, box, color, **style):
    """Draw a box (y1, x1, y2, x2) in pixels."""
    y1, x1, y2, x2 = (float(value) for value in box[:4])
    style = {"linewidth": 2, **style}
    ax.add_patch(patches.Rectangle((x1, y1), x2 - x1, y2 - y1, edgecolor=color, facecolor="none", **style))


def add_outlines(ax, mask, color):
    """Draw the outlines of an (H, W) mask."""
    for outline in mask_outlines(mask):
        ax.add_patch(patches.Polygon(outline, facecolor="none", edgecolor=color, linewidth=1.5))


def add_link(ax, box, refined_box, color):
    """Join the top left corners of a box and of its refined version."""
    ax.plot([box[1], refined_box[1]], [box[0], refined_box[0]], color=color, linewidth=1.5, scalex=False, scaley=False)


def add_caption(ax, corner, caption, color, size):
    """Write on a coloured ground above a box's top left corner (y1, x1), moved so that it stays in the image.

    size: (height, width) of the image. An empty caption draws nothing.
    """
    if not str(caption):
        return
    text = ax.text(
        float(corner[1]), float(corner[0]), str(caption), size=_font_size(ax), color=ink_on(color),
        verticalalignment="bottom", parse_math=False,
        bbox={"facecolor": color, "alpha": 0.8, "pad": _CAPTION_PAD, "edgecolor": "none"},
    )  # fmt: skip
    _keep_inside(ax, text, size)


def _font_size(ax):
    inches = ax.get_window_extent().width / ax.figure.dpi
    return float(np.clip(inches, 7, 11))  # points: 11 on a full page, less in a grid of images


def _keep_inside(ax, text, size):
    pad = (_CAPTION_PAD + 1) * ax.figure.dpi / 72
    extent = ax.transData.inverted().transform(text.get_window_extent().padded(pad))
    low, high = extent.min(axis=0), extent.max(axis=0)  # (x, y) in pixels of the image
    shift = np.minimum(np.array([size[1], size[0]]) - high, 0)
    shift = np.maximum(shift, -low)  # a caption wider than the image starts at its left edge
    text.set_position(np.asarray(text.get_position()) + shift)
