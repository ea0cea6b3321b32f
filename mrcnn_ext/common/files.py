"""Writing files whole or not at all."""

import json
import os
from pathlib import Path


def write_text(path, content: str) -> Path:
    """Write a text file in UTF-8 and return its path; the folder is made.  Half letters become escapes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(content, encoding="utf-8", errors="backslashreplace")
    os.replace(part, path)  # noqa: PTH105
    return path


def write_json(path, content) -> Path:
    """Write a JSON file, letters as they are.  Returns the path."""
    return write_text(path, json.dumps(content, ensure_ascii=False))
