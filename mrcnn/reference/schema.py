"""The JSON schema of a YAML file of settings, with which editors complete names, show texts and mark wrong values."""

from pathlib import Path
from typing import Any

import numpy as np

from mrcnn.config import SETTINGS
from mrcnn.presets import all_presets
from mrcnn.settings.table import Setting

FILE_NAME = "settings.schema.json"  # beside the YAML
YAML_LINE = f"# yaml-language-server: $schema={FILE_NAME}"  # the first of a YAML file; relative to it


def settings_schema() -> dict[str, Any]:
    """The schema, as plain values for JSON."""
    preset = {"enum": list(all_presets()), "description": "The class of mrcnn.presets to start from."}
    properties = {name: _property(entry) for name, entry in SETTINGS.items() if entry.kind.schema() is not None}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of mrcnn train --config",
        "type": "object",
        "properties": {"preset": preset, **properties},
        "additionalProperties": False,
    }


def _property(entry: Setting) -> dict[str, Any]:
    unit = f"In {entry.unit}." if entry.unit else ""
    default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
    default = default.tolist() if isinstance(default, np.ndarray) else default
    description = " ".join(filter(None, [entry.text, unit, entry.advice]))
    return {"description": description, "default": default, **(entry.kind.schema() or {})}


def schema_beside(path: Path) -> Path:
    """Where the schema of a YAML file lies, so that YAML_LINE finds it."""
    return path.with_name(FILE_NAME)
