"""Boxes, proposals and their refined versions on an image.  Backend Agg."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Polygon, Rectangle

from mrcnn import visualize
from tests.support.figure_reading import drawn, shown_image, two_objects

NAMES = ["BG", "square", "disc"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_draw_box_paints_its_sides_in_place():
    image = np.zeros((20, 30, 3), np.uint8)
    assert visualize.draw_box(image, np.array([4, 6, 14, 22]), (10, 20, 30)) is image
    for y, x in [(4, 6), (4, 22), (14, 6), (14, 22), (9, 6), (4, 12)]:
        assert image[y, x].tolist() == [10, 20, 30]
    assert not image[9, 12].any()
    assert not image[18, 28].any()


def test_draw_boxes_by_visibility():
    image, boxes, masks, _ = two_objects()
    _, ax = plt.subplots()
    visualize.draw_boxes(image, boxes, boxes + 2, masks, ["", "second"], visibilities=[0, 2], title="regions", ax=ax)
    hidden, solid, refined = drawn(ax, Rectangle)
    assert hidden.get_edgecolor() == matplotlib.colors.to_rgba("gray", 0.5)
    assert solid.get_linestyle() == "solid"
    assert refined.get_xy() == (42, 22)
    assert len(ax.lines) == 1  # joins the corners of the box and its refined version
    assert [text.get_text() for text in ax.texts] == ["second"]
    assert len(drawn(ax, Polygon)) == 2


def test_draw_boxes_with_refined_boxes_only_and_wrong_calls():
    image, boxes, _, _ = two_objects()
    visualize.draw_boxes(image, refined_boxes=boxes.astype(float), captions=["a", "b"])
    assert len(drawn(plt.gca(), Rectangle)) == len(plt.gca().texts) == 2
    with pytest.raises(ValueError, match="needs boxes"):
        visualize.draw_boxes(image)
    with pytest.raises(ValueError, match=r"0, 1 or 2, not \[3\]"):
        visualize.draw_boxes(image, boxes, visibilities=[1, 3])


def test_draw_rois_counts_and_draws(capsys):
    image, boxes, _, _ = two_objects()
    mini_masks = np.ones((2, 7, 7), np.float32)
    visualize.draw_rois(image, boxes, boxes + 1, mini_masks, np.array([2, 0]), NAMES)
    out = capsys.readouterr().out
    assert "Positive ROIs:  1" in out
    assert "Positive Ratio: 0.50" in out
    ax = plt.gca()
    assert ax.get_title() == "2 ROIs"
    assert len(drawn(ax, Rectangle)) == 3  # the background ROI has no refined box
    assert [text.get_text() for text in ax.texts] == ["disc"]
    changed = (shown_image(ax) != 100).any(axis=-1)
    assert changed[5:15, 10:30].all()
    assert not changed[20:].any()


def test_draw_rois_takes_a_random_choice_of_many(capsys):
    image, boxes, _, _ = two_objects()
    many = np.repeat(boxes, 10, axis=0)
    visualize.draw_rois(image, many, many, np.ones((20, 7, 7)), np.zeros(20, int), NAMES, limit=4)
    assert plt.gca().get_title() == "Showing 4 random ROIs out of 20"
    assert len(drawn(plt.gca(), Rectangle)) == 4
    assert "Negative ROIs:  20" in capsys.readouterr().out


def test_of_too_many_rois_each_is_drawn_once():
    image, boxes, _, _ = two_objects()
    rois = np.array([[i, 2 * i, 10 + i, 20 + 2 * i] for i in range(12)], float)
    visualize.draw_rois(image, rois, rois, np.ones((12, 7, 7), np.float32), np.zeros(12, int), NAMES, limit=11)
    assert len({box.get_xy() for box in drawn(plt.gca(), Rectangle)}) == 11
