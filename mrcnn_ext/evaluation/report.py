"""What `evaluate` returns: a dict that shows itself as tables, as text and, in notebooks, as HTML."""

import math

from mrcnn.plots.labels import counted
from mrcnn_ext.common.html_page import render

NAMES = {"bbox": "box", "segm": "mask"}
CAPTION = "AP: COCO average precision, IoU 0.50:0.95.  AR: average recall.  -: no such object in the ground truth."


class Evaluation(dict):
    """Results of an evaluation.

    "images", "objects" (true ones, without crowds), "max_detections", and for each of "bbox" and "segm" that was
    asked for a dict of floats 0..1, NaN where the truth has no such object:
    AP, AP50, AP75, AP_small, AP_medium, AP_large, AR, AR_small, AR_medium, AR_large (with max_detections), AR1, AR10,
    AR<max_detections>, and "classes": {name: the same without AR1 .., with "id", "objects", "detections"}.
    """

    def table(self) -> str:
        """The results as text: one line for boxes and one for masks, then one line per class."""
        return "\n".join([self._title()] + ["\n" + _as_text(rows) for rows in self._tables()] + ["\n" + CAPTION])

    __str__ = table

    def _repr_html_(self) -> str:
        return render("evaluation/tables.html", title=self._title(), tables=self._tables(), caption=CAPTION)

    def _title(self) -> str:
        shown = f"{counted(self['images'], 'image')}, {counted(self['objects'], 'object')}"
        return f"{shown}; the best {self['max_detections']} detections of an image and class count"

    def _tables(self) -> list[list[list[str]]]:
        """Two tables, as rows of text; the first row is the heading."""
        kinds = [kind for kind in NAMES if kind in self]
        keys = [key for key in self[kinds[0]] if key != "classes" and key != f"AR{self['max_detections']}"]
        total = [["", *(key.replace("_", " ") for key in keys)]]
        total += [[NAMES[kind], *(text_of(self[kind][key]) for key in keys)] for kind in kinds]
        shown = ("AP", "AP50", "AP75")
        classes = [["class", "objects", "detections", *(f"{NAMES[kind]} {key}" for kind in kinds for key in shown)]]
        for name, first in self[kinds[0]]["classes"].items():
            numbers = [text_of(self[kind]["classes"][name][key]) for kind in kinds for key in shown]
            classes.append([name, str(first["objects"]), str(first["detections"]), *numbers])
        return [total, classes]


def text_of(value: float, sign: str = "") -> str:
    """A number with three places, "-" for NaN; sign: "+" to write that of positive ones too."""
    return "-" if math.isnan(value) else f"{value:{sign}.3f}"


def _as_text(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        [row[0].ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)] for row in rows
    ]
    return "\n".join("  ".join(line).rstrip() for line in lines)
