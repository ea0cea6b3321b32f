"""Which Config weights want, and whether they fit one: said in one line before anything is fetched or built."""

import json
from pathlib import Path

from mrcnn import presets
from mrcnn.config import Config
from mrcnn.settings.check import COMPUTED_NAMES
from mrcnn.weights.h5 import open_weights
from mrcnn.weights.network_of import ANCHORS, NOT_IN_LAYERS, differences, network_of, network_of_config
from mrcnn.weights.zoo import ZOO, ZooEntry

BACKBONES = ("resnet50", "resnet101")  # that ResNet-50's ImageNet file may start


def preset_class(name: str) -> type[Config]:
    """The Config class of a name: of a preset, such as TinyConfig, or of pretrained weights, such as torchvision-v2."""
    if name in ZOO:
        return config_class_of(ZOO[name])
    try:
        return presets.preset_named(name)
    except ValueError as error:
        raise ValueError(f"{error} Or those of weights: {', '.join(ZOO)}.") from error


def config_class_of(entry: ZooEntry) -> type[Config]:
    """The Config class that the weights of the zoo want."""
    preset = presets.preset_named(entry.preset)
    return type(preset.__name__, (preset,), dict(entry.settings)) if entry.settings else preset


def start_class(weights) -> type[Config] | None:
    """The Config class that a training from these weights begins with; None where they do not say.

    Args:
        weights: A name of the zoo; or an .h5: its settings are those of config.json beside it, or else what its layers
            tell of the network.
    """
    if weights in ZOO:
        return config_class_of(ZOO[weights])
    path = Path(weights)
    if not path.is_file():
        return None
    beside = path.with_name("config.json")
    if beside.is_file():
        values = Config.from_json(beside).to_dict()
        return type("ConfigOfWeights", (Config,), {n: value for n, value in values.items() if n not in COMPUTED_NAMES})
    own = [entry for entry in ZOO.values() if entry.asset.name == path.name]
    if own:
        return config_class_of(own[0])
    found = _network_of_file(path)
    anchors, backbone = found.pop(ANCHORS, 3), found.get("BACKBONE")
    found.pop("NUM_CLASSES", None)
    return type("ConfigOfWeights", (Config,), found) if backbone and anchors == 3 else None


def check_fits(weights, config) -> None:
    """Looks whether pretrained weights, or a file, fit a Config.

    Args:
        weights: A name of the zoo, which need not be fetched yet, or the path of an .h5.
        config: The Config that the network is, or will be, built with.

    Raises:
        ValueError: One line with the settings that differ and what to do.
    """
    here = network_of_config(config)
    if weights in ZOO:
        entry = ZOO[weights]
        there = network_of_config(config_class_of(entry))
        remedy = "".join(f', {name} = "{value}"' for name, value in entry.settings.items())
        remedy = f"Take {entry.preset}{remedy} (--preset {entry.name}), or other weights"
        is_whole = entry.class_names is not None
    elif Path(weights).is_file():
        there = _network_of_file(Path(weights))
        remedy = "Take the settings that the file was trained with, or other weights"
        is_whole = "NUM_CLASSES" in there
    else:
        return
    if not is_whole:  # a backbone alone; ResNet-50's may start a ResNet-101
        there = {name: value for name, value in there.items() if name == "BACKBONE" and here.get(name) not in BACKBONES}
    different = differences(there, here)
    if different:
        name = config.NAME or type(config).__name__
        raise ValueError(f"the weights {weights} are of another network than {name}: {', '.join(different)}. {remedy}")


def _network_of_file(path: Path) -> dict:
    """Settings that the layers of an .h5 tell; those that they do not from config.json beside it, if it is there."""
    with open_weights(path) as stored:
        found = network_of({layer: {n: array.shape for n, array in its.items()} for layer, its in stored.items()})
    beside = path.with_name("config.json")
    if beside.is_file():
        values = json.loads(beside.read_text(encoding="utf-8"))
        found |= {name: values[name] for name in NOT_IN_LAYERS if name in values}
    return found
