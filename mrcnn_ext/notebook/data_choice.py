"""The data set that the notebooks work on: chosen once in notebook 01, remembered for the others.

Paths are relative to the notebooks' folder, which is where Jupyter runs them.
"""

import json
import os
from pathlib import Path

from mrcnn_ext.common.files import write_json
from mrcnn_ext.common.runs import QUICK_SUFFIX, quick
from mrcnn_ext.common.values import first_few
from mrcnn_ext.datasets.parts import ROLES, DataParts

CHOICE = Path("../data/chosen.json")
LOGS = Path("../logs")
_MAX_CLASSES_SHOWN = 12


class ChosenData(DataParts):
    """The data set of the notebooks, with the names of its runs. Its parts are read at first use."""

    @property
    def run_name(self) -> str:
        """Name of the runs; in quick mode another one, so that a test never stands in for your last real run."""
        return self.name + QUICK_SUFFIX if quick() else self.name

    @property
    def config_path(self) -> Path:
        """Where notebook 02 writes the settings, and 03 to 05 read them."""
        return LOGS / f"{self.run_name}_config.json"


def choose_data(folder, year="2018", subsets=ROLES) -> ChosenData:
    """Check that a data set is there, print what it holds, and remember it for the other notebooks.

    folder: of COCO files or of TFRecords, see DataParts, as for year and subsets; relative to the notebooks.
    Reads the annotation files and no image. Raises ValueError that says what is missing and what is expected.
    """
    data = ChosenData(folder, year, subsets)
    data.find()
    data.check_classes()
    path = data.folder if data.folder.is_absolute() else Path(os.path.relpath(data.folder, CHOICE.parent))
    summary = _summary(data)
    choice = {"folder": str(path), "year": data.year, "subsets": data.subsets, "summary": summary}
    write_json(CHOICE, choice, indent=2)
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
    shown = first_few(names, _MAX_CLASSES_SHOWN)
    classes = "1 class" if len(names) == 1 else f"{len(names)} classes"
    return f"Data set {data.name}: images {images}; {classes}: {shown}"
