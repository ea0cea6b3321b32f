"""What a person sees while it trains, in the terminal, in the notebook and in log.txt."""

import datetime
import sys
from pathlib import Path

import keras
from tqdm.auto import tqdm

SHOWN = ("loss", "val_loss", "box_AP", "mask_AP", "learning_rate", "images_per_second", "memory_mib", "data_wait")
SECONDS_WITHOUT_TERMINAL = 30  # between two states of the bar in a file


class Progress(keras.callbacks.Callback):
    """One bar over all steps that are left, with the time they will take, and a line for each epoch.

    clock: the run's Clock.  epochs: the last one.  log: path of the file for the lines.
    """

    def __init__(self, clock, epochs, log):
        super().__init__()
        self.clock = clock
        self.epochs = epochs
        self.log = Path(log)
        self.bar = None
        self.quiet = not on_screen()

    def on_train_begin(self, logs=None):
        quiet = {"mininterval": SECONDS_WITHOUT_TERMINAL} if self.quiet else {}
        total = self.epochs * self.clock.steps_per_epoch
        self.bar = tqdm(total=total, initial=self.clock.global_step, unit="step", **quiet)

    def on_epoch_begin(self, epoch, logs=None):
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_postfix({"loss": f"{float(logs['loss']):.3f}"}, refresh=False)
        self.bar.update(self.clock.global_step - self.bar.n)

    def on_test_begin(self, logs=None):
        self.before = self.bar.postfix or ""

    def on_test_batch_end(self, batch, logs=None):
        self.bar.set_postfix_str(f"validation step {batch + 1}", refresh=not self.quiet)

    def on_test_end(self, logs=None):
        self.bar.set_postfix_str(self.before, refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        values = [f"{name} {logs[name]:.4g}" for name in SHOWN if name in logs]
        self.say(f"epoch {epoch + 1}/{self.epochs}: {', '.join(values)}")

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()

    def say(self, line):
        """A line above the bar, and in the log with the time."""
        self.bar.write(line, file=sys.stdout)
        note(self.log, line)


def on_screen():
    """Whether somebody sees a bar move, in a terminal or a notebook; in a file each of its states would be a line."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def note(log, line):
    """A line with the time at the end of a file."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")
