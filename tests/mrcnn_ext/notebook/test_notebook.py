"""What the notebooks draw and set up.  Backend Agg."""

import csv
import os
import random
import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from mrcnn.data.dataset import Dataset
from mrcnn_ext import notebook

NAMES = ["BG", "square", "disc"]
LOSSES = ["loss", "rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss"]


def visible_axes(figure):
    return [ax for ax in figure.axes if ax.get_visible()]


def is_free_figure(figure):
    """A drawable Figure that pyplot does not hold, so that a notebook shows it once."""
    figure.canvas.draw()
    return isinstance(figure, Figure) and not plt.get_fignums()


# --- set-up


def test_setup_seeds_everything_and_prints_one_line(capsys):
    import keras

    def draws():
        numpy_number = np.random.rand()  # noqa: NPY002 (the global generator is what is seeded)
        return random.random(), numpy_number, float(keras.random.uniform(()))

    with matplotlib.rc_context():
        notebook.setup(5)
        first = draws()
        notebook.setup(5)
        assert draws() == first
        notebook.setup(6)
        assert draws() != first
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"Keras 3\.\S+ on \w+ \d\S+, .+ \| seed 5", lines[0])


def test_notes_are_held_back_and_everything_else_is_not(capfd):
    with notebook._without_lines(["idle note"]):
        os.write(2, b"an idle note\nsomething to know\n")
    assert capfd.readouterr().err == "something to know\n"
    with pytest.raises(ImportError), notebook._without_lines(["idle note"]):
        os.write(2, b"the reason\n")
        raise ImportError("missing")
    assert capfd.readouterr().err == "the reason\n"


@pytest.mark.parametrize(("value", "port"), [(None, 6006), ("", 6006), ("7007", 7007)])
def test_tensorboard_link(monkeypatch, value, port):
    monkeypatch.delenv("TENSORBOARD_PORT", raising=False)
    if value is not None:
        monkeypatch.setenv("TENSORBOARD_PORT", value)
    assert f"(http://localhost:{port}/)" in notebook.tensorboard_link().data


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_quick(monkeypatch, value, expected):
    if value is None:
        monkeypatch.delenv("MRCNN_QUICK", raising=False)
    else:
        monkeypatch.setenv("MRCNN_QUICK", value)
    assert notebook.quick() is expected


class TwoImages(Dataset):
    """Image 0 holds a 2 x 3 square and a crowd of discs, image 1 nothing."""

    def __init__(self):
        super().__init__()
        self.add_class("made", 1, "square")
        self.add_class("made", 2, "disc")
        self.add_image("made", 0, "a.png")
        self.add_image("made", 1, "b.png")
        self.prepare()

    def load_mask(self, image_id):
        if image_id == 1:
            return np.zeros((8, 10, 0), bool), np.zeros(0, np.int32)
        mask = np.zeros((8, 10, 2), bool)
        mask[1:3, 4:7, 0] = True
        mask[5:, :, 1] = True
        return mask, np.array([1, -2], np.int32)


def test_gather_objects_looks_at_every_object_once():
    found = notebook.gather_objects(TwoImages())
    assert found["image_ids"].tolist() == [0, 0]
    assert found["class_ids"].tolist() == [1, -2]
    assert found["boxes_px"].tolist() == [[1, 4, 3, 7], [5, 0, 8, 10]]
    assert found["areas_px"].tolist() == [6, 30]
    assert found["numbers"].tolist() == [0, 1]
    assert found["image_px"].tolist() == [[8, 10], [8, 10]]


def test_some_images():
    dataset = Dataset()
    for i in range(50):
        dataset.add_image("made", i, None)
    dataset.prepare()
    assert notebook.some_images(dataset, 50).tolist() == list(range(50))
    chosen = notebook.some_images(dataset, 10, seed=1).tolist()
    assert len(set(chosen)) == 10
    assert chosen == sorted(chosen) == notebook.some_images(dataset, 10, seed=1).tolist()
    assert chosen != notebook.some_images(dataset, 10, seed=2).tolist()


@pytest.mark.parametrize("image_ids", [[], [1]])
def test_gather_objects_where_there_are_none(image_ids):
    found = notebook.gather_objects(TwoImages(), image_ids)
    assert found["boxes_px"].shape == (0, 4)
    assert found["class_ids"].shape == (0,)
    assert is_free_figure(notebook.plot_box_sizes(found["boxes_px"], found["class_ids"], NAMES))
    assert is_free_figure(notebook.plot_class_counts(found["class_ids"], NAMES))


# --- anchors


def anchors_at(places, side):
    """A square and one twice as wide as high, of the same area, at each (y, x)."""
    halves = np.array([[side, side], [side / np.sqrt(2), side * np.sqrt(2)]]) / 2
    return np.array([[y - h, x - w, y + h, x + w] for y, x in places for h, w in halves])


def test_anchors_of_equal_area_share_a_panel():
    small = anchors_at([(y, x) for y in (0, 8, 16) for x in (0, 8, 16, 24)], 8)
    large = anchors_at([(0, 0), (0, 16)], 16)
    figure = notebook.plot_anchors(np.zeros((24, 32, 3), np.uint8), np.concatenate([small, large]))
    assert is_free_figure(figure)
    first, second = visible_axes(figure)
    assert first.get_title() == "8 px: 24 anchors, 2 at each of 12 places"
    assert second.get_title() == "16 px: 4 anchors, 2 at each of 2 places"
    assert len(first.collections[0].get_offsets()) == 12
    # The place nearest the middle (12, 16) of the image is (8, 16), the first of two equally near ones.
    square, wide = [patch for patch in first.patches if isinstance(patch, Rectangle)]
    assert (square.get_xy(), square.get_width(), square.get_height()) == ((12, 4), 8, 8)
    assert wide.get_width() == pytest.approx(2 * wide.get_height())


def test_levels_may_be_named_and_large_anchors_are_in_view():
    anchors = np.concatenate([anchors_at([(5, 5)], 100), anchors_at([(5, 5)], 100)])
    figure = notebook.plot_anchors(np.zeros((10, 10, 3), np.uint8), anchors, levels=[2, 2, 3, 3])
    assert len(visible_axes(figure)) == 2
    left, right = figure.axes[0].get_xlim()
    assert left < anchors[:, 1].min()
    assert right > anchors[:, 3].max()


@pytest.mark.parametrize("shape", [(0, 4), (3, 5), (4,)])
def test_anchors_of_a_wrong_shape(shape):
    with pytest.raises(ValueError, match="anchors_px is"):
        notebook.plot_anchors(np.zeros((8, 8, 3), np.uint8), np.zeros(shape))


# --- loss curves


def history_of(names, epochs):
    return {name: [float(i + epoch) for epoch in range(epochs)] for i, name in enumerate(names)}


def test_losses_of_a_csv_file_and_of_a_dict_are_the_same_curves(tmp_path):
    history = history_of(LOSSES + [f"val_{name}" for name in LOSSES], epochs=3)
    path = tmp_path / "history.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        writer.writerows([epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True)))
    for source in (history, path, str(path)):
        figure = notebook.plot_losses(source)
        assert is_free_figure(figure)
        assert len(visible_axes(figure)) == 6
        train, val = visible_axes(figure)[0].lines
        assert train.get_xydata().tolist() == [[1, 0], [2, 1], [3, 2]]
        assert val.get_ydata().tolist() == [6, 7, 8]
        assert [text.get_text() for text in visible_axes(figure)[0].get_legend().get_texts()] == [
            "training",
            "validation",
        ]


def test_losses_with_gaps_without_masks_and_of_one_epoch(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,val_loss\n0,2.5,NA\n1,2.0,2.25\n")
    train, val = notebook.plot_losses(path).axes[0].lines
    assert train.get_ydata().tolist() == [2.5, 2]
    assert np.isnan(val.get_ydata()[0])
    figure = notebook.plot_losses(history_of(LOSSES[:5], epochs=1))
    assert len(visible_axes(figure)) == 5
    ax = figure.axes[0]
    assert ax.lines[0].get_marker() == "o"
    assert [tick for tick in ax.get_xticks() if 0.5 <= tick <= 1.5] == [1]
    assert ax.get_ylim()[1] > 0  # though the total loss is 0 here


def test_a_history_without_losses_is_refused(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("epoch,accuracy\n0,0.5\n")
    with pytest.raises(ValueError, match=r"empty\.csv holds no epoch of loss.*it has: epoch, accuracy"):
        notebook.plot_losses(path)
    with pytest.raises(ValueError, match="the history holds no epoch"):
        notebook.plot_losses({"loss": []})


# --- the data set


def test_class_counts_name_every_class():
    figure = notebook.plot_class_counts([1, 1, -2, 1], [*NAMES, "never"])
    assert is_free_figure(figure)
    ax = figure.axes[0]
    assert [bar.get_width() for bar in ax.patches] == [3, 1, 0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["square", "disc", "never"]


def test_box_sizes_per_class():
    boxes = np.array([[0, 0, 10, 20], [5, 5, 45, 95], [0, 0, 30, 30]])
    figure = notebook.plot_box_sizes(boxes, [1, 1, 2], NAMES)
    assert is_free_figure(figure)
    first, second = visible_axes(figure)
    # areas 200 and 3600: their median is 1900, the area of a square of 43.6
    assert first.get_title() == "square: 2, median 44 px"
    assert first.collections[0].get_offsets().tolist() == [[20, 10], [90, 40]]
    assert second.get_title() == "disc: 1, median 30 px"
    assert notebook.plot_box_sizes(boxes).axes[0].get_title().startswith("all objects: 3")


# --- truth and prediction


def objects(boxes, class_ids, **more):
    masks = np.zeros((40, 60, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return {"rois": np.array(boxes).reshape(-1, 4), "class_ids": np.array(class_ids, int), "masks": masks, **more}


def captions(ax):
    return [text.get_text() for text in ax.texts]


def test_truth_stands_left_of_the_prediction():
    truth = objects([(5, 5, 15, 20), (20, 30, 35, 50)], [1, 2])
    prediction = objects([(6, 5, 16, 20)], [1], scores=np.array([0.876]))
    figure = notebook.show_truth_beside_prediction(np.zeros((40, 60, 3), np.uint8), truth, prediction, NAMES)
    assert is_free_figure(figure)
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("Truth: 2 objects", "Prediction: 1 object")
    assert captions(left) == ["square", "disc"]
    assert captions(right) == ["square 0.88"]
    assert left.patches[0].get_edgecolor() == right.patches[0].get_edgecolor()  # one class, one colour
    assert left.patches[0].get_edgecolor() != left.patches[2].get_edgecolor()


def test_one_class_tells_objects_apart_and_nothing_found_is_shown(capsys):
    truth = objects([(5, 5, 15, 20), (20, 30, 35, 50)], [1, 1])
    figure = notebook.show_truth_beside_prediction(np.zeros((40, 60, 3), np.uint8), truth, objects([], []), NAMES)
    left, right = figure.axes
    assert captions(left) == []
    assert left.patches[0].get_edgecolor() != left.patches[2].get_edgecolor()
    assert right.get_title() == "Prediction: 0 objects"
    assert not right.patches
    assert "No instances to display" in capsys.readouterr().out


def test_many_objects_go_without_captions():
    many = objects([(y, x, y + 4, x + 4) for y in range(0, 36, 6) for x in range(0, 54, 6)], [1, 2] * 27)
    figure = notebook.show_truth_beside_prediction(np.zeros((40, 60, 3), np.uint8), many, many, NAMES)
    assert captions(figure.axes[0]) == []
    assert len([patch for patch in figure.axes[0].patches if isinstance(patch, Polygon)]) == 54


# --- training


def test_step_sizes_of_notebook_4_are_those_of_keras():
    """With 4 epochs of 50 steps left; in the warm-up they are a step ahead, so that the first step is not in vain."""
    import keras

    from mrcnn.config import Config
    from mrcnn.training.schedules import schedule_of

    config = Config()
    config.LEARNING_SCHEDULE, config.WARMUP_STEPS = "cosine", 50
    ours = schedule_of(config, 0.1, 200)
    theirs = keras.optimizers.schedules.CosineDecay(0.0, 150, alpha=0.01, warmup_target=0.1, warmup_steps=50)
    for step in (50, 51, 125, 199):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), rel=1e-5)
    assert [float(ours(step)) for step in (0, 24, 49)] == pytest.approx([0.002, 0.05, 0.1])
    assert [float(theirs(step)) for step in (1, 25, 50)] == pytest.approx([0.002, 0.05, 0.1])
    assert schedule_of(config, 0.1, 50).warmup == 12  # one epoch left: where Keras' own has no step to decay in
