"""Text and JSON files of the data, written whole or not at all (`mrcnn.whole_file`)."""

import json
import math
from pathlib import Path

import numpy as np

from mrcnn.whole_file import whole_file


def write_text(path: str | Path, content: str, on_disk: bool = True) -> Path:
    """Write a text file in UTF-8.

    Args:
        path: The file; its folder is made.
        content: The text. Lone surrogates (half a character), which UTF-8 cannot hold, become escapes.
        on_disk: See `whole_file`.

    Returns:
        The path.
    """
    with whole_file(path, on_disk) as part:
        part.write_text(content, encoding="utf-8", errors="backslashreplace")
    return Path(path)


def write_json(path: str | Path, content: object, on_disk: bool = True, indent: int | None = None) -> Path:
    """Write a JSON file, letters as they are.

    Args:
        path: The file; its folder is made.
        content: Plain values, and arrays: these become lists, with whole numbers without .0. NaN and infinity, which
            JSON does not have, become null.
        on_disk: See `whole_file`.
        indent: Spaces of a level; None: all in one line.

    Returns:
        The path.
    """
    return write_text(path, json_text(content, indent), on_disk)


def json_text(content: object, indent: int | None = None) -> str:
    """JSON of plain values and arrays, as `write_json` writes it."""
    try:
        return json.dumps(content, default=_plain, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(_finite(content), default=_plain, ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return _finite(_plain(value)) if isinstance(value, np.ndarray | np.generic) else value


def _plain(value):
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, np.ndarray | np.generic):
        whole = value.dtype.kind == "f" and bool((np.isfinite(value) & (value == np.rint(value))).all())
        return value.astype(np.int64).tolist() if whole else value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
