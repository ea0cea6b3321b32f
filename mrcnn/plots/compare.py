"""Truth and prediction side by side."""

import numpy as np

from mrcnn.plots.figures import new_figure
from mrcnn.plots.instances import display_instances
from mrcnn.plots.labels import class_label, counted
from mrcnn.plots.palette import class_colors

_MAX_CAPTIONS = 25


def show_truth_beside_prediction(image, truth, prediction, class_names):
    """Draw the true objects of an image on the left and the detected ones on the right.

    Colours tell classes apart, or objects where there is one class.

    Args:
        image: (H, W, 3).
        truth: a dict as `MaskRCNN.detect` returns it: rois (N, 4) pixels, class_ids (N,), masks (H, W, N).
        prediction: the same, with scores (N,).
        class_names: list, background first.

    Returns:
        The Figure.
    """
    aspect = np.shape(image)[0] / np.shape(image)[1]
    height = 7 * aspect + 0.5
    # Captions are placed by measuring: no layout engine may move the axes afterwards.
    figure, axes = new_figure(1, 2, width=14, height=height, layout="none")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.1 / height, top=1 - 0.4 / height, wspace=0.03)
    one_class = len(np.unique(np.concatenate([truth["class_ids"], prediction["class_ids"]]))) < 2
    for ax, name, objects in zip(axes.flat, ("Truth", "Prediction"), (truth, prediction), strict=True):
        total = len(objects["class_ids"])
        display_instances(
            image, objects["rois"], objects.get("masks"), objects["class_ids"], class_names,
            title=f"{name}: {counted(total, 'object')}", ax=ax,
            colors=class_colors(range(1, total + 1) if one_class else objects["class_ids"]),
            captions=_short_captions(objects, class_names, one_class),
        )  # fmt: skip
    return figure


def _short_captions(objects, class_names, one_class):
    """Names where there are several classes, scores where known, nothing where captions would hide a full image."""
    total = len(objects["class_ids"])
    if total > _MAX_CAPTIONS:
        return [""] * total
    names = [""] * total if one_class else [class_label(class_id, class_names) for class_id in objects["class_ids"]]
    scores = objects.get("scores")
    numbers = [""] * total if scores is None else [f"{score:.2f}" for score in scores]
    return [f"{name} {number}".strip() for name, number in zip(names, numbers, strict=True)]
