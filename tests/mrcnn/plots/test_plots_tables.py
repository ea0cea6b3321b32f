"""Curves, overlap grids, tables and colours.  Backend Agg."""

import random

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mrcnn import visualize
from mrcnn.network.heads import FullKernelConv

NAMES = ["BG", "square", "disc"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_precision_recall_curve():
    visualize.plot_precision_recall(0.75, [1, 1, 0.5], [0, 0.5, 1])
    ax = plt.gca()
    assert ax.get_title() == "Precision-Recall Curve. AP@50 = 0.750"
    assert ax.lines[0].get_xydata().tolist() == [[0, 1], [0.5, 1], [1, 0.5]]


def test_overlaps_are_marked_match_and_wrong():
    overlaps = np.array([[0.9, 0.1, 0], [0, 0.6, 0.7]])
    visualize.plot_overlaps(np.array([1, 2, 1, 0]), np.array([1, 1]), np.array([0.8, 0.7]), overlaps, NAMES)
    ax = plt.gca()
    words = [text.get_text().split("\n") for text in ax.texts]
    assert words == [["0.900", "match"], ["0.100", ""], ["0.000", ""], ["0.000", ""], ["0.600", "wrong"],
                     ["0.700", "match"]]  # fmt: skip
    assert [label.get_text() for label in ax.get_yticklabels()] == ["square (0.80)", "square (0.70)"]


def test_overlaps_of_nothing():
    visualize.plot_overlaps(np.array([1]), np.zeros(0, int), np.zeros(0), np.zeros((0, 1)), NAMES)
    plt.gcf().canvas.draw()


def test_tables_print_as_text_and_give_html_to_notebooks(capsys, monkeypatch):
    visualize.display_table([["name", "size"], ["a<b>!</b>", 12]])
    assert capsys.readouterr().out == "name  size\na!    12\n"
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    visualize.display_table([["a", 1]])
    assert shown[0]._repr_html_() == "<table><tr><td>a</td><td>1</td></tr></table>"


class FakeLayer:
    def __init__(self, name, **weights):
        self.name = name
        self.weights = [type("Weight", (), {"name": key})() for key in weights]
        self.values = list(weights.values())

    def get_weights(self):
        return self.values


def test_weight_stats_mark_dead_and_overflowing_weights(capsys):
    """Biases of convolutions, those of the heads' own kind too, are not reported as dead: they start as zeros."""
    convolution = FullKernelConv(2, 1, name="conv1")
    convolution.build((None, 1, 1, 1))
    convolution.set_weights([np.array([[[[-1.0, 3.0]]]]), np.zeros(2)])
    layers = [convolution, FakeLayer("bn1", gamma=np.ones(2), beta=np.array([0, 2000.0]))]
    visualize.display_weight_stats(type("Model", (), {"get_trainable_layers": lambda self: layers})())
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["conv1/kernel", "(1,", "1,", "1,", "2)", "-1.0000", "+3.0000", "+2.0000"]
    assert "dead?" not in lines[2]
    assert lines[3].startswith("bn1/gamma*** dead?")
    assert lines[4].startswith("bn1/beta*** Overflow?")


# --- colours


def test_random_colors_are_all_hues_in_random_order():
    random.seed(3)
    colors = visualize.random_colors(3)
    assert sorted(np.round(color, 6).tolist() for color in colors) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert visualize.random_colors(0) == []
    assert max(max(color) for color in visualize.random_colors(5, bright=False)) == 0.7
    random.seed(3)
    assert visualize.random_colors(3) == colors


def test_class_colors_last():
    colors = visualize.class_colors(range(1, 81))
    assert len(set(colors)) == 80
    assert visualize.class_colors([5, 2, -5]) == [colors[4], colors[1], colors[4]]
    assert all(0 <= value <= 1 for color in colors for value in color)
