"""What the notebooks share: set-up, the chosen data set, and images of each stage, all in one import.

The plotting functions return a Figure and show nothing: make them a cell's last line, or pass the figure to `display`.
"""

import contextlib
import os
import sys
import tempfile

import matplotlib.pyplot as plt

from mrcnn.extras import needs
from mrcnn.plots.anchors import plot_anchors
from mrcnn.plots.compare import show_truth_beside_prediction
from mrcnn.plots.history import plot_losses
from mrcnn.plots.objects import plot_box_sizes, plot_class_counts
from mrcnn.plots.tables import display_table
from mrcnn_ext.common.runs import quick
from mrcnn_ext.datasets.objects import best_anchor_ious, gather_objects, some_images
from mrcnn_ext.evaluation.analysis import find_mistakes
from mrcnn_ext.notebook.data_choice import LOGS, choose_data, chosen_data
from mrcnn_ext.notebook.gallery import mean_masks, plot_comparison, plot_crops, plot_tasks, plot_truth, truth_of
from mrcnn_ext.notebook.statistics import plot_anchor_fit, plot_average_precision, plot_mask_statistics, plot_mean_masks

__all__ = [
    "best_anchor_ious",
    "choose_data",
    "chosen_data",
    "display_table",
    "find_mistakes",
    "gather_objects",
    "last_run",
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
    "plot_tasks",
    "plot_truth",
    "quick",
    "setup",
    "show_truth_beside_prediction",
    "some_images",
    "tensorboard_link",
    "truth_of",
]

# Lines that TensorFlow writes when it is imported, whatever its log level is, and that ask for nothing.
_IMPORT_NOTES = ("oneDNN custom operations", "absl::InitializeLog")
_FIGURE_DEFAULTS = {
    "figure.dpi": 90,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",  # pixels stay pixels: small images are drawn large
}


def setup(seed):
    """Seed Python, numpy and Keras, set figure defaults, and print one line: Keras, backend, device, seed.

    Call it before anything else imports Keras: it keeps TensorFlow's notes on instruction sets off the page.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is imported
    with _without_lines(_IMPORT_NOTES):
        import keras

        from mrcnn_ext.common.environment import environment_line

    keras.utils.set_random_seed(seed)
    plt.rcParams.update(_FIGURE_DEFAULTS)
    print(f"{environment_line()} | seed {seed}")


def last_run(data, **settings):
    """(model for inference, run folder) of the newest run on a data set, as from `chosen_data`; prints what was loaded.

    settings: of the Config, to be other than in training.
    """
    from mrcnn_ext.common.runs import find_run

    with contextlib.redirect_stderr(sys.stdout):  # not on the red ground of errors
        run = find_run("last", LOGS, data.run_name)
        return run.model(**settings), run.folder


def tensorboard_link():
    """A link to TensorBoard on this machine; its port comes from the environment variable TENSORBOARD_PORT."""
    with needs("lab"):
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
