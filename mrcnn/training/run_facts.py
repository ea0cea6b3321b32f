"""What a run's folder tells about how it came to be: enough to repeat it."""

import datetime
import json
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras

from mrcnn.whole_file import whole_file

RUN = "run.json"
CLASSES = "classes.json"
_PACKAGES = ("mrcnn-stack", "keras", "numpy", "tensorflow", "tensorflow-cpu", "jax", "h5py", "opencv-python-headless")


def write_run_facts(model, train_dataset, val_dataset, settings):
    """Writes config.json, classes.json (names, the index is the class id) and run.json, one entry for each `train`.

    settings: plain values, how this training was called.
    """
    folder = Path(model.log_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "config.json") as part:
        model.config.to_json(part)
    _write(folder / CLASSES, list(train_dataset.class_names))
    path = folder / RUN
    trainings = json.loads(path.read_text(encoding="utf-8"))["trainings"] if path.is_file() else []
    facts = {
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": sys.argv,
        "settings": settings,
        "data": {"train": fingerprint(train_dataset), "validation": fingerprint(val_dataset)},
        "versions": _versions(),
        "git_commit": _commit(),
    }
    _write(path, {"trainings": [*trainings, facts]})


def fingerprint(dataset):
    """Numbers of a data set, and a hash of its classes, picture names, file sizes and annotation files."""
    return {"pictures": len(dataset.image_ids), "classes": dataset.num_classes - 1, "sha256": dataset.fingerprint()}


def _versions():
    found = {"python": platform.python_version(), "backend": keras.backend.backend()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit():
    """Commit of the code, with "+" when files differ from it; None where git or its history is not there."""
    here = Path(__file__).parents[2]

    def git(*words):
        return subprocess.run(
            ["git", "-C", here, *words], capture_output=True, text=True, timeout=20, check=True
        ).stdout

    if not (here / ".git").exists():
        return None
    try:
        return git("rev-parse", "HEAD").strip() + ("+" if git("status", "--porcelain", "-uno").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _write(path, content):
    with whole_file(path) as part:
        part.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
