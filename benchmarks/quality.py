"""Average precision over minutes of training, from random weights.

    python benchmarks/quality.py [--sets shapes hard FOLDER] [--minutes 10] [--points 8] [--json FILE] [--png FILE]

Each set is trained once with TinyConfig, set as `mrcnn train` does it on a machine without a GPU, but by the clock:
the training ends when the minutes are used up, and the step size follows its schedule by their share instead of that
of the steps. Minutes are those of training, with the compilation of its graph; AP on the validation images, at equal
shares of the minutes, the loss on one batch of them after each epoch, and checkpoints are the other minutes.
"""

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path

import keras
from common import machine, report

from mrcnn.training.optimizer import inner_optimizer
from mrcnn.training.schedules import Schedule

DATA = Path(__file__).resolve().parent.parent / "data"
MOST_EPOCHS = 10_000  # the clock ends it
WHOLE = 1000  # steps of the schedule, of which the share is taken


class Minutes(keras.callbacks.Callback):
    """Ends a training after its minutes, measures AP at equal shares of them, and sets the step size by their share.

    minutes, points: so many.  config: the Config with the schedule.  average: an AveragePrecision, which is asked
    within the epochs.
    `curve`: a dict a point.  `steps`: of training so far.
    """

    def __init__(self, minutes, points, config, average):
        super().__init__()
        self.minutes, self.points, self.average = minutes, points, average
        self.schedule = Schedule(config.LEARNING_SCHEDULE, config.LEARNING_RATE, WHOLE)
        self.warmup = max(1, config.WARMUP_STEPS)
        self.curve, self.steps = [], 0
        self.before = 0.0  # minutes of training up to the last break

    def on_train_begin(self, logs=None):
        self.average.set_model(self.model)
        self.average.set_params(self.params)
        self.begin = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.since = time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        share = min(1.0, self.trained() / self.minutes)
        warm = min(1.0, (self.steps + 1) / self.warmup)
        inner_optimizer(self.model).learning_rate = warm * float(self.schedule(share * WHOLE))

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.trained() < self.minutes * (len(self.curve) + 1) / self.points:
            return
        self.before = self.trained()
        found = {}
        self.average.on_epoch_end(0, found)
        names = [f"{kind}_{name}" for kind in ("mask", "box") for name in ("AP", "AP50")]
        self.curve.append({"minutes": self.before, "steps": self.steps} | {name: found[name] for name in names})
        self.model.stop_training = self.before >= self.minutes
        self.since = time.perf_counter()

    def on_test_begin(self, logs=None):  # the loss on validation images, and then the checkpoint
        self.before = self.trained()

    def trained(self):
        """Minutes of training so far."""
        return self.before + (time.perf_counter() - self.since) / 60

    def other_minutes(self):
        """Minutes of evaluation and checkpoints, after the training."""
        return (time.perf_counter() - self.begin) / 60 - self.before


def folder_of(name):
    """The folder of a set, which is made where it is one of ours."""
    from mrcnn_ext.datasets.hard_shapes import make_hard_shapes
    from mrcnn_ext.datasets.shapes import make_shapes

    makers = {"shapes": (make_shapes, DATA / "shapes"), "hard": (make_hard_shapes, DATA / "hard")}
    if name not in makers:
        return Path(name)
    make, folder = makers[name]
    return make(folder)


def config_for(folder, year):
    """TinyConfig with what `mrcnn suggest` says for a machine without a GPU."""
    from mrcnn.presets import TinyConfig
    from mrcnn_ext.common.machine import this_machine
    from mrcnn_ext.training.suggest import suggest

    proposed = suggest(folder, dataclasses.replace(this_machine(), gpus=()), year=year)
    return TinyConfig.from_dict({**proposed.values, "KEEP_CHECKPOINTS": 1}, folder)


def trained(config, data, minutes, points, folder):
    """The Minutes of a training."""
    from mrcnn.model import MaskRCNN
    from mrcnn.presets import LIGHT_AUGMENTATION
    from mrcnn_ext.common.runs import changed
    from mrcnn_ext.training.average_precision import AveragePrecision

    train, validate = data
    # The step size is set by Minutes
    steady = changed(config, LEARNING_SCHEDULE="constant", WARMUP_STEPS=0, VALIDATION_STEPS=1)
    model = MaskRCNN("training", steady, folder)
    clock = Minutes(minutes, points, config, AveragePrecision(model, validate, images=0))
    model.train(
        train,
        validate,
        config.LEARNING_RATE,
        MOST_EPOCHS,
        "all",
        augmentation=LIGHT_AUGMENTATION,
        custom_callbacks=[clock],
    )
    return clock


def measure(name, options):
    """A row of the table, with its curve."""
    from mrcnn_ext.datasets.open_data import open_data

    folder = folder_of(name)
    data = [open_data(folder, part, options.year) for part in ("train", "validate")]
    config = config_for(folder, options.year)
    with tempfile.TemporaryDirectory() as runs:
        result = trained(config, data, options.minutes, options.points, runs)
    best = max(result.curve, key=lambda point: point["mask_AP"])
    return {
        "set": name if name in ("shapes", "hard") else folder.name,
        "images": data[0].num_images,
        "pixels": config.IMAGE_MAX_DIM,
        "steps": result.curve[-1]["steps"],
        "minutes": result.curve[-1]["minutes"],
        "other minutes": result.other_minutes(),
        "best mask AP": best["mask_AP"],
        "mask AP50": best["mask_AP50"],
        "box AP": best["box_AP"],
        "at minute": best["minutes"],
        "curve": result.curve,
    }


def draw(rows, path):
    """The curves as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        axes.plot([p["minutes"] for p in row["curve"]], [p["mask_AP"] for p in row["curve"]], "o-", label=row["set"])
    axes.set(xlabel="minutes of training", ylabel="mask AP, validation images", xlim=(0, None), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["shapes", "hard"], help='"shapes", "hard", or a COCO folder')
    parser.add_argument("--minutes", type=float, default=10, help="of training for each set")
    parser.add_argument("--points", type=int, default=8, help="of the curve")
    parser.add_argument("--year", default="2018", help="end of the file names in a folder; may be empty")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--png", type=Path, help="draw the curves into this file")
    options = parser.parse_args()
    rows = []
    for name in options.sets:
        rows.append(measure(name, options))
        print(rows[-1], flush=True)
    report([{key: value for key, value in row.items() if key != "curve"} for row in rows], None)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")
    if options.png:
        draw(rows, options.png)


if __name__ == "__main__":
    main()
