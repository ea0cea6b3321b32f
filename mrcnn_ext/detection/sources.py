"""What to detect on: images, folders of them, addresses, videos; read one after the other."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from mrcnn.data.image import decode_image, read_image
from mrcnn.retry import Failure
from mrcnn_ext.common.address import content_of, name_of
from mrcnn_ext.common.web import Refused
from mrcnn_ext.datasets.layout import IMAGE_ENDINGS, is_record

VIDEO_ENDINGS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v"}
MAX_BYTES = 50_000_000  # of an image from an address
TIMEOUT = 60.0  # seconds
VIDEO_SLACK = 0.9  # of the stated number of frames, which many videos only estimate, so many must come


@dataclass
class Source:
    """An image to come: its name in the results, how to read it, whether it is a file of its own in the folder that
    names are relative to, or else the video that it is a frame of."""

    name: str
    read: Callable[[], np.ndarray]
    is_file: bool = False
    video: str = ""
    rate: float = 0.0  # frames a second


def sources_of(items, allow_private=False, out=None, channels=3) -> Iterator[Source]:
    """Images and frames of files, folders (with those below), videos, and http or https addresses, in order.

    Names are relative to `root_of(items)`, of addresses their last part; no two are equal. What cannot be read raises
    ValueError or OSError when it is read, also a file that is not there.
    allow_private: also ask hosts of this network.  out: a folder that is left out where it lies in one of these.
    channels: that images are to have; frames of videos have three.
    """
    root = root_of(items)
    taken: set[str] = set()
    for item in map(str, items):
        if item.lower().startswith(("http://", "https://")):
            yield Source(free_name(name_of(item), taken), partial(_download, item, allow_private, channels))
            continue
        path = Path(item)
        for file in _files_below(path, out) if path.is_dir() else [path]:
            name = free_name(Path(os.path.relpath(file, root)).as_posix(), taken)
            if file.suffix.lower() in VIDEO_ENDINGS and file.is_file():
                yield from _frames(file, name)
            else:
                yield Source(name, partial(_read, file, channels), is_file=True)


def root_of(items) -> Path | None:
    """The folder that holds all local files and folders among the items; None when there are none."""
    local = [Path(i) for i in map(str, items) if not i.lower().startswith(("http://", "https://"))]
    folders = [os.path.abspath(path if path.is_dir() else path.parent) for path in local]  # noqa: PTH100
    return Path(os.path.commonpath(folders)) if folders else None


def count(items, out=None) -> int | None:
    """How many images there will be; None where a video is among them."""
    total = 0
    for item in map(str, items):
        path = Path(item)
        files = _files_below(path, out) if path.is_dir() else [path]
        if any(file.suffix.lower() in VIDEO_ENDINGS for file in files):
            return None
        total += len(files)
    return total


def passed_over(items, out=None) -> dict[str, int]:
    """{what: how many} of the files of the folders among the items that are no images or videos by their ending."""
    counts: Counter[str] = Counter()
    for folder in filter(Path.is_dir, map(Path, map(str, items))):
        others = _all_below(folder, out) - set(_files_below(folder, out))
        counts.update(f"file with the ending {path.suffix.lower() or 'none'}" for path in others)
    return dict(sorted(counts.items()))


def _all_below(folder: Path, out) -> set[Path]:
    """All files but hidden ones, and those of the folder `out`."""
    own = None if out is None else Path(out).resolve()
    files = {path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    return {path for path in files if own is None or own not in path.resolve().parents}


def _files_below(folder: Path, out) -> list[Path]:
    known = IMAGE_ENDINGS | VIDEO_ENDINGS
    files = sorted(path for path in _all_below(folder, out) if path.suffix.lower() in known)
    if not files and any(map(is_record, folder.iterdir())):
        raise ValueError(
            f"{folder}: these are TFRecords. mrcnn evaluate RUN --data {folder} detects on them and measures; "
            f"mrcnn convert {folder} OUT/annotations.json --images OUT/images writes their images for mrcnn detect."
        )
    return files


def _read(file: Path, channels: int) -> np.ndarray:
    if file.suffix.lower() == ".json" and file.is_file():
        raise ValueError(f"{file}: this is no image. Of a COCO data set name the folder of its images.")
    return read_image(file, channels=channels)


def _frames(path: Path, name: str) -> Iterator[Source]:
    """The frames of a video, each read once, in order."""
    video = cv2.VideoCapture(str(path))
    try:
        rate, stated = video.get(cv2.CAP_PROP_FPS) or 25.0, int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        number = 0
        while True:
            there, frame = video.read()
            if not there:
                break
            frame = np.ascontiguousarray(frame[:, :, ::-1])
            yield Source(f"{name}/{number:06d}.png", partial(np.asarray, frame), video=name, rate=rate)
            number += 1
    finally:
        video.release()
    if number < max(VIDEO_SLACK * stated, 1):
        yield Source(name, lambda: _damaged(path, number, stated))


def _damaged(path, number, stated):
    if number:
        raise ValueError(f"{path}: only {number} of about {stated} frames can be read from it. Is it complete?")
    raise ValueError(f"{path}: no frame can be read from it. Is it a video, and complete?")


def _download(url: str, allow_private: bool, channels: int) -> np.ndarray:
    try:
        return decode_image(content_of(url, MAX_BYTES, TIMEOUT, allow_private), url, channels=channels)
    except (Refused, Failure) as error:
        raise ValueError(f"{url}: {error}") from error


def free_name(name: str, taken: set) -> str:
    """The name, or with a number before its ending where it is taken."""
    path, number, free = PurePosixPath(name), 2, name
    while free in taken:
        free = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        number += 1
    taken.add(free)
    return free
