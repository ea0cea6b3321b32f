"""A whole training as notebooks 02 to 04 do it: settings, weights to start from, stages, AP, a run folder."""

import copy
import json
from pathlib import Path
from typing import NamedTuple

import yaml

from mrcnn import presets
from mrcnn.config import COMPUTED_NAMES, Config
from mrcnn.model import MaskRCNN
from mrcnn_ext.open_data import open_data
from mrcnn_ext.suggest import suggest
from mrcnn_ext.training_eval import AveragePrecision

DEFAULTS = {"LEARNING_SCHEDULE": "cosine", "WARMUP_STEPS": 50, "KEEP_CHECKPOINTS": 3, "SEED": 2018}
EPOCHS = {1: (14,), 2: (3, 14)}  # totals after each stage
EPOCHS_BETWEEN_AP = 1
AP_PICTURES = 200


class Trained(NamedTuple):
    """model: the MaskRCNN.  finished: whether all stages came to their end.  average_precision: the callback."""

    model: MaskRCNN
    finished: bool
    average_precision: AveragePrecision


def train_run(
    data,
    config=None,
    *,
    weights=None,
    stages=None,
    epochs=None,
    logs="logs",
    year="2018",
    resume=False,
    augmentation=presets.LIGHT_AUGMENTATION,
    ap_pictures=AP_PICTURES,
) -> Trained:
    """Trains on the parts train and validate of a data set.

    data: its folder.  config: a Config, or a file for `load_config`, or None: what `suggest` proposes.
    weights: "coco", "imagenet", "last", a file, or None for random ones.
    stages: what trains, such as ("heads", "all"); default: these two, or "all" alone from random weights.
    epochs: the total after each stage.  resume: go on where the last run of this name stopped.
    ap_pictures: validation pictures for the average precision after each epoch; 0: none.
    """
    train, validate = (open_data(data, part, year) for part in ("train", "validate"))
    config = config if hasattr(config, "BATCH_SIZE") else load_config(config, data, year)
    stages = tuple(stages or (("heads", "all") if weights else ("all",)))
    epochs = tuple(epochs or EPOCHS.get(len(stages), ()))
    if len(epochs) != len(stages) or list(epochs) != sorted(set(epochs)):
        raise ValueError(f"epochs {epochs} must be rising totals, one for each of the stages {', '.join(stages)}.")
    if train.num_classes != config.NUM_CLASSES:
        raise ValueError(
            f"NUM_CLASSES is {config.NUM_CLASSES}, but {data} has {train.num_classes}, the background included."
        )
    model = MaskRCNN("training", config, logs)
    if weights and not resume:
        model.load_weights(weights, class_names=train.class_names if weights == "coco" else None)
    average = AveragePrecision(model, validate, EPOCHS_BETWEEN_AP, ap_pictures)
    for stage, total in zip(stages, epochs, strict=True):
        model.train(
            train,
            validate,
            config.LEARNING_RATE,
            total,
            stage,
            augmentation=augmentation,
            custom_callbacks=[average] if ap_pictures else [],
            resume=resume,
        )
        if model.interrupted:
            break
    return Trained(model, not model.interrupted, average)


def load_config(path, data, year="2018"):
    """A Config from a YAML or JSON file of settings; what it does not say is as `suggest` proposes for the data.

    path: the file, or None; beside settings it may have a "preset": TinyConfig, ResNet50Config or ResNet101Config.
    A file with NAME, NUM_CLASSES and the sizes of pictures and anchors (one that notebook 02 wrote) is taken as it is.
    Raises ValueError for a file that cannot be read or has unknown names.
    """
    values = {} if path is None else read_settings(path)
    if "NUM_CLASSES" in values and "RPN_ANCHOR_SCALES" in values and "preset" not in values:
        return Config.from_dict(values, path)
    preset = values.pop("preset", None)
    proposed = suggest(data, year=year)
    base = proposed.preset if preset is None else getattr(presets, str(preset), None)
    if base is None:
        raise ValueError(f"{path}: there is no preset {preset!r}; use TinyConfig, ResNet50Config or ResNet101Config.")
    return base.from_dict({**DEFAULTS, **proposed.values, **values}, path)


def read_settings(path) -> dict:
    """The mapping in a YAML or JSON file."""
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    try:
        values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not a {path.suffix or 'YAML'} file ({error}).") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected settings, such as IMAGES_PER_GPU: 2, one a line.")
    return {name: value for name, value in values.items() if name not in COMPUTED_NAMES}


def few_pictures(dataset, number: int):
    """The first `number` pictures of a data set that have objects (no crowds), as a data set."""
    chosen = []
    for image_id in dataset.image_ids:
        if (dataset.load_mask(image_id)[1] > 0).any():
            chosen.append(dataset.image_info[image_id])
        if len(chosen) == number:
            break
    if not chosen:
        raise ValueError("No picture of the data set has an object.")
    few = copy.copy(dataset)
    few.image_info = chosen
    few.prepare()
    return few
