"""Pictures of boxes and masks: what is drawn, where, and how often.  Backend Agg; no network."""

import inspect
import random
import subprocess
import sys

import cv2
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Polygon, Rectangle

from mrcnn import visualize

NAMES = ["BG", "square", "disc"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def two_objects(height=40, width=60):
    """A grey picture, two rectangles of (y1, x1, y2, x2), their masks and class ids."""
    image = np.full((height, width, 3), 100, np.uint8)
    boxes = np.array([[5, 10, 15, 30], [20, 40, 35, 50]], np.int32)
    masks = np.zeros((height, width, 2), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return image, boxes, masks, np.array([1, 2], np.int32)


def drawn(ax, kind):
    return [patch for patch in ax.patches if isinstance(patch, kind)]


def shown_picture(ax):
    return np.asarray(ax.images[0].get_array())


# --- the old surface

OLD_SIGNATURES = {
    "display_images": "images, titles=None, cols=4, cmap=None, norm=None, interpolation=None",
    "random_colors": "N, bright=True",
    "apply_mask": "image, mask, color, alpha=0.5",
    "display_instances": "image, boxes, masks, class_ids, class_names, scores=None, title='', figsize=(16, 16), "
    "ax=None, show_mask=True, show_bbox=True, colors=None, captions=None, save_path=None",
    "display_differences": "image, gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, "
    "class_names, title='', ax=None, show_mask=True, show_box=True, iou_threshold=0.5, score_threshold=0.5",
    "draw_rois": "image, rois, refined_rois, mask, class_ids, class_names, limit=10",
    "draw_box": "image, box, color",
    "display_top_masks": "image, mask, class_ids, class_names, limit=4",
    "plot_precision_recall": "AP, precisions, recalls",
    "plot_overlaps": "gt_class_ids, pred_class_ids, pred_scores, overlaps, class_names, threshold=0.5",
    "draw_boxes": "image, boxes=None, refined_boxes=None, masks=None, captions=None, visibilities=None, title='', "
    "ax=None",
    "display_table": "table",
    "display_weight_stats": "model",
}


@pytest.mark.parametrize("name", OLD_SIGNATURES)
def test_the_old_arguments_stand_in_the_old_order(name):
    assert str(inspect.signature(getattr(visualize, name))) == f"({OLD_SIGNATURES[name]})"


def test_importing_visualize_imports_no_backend():
    code = "import sys, mrcnn.visualize; sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'jax')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- display_instances


def test_each_object_gets_a_box_an_outline_and_a_caption():
    image, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, masks, class_ids, NAMES, scores=np.array([0.9, 0.25]), title="two", ax=ax)
    first, second = drawn(ax, Rectangle)
    assert (first.get_xy(), first.get_width(), first.get_height()) == ((10, 5), 20, 10)
    assert (second.get_xy(), second.get_width(), second.get_height()) == ((40, 20), 10, 15)
    assert len(drawn(ax, Polygon)) == 2
    assert [text.get_text() for text in ax.texts] == ["square 0.900", "disc 0.250"]
    assert ax.get_title() == "two"


def test_masks_are_blended_half_and_half_and_the_callers_picture_stays():
    image, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, masks, class_ids, NAMES, ax=ax, colors=[(1, 0, 0), (0, 0, 1)])
    picture = shown_picture(ax)
    assert picture[10, 20].tolist() == [177, 50, 50]  # 100 / 2 + 255 / 2 = 177.5
    assert picture[25, 45].tolist() == [50, 50, 177]
    assert picture[0, 0].tolist() == [100, 100, 100]
    assert (image == 100).all()


@pytest.mark.parametrize("show_mask", [True, False])
@pytest.mark.parametrize("show_bbox", [True, False])
def test_switches(show_mask, show_bbox):
    image, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(
        image, boxes, masks, class_ids, NAMES, ax=ax, show_mask=show_mask, show_bbox=show_bbox
    )  # fmt: skip
    assert len(drawn(ax, Rectangle)) == (2 if show_bbox else 0)
    assert len(drawn(ax, Polygon)) == 2  # outlines are drawn anyway, as in the old package
    assert (shown_picture(ax) != 100).any() == show_mask


def test_own_captions_replace_names_and_an_empty_one_draws_nothing():
    image, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, masks, class_ids, NAMES, ax=ax, captions=["$5 or $6", ""])
    assert [text.get_text() for text in ax.texts] == ["$5 or $6"]
    ax.figure.canvas.draw()  # the dollar signs are no formula


def test_a_box_of_zeros_is_skipped():
    image, boxes, masks, class_ids = two_objects()
    boxes[0] = 0
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, masks, class_ids, NAMES, ax=ax)
    assert len(drawn(ax, Rectangle)) == len(drawn(ax, Polygon)) == len(ax.texts) == 1


def test_no_objects_print_the_old_notice_and_still_show_the_picture(capsys):
    image = np.full((40, 60, 3), 7, np.uint8)
    visualize.display_instances(image, np.zeros((0, 4)), np.zeros((40, 60, 0)), np.zeros(0, int), NAMES)
    assert capsys.readouterr().out == "\n*** No instances to display *** \n\n"
    assert (shown_picture(plt.gca()) == 7).all()


def test_one_class_and_no_masks():
    image, boxes, _, _ = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, None, np.array([1, 1]), ["BG", "cell"], ax=ax)
    assert [text.get_text() for text in ax.texts] == ["cell", "cell"]
    assert not drawn(ax, Polygon)


@pytest.mark.parametrize("corner", [(0, 0), (0, 50), (30, 0), (30, 50)])
def test_captions_stay_inside_the_picture(corner):
    y, x = corner
    image, masks = np.zeros((40, 60, 3), np.uint8), np.zeros((40, 60, 1), bool)
    masks[y : y + 10, x : x + 10] = True
    _, ax = plt.subplots(figsize=(6, 4))
    visualize.display_instances(image, np.array([[y, x, y + 10, x + 10]]), masks, np.array([1]), NAMES, ax=ax)
    ax.figure.canvas.draw()
    (left, top), (right, bottom) = np.sort(ax.transData.inverted().transform(ax.texts[0].get_window_extent()), axis=0)
    assert left >= 0
    assert top >= 0
    assert right <= 60
    assert bottom <= 40


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1), (40, 60, 4), (40, 60, 7)])
def test_pictures_of_other_channels(shape):
    _, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(np.full(shape, 30, np.uint8), boxes, masks, class_ids, NAMES, ax=ax)
    assert shown_picture(ax).shape == (40, 60, 3)


def test_save_path_writes_a_png_and_leaves_no_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("nothing is to be shown"))
    image, boxes, masks, class_ids = two_objects()
    path = tmp_path / "objects.png"
    visualize.display_instances(
        image, boxes, masks, class_ids, NAMES, figsize=(4, 4), colors=[(1, 0, 0)] * 2, save_path=path
    )
    picture = cv2.imread(str(path))
    blue, green, red = np.moveaxis(picture.astype(int), -1, 0)
    assert ((red == 177) & (green == 50) & (blue == 50)).sum() > 100  # the blended masks
    assert ((red == 100) & (green == 100) & (blue == 100)).sum() > 1000  # the picture
    assert not plt.get_fignums()


def test_a_box_changes_the_pixels_it_runs_through():
    image, boxes, masks, class_ids = two_objects()
    figure = plt.figure(figsize=(6, 4), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    visualize.display_instances(
        image,
        boxes[:1],
        masks[..., :1],
        class_ids[:1],
        NAMES,
        ax=ax,
        show_mask=False,
        colors=[(0, 1, 0)],
        captions=[""],
    )
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    for x, y in [(10, 10), (30, 10)]:  # middle of the left and of the right side
        column, row = ax.transData.transform((x, y)).round().astype(int)
        assert pixels[400 - row, column - 2 : column + 2, 1].max() > 180
    column, row = ax.transData.transform((20, 10)).round().astype(int)  # middle of the object
    assert pixels[400 - row, column, :3].tolist() == [100, 100, 100]


def test_unequal_numbers_and_sizes_are_named():
    image, boxes, masks, class_ids = two_objects()
    with pytest.raises(ValueError, match="2 boxes but 1 class ids"):
        visualize.display_instances(image, boxes, masks, class_ids[:1], NAMES)
    with pytest.raises(ValueError, match="masks are .H, W, N."):
        visualize.display_instances(image, boxes, masks[..., :1], class_ids, NAMES)
    with pytest.raises(ValueError, match="expand_mask"):
        visualize.display_instances(image, boxes, masks[:28, :28], class_ids, NAMES)
    with pytest.raises(ValueError, match="class id 2 has no name"):
        visualize.display_instances(image, boxes, masks, class_ids, NAMES[:2])


# --- regions


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
    changed = (shown_picture(ax) != 100).any(axis=-1)
    assert changed[5:15, 10:30].all()
    assert not changed[20:].any()


def test_draw_rois_takes_a_random_choice_of_many(capsys):
    image, boxes, _, _ = two_objects()
    many = np.repeat(boxes, 10, axis=0)
    visualize.draw_rois(image, many, many, np.ones((20, 7, 7)), np.zeros(20, int), NAMES, limit=4)
    assert plt.gca().get_title() == "Showing 4 random ROIs out of 20"
    assert len(drawn(plt.gca(), Rectangle)) == 4
    assert "Negative ROIs:  20" in capsys.readouterr().out


# --- truth against prediction


def test_differences_caption_score_and_overlap_of_the_right_object():
    image, boxes, masks, class_ids = two_objects()
    half = masks.copy()
    half[5:10, :, 0] = False  # half of the first object: IoU 0.5 with the truth
    predicted = np.array([1, 0])  # given worst first: captions must follow the score
    _, ax = plt.subplots()
    visualize.display_differences(
        image, boxes, class_ids, masks, boxes[predicted], class_ids[predicted], np.array([0.6, 0.9]),
        half[..., predicted], NAMES, ax=ax,
    )  # fmt: skip
    assert [text.get_text() for text in ax.texts] == ["0.90 / 0.50", "0.60 / 1.00"]
    assert len(drawn(ax, Rectangle)) == 4


@pytest.mark.parametrize(("truths", "predictions"), [(0, 2), (2, 0), (0, 0)])
def test_differences_with_nothing_on_one_side(truths, predictions):
    image, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_differences(
        image, boxes[:truths], class_ids[:truths], masks[..., :truths],
        boxes[:predictions], class_ids[:predictions], np.array([0.9, 0.8])[:predictions], masks[..., :predictions],
        NAMES, ax=ax,
    )  # fmt: skip
    assert len(drawn(ax, Rectangle)) == truths + predictions
    assert all(text.get_text().endswith("/ 0.00") for text in ax.texts)


# --- grids, curves, tables


@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_display_images_of_any_number(count):
    images = [np.full((10, 20, 3), i, np.uint8) for i in range(count)]
    visualize.display_images(images, titles=[str(i) for i in range(count)], cols=4)
    assert [ax.get_title() for ax in plt.gcf().axes] == [str(i) for i in range(count)]
    plt.gcf().canvas.draw()


def test_display_images_keeps_fractions_of_one_channel():
    visualize.display_images([np.array([[0.0, 0.25], [0.5, 0.75]])[..., np.newaxis]], cmap="Blues")
    assert shown_picture(plt.gca()).tolist() == [[0, 0.25], [0.5, 0.75]]


def test_top_masks_are_sorted_by_area():
    image, _, masks, class_ids = two_objects()  # areas 200 and 150
    visualize.display_top_masks(image, masks, class_ids, NAMES, limit=3)
    axes = plt.gcf().axes
    assert [ax.get_title() for ax in axes] == ["H x W=40x60", "square", "disc", "-"]
    assert (shown_picture(axes[1]) > 0).sum() == 200
    assert not shown_picture(axes[3]).any()


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


class Conv2D(FakeLayer):
    """Named as Keras' class: biases of convolutions are not reported as dead."""


def test_weight_stats_mark_dead_and_overflowing_weights(capsys):
    layers = [
        Conv2D("conv1", kernel=np.array([[-1.0, 3.0]]), bias=np.zeros(2)),
        FakeLayer("bn1", gamma=np.ones(2), beta=np.array([0, 2000.0])),
    ]
    visualize.display_weight_stats(type("Model", (), {"get_trainable_layers": lambda self: layers})())
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["conv1/kernel", "(1,", "2)", "-1.0000", "+3.0000", "+2.0000"]
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
