"""The whole way: read, detect in batches, write; what cannot be read is named and left out."""

import time
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from mrcnn_ext.detection.sources import count, sources_of

LARGE = 4  # times the network's side, from which on a picture that went through whole is worth a note


@dataclass
class Summary:
    """skipped: (name, reason) of what could not be read.  seconds: mean of a picture, by part.  large: pictures that
    were made much smaller for the network, which small objects may not have outlived."""

    pictures: int = 0
    objects: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    large: list[str] = field(default_factory=list)

    def to_dict(self) -> dict:
        """For JSON."""
        skipped = [{"name": name, "reason": reason} for name, reason in self.skipped]
        seconds = {part: round(value, 5) for part, value in self.seconds.items()}
        numbers = {"pictures": self.pictures, "objects": self.objects, "skipped": skipped}
        return numbers | {"seconds_per_picture": seconds, "large": self.large}


def detect_sources(detector, items, writer, allow_private=False, progress=True) -> Summary:
    """Detect on files, folders, videos and addresses, and write what was found.

    detector: a Detector.  items: see `sources_of`.  writer: a Writer; it is closed at the end.
    A picture that cannot be read is skipped, and named in the Summary.
    """
    summary, batch = Summary(), []
    size = detector.model.config.BATCH_SIZE if detector.tile is None else 1  # tiles fill batches of their own
    with writer, tqdm(total=count(items, writer.folder), desc="detect", unit="picture", disable=not progress) as bar:
        for source in sources_of(items, allow_private, writer.folder):
            before = time.perf_counter()
            try:
                image = source.read()
            except (OSError, ValueError) as error:
                summary.skipped.append((source.name, str(error)))
                bar.update()
                continue
            detector.seconds["decode"] += time.perf_counter() - before
            batch.append((source, image))
            if len(batch) == size:
                _detect_batch(detector, batch, writer, summary, bar)
                batch = []
        if batch:
            _detect_batch(detector, batch, writer, summary, bar)
    summary.seconds = detector.seconds_per_picture()
    return summary


def _detect_batch(detector, batch, writer, summary, bar) -> None:
    side = detector.model.config.IMAGE_MAX_DIM
    for (source, image), found in zip(batch, detector.batch([image for _, image in batch]), strict=True):
        writer.add(source, image, found)
        summary.pictures += 1
        summary.objects += len(found)
        if detector.tile is None and max(image.shape[:2]) >= LARGE * side:
            summary.large.append(source.name)
    bar.update(len(batch))
