"""The whole way: read, detect in batches, write; what cannot be read or taken is named and left out."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tqdm.auto import tqdm

from mrcnn_ext.detection.detector import Detector
from mrcnn_ext.detection.sources import count, passed_over, sources_of
from mrcnn_ext.detection.writer import Writer

LARGE = 4  # times the network's side, from which on an image that went through whole is worth a note


@dataclass
class Summary:
    """skipped: (name, reason) of what could not be read or taken.  seconds: mean of an image, by part.
    large: images that were made much smaller for the network, which small objects may not have outlived.
    left_out: the Writer's, and files of folders that are no images or videos by their ending."""

    images: int = 0
    objects: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    large: list[str] = field(default_factory=list)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """For JSON."""
        skipped = [{"name": name, "reason": reason} for name, reason in self.skipped]
        seconds = {part: round(value, 5) for part, value in self.seconds.items()}
        numbers = {"images": self.images, "objects": self.objects, "skipped": skipped}
        return numbers | {"seconds_per_image": seconds, "large": self.large, "left_out": self.left_out}


def detect_sources(
    detector: Detector,
    items: Iterable[str | Path],
    writer: Writer,
    allow_private: bool = False,
    progress: bool = True,
    channels: int = 3,
) -> Summary:
    """Detect on files, folders, videos and addresses, and write what was found.

    Args:
        detector: what finds.
        items: images, folders (with those below), videos, http or https addresses.
        writer: what writes; it is closed at the end.
        allow_private: also ask hosts of this network.
        progress: show a bar.
        channels: that images are to have, 3 or more.

    Returns:
        Counts and times. An image that cannot be read, or that the network cannot take, is skipped, and named there.
    """
    summary, batch = Summary(left_out=writer.left_out), []
    with writer, tqdm(total=count(items, writer.folder), desc="detect", unit="image", disable=not progress) as bar:
        sources = sources_of(items, allow_private, writer.folder, channels)
        for source, image in _read(sources, detector, summary, bar):
            batch.append((source, image))
            if len(batch) == detector.batch_size or detector.cuts(image):  # no two huge ones in memory
                _detect_batch(detector, batch, writer, summary, bar)
                batch = []
        if batch:
            _detect_batch(detector, batch, writer, summary, bar)
    passed = passed_over(items, writer.folder)
    if passed:
        summary.left_out = summary.left_out | {"folders": passed}
    summary.seconds = detector.seconds_per_image()
    return summary


def _read(sources, detector, summary, bar):
    """(source, image) of all that can be read. A video is decoded between its sources: that counts as well."""
    before = time.perf_counter()
    for source in sources:
        try:
            image = source.read()
        except (OSError, ValueError) as error:
            summary.skipped.append((source.name, str(error)))
            bar.update()
            continue
        detector.seconds["decode"] += time.perf_counter() - before
        yield source, image
        before = time.perf_counter()


def _detect_batch(detector, batch, writer, summary, bar) -> None:
    side = detector.model.config.IMAGE_MAX_DIM
    for source, image, found in _found(detector, batch, summary):
        writer.add(source, image, found)
        summary.images += 1
        summary.objects += len(found)
        if detector.tile is None and max(image.shape[:2]) >= LARGE * side:
            summary.large.append(source.name)
    bar.update(len(batch))


def _found(detector, batch, summary) -> list[tuple]:
    """(source, image, Detections) of a batch. If the network refuses it, of each of its images that is taken alone."""
    try:
        found = detector.batch([image for _, image in batch])
    except ValueError as error:
        if len(batch) > 1:
            return [one for pair in batch for one in _found(detector, [pair], summary)]
        summary.skipped.append((batch[0][0].name, str(error)))
        return []
    return [(*pair, one) for pair, one in zip(batch, found, strict=True)]
