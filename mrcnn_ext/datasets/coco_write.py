"""Writing COCO annotation files."""

import json
import math
import os
from pathlib import Path

import numpy as np


def write_coco(path, content: dict) -> None:
    """Write an annotation file whole or not at all.

    Arrays become lists, with whole numbers without .0; NaN and infinity, which JSON does not have, become null.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        try:
            text = json.dumps(content, default=_plain, allow_nan=False)
        except ValueError:
            text = json.dumps(_finite(content), default=_plain, allow_nan=False)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _finite(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _plain(value):
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, np.ndarray | np.generic):
        whole = value.dtype.kind == "f" and bool((value == np.rint(value)).all())
        return value.astype(np.int64).tolist() if whole else value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
