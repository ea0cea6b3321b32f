"""Figures of an `Analysis`. Every function returns a Figure."""

import numpy as np

from mrcnn.plots.figures import new_figure
from mrcnn.plots.palette import class_colors

_MAX_LABELLED = 12  # classes in a legend
_MAX_NUMBERED = 15  # classes up to which the cells of a confusion matrix have numbers
_BLUE, _GREY, _ORANGE = "#1f6feb", "#9aa4b2", "#e8590c"


def plot_curves(analysis):
    """Precision over recall, and F1 over the score with a dot at the best threshold; a line for each class."""
    figure, axes = new_figure(1, 2, width=12, height=4)
    recall_ax, score_ax = axes[0]
    known = {class_id: curve for class_id, curve in analysis.curves.items() if curve.objects}
    for color, (class_id, curve) in zip(class_colors(known), known.items(), strict=True):
        label = f"{analysis.class_names[class_id]} (AP50 {curve.ap:.2f})" if len(known) <= _MAX_LABELLED else None
        recall_ax.step(np.r_[0, curve.recall], np.r_[1, curve.precision], where="pre", color=color, label=label)
        score_ax.plot(curve.scores, curve.f1, color=color)
        score_ax.plot([curve.best_score], [curve.best_f1], "o", color=color)
    recall_ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05), title="IoU 0.5")
    score_ax.set(xlabel="score from which on detections are kept", ylabel="F1", xlim=(0, 1), ylim=(0, 1.05))
    score_ax.set_title("the dots are the best thresholds")
    if known and len(known) <= _MAX_LABELLED:
        recall_ax.legend(frameon=False, loc="lower left", fontsize=9)
    return figure


def plot_confusion(analysis):
    """True classes down, detected ones across; the colour is the share of the row, the number a count."""
    counts = analysis.confusion
    names = ["background", *analysis.class_names[1:]]
    side = min(3 + 0.55 * len(names), 14)
    figure, axes = new_figure(width=side + 1, height=side)
    ax = axes[0, 0]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = np.arange(len(names))
    ax.set_xticks(places, names, rotation=90 if len(names) > 6 else 0)
    ax.set_yticks(places, names)
    ax.set(xlabel="detected", ylabel="true", title=f"score {analysis.min_score:g} and more, IoU 0.5 and more")
    ax.spines[:].set_visible(False)
    if len(names) <= _MAX_NUMBERED:
        for (row, column), count in np.ndenumerate(counts):
            if row or column:
                color = "white" if shares[row, column] > 0.5 else "black"
                ax.text(column, row, f"{count:,}", ha="center", va="center", color=color)
    return figure


def plot_error_costs(errors):
    """The AP that each kind of error costs, as from `error_costs`."""
    figure, axes = new_figure(width=8, height=3.6)
    ax = axes[0, 0]
    kinds = list(errors["cost"])
    colors = [_BLUE] * len(errors["count"]) + [_GREY] * (len(kinds) - len(errors["count"]))
    bars = ax.barh(kinds, [errors["cost"][kind] for kind in kinds], color=colors)
    counted = [f" ({errors['count'][kind]:,})" if kind in errors["count"] else "" for kind in kinds]
    texts = [f"{errors['cost'][kind]:.3f}{text}" for kind, text in zip(kinds, counted, strict=True)]
    ax.bar_label(bars, labels=texts, padding=3, fontsize=9)
    ax.invert_yaxis()
    low, high = ax.get_xlim()
    ax.set(xlim=(low, high * 1.2), xlabel="AP50 gained if these were mended (and how many there are)")
    return figure


def plot_calibration(calibration):
    """Share of right detections over their score, and how many there are; on the diagonal scores can be believed."""
    figure, axes = new_figure(1, 2, width=10, height=3.6)
    fit_ax, count_ax = axes[0]
    low, high = np.array(calibration["low"]), np.array(calibration["high"])
    fit_ax.plot([0, 1], [0, 1], color=_GREY, linestyle="dashed", linewidth=1)
    fit_ax.bar((low + high) / 2, np.nan_to_num(calibration["precision"]), width=(high - low) * 0.9, color=_BLUE)
    fit_ax.plot(calibration["score"], calibration["precision"], "o", color=_ORANGE, markersize=4)
    fit_ax.set(xlabel="score", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    fit_ax.set_title(f"expected calibration error {calibration['ece']:.3f}")
    count_ax.bar((low + high) / 2, calibration["count"], width=(high - low) * 0.9, color=_GREY)
    count_ax.set(xlabel="score", ylabel="detections", xlim=(0, 1))
    return figure


def figures_of(analysis) -> dict:
    """{name: (Figure, what it shows)} of all of them."""
    costs = "what each kind of error costs (TIDE); gray: all false positives, all false negatives"
    return {
        "curves": (plot_curves(analysis), "Precision, recall and F1 of each class"),
        "confusion": (plot_confusion(analysis), "Which class is taken for which"),
        "errors": (plot_error_costs(analysis.errors), costs[0].upper() + costs[1:]),
        "calibration": (plot_calibration(analysis.calibration), "Whether scores can be believed"),
    }
