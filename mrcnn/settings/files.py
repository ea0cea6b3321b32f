"""Settings in JSON files: `Config.to_json` and `Config.from_json`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn.settings.check import COMPUTED_NAMES
from mrcnn.settings.table import Setting


def write_json(values: Mapping[str, Any], table: Mapping[str, Setting], path: Any) -> None:
    """Writes settings to a file; of names that are not in the table those that JSON can hold."""
    plain = {}
    for name, value in values.items():
        if name in COMPUTED_NAMES:
            continue
        try:
            plain[name] = _plain(name, value)
        except ValueError:
            if name in table:
                raise
    Path(path).write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def read_json(path: Any) -> tuple[dict[str, Any], list[str]]:
    """The settings in a JSON file, and what is wrong with their names, as sentences.

    Raises:
        ValueError: for a file that is no JSON object.
    """
    wrong: list[str] = []

    def one_of_each(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in pairs:
            if name in values:
                wrong.append(given_twice(name))
            values[name] = value
        return values

    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=one_of_each)
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}). Expected what Config.to_json wrote.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object of settings, found a {type(values).__name__}.")
    return values, wrong


def given_twice(name: object) -> str:
    """The sentence about a name that stands in a file twice."""
    return f"{name} is given twice. Keep one of the two."


def _plain(name: str, value: Any) -> Any:
    """`value` in the types that JSON knows."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(name, item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value):
        return {"callable": str(getattr(value, "__qualname__", getattr(value, "name", type(value).__name__)))}
    raise ValueError(
        f"{name}: {value!r} cannot be saved as JSON. Give it in code: read the rest with from_json of a subclass, "
        f"or set it after reading."
    )


def is_named_callable(value: Any) -> bool:
    """Whether a value of a file stands for a function or a Keras model."""
    return isinstance(value, dict) and list(value) == ["callable"]


def problem_of_callable(config: Any, name: str, value: Any) -> str:
    """The sentence about a function that a file names and the Config's class does not have; else empty."""
    if not is_named_callable(value) or callable(getattr(config, name, None)):
        return ""
    return (
        f"{name} was {value['callable']}, a function or Keras model, which JSON cannot hold. Read the file with "
        f"from_json of a subclass of {type(config).__name__} in which {name} is that model, or "
        "staticmethod(that function)."
    )


def like_default(entry: Setting | None, value: Any) -> Any:
    """`value` of a file in the type of the setting's default: array or tuple where that is one."""
    if entry is not None and isinstance(value, list):
        if isinstance(entry.default, np.ndarray) and entry.kind.fits(value):
            return np.array(value)
        if isinstance(entry.default, tuple):
            return tuple(value)
    return value
