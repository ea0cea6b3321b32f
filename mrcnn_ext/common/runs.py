"""Runs: the folders under logs/ that training writes, found by name and made into models again."""

import contextlib
import copy
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

from mrcnn.config import Config
from mrcnn_ext.common.quick import SUFFIX

_FOLDER = re.compile(r"(?P<name>.+?)(?P<date>\d{8}T\d{4})")
_BEST = "best.h5"
_CHECKPOINT = re.compile(r"mask_rcnn_.*?(?P<epoch>\d{4})\.h5")


class RunFiles(NamedTuple):
    """What a run left: its settings, the weights' path, class names (0 is background) and its folder."""

    config: Config
    weights: Path
    class_names: list[str]
    folder: Path


def find_run(run="last", logs="logs", name=None) -> RunFiles:
    """The files of a run.

    run: a run's folder, or its name in `logs`, for its last checkpoint; or the path of an .h5 that has the run's
    config.json beside it; or "last", the newest run in `logs`, one of the quick mode only where there is no other;
    or "best", that run's best.h5, of the epoch with the best AP.
    name: with "last" and "best", only runs of this name (the NAME of their Config).
    Class names come from the run's classes.json, a list; without it they are "class 1", "class 2" ..
    Raises FileNotFoundError or ValueError that says what is missing.
    """
    weights = _last_weights(logs, name) if str(run) in ("last", "best") else _weights_of(Path(run), Path(logs))
    folder = weights.parent
    if str(run) == "best":
        weights = folder / _BEST
        if not weights.is_file():
            raise FileNotFoundError(f'{folder} has no {_BEST}: no AP was measured while it trained. Take "last".')
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"{folder} has no config.json: put the settings of {weights.name} there, as Config.to_json writes them."
        )
    config = Config.from_json(folder / "config.json")
    return RunFiles(config, weights, _class_names(folder / "classes.json", config.NUM_CLASSES), folder)


def load_run(run="last", mode="inference", logs="logs", name=None, **settings):
    """(MaskRCNN with the run's weights, class names, run folder); `find_run` explains run, logs and name.

    settings: of the Config, to be other than in training, such as DETECTION_MIN_CONFIDENCE=0.5.
    What was loaded is printed to standard error.
    """
    from mrcnn.model import MaskRCNN

    files = find_run(run, logs, name)
    model = MaskRCNN(mode, changed(files.config, **settings), files.folder.parent)
    with contextlib.redirect_stdout(sys.stderr):
        model.load_weights(str(files.weights))
    return model, files.class_names, files.folder


def detection_settings(config, min_score=None, most=None, batch=None) -> dict:
    """Settings for `load_run` to detect otherwise than in training.

    min_score: weaker objects are left out.  most: objects of an image; the proposals are made to suffice.
    batch: images at once.  None: as the run has it.
    """
    settings = {}
    if min_score is not None:
        settings["DETECTION_MIN_CONFIDENCE"] = min_score
    if most is not None:
        settings["DETECTION_MAX_INSTANCES"] = most
        settings["POST_NMS_ROIS_INFERENCE"] = max(config.POST_NMS_ROIS_INFERENCE, 2 * most)
        settings["PRE_NMS_LIMIT"] = max(config.PRE_NMS_LIMIT, 6 * most)
    if batch is not None:
        settings |= {"IMAGES_PER_GPU": batch, "GPU_COUNT": 1}
    return settings


def changed(config, **settings) -> Config:
    """A copy of a Config with some settings changed; computed values follow. ValueError for unknown names."""
    other = copy.copy(config)
    for name, value in settings.items():
        setattr(other, name, value)
    other._set_computed()
    return other


def _weights_of(run: Path, logs: Path) -> Path:
    if not run.exists() and (logs / run).exists():
        run = logs / run
    if run.is_file():
        return run
    if not run.is_dir():
        raise FileNotFoundError(f'{run}: no such run; give a folder under {logs}/, a weights file or "last".')
    checkpoints = _checkpoints(run)
    if not checkpoints:
        raise FileNotFoundError(f"No checkpoint (mask_rcnn_<name>_<epoch>.h5) in {run}: its first epoch never ended.")
    return checkpoints[-1]


def _last_weights(logs, name) -> Path:
    """Last checkpoint of the newest run that has one."""
    runs = []
    for folder in Path(logs).glob("*"):
        match = _FOLDER.fullmatch(folder.name)
        if match and (name is None or match["name"] == name.lower()) and folder.is_dir() and _checkpoints(folder):
            real = name is not None or not match["name"].endswith(SUFFIX)  # a test's run only where there is no other
            runs.append((real, match["date"], folder.name, folder))
    if not runs:
        of = "" if name is None else f" of {name!r}"
        raise FileNotFoundError(f"No run{of} with a checkpoint in {logs}: train first, or give the path of a run.")
    real, _, _, folder = max(runs)
    if not real:
        print(f"{logs} has only runs of the quick mode; the newest is {folder.name}.", file=sys.stderr)
    return _checkpoints(folder)[-1]


def _checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of a run by epoch."""
    found = [(match["epoch"], p) for p in folder.glob("mask_rcnn_*.h5") if (match := _CHECKPOINT.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def _class_names(path: Path, classes: int) -> list[str]:
    if not path.is_file():
        return ["BG", *(f"class {i}" for i in range(1, classes))]
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}).") from error
    if not isinstance(names, list) or len(names) != classes or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: expected a list of {classes} names, background first, as the run has classes.")
    return names
