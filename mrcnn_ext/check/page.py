"""The report as one HTML page that needs nothing else: numbers, findings, and overlays of the worst cases."""

from collections import defaultdict
from html import escape
from pathlib import Path

from mrcnn_ext.check.findings import CODES
from mrcnn_ext.check.overlays import overlays
from mrcnn_ext.check.statistics import bin_label
from mrcnn_ext.common.html_page import document, image, table

MAX_ROWS = 100  # findings of one code on the page; the JSON has more


def write_page(report, path) -> None:
    """Write the page.  Some hundred kilobytes, a few megabytes at most."""
    Path(path).write_text(html_page(report), encoding="utf-8")


def html_page(report) -> str:
    """The page as text."""
    images = defaultdict(list)
    for finding, uri in overlays(report):
        images[finding.code].append((finding, uri))
    level = next((name for name in ("error", "warning") if report.total(name)), "note")
    body = [
        f"<h1>{escape(report.data)}</h1>",
        f'<p class="verdict {level}">{escape(report.verdict())}</p>',
        "<h2>Findings</h2>" if report.counts else "",
        *(_code(report, code, images[code]) for code in report.codes()),
        *_numbers(report.statistics),
        f'<p class="muted">mrcnn check, {report.seconds:.1f} s</p>',
    ]
    return document(f"Check of {report.data}", body)


def _code(report, code, images) -> str:
    severity, title, to_do = CODES[code]
    rows = [finding for finding in report.findings if finding.code == code][:MAX_ROWS]
    rows = rows if len(rows) > len(images) else []  # the captions have said it all
    items = [f"<li>{escape(f'{f.place()}: ' if f.place() else '')}{escape(f.what)}</li>" for f in rows]
    left = report.counts[code] - max(len(rows), len(images))
    more = f"<p>and {left:,} more</p>" if left else ""
    cases = "".join(image(uri, f"{finding.place()}: {finding.what}") for finding, uri in images)
    return (
        f'<details{" open" if severity != "note" else ""}><summary><b class="{severity}">{severity}</b> '
        f"{escape(title)} <b>&times; {report.counts[code]:,}</b> "
        f'<span class="muted">{code}</span></summary><p>What to do: {escape(to_do)}</p>'
        + (f'<div class="cases">{cases}</div>' if cases else "")
        + (f"<ul>{''.join(items)}</ul>" if len(items) <= 10 else _folded(items))
        + f"{more}</details>"
    )


def _folded(items) -> str:
    return f"<details><summary>{len(items)} places</summary><ul>{''.join(items)}</ul></details>"


def _numbers(numbers) -> list[str]:
    names = [row["name"] for row in numbers["parts"]]
    if not names:
        return []
    keys = ("images", "without_objects", "objects", "crowds", "fullest")
    parts = [[row["name"], *(row[key] for key in keys)] for row in numbers["parts"]]
    classes = [[name, *(counts.get(part, 0) for part in names)] for name, counts in numbers["classes"].items()]
    totals = {row[0]: sum(row[1:]) for row in classes}
    sides = {bin_label(low): count for low, count in numbers["sides_px"].items()}
    full = {bin_label(low): count for low, count in numbers["objects_in_an_image"].items()}
    return [
        "<h2>Parts</h2>",
        table(["", *(key.replace("_", " ") for key in keys)], parts),
        "<h2>Histograms</h2>",
        '<div class="charts">',
        _chart("Objects of each class", totals),
        _chart("Objects by the side of a square of equal area, px", sides),
        _chart("Images by their number of objects", full),
        _chart("Image sizes, px", numbers["image_sizes"]),
        "</div>",
        "<h2>Classes</h2>",
        table(["", *names], classes),
    ]


def _chart(title, counts) -> str:
    top = max(counts.values(), default=0) or 1
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{count:,}</td>'
        f'<td><div class="bar" style="width:{160 * count / top:.0f}px"></div></td></tr>'
        for name, count in list(counts.items())[:40]
    )
    return f"<div><b>{escape(title)}</b><table>{rows}</table></div>"
