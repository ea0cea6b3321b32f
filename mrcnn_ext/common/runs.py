"""Runs: the folders under logs/ that training writes, found by name and made into models again."""

import contextlib
import copy
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrcnn.config import Config, check_config
from mrcnn.training.names import BEST, checkpoints_of, newest_checkpoint, run_name, runs_of
from mrcnn.weights.convert import zoo_file
from mrcnn.weights.fit import config_class_of
from mrcnn.weights.zoo import ZOO, ZooEntry
from mrcnn_ext.common.values import first_few

if TYPE_CHECKING:
    from mrcnn.data.dataset import Dataset
    from mrcnn.model import MaskRCNN


QUICK_SUFFIX = "_quick"  # at the end of the NAME of runs of the quick mode


def quick() -> bool:
    """True where the environment variable MRCNN_QUICK is "1": notebooks in few steps on few images, the same cells."""
    return os.environ.get("MRCNN_QUICK") == "1"


@dataclass(frozen=True)
class Run:
    """What a training left.

    Attributes:
        folder: of the run, in logs/.
        config: the settings that it was trained with.
        weights: path of the `.h5` that is meant: a checkpoint, or best.h5.
        class_names: background first.
    """

    folder: Path
    config: Config
    weights: Path
    class_names: list[str]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def model(self, mode: str = "inference", **settings: Any) -> "MaskRCNN":
        """The network with the run's weights; what was loaded is printed to standard error.

        Args:
            mode: "inference" or "training".
            settings: of the Config, to be other than in training, such as DETECTION_MIN_CONFIDENCE=0.5.
        """
        from mrcnn.model import MaskRCNN

        model = MaskRCNN(mode, changed(self.config, **settings), self.folder.parent)
        with contextlib.redirect_stdout(sys.stderr):
            model.load_weights(str(self.weights))
        return model

    def check_classes(self, dataset: "Dataset") -> None:
        """Raises ValueError when the classes of the run and of a data set differ."""
        ours, theirs = self.class_names[1:], list(dataset.class_names[1:])
        named = (self.folder / "classes.json").is_file()
        if len(ours) != len(theirs) or (named and ours != theirs):
            raise ValueError(
                f"{self.name} knows {len(ours)} classes ({first_few(ours, 12)}), the data {len(theirs)} "
                f"({first_few(theirs, 12)}): take data with the same classes in the same order."
            )


def find_run(run: str | Path = "last", logs: str | Path = "logs", name: str | None = None) -> Run:
    """The run that is meant.

    Args:
        run: a run's folder, or its name in `logs`, for its last checkpoint; or the path of an .h5 that has the run's
            config.json beside it; or "last", the newest run in `logs` that has a checkpoint, one of the quick mode
            only where there is no other; or "best", that run's best.h5, of the epoch with the best AP; or the name of
            pretrained weights, such as "torchvision-v2", which are fetched once.
        logs: the folder of the runs.
        name: with "last" and "best", only runs of this name (the NAME of their Config).

    Returns:
        The Run. Its class names come from its classes.json, a list; without it they are "class 1", "class 2" ..

    Raises:
        FileNotFoundError, ValueError: what is missing or wrong.
    """
    if str(run) in ZOO and not Path(run).exists() and not (Path(logs) / run).exists():
        return _pretrained(ZOO[str(run)])
    weights = _last_weights(logs, name) if str(run) in ("last", "best") else _weights_of(Path(run), Path(logs))
    folder = weights.parent
    if str(run) == "best":
        weights = folder / BEST
        if not weights.is_file():
            raise FileNotFoundError(f'{folder} has no {BEST}: no AP was measured while it trained. Take "last".')
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"{folder} has no config.json: put the settings of {weights.name} there, as Config.to_json writes them."
        )
    config = Config.from_json(folder / "config.json")
    return Run(folder, config, weights, _class_names(folder / "classes.json", config.NUM_CLASSES))


def _pretrained(entry: ZooEntry) -> Run:
    """Weights of the zoo as a run."""
    if entry.class_names is None:
        raise ValueError(f"{entry.name} is a backbone alone: it can start a training, but finds no objects")
    settings = {"NAME": entry.name, "NUM_CLASSES": len(entry.class_names), "IMAGES_PER_GPU": 1}
    config = config_class_of(entry).from_dict(settings)
    with contextlib.redirect_stdout(sys.stderr):
        weights = zoo_file(entry.name)
    return Run(weights.parent, config, weights, list(entry.class_names))


def detection_settings(
    config: Config, min_score: float | None = None, most: int | None = None, batch: int | None = None
) -> dict[str, Any]:
    """Settings for `Run.model` to detect otherwise than in training; None: as the run has it.

    Args:
        config: the run's.
        min_score: weaker objects are left out.
        most: objects of an image; the proposals are made to suffice.
        batch: images at once.
    """
    settings: dict[str, Any] = {}
    if min_score is not None:
        settings["DETECTION_MIN_CONFIDENCE"] = min_score
    if most is not None:
        settings["DETECTION_MAX_INSTANCES"] = most
        settings["POST_NMS_ROIS_INFERENCE"] = max(config.POST_NMS_ROIS_INFERENCE, 2 * most)
        settings["PRE_NMS_LIMIT"] = max(config.PRE_NMS_LIMIT, 6 * most)
    if batch is not None:
        settings |= {"IMAGES_PER_GPU": batch, "GPU_COUNT": 1}
    return settings


def changed(config: Config, **settings) -> Config:
    """A copy of a Config with some settings changed; computed values follow. ValueError for unknown names."""
    other = copy.copy(config)
    for name, value in settings.items():
        setattr(other, name, value)
    check_config(other)
    other._set_computed()
    return other


def _weights_of(run: Path, logs: Path) -> Path:
    if not run.exists() and (logs / run).exists():
        run = logs / run
    if run.is_file():
        return run
    if not run.is_dir():
        raise FileNotFoundError(f'{run}: no such run; give a folder under {logs}/, a weights file or "last".')
    checkpoints = checkpoints_of(run)
    if not checkpoints:
        raise FileNotFoundError(f"No checkpoint (mask_rcnn_<name>_<epoch>.h5) in {run}: its first epoch never ended.")
    return checkpoints[-1]


def _last_weights(logs: str | Path, name: str | None) -> Path:
    """What "last" means to the engine; of every name, a run of the quick mode only where there is no other."""
    runs = runs_of(logs, name)
    real = [folder for folder in runs if name is not None or not run_name(folder).endswith(QUICK_SUFFIX)]
    weights = newest_checkpoint(real)
    if weights is None and len(real) < len(runs) and (weights := newest_checkpoint(runs)):
        print(f"{logs} has only runs of the quick mode; the newest is {weights.parent.name}.", file=sys.stderr)
    if weights is None:
        of = "" if name is None else f" of {name!r}"
        raise FileNotFoundError(f"No run{of} with a checkpoint in {logs}: train first, or give the path of a run.")
    return weights


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
