"""metrics.csv: a row for each epoch."""

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


def read_metrics(path):
    """Rows of a metrics.csv as dicts of numbers, without empty cells; none where there is no file."""
    path = Path(path)
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(file)]
    return [row | {"epoch": int(row["epoch"])} for row in rows]
