"""Names of run folders and of the files in them; those of the old package stay."""

import datetime
import re
import sys
from collections.abc import Sequence
from pathlib import Path

STATE = "state.npz"  # all that resuming needs
METRICS = "metrics.csv"
STEPS = "steps.csv"
BEST = "best.h5"
LOG = "log.txt"
SKIPPED = "skipped.txt"
EPOCH = "{epoch:04d}"  # stands for the epoch in the path of checkpoints
_RUN = re.compile(r"(?P<name>.+?)(?P<date>\d{8}T\d{4})")
_CHECKPOINT = re.compile(r"mask_rcnn_(?P<name>.+)_(?P<epoch>\d{4,})\.h5")


def run_folder(model_dir, name, now=None):
    """Folder of a new run: <name><yyyymmddThhmm> in `model_dir`."""
    now = now or datetime.datetime.now()
    return Path(model_dir) / f"{name.lower()}{now:%Y%m%dT%H%M}"


def checkpoint_path(log_dir, name):
    """Path of the run's checkpoints, <log_dir>/mask_rcnn_<name>_{epoch:04d}.h5: `format` puts the epoch in."""
    return str(Path(log_dir) / f"mask_rcnn_{name.lower()}_{EPOCH}.h5")


def parse_checkpoint(path):
    """(date of the run, epoch) that a checkpoint's path tells, or None for another path."""
    folder = r"(?:.*[/\\])?[^/\\]*(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})"
    match = re.fullmatch(folder + r"[/\\]mask_rcnn_[^/\\]+(\d{4})\.h5", str(path))
    if not match:
        return None
    *date, epoch = (int(part) for part in match.groups())
    return datetime.datetime(*date), epoch


def run_name(folder):
    """The name of the run that a folder is of, in small letters, or None for another folder."""
    match = _RUN.fullmatch(Path(folder).name)
    return match["name"].lower() if match else None


def runs_of(model_dir, name=None):
    """Folders of the runs of this name, or of every name, the oldest first."""
    folders = [p for p in Path(model_dir).glob("*") if p.is_dir() and run_name(p)]
    wanted = [p for p in folders if name is None or run_name(p) == name.lower()]
    return sorted(wanted, key=lambda p: (_RUN.fullmatch(p.name)["date"], p.name))


def checkpoints_of(folder):
    """The checkpoints of finished epochs in a run's folder, mask_rcnn_<name>_<epoch>.h5, the first epoch's first.

    Those of the run's own name, where it has some: other files may have been put beside them.
    """
    matches = [match for p in Path(folder).glob("mask_rcnn_*.h5") if (match := _CHECKPOINT.fullmatch(p.name))]
    own = [match for match in matches if match["name"].lower() == run_name(folder)]
    by_epoch = sorted(own or matches, key=lambda match: (int(match["epoch"]), match["name"]))
    return [Path(folder) / match[0] for match in by_epoch]


def newest_checkpoint(runs: Sequence[Path]) -> Path | None:
    """The last checkpoint of the newest run that has one, or None: what "last" means everywhere.

    runs: their folders, the oldest first. Newer ones without a checkpoint are named on standard error.
    """
    for place, folder in reversed(list(enumerate(runs))):
        if checkpoints := checkpoints_of(folder):
            if passed := [newer.name for newer in runs[place + 1 :]]:
                print(f"No checkpoint in {', '.join(passed)}: the last run is {folder.name}.", file=sys.stderr)
            return checkpoints[-1]
    return None
