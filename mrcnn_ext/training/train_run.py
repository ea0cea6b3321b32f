"""A whole training as notebooks 02 to 04 do it: settings, weights to start from, stages, AP, a run folder."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mrcnn import presets
from mrcnn.config import Config
from mrcnn.data.transforms import Augmentation
from mrcnn.memory import step_mib
from mrcnn.model import MaskRCNN
from mrcnn.training.loop import check_classes
from mrcnn.training.resume import last_state
from mrcnn.training.state import read_place
from mrcnn.weights.class_rows import known_names
from mrcnn.weights.fit import check_fits
from mrcnn.weights.origin import origins_of, passed_on
from mrcnn.weights.zoo import ZOO
from mrcnn_ext.common.machine import this_machine
from mrcnn_ext.datasets.parts import DataParts
from mrcnn_ext.evaluation.measure import AP_IMAGES
from mrcnn_ext.training.average_precision import AveragePrecision
from mrcnn_ext.training.settings_file import load_config

EPOCHS = {1: (14,), 2: (3, 14)}  # totals after each stage


class Trained(NamedTuple):
    """model: the MaskRCNN.  finished: whether all stages came to their end.  average_precision: the callback."""

    model: MaskRCNN
    finished: bool
    average_precision: AveragePrecision


def train_run(
    data: str | Path,
    config: Config | str | Path | None = None,
    *,
    preset: str | None = None,
    weights: str | Path | None = None,
    stages: Sequence[str] | None = None,
    epochs: Sequence[int] | None = None,
    extra_epochs: int | None = None,
    logs: str | Path = "logs",
    year: str = "2018",
    resume: bool = False,
    augmentation: Augmentation | None = presets.LIGHT_AUGMENTATION,
    ap_images: int = AP_IMAGES,
    ap_every: int = 1,
) -> Trained:
    """Train on the parts train and validate of a data set, with AP after each epoch.

    Args:
        data: its folder, COCO or TFRecords.
        config: a Config, or a file for `load_config`, or None: what `suggest` proposes.
        preset: the settings to start from, such as "TinyConfig" or "torchvision-v2"; None: those of the weights, or
            else for the machine.
        weights: a name of the zoo ("torchvision-v2", "coco", "imagenet", ..), "last", a file, or None for random ones;
            a new run starts from them, at epoch 0. Rows of classes that they know are kept.
        stages: what trains, such as ("heads", "all"); None: these two, or "all" alone from random weights.
        epochs: the total after each stage.
        extra_epochs: with resume, so many more of what trained last.
        logs: where the folders of the runs are.
        year: end of the file names in the folder; may be empty.
        resume: go on where the last run of this name stopped; where there is none a new one starts.
        augmentation: how images are changed each time; None: not at all.
        ap_images: validation images for the average precision after every `ap_every` epochs; 0: none.
        ap_every: epochs from one AP to the next.

    Returns:
        The model, the AveragePrecision, and whether it came to its end (Ctrl-C stops it with its state saved).

    Raises:
        ValueError: settings, stages or classes that do not go together; the text names them.
    """
    parts = DataParts(data, year)
    validate, train = parts.validate, parts.train  # one annotation file has none to validate: said before it is read
    config = config if isinstance(config, Config) else load_config(config, parts, preset, weights)
    check_classes(config, train, validate)
    state = last_state(logs, config.NAME) if resume else None
    plan = _plan(stages, epochs, extra_epochs, weights, read_place(state) if state else None)
    is_new = weights is not None and state is None
    if is_new:
        check_fits(weights, config)
        _tell_licence(weights)
    _warn_of_memory(config)
    model = MaskRCNN("training", config, logs)
    if is_new:
        path = model.find_last() if weights == "last" else weights
        model.load_weights(path, class_names=train.class_names if known_names(path) else None)
        model.set_log_dir()  # not that of the weights' run
    average = AveragePrecision(model, validate, ap_every, ap_images)
    for stage, end in plan:
        model.train(
            train,
            validate,
            config.LEARNING_RATE,
            layers=stage,
            augmentation=augmentation,
            custom_callbacks=[average] if ap_images else [],
            resume=resume,
            **end,
        )
        if model.interrupted:
            break
    return Trained(model, not model.interrupted, average)


def _plan(stages, epochs, extra_epochs, weights, place):
    """[(layers, {"epochs": total} or {"extra_epochs": number}), ..]; place: of the state to go on from, or None."""
    last = place["layers"] if place else None
    if extra_epochs is not None:
        if place is None:
            raise ValueError("extra_epochs are added to a run: resume one of this NAME, or give epochs, the total.")
        return [((stages or (last,))[-1], {"extra_epochs": extra_epochs})]
    if stages is None:
        stages = ("heads", "all") if weights or last == "heads" else ("all",)
        if epochs and len(epochs) == 1 and len(stages) == 2:
            stages, epochs = _shared(stages, epochs[0])
    stages = tuple(stages)
    epochs = tuple(epochs or EPOCHS.get(len(stages), ()))
    if len(epochs) != len(stages) or list(epochs) != sorted(set(epochs)):
        raise ValueError(f"epochs {epochs} must be rising totals, one for each of the stages {', '.join(stages)}.")
    done = stages.index(last) if last in stages else 0  # stages before this one may have stopped early
    return [(stage, {"epochs": total}) for stage, total in zip(stages, epochs, strict=True)][done:]


def _shared(stages, total: int):
    """Two stages for a total of epochs, the first with its usual share; ("heads",) alone where there is one epoch."""
    first, all_of_them = EPOCHS[2]
    heads = max(1, round(total * first / all_of_them))
    return (stages, (heads, total)) if heads < total else (stages[:1], (total,))


def _tell_licence(weights) -> None:
    """Says before the training what the trained weights will have to carry."""
    text = passed_on([ZOO[weights].origin()] if weights in ZOO else origins_of(weights))
    if text:
        print(text)


def _warn_of_memory(config):
    needed, machine = step_mib(config, config.IMAGES_PER_GPU), this_machine()
    there = min((gpu.memory_mib for gpu in machine.gpus), default=machine.memory_mib)
    if needed is not None and needed > there:
        print(
            f"A step may not fit: it takes about {needed / 1024:.1f} GiB in {config.PRECISION}, and there is {machine}."
        )


def few_images(dataset, number: int):
    """The first images of a data set that have objects (no crowds), as a data set.

    Args:
        dataset: a prepared Dataset.
        number: how many at most.

    Returns:
        A prepared Dataset of them.

    Raises:
        ValueError: no image has an object.
    """
    chosen = []
    for image_id in dataset.image_ids:
        if (dataset.load_mask_crops(image_id)[1] > 0).any():
            chosen.append(dataset.image_info[image_id])
        if len(chosen) == number:
            break
    if not chosen:
        raise ValueError("No image of the data set has an object.")
    few = copy.copy(dataset)
    few.image_info = chosen
    few.prepare()
    return few
