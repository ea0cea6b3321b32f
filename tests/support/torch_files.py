"""Files of weights as PyTorch and detectron2 write them, without PyTorch; and hostile ones, operation by operation."""

import pickle
import struct
import zipfile
from dataclasses import dataclass

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {
    np.dtype("float32"): "FloatStorage",
    np.dtype("float16"): "HalfStorage",
    np.dtype("int64"): "LongStorage",
}


@dataclass
class Call:
    """module.name(*arguments), as a pickle asks for it."""

    module: str
    name: str
    arguments: tuple


@dataclass
class Global:
    """module.name"""

    module: str
    name: str


@dataclass
class Reference:
    """A persistent id."""

    identity: tuple


@dataclass
class Built:
    """A value whose state is set."""

    value: object
    state: object


@dataclass
class Raw:
    """Operations as they are."""

    data: bytes


def pickled(value: object) -> bytes:
    """A pickle of protocol 4."""
    return b"\x80\x04" + _operations(value) + b"."


def tensor(key: str, kind: str, length: int, *, offset=0, size=None, stride=None) -> Call:
    """A tensor over a storage; by default a vector of all of it."""
    storage = Reference(("storage", Global("torch", kind), key, "cpu", length))
    size = (length,) if size is None else size
    stride = (1,) if stride is None else stride
    return Call("torch._utils", "_rebuild_tensor_v2", (storage, offset, size, stride, False, {}))


def write_zip(path, content: object, storages: dict[str, bytes], folder="archive", **options) -> None:
    """torch.save's layout: content is what data.pkl holds."""
    with zipfile.ZipFile(path, "w", **options) as file:
        file.writestr(f"{folder}/data.pkl", pickled(content))
        file.writestr(f"{folder}/byteorder", "little")
        for key, data in storages.items():
            file.writestr(f"{folder}/data/{key}", data)
        file.writestr(f"{folder}/version", "3\n")


def write_legacy(path, content: object, storages: dict[str, tuple[int, bytes]]) -> None:
    """torch.save's layout of before 2020: storages with the number of their elements."""
    parts = [MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}, content, list(storages)]
    rows = b"".join(struct.pack("<q", length) + data for length, data in storages.values())
    path.write_bytes(b"".join(map(pickled, parts)) + rows)


def write_state(path, state: dict[str, np.ndarray], layout: str = "zip") -> None:
    """A state_dict of arrays as "zip" or "legacy" (.pth), or as "pkl" of detectron2."""
    if layout == "pkl":
        path.write_bytes(pickle.dumps({"model": state, "__author__": "nobody"}, protocol=4))
        return
    arrays = {str(i): np.array(array, order="C") for i, array in enumerate(state.values())}
    content = {}
    for name, (key, array) in zip(state, arrays.items(), strict=True):
        stride = tuple(n // array.itemsize for n in array.strides)
        content[name] = tensor(key, KINDS[array.dtype], array.size, size=array.shape, stride=stride)
    if layout == "zip":
        write_zip(path, content, {key: array.tobytes() for key, array in arrays.items()})
    else:
        write_legacy(path, content, {key: (array.size, array.tobytes()) for key, array in arrays.items()})


def _operations(value: object) -> bytes:
    match value:
        case Raw():
            return value.data
        case Call():
            return _operations(Global(value.module, value.name)) + _operations(value.arguments) + b"R"
        case Global():
            return f"c{value.module}\n{value.name}\n".encode()
        case Reference():
            return _operations(value.identity) + b"Q"
        case Built():
            return _operations(value.value) + _operations(value.state) + b"b"
        case tuple():
            return b"(" + b"".join(map(_operations, value)) + b"t"
        case list():
            return b"](" + b"".join(map(_operations, value)) + b"e"
        case dict():
            return b"}(" + b"".join(_operations(key) + _operations(item) for key, item in value.items()) + b"u"
        case _:  # a plain value: Python's own, without the frame around it
            return pickle.dumps(value, protocol=2)[2:-1]
