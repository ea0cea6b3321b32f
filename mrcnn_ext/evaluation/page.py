"""The results as one HTML page that needs nothing else."""

from html import escape
from pathlib import Path

from mrcnn_ext.common.html_page import document, figure_uri, image, jpeg_uri, table
from mrcnn_ext.evaluation.figures import figures_of
from mrcnn_ext.evaluation.images import told, worst_pixels
from mrcnn_ext.evaluation.output import classes_by_size, lettered, tables
from mrcnn_ext.evaluation.result import comparable

WORST = 8  # images of each run


def write_page(results, path) -> None:
    """Writes the page of one run, or of several side by side; about a megabyte."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(html_page(results), encoding="utf-8")


def html_page(results) -> str:
    """The page as text."""
    results = comparable(results)
    first = results[0]
    titles = [f"{letter}: {result.title}" if letter else result.title for letter, result in lettered(results)]
    names = " and ".join(titles)
    body = [
        f"<h1>{escape(names)}</h1>",
        f'<p class="muted">on {escape(first.data)}, {escape(first.subset)}: {first.evaluation["images"]:,} images, '
        f"{first.evaluation['objects']:,} objects; the best {first.evaluation['max_detections']} detections of an "
        "image and class count</p>",
    ]
    shown = [*tables(results), classes_by_size(results)]
    for title, (head, rows) in zip(_titles(results), shown, strict=True):
        body += [f"<h2>{title}</h2>", table(head, rows)]
    body.append('<p class="muted">-: no such object in the truth. AP, AR: COCO&#39;s, IoU 0.50:0.95.</p>')
    for title, result in zip(titles, results, strict=True):
        body.append(f"<h2>Figures: {escape(title)}</h2>")
        body += [image(figure_uri(figure), text, wide=True) for figure, text in figures_of(result.analysis).values()]
        body.append(f"<h2>Worst images: {escape(title)}</h2>")
        body += [worst_case(result, one) for one in result.analysis.mistakes[:WORST]] or ["<p>none</p>"]
    seconds = sum(result.seconds for result in results)
    return document(f"Evaluation of {names}", [*body, f'<p class="muted">mrcnn evaluate, {seconds:.1f} s</p>'])


def worst_case(result, mistakes) -> str:
    """Truth beside prediction of one image, as HTML."""
    text = f"{told(result, mistakes)} (truth left, prediction right)"
    return image(jpeg_uri(worst_pixels(result, mistakes)), text, wide=True)


def _titles(results) -> list[str]:
    return ["Average precision", *(["Difference"] if len(results) > 1 else []), "Classes", "Errors", "Classes by size"]
