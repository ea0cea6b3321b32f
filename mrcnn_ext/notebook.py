"""What the notebooks share: set-up, the chosen data set, and pictures of each stage, all in one import.

The plotting functions return a Figure and show nothing: make them a cell's last line, or pass the figure to `display`.
"""

import contextlib
import os
import sys
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from tqdm.auto import tqdm

from mrcnn.data.boxes import extract_bboxes
from mrcnn.data.molding import load_image_gt
from mrcnn.plots.anchors import plot_anchors
from mrcnn.plots.compare import show_truth_beside_prediction
from mrcnn.plots.history import plot_losses
from mrcnn.plots.objects import plot_box_sizes, plot_class_counts
from mrcnn.plots.tables import display_table
from mrcnn_ext.anchor_fit import best_anchor_ious, fitting_scales
from mrcnn_ext.data_choice import choose_data, chosen_data
from mrcnn_ext.gallery import mean_masks, plot_comparison, plot_crops, plot_truth, truth_of
from mrcnn_ext.mistakes import find_mistakes
from mrcnn_ext.quick import quick
from mrcnn_ext.statistics import plot_anchor_fit, plot_average_precision, plot_mask_statistics, plot_mean_masks

__all__ = [
    "best_anchor_ious",
    "choose_data",
    "chosen_data",
    "display_table",
    "find_mistakes",
    "fitting_scales",
    "gather_objects",
    "mean_masks",
    "plot_anchor_fit",
    "plot_anchors",
    "plot_average_precision",
    "plot_box_sizes",
    "plot_class_counts",
    "plot_comparison",
    "plot_crops",
    "plot_losses",
    "plot_mask_statistics",
    "plot_mean_masks",
    "plot_truth",
    "quick",
    "setup",
    "show_truth_beside_prediction",
    "some_pictures",
    "tensorboard_link",
    "truth_of",
]

# Lines that TensorFlow writes when it is imported, whatever its log level is, and that ask for nothing.
_IMPORT_NOTES = ("oneDNN custom operations", "absl::InitializeLog")
_NO_OBJECTS = {
    "image_ids": np.zeros(0, np.int32),
    "numbers": np.zeros(0, np.int32),
    "class_ids": np.zeros(0, np.int32),
    "boxes_px": np.zeros((0, 4), np.int32),
    "areas_px": np.zeros(0, np.int32),
    "picture_px": np.zeros((0, 2), np.int32),
}
_FIGURE_DEFAULTS = {
    "figure.dpi": 90,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",  # pixels stay pixels: small pictures are drawn large
}


def setup(seed):
    """Seed Python, numpy and Keras, set figure defaults, and print one line: Keras, backend, device, seed.

    Call it before anything else imports Keras: it keeps TensorFlow's notes on instruction sets off the page.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is imported
    with _without_lines(_IMPORT_NOTES):
        import keras

        from mrcnn_ext.environment import environment_line

    keras.utils.set_random_seed(seed)
    plt.rcParams.update(_FIGURE_DEFAULTS)
    print(f"{environment_line()} | seed {seed}")


def some_pictures(dataset, most, seed=0):
    """Ids (N,) of at most `most` pictures, in order: all of them, or a random choice that the seed fixes."""
    ids = dataset.image_ids
    if len(ids) <= most:
        return ids
    return np.sort(np.random.default_rng(seed).choice(ids, most, replace=False))


def gather_objects(dataset, image_ids=None, config=None):
    """Look at every object of a data set once, with a progress bar.

    dataset: a prepared `mrcnn.utils.Dataset`. image_ids: the pictures to look at; None: all of them.
    config: a Config, for the objects as the network sees them, in molded pictures; None: in the pictures as loaded.
    Returns a dict of arrays over the N objects: image_ids (N,), numbers (N,) (which object of its picture), class_ids
    (N,), boxes_px (N, 4) int32, areas_px (N,) in pixels, picture_px (N, 2) height and width of its picture.
    """
    image_ids = dataset.image_ids if image_ids is None else image_ids
    found = {name: [empty] for name, empty in _NO_OBJECTS.items()}
    for image_id in tqdm(image_ids, desc="objects", unit="picture"):
        if config is None:
            masks, class_ids = dataset.load_mask(image_id)
        else:
            _, _, class_ids, _, masks = load_image_gt(dataset, config, image_id)
        total = len(class_ids)
        found["image_ids"].append(np.full(total, image_id))
        found["numbers"].append(np.arange(total))
        found["class_ids"].append(class_ids)
        found["boxes_px"].append(extract_bboxes(masks).reshape(-1, 4))
        found["areas_px"].append(np.count_nonzero(masks, axis=(0, 1)))
        found["picture_px"].append(np.tile(masks.shape[:2], (total, 1)))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def tensorboard_link():
    """A link to TensorBoard on this machine; its port comes from the environment variable TENSORBOARD_PORT."""
    from IPython.display import Markdown

    return Markdown(f"[TensorBoard](http://localhost:{os.environ.get('TENSORBOARD_PORT') or 6006}/)")


@contextlib.contextmanager
def _without_lines(notes):
    """Hold back what is written to file descriptor 2, by C++ too, and write it at the end without lines with a note."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not any(note in line for note in notes):
                    print(line, file=sys.stderr)
