"""The parts of a data set by their role, each read once: train, validate, test."""

import re
from pathlib import Path

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.layout import find_record_set, find_shards, find_subset, kind_of
from mrcnn_ext.datasets.objects import fullest, image_side
from mrcnn_ext.datasets.open_data import open_data

ROLES = ("train", "validate", "test")
_EXPECTED = """Expected, with {name} and other words as you like:
  {folder}/annotations/instances_{name}_{train}{year}.json   and {validate}, {test} likewise
  {folder}/{name}_{train}{year}/*                            and {validate}, {test} likewise
or, as COCO has it, the same without "{name}_". data/README.md tells more."""


class DataParts:
    """A data set in its parts; each is opened (`open_data`) when it is first asked for, and kept.

    One COCO annotation file is a data set that has the part `train` only.

    Attributes:
        folder: Path of the data set: what `open_data` takes.
        year: Text at the end of the file names, may be empty.
        subsets: What train, validate and test are called in the file names.
        name: The folder's name, or the file's, fit for file names.
    """

    def __init__(
        self,
        folder: str | Path,
        year: str | int = "2018",
        subsets: tuple[str, ...] | list[str] = ROLES,
        images: str | Path | None = None,
    ):
        """images: folder of the images of a single annotation file, where it is not the usual one."""
        self.folder = Path(folder)
        self.year = str(year)
        self.subsets = tuple(subsets)
        self.images = images
        if len(self.subsets) != len(ROLES):
            raise ValueError(f"subsets names the parts for {', '.join(ROLES)}, in this order, but is {self.subsets}.")
        own = self.folder.stem.removeprefix("instances_") if self.is_single else self.folder.resolve().name
        self.name = re.sub(r"[^\w-]+", "_", own)
        self._opened: dict[str, Dataset] = {}

    @property
    def is_single(self) -> bool:
        """Whether it is one annotation file, without other parts."""
        return self.folder.is_file()

    @property
    def train(self) -> Dataset:
        """The part to train on."""
        return self.part("train")

    @property
    def validate(self) -> Dataset:
        """The part to validate on while training."""
        return self.part("validate")

    @property
    def test(self) -> Dataset:
        """The part to measure on when all is done."""
        return self.part("test")

    @property
    def parts(self) -> dict[str, Dataset]:
        """All three, by their role."""
        return {role: self.part(role) for role in ROLES}

    def part(self, role: str) -> Dataset:
        """The part for one of ROLES, prepared.

        Raises:
            ValueError: It is not there, or broken.
        """
        subset = self.subsets[ROLES.index(role)]
        if role != "train":
            self._need_other_parts(role)
        if subset not in self._opened:
            self._opened[subset] = open_data(self.folder, subset, self.year, self.images)
        return self._opened[subset]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, background first."""
        return self.train.class_names

    def image_side(self) -> int:
        """Pixels, the longest side of any image for training."""
        return image_side(self.train)

    def fullest(self) -> int:
        """Objects in the fullest image for training or validation, 1 or more."""
        return fullest(self.train) if self.is_single else fullest(self.train, self.validate)

    def find(self) -> None:
        """Look whether the files of all parts are there, without reading them.

        Raises:
            ValueError: An annotation file, image folder or shard is not there; with the tree that is expected.
        """
        self._need_other_parts("validate and test")
        try:
            kind = kind_of(self.folder)
            for subset in self.subsets:
                if kind == "tfrecord":
                    find_shards(self.folder, find_record_set(self.folder, subset, self.year))
                    continue
                _, images = find_subset(self.folder, subset, self.year)
                if not images.is_dir():
                    raise ValueError(f"there is no folder {images}.")
        except ValueError as error:
            train, validate, test = self.subsets
            tree = _EXPECTED.format(
                folder=self.folder, name=self.name, year=self.year, train=train, validate=validate, test=test
            )
            raise ValueError(f"No data set at {self.folder.resolve()}: {error}\n{tree}") from error

    def _need_other_parts(self, role: str) -> None:
        """Raises ValueError where there is a single annotation file."""
        if self.is_single:
            raise ValueError(
                f"{self.folder}: one annotation file is one part, to train, and there is none to {role}. "
                f"mrcnn split {self.folder} OUT makes a folder with train, validate and test of it."
            )

    def check_classes(self) -> None:
        """Compare the categories of the parts, as class numbers follow from them.

        Raises:
            ValueError: The three files do not list the same.
        """
        listed = {role: [(c["id"], c["name"]) for c in part.class_info[1:]] for role, part in self.parts.items()}
        for role, classes in listed.items():
            if classes != listed["train"]:
                raise ValueError(
                    f"{self.folder}: the categories for {role} are {classes}, those for train {listed['train']}. Write "
                    "the same list of categories into all three annotation files, classes without objects too."
                )
