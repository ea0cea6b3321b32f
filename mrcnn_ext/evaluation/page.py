"""The results as one HTML page that needs nothing else."""

from collections.abc import Sequence
from pathlib import Path

from mrcnn_ext.common.files import write_text
from mrcnn_ext.common.html_page import figure_uri, jpeg_uri, render
from mrcnn_ext.evaluation.figures import figures_of
from mrcnn_ext.evaluation.images import told, worst_pixels
from mrcnn_ext.evaluation.output import classes_by_size, lettered, tables
from mrcnn_ext.evaluation.result import RunResult, comparable

WORST = 8  # images of each run


def write_page(results: Sequence[RunResult], path: str | Path) -> None:
    """Writes the page of one run, or of several side by side; about a megabyte."""
    write_text(path, html_page(results))


def html_page(results: Sequence[RunResult]) -> str:
    """The page as text."""
    results = comparable(results)
    titles = [f"{letter}: {result.title}" if letter else result.title for letter, result in lettered(results)]
    names = " and ".join(titles)
    heads = ["Average precision", *(["Difference"] if len(results) > 1 else []), "Classes", "Errors", "Classes by size"]
    shown = [*tables(results), classes_by_size(results)]
    return render(
        "evaluation/page.html",
        title=f"Evaluation of {names}",
        names=names,
        first=results[0],
        tables=[(title, head, rows) for title, (head, rows) in zip(heads, shown, strict=True)],
        runs=[_run(title, result) for title, result in zip(titles, results, strict=True)],
        seconds=sum(result.seconds for result in results),
    )


def _run(title: str, result: RunResult) -> dict:
    """What the page shows of a run: figures and worst images, as (data URI, caption)."""
    worst = result.analysis.mistakes[:WORST]
    return {
        "title": title,
        "figures": [(figure_uri(figure), text) for figure, text in figures_of(result.analysis).values()],
        "worst": [
            (jpeg_uri(worst_pixels(result, one)), f"{told(result, one)} (ground truth left, detections right)")
            for one in worst
        ],
    }
