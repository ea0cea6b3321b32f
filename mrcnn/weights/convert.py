"""Files of torchvision and detectron2 made into .h5 files of the engine, with classes and settings beside them."""

import json
from dataclasses import dataclass
from pathlib import Path

from mrcnn import presets
from mrcnn.config import Config
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.download import cache_folder, file_hash, get_asset
from mrcnn.weights.load_report import some
from mrcnn.weights.origin import ATTRIBUTE, noted_in
from mrcnn.weights.torch_file import read_torch_file
from mrcnn.weights.torch_layers import COCO_IDS, TorchWeights, from_torch, write_engine_file
from mrcnn.weights.zoo import ZooEntry, entry_of
from mrcnn.whole_file import whole_file

CONVERTER = 1  # raised when converted files are to be made anew
PRESETS = {  # by conventions and number of the RPN's convolutions
    ("torchvision", 1): "TorchvisionConfig",
    ("torchvision", 2): "TorchvisionV2Config",
    ("detectron2", 1): "Detectron2Config",
    ("detectron2", 2): "Detectron2LSJConfig",
}


@dataclass(frozen=True)
class Conversion:
    """A converted file.

    Attributes:
        path: The .h5.
        weights: What it holds.
        class_names: Background first; None where they are not known.
        preset: The class in `mrcnn.presets` whose settings it wants.
        notes: Sentences on what was assumed.
    """

    path: Path
    weights: TorchWeights
    class_names: list[str] | None
    preset: str
    notes: list[str]


def zoo_file(name: str, progress: bool = True) -> Path:
    """The .h5 of a network of the zoo, fetched and converted where that was not done yet.

    Args:
        name: A name of `zoo.ZOO`.
        progress: Whether it is shown.

    Raises:
        DownloadError: Where the file cannot be had.
        ValueError: For an unknown name, and for a file that is not what it should be.
    """
    entry = entry_of(name)
    if entry.epsilon is None:
        return get_asset(entry.asset, progress=progress)
    path = converted_path(entry)
    if is_here(entry):
        return path
    fetched = get_asset(entry.asset, progress=progress)
    if progress:
        print(f"{name}: converting {fetched.name} into {path}, once")
    convert_file(fetched, path, entry=entry)
    if fetched.parent == cache_folder():
        fetched.unlink()
    return path


def is_here(entry: ZooEntry) -> bool:
    """Whether an entry was fetched already, and converted as it is today."""
    if entry.epsilon is None:
        return (cache_folder() / entry.asset.name).is_file()
    return (noted_in(converted_path(entry)) or {}).get("converter") == CONVERTER


def converted_path(entry: ZooEntry) -> Path:
    """Where the converted file of an entry is, once it was fetched; a folder of its own, as classes.json lies there."""
    return cache_folder() / entry.name / f"{entry.name}.h5"


def convert_file(
    source, out, *, epsilon: float | None = None, class_names: list[str] | None = None, entry: ZooEntry | None = None
) -> Conversion:
    """Writes the .h5 of a .pth or .pkl, and classes.json and config.json beside it.

    Args:
        source: A Mask R-CNN or Faster R-CNN (ResNet-50 or -101 with a pyramid) of torchvision or detectron2.
        out: The .h5.
        epsilon: Of the file's batch norm; None: as `from_torch` says.
        class_names: Background first. None: COCO's, where the file has as many rows as COCO's files have.
        entry: What it is in the zoo.

    Raises:
        FileNotFoundError, ValueError: Where the file is not there, or of another kind or another network.
    """
    source, out = Path(source), Path(out)
    if out.suffix != ".h5":
        raise ValueError(f"{out}: the converted file is an .h5, so give it a name that ends so")
    if entry:
        epsilon, class_names = entry.epsilon, list(entry.class_names or ())
    state = read_torch_file(source)
    try:
        weights = from_torch(state, epsilon=epsilon, coco_gaps=class_names is None or len(class_names) != COCO_IDS)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    names, notes = _names(source, weights, class_names)
    preset = PRESETS[weights.maker, weights.settings["RPN_DEPTH"]]
    origin = {
        "name": source.name,
        "file": source.name,
        "licence": "not stated",
        "attribution": f"converted from {source.name}",
        "share_alike": False,
    }
    if entry:
        origin |= entry.origin()
    origin |= {"sha256": file_hash(source), "epsilon": weights.epsilon, "preset": preset, "converter": CONVERTER}
    _write_beside(out, _config(weights, preset, entry.name if entry else out.stem), names)
    write_engine_file(out, weights.layers, {ATTRIBUTE: json.dumps(origin)})
    return Conversion(out, weights, names, preset, notes)


def _names(source: Path, weights: TorchWeights, given: list[str] | None) -> tuple[list[str] | None, list[str]]:
    """The names of the classes, and what to say of the conversion."""
    count = weights.settings["NUM_CLASSES"]
    notes = [f"batch norm's epsilon is taken to be {weights.epsilon:g}"]
    if weights.folded:
        number = sum(weights.folded.values())
        notes.append(f"{number} channels with variances near 0, in {len(weights.folded)} layers, are in the kernels")
    if given:
        if len(given) != count:
            raise ValueError(f"{source} has {count} classes with the background, and {len(given)} names are given")
        return given, notes
    if count == len(COCO_CLASS_NAMES):
        return COCO_CLASS_NAMES, [*notes, f"its {count} classes are taken to be COCO's"]
    return None, [*notes, f"the names of its {count} classes are not known: give them to have their rows kept"]


def _config(weights: TorchWeights, preset: str, name: str) -> Config:
    return presets.preset_named(preset).from_dict(weights.settings | {"NAME": name, "IMAGES_PER_GPU": 1})


def _write_beside(out: Path, config: Config, names: list[str] | None) -> None:
    """config.json and classes.json, unless the folder has those of another file."""
    others = [path.name for path in out.parent.glob("*.h5") if path != out]
    if others:
        raise ValueError(f"{out.parent} has the weights {some(others)}, with their settings: choose another folder")
    with whole_file(out.with_name("config.json")) as part:
        config.to_json(part)
    if names is None:
        out.with_name("classes.json").unlink(missing_ok=True)
        return
    with whole_file(out.with_name("classes.json")) as part:
        part.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
