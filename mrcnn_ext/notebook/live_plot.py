"""The losses while it trains, in the notebook: a callback for `MaskRCNN.train`."""

import time

import keras
import numpy as np

from mrcnn.extras import needs
from mrcnn.plots.figures import new_figure
from mrcnn.plots.history import TITLES, TRAIN_COLOR, VAL_COLOR, highest

SECONDS = 3  # least time between two drawings
SHARE = 0.05  # most of the training's time that drawing may take
POINTS = 2000  # of a curve, however long the training is


class LivePlot(keras.callbacks.Callback):
    """Draws the losses of steps and epochs anew every few seconds, in one output of the running cell.

    One object for each call of `train`; put it after callbacks that take long.
    `steps`: a Curve over epochs, a step being a part of one.  `epochs`: (epoch, what it gave) in a list.
    """

    def __init__(self):
        super().__init__()
        self.steps = Curve()
        self.epochs = []
        self._output = None
        self._next = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        # An epoch that goes on in its middle has means of its earlier steps already.
        self._epoch = epoch
        self._done = int(self.model.loss_means[0].count)
        self._totals = {mean.name: float(mean.result()) * self._done for mean in self.model.metrics}

    def on_train_batch_end(self, batch, logs=None):
        count = self._done + batch + 1
        totals = {name: float(mean) * count for name, mean in logs.items()}  # Keras tells means since the epoch's start
        losses = {name: total - self._totals.get(name, 0.0) for name, total in totals.items()}
        self._totals = totals
        self.steps.add(self._epoch + count / self.params["steps"], losses)
        if time.monotonic() >= self._next:
            self._draw()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch + 1, dict(logs)))

    def on_train_end(self, logs=None):
        if self.steps.places:
            self._draw()

    def _draw(self):
        with needs("lab"):
            from IPython.display import display

        start = time.monotonic()
        figure = plot_live_losses(self.steps, self.epochs)
        if self._output is None:
            self._output = display(figure, display_id=True)
        else:
            self._output.update(figure)
        end = time.monotonic()
        self._next = end + max(SECONDS, (end - start) / SHARE)


class Curve:
    """Values by place, few of them: of a long curve a point is the mean of 2, 4, 8 .. that were added.

    `places`: of the last value in each point.  `values`: name -> list, as long as `places`.
    """

    def __init__(self, points=POINTS):
        self.points = points
        self.places, self.values = [], {}
        self._span, self._waiting = 1, []

    def add(self, place, values):
        """values: name -> number; the same names each time."""
        self._waiting.append(values)
        if len(self._waiting) < self._span:
            return
        self.places.append(place)
        for name in values:
            self.values.setdefault(name, []).append(float(np.mean([one[name] for one in self._waiting])))
        self._waiting = []
        if len(self.places) == self.points:
            self.places = self.places[1::2]
            self.values = {name: np.reshape(v, (-1, 2)).mean(axis=1).tolist() for name, v in self.values.items()}
            self._span *= 2


def plot_live_losses(steps, epochs):
    """Draw the total loss, each step and each epoch, and beside it its parts, smoothed.

    steps, epochs: as a LivePlot has them, with a step at least. Returns the Figure.
    """
    figure, ((left, right),) = new_figure(1, 2, width=11, height=3.2)
    total = steps.values["loss"]
    smooth = _smooth(total)
    left.plot(steps.places, total, color=TRAIN_COLOR, alpha=0.25, linewidth=1, label="steps")
    left.plot(steps.places, smooth, color=TRAIN_COLOR, label="steps, smoothed")
    shown = [smooth]
    for name, color, label, back in (("loss", TRAIN_COLOR, "epochs", 0.5), ("val_loss", VAL_COLOR, "validation", 0)):
        points = [(epoch - back, logs[name]) for epoch, logs in epochs if name in logs]  # a mean is in the middle
        if points:
            left.plot(*zip(*points, strict=True), color=color, marker="o", linestyle="", label=label)
            shown.append([value for _, value in points])
    parts = {title: _smooth(steps.values[name]) for name, title in TITLES.items() if name in steps.values}
    parts.pop(TITLES["loss"])
    for title, values in parts.items():
        right.plot(steps.places, values, label=title)
    for ax, curves, title in ((left, shown, TITLES["loss"]), (right, parts.values(), "its parts, smoothed")):
        ax.set_title(title)
        ax.set_xlabel("epoch")
        ax.set_ylim(0, 1.08 * highest(*(curves or [total])))
        ax.grid(alpha=0.3)
        if ax.lines:
            ax.legend(frameon=False, fontsize="small")
    return figure


def _smooth(values):
    """Means of the last twentieth of the curve up to each point."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - max(1, len(values) // 20))
    return (sums[ends] - sums[starts]) / (ends - starts)
