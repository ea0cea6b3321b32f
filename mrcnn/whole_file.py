"""Files that appear under their name only when they are complete, whenever the process or the machine stops."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path

NAME_LETTERS = 40  # of the file's name in the hidden name: file systems allow 255 bytes


@contextmanager
def whole_file(path, on_disk=True):
    """Gives the path of a hidden file beside `path` to write; at the end it is on disk and takes the name `path`.

    Folders are made as needed. After an error in the block the old file, if any, is as it was. Two that write the same
    file at once, also in two containers, have hidden files of their own; the last to end wins.

    Args:
        path: The file to be.
        on_disk: Wait until the disk has it, some milliseconds; False for thousands of small files that a command
            writes anew when it is called again.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f"{os.getpid()}-{secrets.token_hex(4)}"  # the processes of two containers may have the same number
    part = path.with_name(f".{path.name[:NAME_LETTERS]}.{own}.part")
    try:
        yield part
        if on_disk:
            _to_disk(part)
        part.replace(path)
        if on_disk:
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
