"""The rows of the heads that belong to classes: how many classes there are, which are known to both file and model.

Three layers end in an axis that counts classes: mrcnn_class_logits (K), mrcnn_bbox_fc (4 K, class by class) and
mrcnn_mask (K).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.download import COCO
from mrcnn.weights.load_report import some
from mrcnn.weights.zoo import ZOO

CLASSES = "classes.json"
ROWS_PER_CLASS = {"mrcnn_class_logits": 1, "mrcnn_bbox_fc": 4, "mrcnn_mask": 1}


@dataclass(frozen=True)
class ClassRows:
    """How the classes of a file relate to those of a model.

    file, model: numbers of classes with background. kept: the model's class id -> the file's, empty where names are
    not known. names: the model's. differ: whether the heads cannot simply be copied.
    """

    file: int
    model: int
    kept: dict[int, int]
    names: list[str]
    differ: bool

    @property
    def complete(self) -> bool:
        """Whether each class of the model has its row in the file."""
        return len(self.kept) == self.model

    @property
    def reason(self) -> str:
        counts = f"file has {self.file} classes, config {self.model}"
        if not self.kept:
            return f"{counts}: re-initialised"
        known = some(self.names[i] for i in self.kept)
        new = some(name for i, name in enumerate(self.names) if i not in self.kept)
        return f"{counts}: rows kept by name for {known}" + (f"; re-initialised for {new}" if new else "")

    @property
    def complaint(self) -> str:
        text = f"file has {self.file} classes, config {self.model}"
        if self.kept:
            text += f"; not in the file: {some(n for i, n in enumerate(self.names) if i not in self.kept)}"
        return f"{text}. To detect, set NUM_CLASSES = {self.file}; to fine-tune, load it in mode 'training' and train"

    def fit(self, layer: str, there: dict, here: dict) -> bool:
        """Whether the weights' shapes differ by the numbers of classes only."""
        per_class = ROWS_PER_CLASS[layer]
        return here.keys() == there.keys() and all(
            there[weight] == (*shape[:-1], self.file * per_class) and shape[-1] == self.model * per_class
            for weight, shape in here.items()
        )


def class_count(shapes: Mapping[str, Mapping[str, tuple[int, ...]]]) -> int | None:
    """The number of classes (with background) that the heads are made for, None where there are no heads."""
    for layer, per_class in ROWS_PER_CLASS.items():
        bias = shapes.get(layer, {}).get("bias")
        if bias:
            return bias[0] // per_class
    return None


def class_rows(request, file: int | None, model: int | None) -> ClassRows:
    """The relation of the two sets of classes.

    ValueError where the model's classes have names and the file's are unknown, and where a list of names has not as
    many as the heads.
    """
    if file is None or model is None:
        return ClassRows(file or 0, model or 0, {}, [], False)
    theirs, ours = request.class_names_file, request.class_names_model
    if theirs is not None and ours is None:
        raise ValueError("class_names_file is given without class_names_model: give both, background first")
    if ours is None:
        return ClassRows(file, model, {}, [], file != model)
    theirs = names_of_file(request.path, file) if theirs is None else theirs
    for what, names, count in (("class_names_file", theirs, file), ("class_names_model", ours, model)):
        if len(names) != count:
            raise ValueError(f"{what} has {len(names)} names for {count} classes (background is the first of them)")
    ours, theirs = list(ours), list(theirs)
    kept = {0: 0} | {i: theirs.index(name, 1) for i, name in enumerate(ours) if i and name in theirs[1:]}
    return ClassRows(file, model, kept, ours, ours[1:] != theirs[1:])


def names_of_file(path, count: int) -> list[str]:
    """The names of a weights file's classes: a run's in classes.json beside it, or COCO's. ValueError for others."""
    names = known_names(path)
    if names is not None and (len(names) == count or path.with_name(CLASSES).is_file()):
        return names
    raise ValueError(
        f"{path}: class_names is given, but what its own {count} classes are is unknown: no classes.json lies beside "
        "it. Give them as class_names_file, background first, or leave class_names out: then no class is kept by name."
    )


def known_names(weights) -> list[str] | None:
    """The names of the classes of a file, or of a name of the zoo, background first; None where they are not known."""
    if weights in ZOO:
        return list(ZOO[weights].class_names or ()) or None
    path = Path(weights)
    if path.with_name(CLASSES).is_file():
        return read_names(path.with_name(CLASSES))
    is_coco = path.name == COCO.name or (path.is_file() and path.stat().st_size == COCO.size)
    return COCO_CLASS_NAMES if is_coco else None


def read_names(path) -> list[str]:
    """The list in a classes.json, background first. ValueError for anything else."""
    path = Path(path)
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) < 2:
        raise ValueError(f"{path}: expected a JSON list of class names, background first")
    return names


def copy_rows(old: np.ndarray, fresh: np.ndarray, kept: dict[int, int], per_class: int) -> np.ndarray:
    """`fresh` (..., K per_class) with the rows of the kept classes from `old` (..., K' per_class)."""
    out = fresh.reshape(*fresh.shape[:-1], -1, per_class).copy()
    old = old.reshape(*old.shape[:-1], -1, per_class)
    out[..., list(kept.keys()), :] = old[..., list(kept.values()), :]
    return out.reshape(fresh.shape)
