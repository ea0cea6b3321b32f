"""Writing COCO annotation files."""

import json
import os
from pathlib import Path

import numpy as np


def write_coco(path, content: dict) -> None:
    """Write an annotation file whole or not at all; arrays become lists, and whole numbers are written without .0."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(content, file, default=_plain, allow_nan=False)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _plain(value):
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, np.ndarray | np.generic):
        whole = value.dtype.kind == "f" and bool((value == np.rint(value)).all())
        return value.astype(np.int64).tolist() if whole else value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
