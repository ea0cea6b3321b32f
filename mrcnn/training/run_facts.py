"""What a run's folder tells about how it came to be: enough to repeat it."""

import datetime
import hashlib
import json
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras

from mrcnn.weights.download import file_hash
from mrcnn.whole_file import whole_file

RUN = "run.json"
CLASSES = "classes.json"
_PACKAGES = ("mrcnn-stack", "keras", "numpy", "tensorflow", "tensorflow-cpu", "jax", "h5py", "opencv-python-headless")


def write_run_facts(model, train_dataset, val_dataset, settings):
    """Writes config.json, classes.json (names, the index is the class id) and run.json, one entry for each `train`.

    settings: plain values, how this training was called.  "weights" is what `load_weights` was last given, and
    "weights_sha256" the hash of that file as it was then; both None for random ones, and where a new process resumed.
    "origins": what those weights began as, with licence and attribution (`mrcnn.weights.origin`).
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
        "weights": model.loaded,
        "weights_sha256": model.loaded_sha256,
        "origins": model.origins,
        "data": {"train": fingerprint(train_dataset), "validation": fingerprint(val_dataset)},
        "versions": _versions(),
        "git_commit": _commit(),
        "code_sha256": code_sha256(),
    }
    _write(path, {"trainings": [*trainings, facts]})


def fingerprint(dataset):
    """Numbers of a data set, where it is, and a hash of its classes, image names, file sizes and annotation files."""
    numbers = {"images": len(dataset.image_ids), "classes": dataset.num_classes - 1}
    return numbers | {"sha256": dataset.fingerprint(), "files": _files(dataset)}


def file_sha256(path):
    """Hash of a file's bytes, in hexadecimal digits."""
    return file_hash(path, "sha256")


def code_sha256(folder=Path(__file__).parents[2]):
    """Hash of the Python files of mrcnn and of mrcnn_ext beside it, which tells the code where git does not.

    In Docker the code has no .git. To compare it with a commit, in its checkout:
    find mrcnn mrcnn_ext -name '*.py' -not -path '*/.*' | LC_ALL=C sort | xargs sha256sum | sha256sum
    """
    files = (file.relative_to(folder) for name in ("mrcnn", "mrcnn_ext") for file in (folder / name).rglob("*.py"))
    names = sorted(file.as_posix() for file in files if not any(part.startswith(".") for part in file.parts))
    lines = (f"{file_sha256(folder / name)}  {name}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(dataset):
    """Its annotation files, or else the folders of its images or TFRecords."""
    images = (Path(str(info["path"])) for info in dataset.image_info if info["path"])
    files = dataset.label_files() or {path.parent for path in images}
    return sorted(str(Path(path).resolve()) for path in files)


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
