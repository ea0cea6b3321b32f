"""Whose weights a file holds, or began as: licence and attribution, kept in the file, and in a run's run.json."""

import json
from pathlib import Path

import h5py

from mrcnn.weights.load_report import some
from mrcnn.weights.zoo import ZOO

ATTRIBUTE = "origin"  # of a converted .h5: JSON


def origins_of(path) -> list[dict]:
    """What the weights of a file began as: dicts as `ZooEntry.origin` makes them, or of a converted file.

    They are those noted in the file itself, those of the run that it belongs to (run.json beside it), or of the zoo's
    own .h5, known by its name. Empty where nothing is known, as of random weights.
    """
    path = Path(path)
    own = noted_in(path)
    if own:
        return [own]
    facts = path.with_name("run.json")
    if facts.is_file():
        trainings = json.loads(facts.read_text(encoding="utf-8")).get("trainings", [])
        return unique([origin for training in trainings for origin in training.get("origins", [])])
    return [entry.origin() for entry in ZOO.values() if entry.asset.name == path.name]


def noted_in(path) -> dict | None:
    """What a converted file says of itself; None where it says nothing, or is not there."""
    if not Path(path).is_file() or not h5py.is_hdf5(path):
        return None
    with h5py.File(path, "r", locking=False) as file:
        text = file.attrs.get(ATTRIBUTE)
    return None if text is None else json.loads(text)


def unique(origins: list[dict]) -> list[dict]:
    """Each once, in order."""
    return [origin for i, origin in enumerate(origins) if origin not in origins[:i]]


def passed_on(origins: list[dict]) -> str:
    """What weights trained from these must carry; empty where nothing is passed on."""
    shared = [origin for origin in origins if origin["share_alike"]]
    if not shared:
        return ""
    names = some(dict.fromkeys(origin["name"] for origin in shared))
    licences = some(dict.fromkeys(origin["licence"] for origin in shared))
    makers = "; ".join(dict.fromkeys(origin["attribution"] for origin in shared))
    return (
        f"The weights {names} are under {licences}, which reaches what is trained from them: give trained weights away "
        f"under the same licence only, and name the makers: {makers}."
    )
