"""Files of weights of PyTorch (.pth, in the layouts of 2020 and of before) and of detectron2 (.pkl), without PyTorch.

Nothing of a file is run: see `safe_pickle`. Arrays are views of what was read, so a file that claims more than it
holds is refused instead of filling the memory.
"""

import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn.weights.safe_pickle import BoundedFile, Name, SafePickle

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",  # the upper half of a float32
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
ARRAY_TYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
MOST_AXES = 8
WHOLE_FILES = ("model", "state_dict", "model_state_dict")  # where a checkpoint keeps its state_dict


@dataclass(frozen=True)
class Storage:
    """A row of numbers that tensors are cut from. `kind`: of `STORAGES`."""

    kind: str
    key: str
    length: int


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file, whose numbers are still to be read."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class PickledType:
    """A numpy dtype as pickles describe it: the letters first, the order of bytes in the state."""

    def __init__(self, code: object):
        if code not in ARRAY_TYPES:
            raise ValueError(f"it has an array of the type {str(code)[:20]!r}, where numbers are expected")
        self.code = code
        self.order = "<"

    def set_state(self, state: tuple) -> None:
        if state[1] not in ("<", ">", "|"):
            raise ValueError("it has an array of an unknown order of bytes")
        self.order = state[1]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class PickledArray:
    """A numpy array as pickles describe it; complete after `set_state`."""

    array: np.ndarray | None = None

    def set_state(self, state: tuple) -> None:
        _, shape, kind, is_fortran, data = state
        self.array = _array(data, kind, shape, "F" if is_fortran is True else "C")


def read_torch_file(path) -> dict[str, np.ndarray]:
    """The state_dict of a file, {name: array}; 16-bit brain floats become float32.

    Args:
        path: A .pth or .pt of PyTorch, or a .pkl of detectron2. Checkpoints with the weights under "model",
            "state_dict" or "model_state_dict" are read, too.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where it is of another kind, damaged, or asks for anything but weights. Nothing of it was run.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights")
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start == b"PK\x03\x04":
            return _read_zip(path)
        if start[:1] == b"\x80":
            return _read_stream(path)
    except (ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, struct.error) as error:
        raise ValueError(f"{path}: {error}") from error
    raise ValueError(f"{path}: this is no file of PyTorch's torch.save, nor a pickle of detectron2")


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sum(entry.file_size for entry in entries.values()) > path.stat().st_size:
            raise ValueError("its parts claim to be larger than the file: not read")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise ValueError("its parts are compressed, as torch.save never writes them: not read")
        pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("this zip file is not one of torch.save, which holds a data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in entries else b"little"
        if order != b"little":
            raise ValueError("its numbers are not in little-endian order: write it anew on a usual machine")

        def bytes_of(storage: Storage) -> bytes:
            entry = entries.get(f"{folder}data/{storage.key}")
            if entry is None:
                raise ValueError(f"it lacks the numbers data/{storage.key[:40]}")
            return archive.read(entry)

        with archive.open(pickles[0]) as file:
            content = _unpickle(BoundedFile(file, entries[pickles[0]].file_size))
        return _arrays(content, bytes_of)


def _read_stream(path: Path) -> dict[str, np.ndarray]:
    """A detectron2 file, which is one pickle, or torch's layout of before 2020: five, and the numbers behind them."""
    with path.open("rb") as opened:
        file = BoundedFile(opened, path.stat().st_size)
        content = _unpickle(file)
        if content != LEGACY_MAGIC:
            return _arrays(content, None)
        _unpickle(file)  # the protocol's version
        system = _unpickle(file)
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("its numbers are not in little-endian order: write it anew on a usual machine")
        storages: dict[str, Storage] = {}
        content = _unpickle(file, storages)
        keys = _unpickle(file)
        if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
            raise ValueError("its list of numbers does not fit its tensors")
        numbers = {}
        for key in keys:
            (length,) = struct.unpack("<q", file.read(8))
            if length != storages[key].length:
                raise ValueError(f"it holds {length:,} numbers where {storages[key].length:,} are announced")
            numbers[key] = file.read(length * np.dtype(STORAGES[storages[key].kind]).itemsize)
    missing = storages.keys() - numbers.keys()
    if missing:
        raise ValueError(f"it lacks the numbers of {len(missing)} tensors")
    return _arrays(content, lambda storage: numbers[storage.key])


def _unpickle(file: BoundedFile, storages: dict[str, Storage] | None = None) -> object:
    """The next pickle; its storages are noted in `storages`."""

    def reference(identity) -> Storage:
        word, kind, key, _, length, *view = identity
        known = type(kind) is Name and kind.module == "torch" and kind.name in STORAGES
        if word != "storage" or not known or type(key) is not str or not _is_count(length) or any(view):
            raise ValueError("it refers to what is no plain row of numbers: not read")
        storage = Storage(kind.name, key, length)
        if storages is not None and storages.setdefault(key, storage) != storage:
            raise ValueError("it takes the same numbers for two kinds")
        return storage

    return SafePickle(file, NAMES, reference).load()


def _arrays(content: object, bytes_of: Callable[[Storage], bytes] | None) -> dict[str, np.ndarray]:
    """The state_dict within what was read, as arrays."""
    if isinstance(content, dict):
        content = next((content[key] for key in WHOLE_FILES if isinstance(content.get(key), dict)), content)
    if not isinstance(content, dict) or not content:
        raise ValueError("it holds no state_dict, that is names and tensors")
    read: dict[Storage, np.ndarray] = {}
    arrays = {}
    for name, value in content.items():
        if isinstance(value, Tensor) and bytes_of is not None:
            if value.storage not in read:
                read[value.storage] = _row(bytes_of(value.storage), value.storage)
            arrays[name] = _cut(value, read[value.storage], name)
        elif isinstance(value, PickledArray) and value.array is not None:
            arrays[name] = value.array
        elif isinstance(value, np.generic):
            arrays[name] = np.asarray(value)
        else:
            raise ValueError(f"{str(name)[:80]} is a {type(value).__name__}, not a tensor")
        if not isinstance(name, str):
            raise ValueError(f"a tensor goes by {name}, which is no name")
    return arrays


def _row(data: bytes, storage: Storage) -> np.ndarray:
    """All numbers of a storage."""
    row = np.frombuffer(data, STORAGES[storage.kind]) if data else np.zeros(0, STORAGES[storage.kind])
    if len(row) != storage.length:
        raise ValueError(f"it holds {len(row):,} numbers where {storage.length:,} are announced")
    if storage.kind == "BFloat16Storage":
        row = (row.astype(np.uint32) << 16).view(np.float32)
    return row


def _cut(tensor: Tensor, row: np.ndarray, name: str) -> np.ndarray:
    """The tensor as a view of its storage. ValueError where it is not inside, or larger than it (stride 0)."""
    size, stride, offset = tensor.size, tensor.stride, tensor.offset
    whole = type(size) is tuple and type(stride) is tuple and len(size) == len(stride) <= MOST_AXES
    if not whole or not all(map(_is_count, (*size, *stride, offset))):
        raise ValueError(f"{name} has an impossible shape")
    number = math.prod(size)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if number else offset
    if number > len(row) or last >= len(row) + (number == 0):
        raise ValueError(f"{name} reaches beyond the numbers that the file has for it")
    if not number:
        return np.zeros(size, row.dtype)
    strides = [s * row.itemsize for s in stride]
    return np.lib.stride_tricks.as_strided(row[offset:], size, strides, writeable=False)


def _array(data: object, kind: object, shape: object, order: str) -> np.ndarray:
    """A pickled array; `data`: its bytes, or a string of as many letters where Python 2 wrote it."""
    if not isinstance(kind, PickledType) or type(shape) is not tuple or not all(map(_is_count, shape)):
        raise ValueError("it has an array of an impossible shape or type")
    if isinstance(data, str):
        data = data.encode("latin1")
    expected = math.prod(shape) * kind.dtype.itemsize
    if not isinstance(data, (bytes, bytearray)) or len(data) != expected or len(shape) > MOST_AXES:
        raise ValueError(f"it has an array of the shape {shape[:MOST_AXES]} whose numbers are not there")
    return (
        np.frombuffer(data, kind.dtype).reshape(shape, order="F" if order == "F" else "C")
        if expected
        else np.zeros(shape, kind.dtype)
    )


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**48


def _tensor(storage: object, offset: int, size: tuple, stride: tuple, *_) -> Tensor:
    if not isinstance(storage, Storage):
        raise ValueError("it makes a tensor of what is no row of numbers")
    return Tensor(storage, offset, size, stride)


def _scalar(kind: object, data: object) -> Any:
    return _array(data, kind, (), "C")[()]


def _from_buffer(data: object, kind: object, shape: object, order: str) -> PickledArray:
    pickled = PickledArray()
    pickled.array = _array(data, kind, shape, "F" if order == "F" else "C")
    return pickled


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    if encoding != "latin1":
        raise ValueError("it encodes text in an unknown way")
    return text.encode("latin1")


def _empty_bytes(*contents: object) -> bytes:
    if contents:
        raise ValueError("it makes bytes in an unknown way")
    return b""


def _ordered(*items: object) -> dict:
    if items:
        raise ValueError("it fills an OrderedDict in an unknown way")
    return {}


def _names() -> Mapping[tuple[str, str], Callable | None]:
    names: dict[tuple[str, str], Callable | None] = {
        ("collections", "OrderedDict"): _ordered,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch._utils", "_rebuild_tensor"): _tensor,
        ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
        ("_codecs", "encode"): _latin1,
        ("__builtin__", "bytes"): _empty_bytes,
        ("numpy", "ndarray"): None,
        ("numpy", "dtype"): lambda code, *_: PickledType(code),
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = lambda *_: PickledArray()
        names[f"{core}.multiarray", "scalar"] = _scalar
        names[f"{core}.numeric", "_frombuffer"] = _from_buffer
    return names | {("torch", kind): None for kind in STORAGES}


NAMES = _names()
