"""The report as one HTML page that needs nothing else: numbers, findings, and overlays of the worst cases."""

from collections import defaultdict
from pathlib import Path

from mrcnn_ext.check.findings import CODES, Report
from mrcnn_ext.check.overlays import overlays
from mrcnn_ext.check.statistics import bin_label
from mrcnn_ext.common.files import write_text
from mrcnn_ext.common.html_page import render

MAX_ROWS = 100  # findings of one code on the page; the JSON has more


def write_page(report: Report, path: str | Path) -> None:
    """Write the page.  Some hundred kilobytes, a few megabytes at most."""
    write_text(path, html_page(report))


def html_page(report: Report) -> str:
    """The page as text."""
    images: dict[str, list] = defaultdict(list)
    for finding, uri in overlays(report):
        images[finding.code].append((finding, uri))
    return render(
        "check/page.html",
        title=f"Check of {report.data}",
        report=report,
        level=next((name for name in ("error", "warning") if report.total(name)), "note"),
        codes=[_code(report, code, images[code]) for code in report.codes()],
        numbers=_numbers(report.statistics),
    )


def _code(report: Report, code: str, images: list) -> dict:
    """What the page shows of a code: its overlays, and its findings where there are more than the captions tell."""
    severity, title, to_do = CODES[code]
    findings = [finding for finding in report.findings if finding.code == code][:MAX_ROWS]
    findings = findings if len(findings) > len(images) else []
    return {
        "code": code,
        "severity": severity,
        "title": title,
        "to_do": to_do,
        "count": report.counts[code],
        "images": images,
        "findings": findings,
        "left": report.counts[code] - max(len(findings), len(images)),
    }


def _numbers(numbers: dict) -> dict | None:
    """The tables and charts; None where no annotation file could be read."""
    names = [row["name"] for row in numbers["parts"]]
    if not names:
        return None
    keys = ("images", "without_objects", "objects", "crowds", "fullest")
    classes = [[name, *(counts.get(part, 0) for part in names)] for name, counts in numbers["classes"].items()]
    return {
        "part_head": ["", *(key.replace("_", " ") for key in keys)],
        "parts": [[row["name"], *(row[key] for key in keys)] for row in numbers["parts"]],
        "class_head": ["", *names],
        "classes": classes,
        "charts": {
            "Objects of each class": {row[0]: sum(row[1:]) for row in classes},
            "Objects by the side of a square of equal area, px": _binned(numbers["sides_px"]),
            "Images by their number of objects": _binned(numbers["objects_in_an_image"]),
            "Image sizes, px": numbers["image_sizes"],
        },
    }


def _binned(counts: dict) -> dict[str, int]:
    return {bin_label(low): count for low, count in counts.items()}
