"""Results of runs as tables in the terminal, as CSV and as JSON."""

import csv
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from mrcnn_ext.evaluation.report import NAMES, text_of
from mrcnn_ext.evaluation.result import comparable

TOTALS = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR")
SIZES = ("AP", "AP75", "AP_small", "AP_medium", "AP_large", "AR")
_MAX_CLASSES, _MAX_WORST, _MAX_CONFUSED = 40, 10, 5


def print_results(results, console: Console | None = None) -> None:
    """One run, or several side by side."""
    console = console or Console()
    results = comparable(results)
    first = results[0]
    evaluation = first.evaluation
    console.print(
        f"{escape(first.data)}, {escape(first.subset)}: {evaluation['images']:,} images, "
        f"{evaluation['objects']:,} objects",
        style="bold",
    )
    for letter, result in lettered(results):
        console.print(escape(_named(letter, result.title)))
    for head, rows in tables(results):
        table = Table(Column(head[0], overflow="fold"), *(Column(escape(text), justify="right") for text in head[1:]))
        for row in rows[:_MAX_CLASSES]:
            table.add_row(*(escape(str(cell)) for cell in row))
        console.print(table)
        if len(rows) > _MAX_CLASSES:
            console.print(f".. and {len(rows) - _MAX_CLASSES} more")
    for letter, result in lettered(results):
        console.print(escape(_named(letter, _believed_and_confused(result.analysis))), soft_wrap=True)
        worst = result.analysis.mistakes[:_MAX_WORST]
        shown = (f"{result.image_name(one.image_id)} ({one.missed} missed, {one.wrong} wrong)" for one in worst)
        text = _named(letter, f"worst images: {', '.join(shown) or 'none'}")
        console.print(escape(text), soft_wrap=True)
    console.print("-: no such object in the ground truth.  AP, AR: COCO's, IoU 0.50:0.95.", style="dim")


def tables(results) -> list[tuple[list[str], list[list[str]]]]:
    """(heading, rows) of the totals, the classes and the kinds of errors; several runs stand beside each other.

    results: as from `comparable`; of boxes and masks what all of them have is shown.
    """
    kinds = [kind for kind in NAMES if all(kind in result.evaluation for result in results)]
    total = [
        [_named(letter, NAMES[kind]), *(text_of(result.evaluation[kind][key]) for key in TOTALS)]
        for kind in kinds
        for letter, result in lettered(results)
    ]
    found = [(["", *_titles(TOTALS)], total), _classes(results), _errors(results)]
    if len(results) > 1:
        found.insert(1, _differences(results, kinds))
    return found


def classes_by_size(results) -> tuple[list[str], list[list[str]]]:
    """(heading, rows) of AP by the size of the objects, for each class."""
    kind = results[0].analysis.kind
    rows = [
        [_named(letter, name), *(text_of(result.evaluation[kind]["classes"][name][key]) for key in SIZES)]
        for name in results[0].evaluation[kind]["classes"]
        for letter, result in lettered(results)
    ]
    return ["class", *_titles(SIZES)], rows


def write_csv(path, results) -> None:
    """A line for each run, kind and class."""
    rows = [row for result in results for row in result.rows()]
    names = list(dict.fromkeys(key for row in rows for key in row))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: value for key, value in row.items() if value == value})  # NaN: an empty cell


def _classes(results):
    kind = results[0].analysis.kind
    head = ["class", "objects", f"{NAMES[kind]} AP", "AP50", "best score", "F1", "precision", "recall"]
    rows = []
    for i, (name, first) in enumerate(results[0].evaluation[kind]["classes"].items()):
        for letter, result in lettered(results):
            numbers = list(result.evaluation[kind]["classes"].values())[i]
            best = list(result.analysis.thresholds().values())[i]
            row = [_named(letter, name), f"{first['objects']:,}", *(text_of(numbers[key]) for key in ("AP", "AP50"))]
            rows.append(row + [text_of(best[key]) for key in ("score", "f1", "precision", "recall")])
    return head, rows


def _errors(results):
    head = ["error (TIDE)"]
    for letter, _ in lettered(results):
        head += [_named(letter, "number"), "AP50 it costs"]
    rows = []
    for kind in results[0].analysis.errors["cost"]:
        row = [kind]
        for result in results:
            errors = result.analysis.errors
            row += [f"{errors['count'][kind]:,}" if kind in errors["count"] else "", text_of(errors["cost"][kind])]
        rows.append(row)
    return head, rows


def _differences(results, kinds):
    rows = []
    for letter, result in lettered(results)[1:]:
        for kind in kinds:
            gaps = [result.evaluation[kind][key] - results[0].evaluation[kind][key] for key in TOTALS]
            texts = [text_of(gap, "+") for gap in gaps]
            rows.append([f"{letter} - A: {NAMES[kind]}", *texts])
    return ["", *_titles(TOTALS)], rows


def _believed_and_confused(analysis) -> str:
    """How far scores can be believed, and the classes most often taken for others, in a line."""
    confused = [f"{true} as {found} ({count:,})" for true, found, count in analysis.confused()[:_MAX_CONFUSED]]
    error = analysis.calibration["ece"]
    return f"calibration error (ECE): {error:.3f}; classes taken for others: {', '.join(confused) or 'none'}"


def _titles(keys) -> list[str]:
    return [key.replace("_", " ") for key in keys]


def lettered(results) -> list[tuple]:
    """(letter, result): A, B .. where there are several, else no letter."""
    return [("" if len(results) == 1 else chr(ord("A") + i), result) for i, result in enumerate(results)]


def _named(letter, text) -> str:
    return f"{letter}: {text}" if letter else text
