"""The check itself: every stage in its order."""

import time
from dataclasses import dataclass
from pathlib import Path

from mrcnn.config import Config
from mrcnn_ext.check.classes import check_caps, check_categories
from mrcnn_ext.check.findings import Report
from mrcnn_ext.check.images import Look, check_across, check_images, look_at_images
from mrcnn_ext.check.objects import check_objects
from mrcnn_ext.check.reading import Part
from mrcnn_ext.check.statistics import statistics
from mrcnn_ext.datasets.layout import find_parts


@dataclass(slots=True)
class Case:
    """An image with all its annotations, for the overlays."""

    part: Part
    image: dict
    look: Look
    annotations: list


def check_data(
    data: str | Path, images: str | Path | None = None, config: Config | None = None, progress: bool = True
) -> Report:
    """Look at every image and every object of a data set, and report what is wrong with them.

    Args:
        data: folder of a data set, or one annotation file. It is not changed.
        images: folder of its images, where it is not the usual one.
        config: the settings whose caps (objects of an image) the data must keep; None: the defaults.
        progress: show a bar.

    Returns:
        The report: `findings`, `counts` by code, `exit_code` (1 where there are errors), `to_dict()`.

    Raises:
        ValueError: there is no annotation file at all.
    """
    start = time.perf_counter()
    report = Report(str(data))
    parts, looks = read_parts(data, images, report, progress)
    masks = []
    for part, seen in zip(parts, looks, strict=True):
        check_images(part, seen, report)
        masks.append(check_objects(part, seen, report))
    check_across(parts, looks, report)
    if parts:
        check_categories(parts, report)
        check_caps(parts, config or Config(), report)
    report.statistics = statistics(parts, masks)
    report.cases = _cases(parts, looks)
    report.seconds = time.perf_counter() - start
    return report


def read_parts(data, images, report, progress) -> tuple[list[Part], list[list[Look]]]:
    """All annotation files that can be read, and what their image files are; the others become findings."""
    parts = []
    for file, folder in find_parts(data, images):
        try:
            parts.append(Part(file, folder, report))
        except ValueError as error:
            report.add("file-unreadable", file, str(error))
    return parts, [look_at_images(part, progress) for part in parts]


def _cases(parts, looks) -> list[Case]:
    return [
        Case(part, image, look, objects)
        for part, seen in zip(parts, looks, strict=True)
        for image, look, objects in zip(part.images, seen, part.objects, strict=True)
    ]
