"""Reading and writing weight files as Keras 1 and 2 laid them out: an HDF5 group per layer, arrays `layer/kernel:0`.

A file is seen as `{layer: {weight: dataset}}`, where a layer nested in another one (`rpn_conv_shared` in `rpn_model`)
stands under its own name. `addresses` makes these names, for files and for models alike.
"""
# By hand: Keras 3 reads its own layout, not those of Keras 1 and 2 by layer names.

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

from mrcnn.whole_file import whole_file

HEADER_LIMIT = 64512  # bytes: HDF5 stores no larger attribute, so Keras splits a list: layer_names0, layer_names1
KERAS1_WEIGHTS = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
KERAS1_NAME = re.compile(r"(?P<layer>.+)_(?P<weight>W|b|gamma|beta|running_mean|running_std)(_\d+)?")
NUMBERED_WEIGHT = re.compile(r"(?P<weight>kernel|bias|gamma|beta|moving_mean|moving_variance)_\d+")


def addresses(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, str]]:
    """(layer, weight) for each path (group, ..., weight) of a file or model: different paths, different addresses.

    A layer goes by its own name. Where several have that name, those inside others go by their whole path, "a/b/name".
    """
    layers = {path[:-1] for path in paths}
    count = Counter(layer[-1] for layer in layers)
    return [(path[-2] if count[path[-2]] == 1 else "/".join(path[:-1]), path[-1]) for path in paths]


@contextmanager
def open_weights(path) -> Iterator[dict[str, dict[str, h5py.Dataset]]]:
    """Open an old-style weight file and give {layer: {weight: dataset}}, to be read inside the `with` block.

    Raises FileNotFoundError where there is no such file, ValueError where it is damaged or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weight file")
    try:
        file = h5py.File(path, "r", locking=False)  # network folders and some mounts have no locks
    except OSError as error:
        raise ValueError(_why_not_hdf5(path, error)) from error
    with file:
        try:
            layers = _layers(file, path)
        except (KeyError, OSError, RuntimeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is damaged ({error}): get or write the file again") from error
        yield layers


def read_array(dataset: h5py.Dataset, path) -> np.ndarray:
    """The whole dataset; ValueError where the file is damaged or the numbers are not finite."""
    try:
        array = dataset[()]
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged at {dataset.name} ({error}): get or write the file again") from error
    if not np.isfinite(array).all():
        raise ValueError(
            f"{path} holds NaN or infinite numbers at {dataset.name}: the training that wrote it had diverged; "
            "take an earlier checkpoint"
        )
    return array


def write_weights(
    path, groups: dict[str, list[tuple[str, np.ndarray]]], attributes: dict[str, str] | None = None
) -> None:
    """Write {group: [(weight name as in `conv1/kernel:0`, array), ...]} in the layout of Keras 2, whole or not at all.

    The file appears under its name only when it is complete. Folders are made as needed. attributes: texts to keep in
    the file.
    """
    with whole_file(path) as part, h5py.File(part, "w", locking=False) as file:
        write_names(file, "layer_names", list(groups))
        # The arrays lie as TensorFlow has them whatever backend runs; old Keras would mirror other kernels.
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["keras_version"] = np.bytes_(version("keras"))
        for name, text in (attributes or {}).items():
            file.attrs[name] = text
        for name, weights in groups.items():
            group = file.create_group(name)
            write_names(group, "weight_names", [weight for weight, _ in weights])
            for weight, array in weights:
                group.create_dataset(weight, data=array)


def write_names(group: h5py.Group, key: str, names: list[str]) -> None:
    """Store a list of names as an attribute of byte strings, in pieces `key0`, `key1` where it is too long."""
    array = np.array([name.encode("utf8") for name in names], dtype=np.bytes_)
    if array.nbytes <= HEADER_LIMIT:
        group.attrs[key] = array
        return
    for i, piece in enumerate(np.array_split(array, -(-array.nbytes // HEADER_LIMIT) + 1)):
        group.attrs[f"{key}{i}"] = piece


def _names(group: h5py.Group, key: str) -> list[str] | None:
    """The names stored by any Keras (bytes or str, whole or in pieces), None where there is no such attribute."""
    if key in group.attrs:
        names = list(np.atleast_1d(group.attrs[key]))
    elif f"{key}0" in group.attrs:
        names, i = [], 0
        while f"{key}{i}" in group.attrs:
            names.extend(group.attrs[f"{key}{i}"])
            i += 1
    else:
        return None
    return [name.decode("utf8") if isinstance(name, bytes) else str(name) for name in names]


def _layers(file: h5py.File, path: Path) -> dict[str, dict[str, h5py.Dataset]]:
    root = file.get("model_weights", file)
    names = _names(root, "layer_names")
    if names is None:
        raise ValueError(_why_no_layers(file, path))
    backend = root.attrs.get("backend", "tensorflow")
    if backend in ("theano", b"theano"):
        raise ValueError(f"{path} was written with the Theano backend, which mirrors kernels: convert it with Keras 2")
    paths, datasets = [], []
    for name in names:
        group = root[name]
        for weight in _names(group, "weight_names") or []:
            paths.append(_path(name, weight))
            datasets.append(group[weight])
    layers: dict[str, dict[str, h5py.Dataset]] = {}
    for (layer, weight), dataset in zip(addresses(paths), datasets, strict=True):
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiu":
            raise ValueError(f"{path}: {dataset.name} is no array of numbers; get or write the file again")
        if weight in layers.setdefault(layer, {}):
            raise ValueError(
                f"{path}: {dataset.name} is a second {weight} of layer {layer}, so it is unclear which to use"
            )
        layers[layer][weight] = dataset
    return layers


def _path(group: str, name: str) -> tuple[str, ...]:
    """A weight's name as stored in a group -> (group, layer, ..., weight), in the words of Keras 2."""
    *parts, weight = name.split(":")[0].split("/")
    while parts and parts[0] == group:
        parts = parts[1:]
    if len(parts) == 1 and re.fullmatch(re.escape(group) + r"_\d+", parts[0]):
        parts = []  # a second model in one TensorFlow 1 session: conv1_1/kernel:0 in the group conv1
    old = KERAS1_NAME.fullmatch(weight)
    if old and not parts:
        parts = [] if old["layer"] == group else [old["layer"]]
        weight = old["weight"]
    numbered = NUMBERED_WEIGHT.fullmatch(weight)
    if numbered:
        weight = numbered["weight"]
    return (group, *parts, KERAS1_WEIGHTS.get(weight, weight))


def _why_not_hdf5(path: Path, error: OSError) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        return f"{path} is empty: get or write the file again"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return f"{path} is cut short or damaged ({error}): delete it and get it again, or take an earlier checkpoint"
    if (
        head.startswith(b"PK\x03\x04")
        and b"data.pkl" in head
        or head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04"))
    ):
        return f"{path} is a file of PyTorch or detectron2: `mrcnn weights convert {path} OUT.h5` makes one that fits"
    if zipfile.is_zipfile(path):
        return (
            f"{path} is a zip file (a .keras model?), not an .h5: load it with Keras, then write it with save_weights"
        )
    if head.startswith(b"version https://git-lfs"):
        return f"{path} is a git-lfs pointer, not the weights: fetch the file itself with `git lfs pull`"
    if b"<html" in head.lower():
        return f"{path} is a web page, not a weight file: the download went wrong; get the file again"
    return f"{path} is not an HDF5 file: expected weights written by Keras 1 or 2, the old mrcnn or save_weights"


def _why_no_layers(file: h5py.File, path: Path) -> str:
    if "layers" in file or "_layer_checkpoint_dependencies" in file:
        return (
            f"{path} is a Keras 3 weight file, without the layers' names: load it into the same network with "
            "model.keras_model.load_weights(path), then write it with save_weights"
        )
    found = ", ".join(sorted(file)[:5]) or "nothing"
    return f"{path} holds no Keras layers (but {found}): expected weights of the old mrcnn or of save_weights"
