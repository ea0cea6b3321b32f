"""What the notebooks share: one set-up line, the quick mode of the tests, and the pictures of `mrcnn.plots`.

The plotting functions return a Figure and show nothing: make them a cell's last line, or pass the figure to `display`.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from tqdm.auto import tqdm

from mrcnn.data.boxes import extract_bboxes
from mrcnn.plots.anchors import plot_anchors
from mrcnn.plots.compare import show_truth_beside_prediction
from mrcnn.plots.history import plot_losses
from mrcnn.plots.objects import plot_box_sizes, plot_class_counts

__all__ = [
    "gather_objects",
    "plot_anchors",
    "plot_box_sizes",
    "plot_class_counts",
    "plot_losses",
    "quick",
    "setup",
    "show_truth_beside_prediction",
]

# TensorFlow's notes on instruction sets would stand above the first result; it reads this when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_FIGURE_DEFAULTS = {
    "figure.dpi": 90,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",  # pixels stay pixels: small pictures are drawn large
}


def setup(seed):
    """Seed Python, numpy and Keras, set figure defaults, and print one line: Keras, backend, device, seed."""
    import keras

    from mrcnn_ext.environment import environment_line

    keras.utils.set_random_seed(seed)
    plt.rcParams.update(_FIGURE_DEFAULTS)
    print(f"{environment_line()} | seed {seed}")


def quick():
    """True where the tests run the notebooks in their short form: the environment variable MRCNN_QUICK is "1"."""
    return os.environ.get("MRCNN_QUICK") == "1"


def gather_objects(dataset, image_ids=None):
    """Look at every object of a data set once, with a progress bar.

    dataset: a prepared `mrcnn.utils.Dataset`. image_ids: the pictures to look at; None: all of them.
    Returns a dict of arrays over the N objects: image_ids (N,), class_ids (N,), boxes_px (N, 4) int32 in pixels of the
    picture as loaded, areas_px (N,) in pixels.
    """
    image_ids = dataset.image_ids if image_ids is None else image_ids
    found = {"image_ids": [], "class_ids": [], "boxes_px": [], "areas_px": []}
    for image_id in tqdm(image_ids, desc="objects", unit="picture", disable=None):
        masks, class_ids = dataset.load_mask(image_id)
        found["image_ids"].append(np.full(len(class_ids), image_id))
        found["class_ids"].append(class_ids)
        found["boxes_px"].append(extract_bboxes(masks).reshape(-1, 4))
        found["areas_px"].append(np.count_nonzero(masks, axis=(0, 1)))
    empty = {"boxes_px": np.zeros((0, 4), np.int32)}
    return {
        name: np.concatenate(parts) if parts else empty.get(name, np.zeros(0, np.int32))
        for name, parts in found.items()
    }
