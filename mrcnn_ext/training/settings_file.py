"""Settings from a file: `mrcnn train --config mine.yaml`."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from mrcnn.config import SETTINGS, Config
from mrcnn.settings.check import COMPUTED_NAMES
from mrcnn.settings.files import given_twice, read_json
from mrcnn.settings.relations import HALVES
from mrcnn.weights.class_rows import known_names
from mrcnn.weights.fit import preset_class, start_class
from mrcnn_ext.datasets.parts import DataParts
from mrcnn_ext.training.suggest import suggest

# A file that has all these is a whole Config: nothing in it is proposed.
WHOLE = {"NAME", "NUM_CLASSES", "BACKBONE", "IMAGE_MIN_DIM", "IMAGE_MAX_DIM", "RPN_ANCHOR_SCALES"}


def load_config(
    path: str | Path | None,
    data: str | Path | DataParts,
    preset: str | None = None,
    weights: str | Path | None = None,
) -> Config:
    """A Config from a YAML or JSON file of settings; what it does not say is as `suggest` proposes for the data.

    A whole Config, as a run's config.json or that of notebook 2, is taken as it is, without proposals.

    Args:
        path: The file, or None. Beside settings it may have a "preset", one of `mrcnn.presets` or of the zoo.
        data: As for `suggest`.
        preset: Its name, which counts more than that of the file.
        weights: What the training starts from; where nobody names a preset theirs is taken.

    Raises:
        ValueError: The file cannot be read, or has unknown names, wrong values, or a name twice; all are named.
    """
    values, wrong = ({}, []) if path is None else read_settings(path)
    if set(values) >= WHOLE and "preset" not in values and preset is None:
        return Config.from_dict(values, path, wrong=wrong)
    in_file = values.pop("preset", None)
    name, base = preset or in_file, None
    if name is not None:
        try:
            base = preset_class(name)
        except ValueError as error:
            wrong.append(str(error))
    elif weights:
        base = start_class(weights)
    side: Any = values.get("IMAGE_MAX_DIM")
    fits = SETTINGS["IMAGE_MAX_DIM"].kind.fits(side)  # a wrong one is named below, with all else
    proposed = suggest(
        data,
        preset=base,
        side=max(HALVES, side // HALVES * HALVES) if fits else None,
        pretrained=bool(weights) and known_names(weights) is not None,
    )
    return proposed.preset.from_dict({**proposed.values, **values}, path, wrong=wrong, own_names=False)


def read_settings(path: str | Path) -> tuple[dict[str, Any], list[str]]:
    """The settings in a YAML or JSON file, without computed ones; and what is wrong with their names, as sentences.

    Raises:
        ValueError: The file is not YAML or JSON, or is no mapping.
    """
    path = Path(path)
    values, wrong = read_json(path) if path.suffix == ".json" else _read_yaml(path)
    return {name: value for name, value in values.items() if name not in COMPUTED_NAMES}, wrong


def _read_yaml(path: Path) -> tuple[dict[str, Any], list[str]]:
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        values = loader.get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not a {path.suffix or 'YAML'} file ({error}).") from error
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected settings, such as IMAGES_PER_GPU: 2, one a line.")
    return values, loader.wrong


class _Loader(yaml.SafeLoader):
    """PyYAML's, which takes the last of two values of one name in silence; this one notes it."""

    def __init__(self, text: str):
        super().__init__(text)
        self.wrong: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                self.wrong.append(f"{given_twice(key)[:-1]}, that in line {key_node.start_mark.line + 1} or the other.")
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)
