"""Images of boxes and masks: what is drawn, where, and how often.  Backend Agg; no network."""

import inspect
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
from tests.support.figure_reading import drawn, shown_image, two_objects

NAMES = ["BG", "square", "disc"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


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


def test_masks_are_blended_half_and_half_and_the_callers_image_stays():
    image, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, masks, class_ids, NAMES, ax=ax, colors=[(1, 0, 0), (0, 0, 1)])
    shown = shown_image(ax)
    assert shown[10, 20].tolist() == [177, 50, 50]  # 100 / 2 + 255 / 2 = 177.5
    assert shown[25, 45].tolist() == [50, 50, 177]
    assert shown[0, 0].tolist() == [100, 100, 100]
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
    assert (shown_image(ax) != 100).any() == show_mask


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


def test_no_objects_print_the_old_notice_and_still_show_the_image(capsys):
    image = np.full((40, 60, 3), 7, np.uint8)
    visualize.display_instances(image, np.zeros((0, 4)), np.zeros((40, 60, 0)), np.zeros(0, int), NAMES)
    assert capsys.readouterr().out == "\n*** No instances to display *** \n\n"
    assert (shown_image(plt.gca()) == 7).all()


def test_one_class_and_no_masks():
    image, boxes, _, _ = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(image, boxes, None, np.array([1, 1]), ["BG", "cell"], ax=ax)
    assert [text.get_text() for text in ax.texts] == ["cell", "cell"]
    assert not drawn(ax, Polygon)


@pytest.mark.parametrize("corner", [(0, 0), (0, 50), (30, 0), (30, 50)])
def test_captions_stay_inside_the_image(corner):
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
def test_images_of_other_channels(shape):
    _, boxes, masks, class_ids = two_objects()
    _, ax = plt.subplots()
    visualize.display_instances(np.full(shape, 30, np.uint8), boxes, masks, class_ids, NAMES, ax=ax)
    assert shown_image(ax).shape == (40, 60, 3)


def test_save_path_writes_a_png_and_leaves_no_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("nothing is to be shown"))
    image, boxes, masks, class_ids = two_objects()
    path = tmp_path / "objects.png"
    visualize.display_instances(
        image, boxes, masks, class_ids, NAMES, figsize=(4, 4), colors=[(1, 0, 0)] * 2, save_path=path
    )
    saved = cv2.imread(str(path))
    blue, green, red = np.moveaxis(saved.astype(int), -1, 0)
    assert ((red == 177) & (green == 50) & (blue == 50)).sum() > 100  # the blended masks
    assert ((red == 100) & (green == 100) & (blue == 100)).sum() > 1000  # the image
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


# --- grids


@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_display_images_of_any_number(count):
    images = [np.full((10, 20, 3), i, np.uint8) for i in range(count)]
    visualize.display_images(images, titles=[str(i) for i in range(count)], cols=4)
    assert [ax.get_title() for ax in plt.gcf().axes] == [str(i) for i in range(count)]
    plt.gcf().canvas.draw()


def test_display_images_keeps_fractions_of_one_channel():
    visualize.display_images([np.array([[0.0, 0.25], [0.5, 0.75]])[..., np.newaxis]], cmap="Blues")
    assert shown_image(plt.gca()).tolist() == [[0, 0.25], [0.5, 0.75]]


def test_top_masks_are_sorted_by_area():
    image, _, masks, class_ids = two_objects()  # areas 200 and 150
    visualize.display_top_masks(image, masks, class_ids, NAMES, limit=3)
    axes = plt.gcf().axes
    assert [ax.get_title() for ax in axes] == ["H x W=40x60", "square", "disc", "-"]
    assert (shown_image(axes[1]) > 0).sum() == 200
    assert not shown_image(axes[3]).any()
