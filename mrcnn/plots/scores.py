"""Images of how well predictions fit: precision against recall, and the grid of overlaps."""

import matplotlib.pyplot as plt
import numpy as np

from mrcnn.plots.labels import class_label


def plot_precision_recall(AP, precisions, recalls):
    """Draw the precision-recall curve of one image.

    Args:
        AP: average precision at IoU 0.5, 0 to 1.
        precisions: as `utils.compute_ap` returns them.
        recalls: the same.
    """
    _, ax = plt.subplots(1)
    ax.set_title(f"Precision-Recall Curve. AP@50 = {AP:.3f}")
    ax.set_ylim(0, 1.1)
    ax.set_xlim(0, 1.1)
    ax.set_xlabel("Recall")
    ax.set_ylabel("Precision")
    ax.plot(recalls, precisions)


def plot_overlaps(gt_class_ids, pred_class_ids, pred_scores, overlaps, class_names, threshold=0.5):
    """Draw a grid with the IoU of each prediction (row) and true object (column).

    Args:
        gt_class_ids: (G,). Ids of 0 are padding.
        pred_class_ids: (N,), the same.
        pred_scores: (N,), 0 to 1.
        overlaps: (N, G) IoU.
        class_names: list, background first.
        threshold: above this IoU, a pair of one class is marked "match", of two classes "wrong".
    """
    gt_class_ids = gt_class_ids[gt_class_ids != 0]
    pred_class_ids = pred_class_ids[pred_class_ids != 0]
    truth_labels = [class_label(class_id, class_names) for class_id in gt_class_ids]
    pred_labels = [
        f"{class_label(class_id, class_names)} ({score:.2f})"
        for class_id, score in zip(pred_class_ids, pred_scores, strict=False)
    ]
    _, ax = plt.subplots(figsize=(12, 10), layout="constrained")
    # One empty cell in place of no cells: imshow cannot scale an empty image.
    ax.imshow(overlaps if overlaps.size else np.zeros((1, 1)), interpolation="nearest", cmap="Blues")
    ax.set_yticks(np.arange(len(pred_labels)), pred_labels)
    ax.set_xticks(np.arange(len(truth_labels)), truth_labels, rotation=90)
    ax.set_xlabel("Ground Truth")
    ax.set_ylabel("Predictions")

    half = np.max(overlaps, initial=0) / 2
    for (i, j), overlap in np.ndenumerate(overlaps):
        verdict = ""
        if overlap > threshold:
            verdict = "match" if gt_class_ids[j] == pred_class_ids[i] else "wrong"
        color = "white" if overlap > half else "black" if overlap > 0 else "grey"
        ax.text(j, i, f"{overlap:.3f}\n{verdict}", ha="center", va="center", fontsize=9, color=color)
