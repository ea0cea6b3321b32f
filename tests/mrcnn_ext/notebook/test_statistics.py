"""Figures with numbers: what they show.  Backend Agg."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mrcnn_ext.notebook import statistics

NAMES = ["BG", "square", "disc"]
OBJECTS = {
    "image_ids": np.array([0, 0, 0, 4]),
    "class_ids": np.array([1, 2, -2, 1]),
    "boxes_px": np.array([[0, 0, 10, 10], [0, 0, 20, 10], [5, 5, 25, 25], [0, 0, 5, 4]]),
    "areas_px": np.array([100, 150, 200, 10]),
    "image_px": np.array([[40, 50]] * 4),
}
NOTHING = {name: values[:0] for name, values in OBJECTS.items()}


def visible_axes(figure):
    figure.canvas.draw()
    assert not plt.get_fignums()
    return [ax for ax in figure.axes if ax.get_visible()]


def heights(ax):
    """Sum of the bars of a histogram, for each of its stacked groups."""
    return [sum(bar.get_height() for bar in group) for group in ax.containers]


def test_mask_statistics():
    figure = statistics.plot_mask_statistics(OBJECTS, NAMES)
    shares, fills, counts = visible_axes(figure)
    assert heights(shares) == heights(fills) == [2, 2]  # two squares, a disc and a crowd of discs
    assert {bar.get_x() for bar in fills.containers[0] if bar.get_height()} == {48, 96}  # 10 of 20 px, 100 of 100
    assert [bar.get_height() for bar in counts.patches] == [1, 0, 1]  # an image with one object, one with three
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["square", "disc"]


def test_mask_statistics_of_nothing_and_of_many_classes():
    assert len(visible_axes(statistics.plot_mask_statistics(NOTHING, NAMES))) == 3
    many = {name: np.repeat(values[:1], 20, axis=0) for name, values in OBJECTS.items()}
    many["class_ids"] = np.arange(1, 21)
    figure = statistics.plot_mask_statistics(many, ["BG", *map(str, range(1, 21))])
    assert heights(visible_axes(figure)[0]) == [20]
    assert not figure.legends


@pytest.mark.parametrize("count", [0, 1, 7, 14])
def test_mean_masks(count):
    means = {class_id: np.full((8, 8), 0.5) for class_id in range(1, count + 1)}
    figure = statistics.plot_mean_masks(means, ["BG", *(f"class {i}" for i in range(1, count + 1))])
    titles = [ax.get_title() for ax in visible_axes(figure) if ax.get_title()]
    assert titles == [f"class {i}" for i in range(1, min(count, 12) + 1)]


def test_anchor_fit():
    bars, sizes = visible_axes(statistics.plot_anchor_fit([0.9, 0.5, 0.3], OBJECTS["boxes_px"][:3]))
    assert heights(bars) == [2, 1]
    good, bad = (points.get_offsets().tolist() for points in sizes.collections)
    assert good == [[10, 0.9], [pytest.approx(200**0.5), 0.5]]
    assert bad == [[20, 0.3]]
    visible_axes(statistics.plot_anchor_fit([], np.zeros((0, 4))))


def test_average_precision():
    nan = float("nan")
    classes = {"square": {"AP": 0.5, "AP50": 0.75}, "disc": {"AP": nan, "AP50": nan}}
    evaluation = {"bbox": {"AP": 0.4, "AP50": 0.6, "classes": classes}}
    (ax,) = visible_axes(statistics.plot_average_precision(evaluation))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all classes", "square"]
    assert [[bar.get_width() for bar in group] for group in ax.containers] == [[0.6, 0.75], [0.4, 0.5]]
    assert ax.get_xlabel() == "box AP"
    masks = {**evaluation, "segm": {"AP": 0.1, "AP50": 0.2, "classes": {}}}
    (ax,) = visible_axes(statistics.plot_average_precision(masks))
    assert ax.get_xlabel() == "mask AP"
    assert [bar.get_width() for bar in ax.containers[0]] == [0.2]
