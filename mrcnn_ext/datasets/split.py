"""Splitting a labelled data set into parts for training, validation and test, or into k folds.

    split_data("data/raw/annotations.json", "data/mine", SplitRules(by=["folder"]))

Every class gets its share in every part; what belongs together (a folder, a patient, alike images) stays together.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from mrcnn_ext.common.files import write_json
from mrcnn_ext.common.values import first_few
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.datasets.duplicates import fingerprint, group_numbers, near_groups, same_bytes
from mrcnn_ext.datasets.layout import LINKS, find_images, find_parts, place_image
from mrcnn_ext.datasets.stratify import deal, part_sizes

SHARES = {"train": None, "validate": 0.15, "test": 0.15}  # None: the rest


@dataclass(frozen=True)
class SplitRules:
    """How images are dealt out.

    Attributes:
        shares: {part: fraction (float), count (int), or None for the rest}; None: 0.15 to validate, 0.15 to test.
        folds: Write OUT/fold1 .. OUT/foldK instead, each with another K-th of the images as `validate` and the rest as
            `train`; a `test` in `shares` is the same in all of them.
        by: What keeps images together: "folder" (their sub-folder), "duplicates" (same or nearly the same images), or
            the name of a field of the entries in `images`; several may be given. Without it each image is its own.
        seed: The same one gives the same parts.
        name: NAME in the file names; None: that of the folder.
        year: End of the file names; may be empty.
        link: "copy" (safe: nothing is shared with the original), "hard" (no room on disk, shared content) or "symbolic"
            (breaks when the original moves, or is not mounted in a container).
    """

    shares: Mapping[str, float | int | None] | None = None
    folds: int | None = None
    by: str | Sequence[str] = ()
    seed: int = 2018
    name: str | None = None
    year: str = "2018"
    link: str = "copy"


DEFAULT = SplitRules()


@dataclass
class Split:
    """What was done: for each tree that was written, {part: {"images", "objects", "classes": {name: objects}}}.

    out: the tree, or the folder of the trees fold1 .. foldK.  groups: how many things were kept together.
    notes: what a person should know.
    """

    out: Path
    seed: int
    groups: int
    trees: dict[str, dict] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict:
        names = ("seed", "groups", "trees", "notes")
        return {"out": str(self.out)} | {name: getattr(self, name) for name in names}


def split_data(
    data: str | Path,
    out: str | Path,
    rules: SplitRules = DEFAULT,
    *,
    images: str | Path | None = None,
    progress: bool = True,
) -> Split:
    """Write the tree that CocoDataset reads: OUT/annotations/instances_NAME_trainYEAR.json, OUT/NAME_trainYEAR/, ..

    Args:
        data: One annotation file, or a folder with one.
        out: A new folder.
        rules: How images are dealt out.
        images: Their folder, if not the usual one.
        progress: Show bars.

    Raises:
        ValueError: A file is not sound (see `mrcnn check`), or shares cannot be met.
    """
    if rules.link not in LINKS:
        raise ValueError(f"link is {rules.link!r}, but must be one of {', '.join(LINKS)}.")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not empty; choose a new folder for the split.")
    source = _Source(data, images)
    groups, notes = _groups(source, [rules.by] if isinstance(rules.by, str) else list(rules.by), progress)
    parts_of_trees = _parts(source, groups, rules)
    name = re.sub(r"[^\w-]+", "_", rules.name or out.resolve().name)
    result = Split(out, rules.seed, len(np.unique(groups)), notes=notes)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        (work / "new").mkdir()
        for tree, parts in parts_of_trees.items():
            result.trees[tree] = {
                part: _write_part(work / "new" / tree, f"{name}_{part}{rules.year}", source, rows, rules, progress)
                for part, rows in parts.items()
            }
        if out.exists():
            out.rmdir()
        (work / "new").rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    result.notes += _thin_classes(result.trees)
    return result


class _Source:
    """The data set to split: its content as in the file, and a count of objects for each image and class."""

    def __init__(self, data, images):
        files = find_parts(data, images)
        if len(files) > 1:
            names = first_few([file.name for file, _ in files])
            raise ValueError(f"{data} holds several annotation files ({names}). Say which one to split, or merge them.")
        self.file, folder = files[0]
        index = CocoFile(self.file, box_masks=True)
        if not index.images:
            raise ValueError(f"{self.file}: there are no images to split.")
        self.content = json.loads(self.file.read_bytes())
        self.ids = [image["id"] for image in index.images]
        self.names = [image["file_name"] for image in index.images]
        self.paths = find_images(self.names, folder)
        missing = [name for name, path in zip(self.names, self.paths, strict=True) if path is None]
        if missing:
            raise ValueError(
                f"{self.file}: {len(missing)} images are not in {folder}: {first_few(missing)}. See mrcnn check."
            )
        column = {number: i for i, number in enumerate(index.categories)}
        self.counts = np.zeros((len(self.ids), len(column)), np.int64)
        rows = np.repeat(np.arange(len(self.ids)), np.diff(index.first))
        np.add.at(self.counts, (rows, [column[int(number)] for number in index.category_ids]), 1)
        self.class_names = list(index.categories.values())
        self.objects = [[] for _ in self.ids]
        row_of = {image_id: row for row, image_id in enumerate(self.ids)}
        for item in self.content["annotations"]:
            self.objects[row_of[int(item["image_id"])]].append(item)


def _groups(source, by, progress) -> tuple[np.ndarray, list[str]]:
    """Number (N,) of each image's group, and notes on what could not be grouped."""
    links, notes = [], []
    for key in by:
        if key == "duplicates":
            links += _alike(source.paths, progress)
            continue
        if key == "folder":
            values = [os.path.dirname(name) for name in source.names]  # noqa: PTH120
        else:
            values = [image.get(key) for image in source.content["images"]]
            values = [None if value is None else json.dumps(value, sort_keys=True) for value in values]
        if len(set(values)) == 1:
            found = "is in none of the entries of 'images'" if values[0] is None else "is the same for all images"
            raise ValueError(f"{source.file}: {key!r} {found}, so it cannot keep some of them together.")
        places: dict[object, list[int]] = {}
        for row, value in enumerate(values):
            if value is not None:
                places.setdefault(value, []).append(row)
        links += places.values()
        without = values.count(None)
        if without:
            notes.append(f"{without} images have no {key!r}; each of them stands alone")
    return group_numbers(len(source.ids), links), notes


def _alike(paths, progress) -> list:
    """Links between images that are the same, or nearly."""
    marks = [fingerprint(path) for path in tqdm(paths, desc="alike", unit="image", disable=not progress)]
    return same_bytes(marks) + near_groups(marks)


def _parts(source, groups, rules: SplitRules) -> dict[str, dict[str, np.ndarray]]:
    """{tree: {part: rows}}; the only tree without folds is ""."""
    total, shares, folds, seed = len(source.ids), rules.shares, rules.folds, rules.seed
    if folds is None:
        sizes = part_sizes(total, dict(SHARES if shares is None else shares))
        return {"": _dealt(source, groups, np.arange(total), sizes, seed)}
    if folds < 2 or folds > len(np.unique(groups)):
        raise ValueError(f"folds is {folds}, but must be from 2 to the number of groups, {len(np.unique(groups))}.")
    unknown = set(shares or {}) - {"test"}
    if unknown:
        raise ValueError(f"With folds only 'test' has a share, but shares has {', '.join(sorted(unknown))} too.")
    rows, test = np.arange(total), {}
    if shares:
        dealt = _dealt(source, groups, rows, part_sizes(total, {"rest": None, **shares}), seed)
        rows, test = dealt["rest"], {"test": dealt["test"]}
    sizes = {str(fold): len(part) for fold, part in enumerate(np.array_split(rows, folds), 1)}
    parts = _dealt(source, groups, rows, sizes, seed)
    return {f"fold{f}": {"train": np.setdiff1d(rows, part), "validate": part} | test for f, part in parts.items()}


def _dealt(source, groups, rows, sizes, seed) -> dict[str, np.ndarray]:
    numbers = deal(source.counts[rows], groups[rows], list(sizes.values()), seed)
    parts = {part: rows[numbers == place] for place, part in enumerate(sizes)}
    empty = [part for part, members in parts.items() if not len(members)]
    if empty:
        raise ValueError(
            f"{source.file}: {', '.join(empty)} got no images, because {len(np.unique(groups[rows]))} groups of very "
            "different size had to stay whole. Group by something finer, or give that part a larger share."
        )
    return parts


def _write_part(tree, stem, source, rows, rules: SplitRules, progress) -> dict:
    """Write the annotation file and the images of one part; returns what it holds."""
    for row in tqdm(rows, desc=stem, unit="image", disable=not progress):
        place_image(source.paths[row], tree / stem, source.names[row], rules.link)
    images = [source.content["images"][row] for row in rows]
    annotations = [item for row in rows for item in source.objects[row]]
    info = source.content.get("info")
    info = (info if isinstance(info, dict) else {}) | {"split": {"from": source.file.name, "seed": int(rules.seed)}}
    content = source.content | {"info": info, "images": images, "annotations": annotations}
    write_json(tree / "annotations" / f"instances_{stem}.json", content)
    classes = dict(zip(source.class_names, source.counts[rows].sum(axis=0).tolist(), strict=True))
    return {"images": len(rows), "objects": len(annotations), "classes": classes}


def _thin_classes(trees) -> list[str]:
    """Notes on classes that some part has no object of."""
    lacking: dict[str, list[str]] = {}
    for tree, parts in trees.items():
        for part, numbers in parts.items():
            for name, count in numbers["classes"].items():
                if not count:
                    lacking.setdefault(name, []).append("/".join(filter(None, (tree, part))))
    return [f"class {name!r} has no object in {', '.join(parts)}" for name, parts in lacking.items()]
