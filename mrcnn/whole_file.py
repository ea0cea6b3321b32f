"""Files that appear under their name only when they are complete, whenever the process or the machine stops."""

import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path):
    """Gives the path of a hidden file beside `path` to write; at the end it is on disk and takes the name `path`.

    Folders are made as needed. After an error in the block the old file, if any, is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        _to_disk(part)
        part.replace(path)
        _to_disk(path.parent)
    finally:
        part.unlink(missing_ok=True)


def remove_parts(folder):
    """Removes what killed processes left half written in a folder; returns how many files that were."""
    parts = list(Path(folder).glob(".*.part"))
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def _to_disk(path):
    """Waits until a file, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
