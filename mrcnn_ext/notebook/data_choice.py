"""The data set that the notebooks work on: chosen once in notebook 01, remembered for the others.

Paths are relative to the notebooks' folder, which is where Jupyter runs them.
"""

import functools
import json
import os
import re
from pathlib import Path

from mrcnn_ext.common.quick import SUFFIX, quick
from mrcnn_ext.datasets.coco import CocoDataset, find_subset
from mrcnn_ext.datasets.objects import fullest, image_side

CHOICE = Path("../data/chosen.json")
LOGS = Path("../logs")
ROLES = ("train", "validate", "test")
_MAX_CLASSES_SHOWN = 12
_EXPECTED = """Expected, with {name} and other words as you like:
  {folder}/annotations/instances_{name}_{train}{year}.json   and {validate}, {test} likewise
  {folder}/{name}_{train}{year}/*                            and {validate}, {test} likewise
or, as COCO has it, the same without "{name}_". data/README.md tells more."""


class ChosenData:
    """A data set in three parts. `train`, `validate` and `test` are prepared CocoDatasets, read at first use.

    folder: where `annotations/` is.  year: text at the end of the file names, may be empty.
    subsets: what the three parts are called in the file names.
    name: the folder's name, fit for file names.
    """

    def __init__(self, folder, year="2018", subsets=ROLES):
        self.folder = Path(folder)
        self.year = str(year)
        self.subsets = tuple(subsets)
        if len(self.subsets) != len(ROLES):
            raise ValueError(f"subsets names the parts for {', '.join(ROLES)}, in this order, but is {self.subsets}.")
        self.name = re.sub(r"[^\w-]+", "_", self.folder.resolve().name)

    @functools.cached_property
    def train(self) -> CocoDataset:
        return self._load(self.subsets[0])

    @functools.cached_property
    def validate(self) -> CocoDataset:
        return self._load(self.subsets[1])

    @functools.cached_property
    def test(self) -> CocoDataset:
        return self._load(self.subsets[2])

    @property
    def parts(self) -> dict[str, CocoDataset]:
        """All three, by their role."""
        return {role: getattr(self, role) for role in ROLES}

    @property
    def run_name(self) -> str:
        """Name of the runs; in quick mode another one, so that a test never stands in for your last real run."""
        return self.name + SUFFIX if quick() else self.name

    @property
    def config_path(self) -> Path:
        """Where notebook 02 writes the settings, and 03 to 05 read them."""
        return LOGS / f"{self.run_name}_config.json"

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, background first."""
        return self.train.class_names

    def image_side(self) -> int:
        """Pixels, the longest side of any image for training."""
        return image_side(self.train)

    def fullest(self) -> int:
        """Objects in the fullest image for training or validation, 1 or more."""
        return fullest(self.train, self.validate)

    def find(self) -> None:
        """Raises ValueError, with the tree that is expected, where an annotation file or image folder is absent."""
        try:
            for subset in self.subsets:
                _, images = find_subset(self.folder, subset, self.year)
                if not images.is_dir():
                    raise ValueError(f"there is no folder {images}.")
        except ValueError as error:
            train, validate, test = self.subsets
            tree = _EXPECTED.format(
                folder=self.folder, name=self.name, year=self.year, train=train, validate=validate, test=test
            )
            raise ValueError(f"No data set at {self.folder.resolve()}: {error}\n{tree}") from error

    def check_classes(self) -> None:
        """Raises ValueError where the three files do not list the same categories: class numbers follow from them."""
        listed = {role: [(c["id"], c["name"]) for c in part.class_info[1:]] for role, part in self.parts.items()}
        for role, classes in listed.items():
            if classes != listed["train"]:
                raise ValueError(
                    f"{self.folder}: the categories for {role} are {classes}, those for train {listed['train']}. Write "
                    "the same list of categories into all three annotation files, classes without objects too."
                )

    def _load(self, subset) -> CocoDataset:
        dataset = CocoDataset()
        dataset.load_coco(self.folder, subset, self.year)
        dataset.prepare()
        if not len(dataset.image_ids):
            raise ValueError(f"{self.folder}: the part {subset!r} has no images.")
        return dataset


def choose_data(folder, year="2018", subsets=ROLES) -> ChosenData:
    """Check that a data set is there, print what it holds, and remember it for the other notebooks.

    folder, year, subsets: as in ChosenData; a relative folder is relative to the notebooks.
    Reads the annotation files and no image. Raises ValueError that says what is missing and what is expected.
    """
    data = ChosenData(folder, year, subsets)
    data.find()
    data.check_classes()
    path = data.folder if data.folder.is_absolute() else Path(os.path.relpath(data.folder, CHOICE.parent))
    summary = _summary(data)
    _write(CHOICE, {"folder": str(path), "year": data.year, "subsets": data.subsets, "summary": summary})
    print(summary)
    return data


def chosen_data() -> ChosenData:
    """The data set that notebook 01 chose; prints which one it is. Raises ValueError before notebook 01 has run."""
    try:
        choice = json.loads(CHOICE.read_text(encoding="utf-8"))
        data = ChosenData(CHOICE.parent / choice["folder"], choice["year"], choice["subsets"])
        summary = choice["summary"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"No data set is chosen yet ({CHOICE} cannot be read): run notebook 01_explore_dataset first."
        ) from error
    data.find()
    print(summary)
    return data


def _summary(data: ChosenData) -> str:
    images = ", ".join(f"{len(part.image_ids):,} to {role}" for role, part in data.parts.items())
    names = data.class_names[1:]
    shown = ", ".join(names[:_MAX_CLASSES_SHOWN]) + (", .." if len(names) > _MAX_CLASSES_SHOWN else "")
    classes = "1 class" if len(names) == 1 else f"{len(names)} classes"
    return f"Data set {data.name}: images {images}; {classes}: {shown}"


def _write(path: Path, content: dict) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
