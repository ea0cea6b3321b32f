"""Files of PyTorch and detectron2 without PyTorch: what is right is equal, what is not is refused, nothing runs."""

import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mrcnn.weights import safe_pickle
from mrcnn.weights.torch_file import read_torch_file
from tests.support.torch_files import (
    Built,
    Call,
    Global,
    Raw,
    Reference,
    pickled,
    tensor,
    write_legacy,
    write_state,
    write_zip,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "torch_files"  # written by torch itself
STATE = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.ones(2, np.float16), "n": np.array(7)}
MEBIBYTE = 1 << 20


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def refused(path, message="."):
    """Reads a file that is to be refused, with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as caught:
            read_torch_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 600
    assert peak < 8 * MEBIBYTE + 8 * path.stat().st_size


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth"])
def test_all_tensors_that_torch_wrote(name):
    found = read_torch_file(GOLDEN / name)
    expected = dict(np.load(GOLDEN / "expected.npz"))
    assert_same({n: array.astype(np.float32) for n, array in found.items()}, expected)
    kinds = {n: str(found[n].dtype) for n in ("half", "brain", "double", "flags", "number")}
    assert kinds == {"half": "float16", "brain": "float32", "double": "float64", "flags": "bool", "number": "int64"}


def test_weights_of_a_checkpoint_of_torch():
    found = read_torch_file(GOLDEN / "checkpoint.pth")
    expected = np.load(GOLDEN / "expected.npz")
    assert len(found) == 9
    assert_same(found, {name: expected[name] for name in found})


def test_whole_model_is_refused_with_what_to_do():
    refused(GOLDEN / "whole_model.pth", r"asks for __main__\.Net.*not read.*model\.state_dict\(\)")


@pytest.mark.parametrize("layout", ["zip", "legacy", "pkl"])
def test_files_of_the_tests_own_writer(tmp_path, layout):
    write_state(tmp_path / "file", STATE, layout)
    assert_same(read_torch_file(tmp_path / "file"), STATE)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_arrays_pickled_by_any_numpy(tmp_path, protocol, core):
    """Arrays in both orders of axes and of bytes, empty ones, numbers of numpy."""
    state = STATE | {
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">f4"),
        "empty": np.zeros((0, 3), np.float32),
        "scalar": np.float32(2.5),
        "flags": np.array([True, False]),
    }
    data = pickle.dumps({"model": state}, protocol=protocol)
    if protocol < 4:  # from protocol 4 on names carry their length
        data = data.replace(b"numpy._core", core)
    (tmp_path / "model.pkl").write_bytes(data)
    assert_same(read_torch_file(tmp_path / "model.pkl"), {name: np.asarray(array) for name, array in state.items()})


def test_arrays_pickled_by_python_2(tmp_path):
    """Their bytes are text there."""
    array = Call("numpy.core.multiarray", "_reconstruct", (Global("numpy", "ndarray"), (0,), b"b"))
    kind = Built(Call("numpy", "dtype", ("f4", 0, 1)), (3, "<", None, None, None, -1, -1, 0))
    data = np.array([1.5, -3.25], np.float32).tobytes()
    text = Raw(b"T" + struct.pack("<i", len(data)) + data)
    (tmp_path / "old.pkl").write_bytes(pickled({"blobs": Built(array, (1, (2,), kind, False, text))}))
    assert_same(read_torch_file(tmp_path / "old.pkl"), {"blobs": np.array([1.5, -3.25], np.float32)})


class Evil:
    """Its pickle calls a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def in_layout(path, layout, value):
    """A file with the value among its tensors."""
    content = {"weight": value}
    if layout == "pkl":
        path.write_bytes(pickled(content))
    elif layout == "zip":
        write_zip(path, content, {})
    else:
        write_legacy(path, content, {})


@pytest.mark.parametrize("layout", ["pkl", "zip", "legacy"])
@pytest.mark.parametrize(
    "module, name",
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("collections", "OrderedDict.fromkeys"),
        ("collections", "Counter"),
        ("mrcnn.weights.safe_pickle", "SafePickle"),
    ],
)
def test_other_names_are_refused_and_nothing_runs(tmp_path, layout, module, name):
    in_layout(tmp_path / "evil", layout, Call(module, name, (f"touch {tmp_path}/ran",)))
    refused(tmp_path / "evil", f"asks for {module}.{name}, which no file of weights needs: not read")
    assert not (tmp_path / "ran").exists()


def test_pickles_made_by_python_itself_do_not_run(tmp_path):
    trace = tmp_path / "ran"
    for protocol in range(6):
        data = pickle.dumps({"weight": Evil(Path.touch, trace)}, protocol=protocol)
        (tmp_path / "evil.pkl").write_bytes(data)
        refused(tmp_path / "evil.pkl")
        assert not trace.exists()
        pickle.loads(data)  # the file is one that would
        assert trace.exists()
        trace.unlink()


FLOAT = Built(Call("numpy", "dtype", ("f4", False, True)), (3, "<", None, None, None, -1, -1, 0))
ARRAY = Call("numpy.core.multiarray", "_reconstruct", (Global("numpy", "ndarray"), (0,), b"b"))


@pytest.mark.parametrize(
    "value, message",
    [
        (Call("numpy", "dtype", ("O8", False, True)), "an array of the type 'O8', where numbers"),
        (Call("numpy", "dtype", ("V800000000", False, True)), "of the type 'V800000000'"),
        (Call("numpy", "dtype", (Global("numpy", "ndarray"),)), "where numbers are expected"),
        (Call("numpy", "dtype", ([("a", "O")],)), "where numbers are expected"),
        (Built(Call("numpy", "dtype", ("f4",)), (3, "?")), "unknown order of bytes"),
        (Call("numpy", "ndarray", ((2**40,),)), "calls what is no function of weights"),
        (Built(Global("numpy", "ndarray"), {"__reduce__": 1}), "damaged"),
        (Built(ARRAY, (1, (2**45,), FLOAT, False, b"1234")), "numbers are not there"),
        (Built(ARRAY, (1, (2**70, 2**70), FLOAT, False, b"")), "impossible shape or type"),
        (Built(ARRAY, (1, (-1, 4), FLOAT, False, b"1234")), "impossible shape"),
        (Built(ARRAY, (1, (1,), "O", False, b"12345678")), "impossible shape or type"),
        (Built(ARRAY, (1, (1,), FLOAT, False, [1])), "numbers are not there"),
        (Built(ARRAY, (1, (1,) * 9, FLOAT, False, b"1234")), "numbers are not there"),
        (Built(ARRAY, 5), "damaged"),
        (ARRAY, "damaged|weight"),
        (Call("numpy.core.multiarray", "scalar", (FLOAT, b"123")), "numbers are not there"),
        (Call("_codecs", "encode", ("x", "punycode")), "unknown way"),
        (Call("collections", "OrderedDict", ([],)), "OrderedDict in an unknown way"),
        (Call("torch._utils", "_rebuild_tensor_v2", (1, 2, (3,), (4,))), "of what is no row of numbers"),
        (Call("torch._utils", "_rebuild_tensor_v2", ()), "damaged"),
        (Reference(("storage", Global("torch", "FloatStorage"), "0", "cpu", 4)), "outside|lacks|Storage, not a tensor"),
        ("text", "weight is a str, not a tensor"),
        (None, "weight is a NoneType"),
        (Raw(b"\x8e" + struct.pack("<Q", 2**62)), "ends .* bytes too early"),
        (Raw(b"\x8d" + struct.pack("<Q", 2**40)), "ends .* bytes too early"),
        (Raw(b"\x8b" + struct.pack("<i", 2**31 - 1)), "ends .* bytes too early"),
        (Raw(b"Nr" + struct.pack("<I", 2**32 - 1)), "weight is a NoneType"),  # a far place in the memo takes no room
        (Raw(b"j" + struct.pack("<I", 2**32 - 1)), "damaged"),
        (Raw(b"\x95" + struct.pack("<Q", 2**60) + b"N"), "weight is a NoneType"),
        (Raw(b"\x8f"), "operation EMPTY_SET"),
        (Raw(b"(cos\nsystem\n" + b"o"), "asks for os.system"),
        (Raw(b"(Nios\nsystem\n"), "operation INST"),
        (Raw(b"\x82\x01"), "operation EXT1"),
        (Raw(b"S'text'\n"), "operation STRING"),
        (Raw(b"0000000000"), "damaged"),
        (Raw(b"ttttt"), "damaged"),
        (Raw(b"u" * 9), "damaged"),
        (Raw(b")" * 100 + b"\x85" * 20_000), "damaged|weight"),  # tuples 20,000 deep
        ({(1, 2): 3}, "a tuple as a key"),
        (Raw(b"}" + b")" + b"\x94h\x00h\x00\x86" * 60 + b"Ns"), "."),  # a key whose hash takes for ever
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.parametrize("layout", ["pkl", "zip", "legacy"])
def test_abused_values_are_refused(tmp_path, layout, value, message):
    in_layout(tmp_path / "evil", layout, value)
    refused(tmp_path / "evil", message)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": (5,)},
        {"offset": 1},
        {"offset": 2**40, "size": (1,)},
        {"offset": -1},
        {"offset": True},
        {"size": (2, 2), "stride": (4, 1)},
        {"size": (4,), "stride": (-1,)},
        {"size": (-1, -4), "stride": (1, 1)},
        {"size": (10**9,), "stride": (0,)},
        {"size": (2**40, 2**40), "stride": (0, 0)},
        {"size": (2**80, 0), "stride": (1, 1)},
        {"size": (4, 1), "stride": (1,)},
        {"size": (1,) * 9, "stride": (1,) * 9},
        {"size": (2.0, 2.0), "stride": (2, 1)},
        {"size": [4], "stride": [1]},
    ],
    ids=str,
)
@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_tensors_outside_their_storage(tmp_path, layout, changes):
    row = np.arange(4, dtype=np.float32).tobytes()
    content = {"weight": tensor("0", "FloatStorage", 4, **changes)}
    if layout == "zip":
        write_zip(tmp_path / "evil", content, {"0": row})
    else:
        write_legacy(tmp_path / "evil", content, {"0": (4, row)})
    refused(tmp_path / "evil", "weight (reaches beyond|has an impossible shape)")


@pytest.mark.parametrize("length", [3, 5, 2**40, -1, True])
def test_storages_of_another_length_than_announced(tmp_path, length):
    row = np.arange(4, dtype=np.float32).tobytes()
    write_zip(tmp_path / "a", {"w": tensor("0", "FloatStorage", length, size=(1,))}, {"0": row})
    refused(tmp_path / "a", "numbers where|no plain row")
    write_legacy(tmp_path / "b", {"w": tensor("0", "FloatStorage", length, size=(1,))}, {"0": (4, row)})
    refused(tmp_path / "b", "numbers where|no plain row")


def test_legacy_storages_that_do_not_fit(tmp_path):
    row = np.zeros(4, np.float32).tobytes()
    path, weight = tmp_path / "evil", tensor("0", "FloatStorage", 4)
    write_legacy(path, {"w": weight}, {})
    refused(path, "lacks the numbers of 1 tensors")
    write_legacy(path, {"w": weight}, {"0": (4, row), "1": (4, row)})
    refused(path, "list of numbers does not fit")
    write_legacy(path, {"w": tensor("0", "FloatStorage", 2**45)}, {"0": (2**45, row)})
    refused(path, "bytes too early")
    write_legacy(path, {"w": weight, "v": tensor("0", "DoubleStorage", 2)}, {"0": (4, row)})
    refused(path, "the same numbers for two kinds")
    path.write_bytes(pickled(0x1950A86A20F9469CFC6C) + pickled(1001) + pickled({"little_endian": False}))
    refused(path, "little-endian")


def test_zip_files_that_torch_never_writes(tmp_path):
    path, row = tmp_path / "evil.pth", bytes(64 * MEBIBYTE)
    content = {"w": tensor("0", "FloatStorage", len(row) // 4)}
    write_zip(path, content, {"0": row}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < MEBIBYTE
    refused(path, "claim to be larger than the file")
    write_zip(path, {"w": tensor("0", "FloatStorage", 2)}, {"0": b"12345678"}, compression=zipfile.ZIP_LZMA)
    refused(path, "compressed")
    write_zip(path, {"w": tensor("0", "FloatStorage", 2)}, {"0": b"12345678"}, folder="../../up/archive")
    refused(path, "not one of torch.save")
    write_zip(path, {"w": tensor("../../data", "FloatStorage", 2)}, {"0": b"12345678"})
    refused(path, "lacks the numbers data/../../data")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/weights.txt", "nothing")
    refused(path, "not one of torch.save")


def test_parts_of_a_zip_file_that_overlap(tmp_path):
    """The directory names one row a thousand times: together they would be larger than the file."""
    path = tmp_path / "evil.pth"
    row = bytes(100_000)
    write_zip(path, {"w": tensor("0", "FloatStorage", 25_000)}, {"0": row})
    with zipfile.ZipFile(path, "a") as file:
        first = file.getinfo("archive/data/0")
        for i in range(1, 1000):
            entry = zipfile.ZipInfo(f"archive/data/{i}")
            entry.file_size, entry.compress_size, entry.CRC = first.file_size, first.compress_size, first.CRC
            entry.header_offset, entry.create_version = first.header_offset, 20
            file.filelist.append(entry)
            file.NameToInfo[entry.filename] = entry
        file.writestr("archive/more", "")  # so that the directory is written anew
    refused(path, "claim to be larger than the file")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of text with wrong escapes, as pickletools reads it
@pytest.mark.parametrize("layout", ["zip", "legacy", "pkl"])
def test_files_cut_short_or_with_a_wrong_byte(tmp_path, layout):
    """Any cut is refused; a wrong byte is refused or gives other numbers, and never anything else."""
    write_state(tmp_path / "whole", STATE, layout)
    whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut: "):
            read_torch_file(path)
    random = np.random.default_rng(3)
    kept = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            found = read_torch_file(path)
            kept += 1
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")
        else:
            assert all(isinstance(array, np.ndarray) and array.dtype != object for array in found.values())
    assert kept < 150


def test_endless_rows_of_operations(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_pickle, "MOST_OPERATIONS", 1000)
    (tmp_path / "evil.pkl").write_bytes(pickled([Raw(b"}" * 2000)]))
    refused(tmp_path / "evil.pkl", "more than 1,000 operations")


@pytest.mark.parametrize("content", [[], {}, 5, "text", [{"w": 1}], {1: 2}, {"model": {}}, {"model": {"w": 1}}])
def test_files_without_a_state_dict(tmp_path, content):
    (tmp_path / "other.pkl").write_bytes(pickle.dumps(content))
    refused(tmp_path / "other.pkl", "no state_dict|not a tensor")


def test_files_of_other_kinds(tmp_path):
    path = tmp_path / "other"
    with pytest.raises(FileNotFoundError, match="other: no such file of weights"):
        read_torch_file(path)
    for content in (b"", b"\x89HDF\r\n\x1a\n" + bytes(100), b"<html>Not found</html>", b"version https://git-lfs"):
        path.write_bytes(content)
        refused(path, "no file of PyTorch's torch.save, nor a pickle of detectron2")
