"""metrics.csv, a row for each epoch, and steps.csv, a row for each step."""

import csv
from pathlib import Path

import keras

from mrcnn.whole_file import whole_file


class MetricsFile(keras.callbacks.Callback):
    """Writes what each epoch gave as a CSV file, whole at any moment; an epoch without a value has an empty cell.

    epoch: epochs that are done already; rows of later ones, of a run that was stopped after them, are dropped.
    `rows`: the file's rows as dicts.
    """

    def __init__(self, path, epoch=0):
        super().__init__()
        self.path = Path(path)
        self.rows = [row for row in read_metrics(path) if row["epoch"] < epoch]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch, **(logs or {})})
        names = list(dict.fromkeys(name for row in self.rows for name in row))  # as they came
        with whole_file(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(self.rows)


class StepsFile:
    """Appends what each step gave to a CSV file: step (of the run, from 0), epoch, losses, and OF_STEP where known.

    step: steps that are done already; rows of later ones, of a run that was stopped after them, are dropped.
    """

    OF_STEP = ("learning_rate", "gradient_norm", "images_per_second", "data_wait")

    def __init__(self, path, step=0):
        self.path = Path(path)
        self.step = step
        self.file = None

    def add(self, values):
        """values: step, epoch and the losses first; the same ones each time."""
        if self.file is None:
            names = list(dict.fromkeys([*(name for name in values if name not in self.OF_STEP), *self.OF_STEP]))
            self._drop_later(names)
            self.file = self.path.open("a", newline="", encoding="utf-8")
            self.writer = csv.DictWriter(self.file, names, restval="")
        self.writer.writerow(values)

    def flush(self):
        self.file.flush()

    def close(self):
        if self.file is not None:
            self.file.close()
            self.file = None

    def _drop_later(self, names):
        """The file with a header, and of its rows those of earlier steps that are whole."""
        rows = []
        if self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in list(csv.reader(file))[1:] if len(row) == len(names) and int(row[0]) < self.step]
        with whole_file(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([names, *rows])


def read_metrics(path):
    """Rows of a metrics.csv as dicts of numbers, without empty cells; none where there is no file."""
    path = Path(path)
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(file)]
    return [row | {"epoch": int(row["epoch"])} for row in rows]
