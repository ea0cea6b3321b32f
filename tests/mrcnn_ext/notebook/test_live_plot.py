"""The live plot of the losses: right numbers of each step, few points, one output, little time."""

import signal
from pathlib import Path
from types import SimpleNamespace

import IPython.display
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnn.training.metrics_file import read_metrics
from mrcnn_ext.notebook import live_plot
from mrcnn_ext.notebook.live_plot import Curve, LivePlot, plot_live_losses
from tests.support.engine_data import few_images  # noqa: E402  of the engine's tests
from tests.support.toy_training import ToyConfig, ToyRCNN  # noqa: E402


@pytest.fixture
def outputs(monkeypatch):
    """The figures that were shown: a list for each output."""
    shown = []

    def display(figure, display_id):
        assert display_id
        shown.append([figure])
        return SimpleNamespace(update=shown[-1].append)

    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def by_hand(means, done=0, total=0.0, steps=4):
    """A LivePlot after the first steps of an epoch, that were told as means since its start."""
    plot = LivePlot()
    plot.set_params({"steps": steps})
    mean = SimpleNamespace(name="loss", count=done, result=lambda: total / max(done, 1))
    plot.set_model(SimpleNamespace(metrics=[mean], loss_means=[mean]))
    plot.on_epoch_begin(2)
    for batch, value in enumerate(means):
        plot.on_train_batch_end(batch, {"loss": value})
    return plot


def test_losses_of_steps_come_out_of_the_means(outputs):
    plot = by_hand([1.0, 2.0, 4.0])  # steps of 1, 3 and 8
    assert plot.steps.values == {"loss": [1.0, 3.0, 8.0]}
    assert plot.steps.places == [2.25, 2.5, 2.75]


def test_an_epoch_that_goes_on_in_its_middle(outputs):
    plot = by_hand([3.0, 3.5], done=2, total=4.0, steps=8)  # after 4 in two steps: 5, then 5
    assert plot.steps.values == {"loss": [5.0, 5.0]}
    assert plot.steps.places == [2 + 3 / 8, 2.5]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.sampled_from([2, 4, 10]))
def test_a_long_curve_has_few_points_and_the_same_mean(values, points):
    curve = Curve(points)
    for place, value in enumerate(values):
        curve.add(place, {"loss": value})
    assert len(curve.places) == len(curve.values.get("loss", [])) < points
    if curve.places:
        assert curve.places == sorted(curve.places)
        assert np.mean(curve.values["loss"]) == pytest.approx(np.mean(values[: curve.places[-1] + 1]))


def test_one_output_drawn_anew_every_few_seconds(outputs, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live_plot, "time", SimpleNamespace(monotonic=lambda: now[0]))
    plot = by_hand([], steps=100)
    for batch in range(100):
        plot.on_train_batch_end(batch, {"loss": 2.0})
        now[0] += 0.1
    plot.on_train_end()
    assert [len(figures) for figures in outputs] == [1 + 3 + 1]  # after 0, 3, 6 and 9 seconds, and at the end
    assert len(outputs[0][-1].axes[0].lines[0].get_xdata()) == 100


def test_slow_drawing_takes_a_small_share_of_the_time(outputs, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live_plot, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def slow(*arguments):
        now[0] += 3.0
        return object()

    monkeypatch.setattr(live_plot, "plot_live_losses", slow)
    plot = by_hand([], steps=100)
    for batch in range(1000):
        plot.on_train_batch_end(batch, {"loss": 2.0})
        now[0] += 1.0
    assert len(outputs[0]) == 17  # 3 seconds of drawing, then 60 of training


def test_what_is_drawn():
    steps = Curve()
    for step in range(40):
        steps.add(step / 20, {"loss": 4.0, "mrcnn_mask_loss": 1.0, "rpn_class_loss": 3.0})
    left, right = plot_live_losses(steps, [(1, {"loss": 4.0, "val_loss": 5.0}), (2, {"loss": 4.0})]).axes
    training, validation = ([*map(list, line.get_data())] for line in left.lines[2:])
    assert training == [[0.5, 1.5], [4.0, 4.0]]
    assert validation == [[1], [5.0]]
    assert {line.get_label(): set(line.get_ydata()) for line in right.lines} == {
        "head: masks": {1.0},
        "RPN: object or not": {3.0},
    }
    assert left.get_ylim() == (0, pytest.approx(5.4))


def test_a_loss_without_parts():
    steps = Curve()
    steps.add(0.1, {"loss": 0.0})
    plot_live_losses(steps, []).canvas.draw()


def test_in_a_training_that_was_stopped_and_goes_on(tmp_path, outputs):
    data = few_images()

    def train(*callbacks, **options):
        plot = LivePlot()
        model = ToyRCNN("training", ToyConfig(), tmp_path)
        model.train(data, data, 0.01, 2, "all", custom_callbacks=[plot, *callbacks], **options)
        return model, plot

    def stop_after_two(batch, logs):
        if batch == 1:
            signal.raise_signal(signal.SIGINT)

    _, first = train(keras.callbacks.LambdaCallback(on_train_batch_end=stop_after_two))
    model, second = train(resume=True)
    assert len(outputs) == 2  # one for each of the two calls
    places = first.steps.places + second.steps.places
    assert places == pytest.approx(np.arange(1, 7) / 3)
    rows = read_metrics(Path(model.log_dir) / "metrics.csv")
    for name in ("loss", "mrcnn_class_loss", "mrcnn_mask_loss"):
        values = np.reshape(first.steps.values[name] + second.steps.values[name], (2, 3)).mean(axis=1)
        assert values == pytest.approx([row[name] for row in rows], rel=1e-4)
    assert [epoch for epoch, _ in second.epochs] == [1, 2]
