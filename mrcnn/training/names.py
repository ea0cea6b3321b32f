"""Names of run folders and of the files in them; those of the old package stay."""

import datetime
import re
from pathlib import Path

STATE = "state.npz"  # all that resuming needs
METRICS = "metrics.csv"
STEPS = "steps.csv"
BEST = "best.h5"
LOG = "log.txt"
SKIPPED = "skipped.txt"
EPOCH = "{epoch:04d}"  # stands for the epoch in the path of checkpoints


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


def runs_of(model_dir, name):
    """Folders of the runs of this name, the oldest first."""
    pattern = re.escape(name.lower()) + r"\d{8}T\d{4}"
    return sorted(p for p in Path(model_dir).glob("*") if p.is_dir() and re.fullmatch(pattern, p.name))


def checkpoints_of(folder):
    """The checkpoints of finished epochs in a run's folder, the first epoch's first."""
    return sorted(Path(folder).glob("mask_rcnn*.h5"))
