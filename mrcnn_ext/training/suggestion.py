"""What `suggest` proposes, and how it is written: Python, YAML with comments, JSON."""

import json
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mrcnn.config import SETTINGS, Config
from mrcnn.reference.schema import YAML_LINE, schema_beside, settings_schema
from mrcnn.whole_file import whole_file
from mrcnn_ext.common.files import write_json
from mrcnn_ext.common.machine import Machine

_END_OF_SCALAR = "...\n"  # which PyYAML writes behind a value that stands alone


@dataclass(frozen=True)
class Proposal:
    """One value of the Config, and why."""

    name: str
    value: Any
    reason: str

    @property
    def comment(self) -> str:
        """What the setting is, from the table behind Config, and why it has this value."""
        return f"{SETTINGS[self.name].text} {self.reason}"


@dataclass
class Suggestion:
    """Settings for a data set and a machine.

    Attributes:
        preset: The class to start from.
        machine: What it is for.
        settings: In the order of Config.
        notes: What no setting says.
    """

    preset: type[Config]
    machine: Machine
    settings: list[Proposal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The proposed settings by name."""
        return {setting.name: setting.value for setting in self.settings}

    def config_class(self) -> type[Config]:
        """The Config class that `text` writes."""
        return type(_class_name(self.values["NAME"]), (self.preset,), self.values)

    def text(self) -> str:
        """Python source of the Config class, with the reasons and notes as comments."""
        lines = [f"from mrcnn.presets import {self.preset.__name__}", "", ""]
        lines += [f"class {_class_name(self.values['NAME'])}({self.preset.__name__}):"]
        lines += [f'    """For {self.machine}."""', ""]
        for setting in self.settings:
            lines += [*_comment(setting.comment, "    "), f"    {setting.name} = {_source(setting.value)}"]
        lines += ["", ""] if self.notes else []
        return "\n".join(lines + [line for note in self.notes for line in _comment(note)]) + "\n"

    def yaml(self) -> str:
        """What `mrcnn train --config` reads, with the reasons and notes as comments."""
        lines = [YAML_LINE, f"# For {self.machine}. What a line says holds; a line that you take out is proposed anew."]
        lines += [line for note in self.notes for line in _comment(note)]
        lines += ["", "# The settings of this class of mrcnn.presets hold where no line says otherwise."]
        lines += [f"preset: {self.preset.__name__}"]
        for setting in self.settings:
            lines += ["", *_comment(setting.comment), _yaml_line(setting.name, setting.value)]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "preset": self.preset.__name__,
            "machine": self.machine.to_dict(),
            "settings": [{"name": s.name, "value": s.value, "reason": s.comment} for s in self.settings],
            "notes": self.notes,
            "text": self.text(),
        }

    def write(self, path: str | Path) -> None:
        """Write a file for `mrcnn train --config`.

        Args:
            path: A .yaml (or .yml) gets the reasons as comments, and its JSON schema beside it, with which editors
                complete it; a .json gets the whole Config, as notebook 2 writes it.

        Raises:
            ValueError: The name has another ending.
        """
        path = Path(path)
        if path.suffix in (".yaml", ".yml"):
            with whole_file(path) as part:
                part.write_text(self.yaml(), encoding="utf-8")
            write_json(schema_beside(path), settings_schema(), indent=2)
        elif path.suffix == ".json":
            self.config_class()().to_json(path)
        else:
            raise ValueError(f"{path}: settings are written as .yaml or .json; give the file such a name.")

    def add(self, name: str, value: Any, reason: str) -> None:
        """Propose a value."""
        self.settings.append(Proposal(name, value, reason))


def _comment(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _source(value: Any) -> str:
    """Python source of a value, text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _yaml_line(name: str, value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10_000)
    return f"{name}: {text.removesuffix(_END_OF_SCALAR).rstrip()}"


def _class_name(name: str) -> str:
    """ "my-data_2" -> "MyData2Config"."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789") + "Config"
