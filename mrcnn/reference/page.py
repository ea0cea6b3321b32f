"""The reference page of the settings, in Markdown."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from mrcnn.config import SETTINGS, Config
from mrcnn.presets import all_presets
from mrcnn.settings.relations import RELATIONS
from mrcnn.settings.table import Setting

_HEAD = """<!-- Written by `python -m mrcnn.reference`: change the entries in mrcnn/settings/ instead. -->
# Settings

Set these in a subclass of `Config` (or of a preset), or in the YAML file of `mrcnn train --config`, one a line:

```yaml
preset: TinyConfig
NUM_CLASSES: 4
RPN_ANCHOR_SCALES: [8, 16, 32, 64, 128]
```

Wrong values are all named when the Config is made, each with its range and what to do; values that are set later are
checked when the network is built. A list may be a tuple or a numpy array in code; `None` is `null` in YAML. Functions
stand in code only. `mrcnn suggest` proposes values for a data set and a machine.
"""


def settings_page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title in dict.fromkeys(entry.section for entry in SETTINGS.values()):
        rows = [_row(entry) for entry in SETTINGS.values() if entry.section == title]
        parts += [
            f"## {title}",
            "",
            "| setting | default | values | what it is |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    parts += ["## What goes together", "", "Where a rule is broken, the error says what to set.", ""]
    parts += [f"- {relation.text}" for relation in RELATIONS]
    parts += ["", "## Presets", "", "Classes of `mrcnn.presets`, and what they have other than the defaults.", ""]
    for name, preset in all_presets().items():
        parts += [f"### {name}", "", " ".join((preset.__doc__ or "").split()), "", *_changes(preset), ""]
    return "\n".join(parts).rstrip() + "\n"


def _row(entry: Setting) -> str:
    cells = [f"`{entry.name}`", f"`{_source(entry.default)}`", entry.expected(), f"{entry.text} {entry.advice}".strip()]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _changes(preset: type[Config]) -> list[str]:
    """The settings in which a preset differs, as a list."""
    names = [name for name in SETTINGS if not np.array_equal(getattr(preset, name), SETTINGS[name].default)]
    return [f"- `{name} = {_source(getattr(preset, name))}`" for name in names] or ["Nothing."]


def _source(value: Any) -> str:
    """A value as one writes it in Python."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{name}": {_source(item)}' for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
