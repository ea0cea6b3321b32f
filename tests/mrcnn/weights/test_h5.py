"""Reading and writing the old layout, without Keras: names of all kinds, damaged files, foreign files."""

import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnn.weights import h5
from tests.support.weight_files import BACKBONE, SMALL, golden_layout, write_old


def read(path):
    with h5.open_weights(path) as layers:
        return {name: {w: h5.read_array(d, path) for w, d in weights.items()} for name, weights in layers.items()}


def assert_same(found, expected):
    assert {name: list(weights) for name, weights in found.items()} == {n: list(w) for n, w in expected.items()}
    for name, weights in expected.items():
        for weight, array in weights.items():
            np.testing.assert_array_equal(found[name][weight], array)


def shrink(layout):
    return {
        name: {w: tuple(min(n, 3) for n in shape) for w, shape in weights.items()} for name, weights in layout.items()
    }


@pytest.mark.parametrize("text", [bytes, str])
@pytest.mark.parametrize("model_weights", [False, True])
@pytest.mark.parametrize("full_paths", [False, True])
@pytest.mark.parametrize("pieces", [1, 3])
def test_each_way_keras_wrote_the_names(tmp_path, text, model_weights, full_paths, pieces):
    path = tmp_path / "old.h5"
    options = {"text": text, "model_weights": model_weights, "full_paths": full_paths, "pieces": pieces}
    expected = write_old(path, SMALL, **options)
    assert_same(read(path), expected)


@pytest.mark.parametrize("name", ["resnet50", "resnet101_coco"])
def test_all_names_of_the_golden_layouts(tmp_path, name):
    layout = shrink(golden_layout(name))
    expected = write_old(tmp_path / "old.h5", layout)
    found = read(tmp_path / "old.h5")
    assert_same(found, expected)
    assert {"conv1", "rpn_conv_shared", "mrcnn_mask_bn4"} < set(found)
    assert "rpn_model" not in found


def test_names_of_keras_1(tmp_path):
    layout = {name: SMALL[name] for name in BACKBONE}
    expected = write_old(tmp_path / "new.h5", layout)
    words = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    for number in ("", "_1"):
        with h5py.File(tmp_path / "old.h5", "w") as file:
            file.attrs["layer_names"] = [name.encode() for name in expected]
            for layer, weights in expected.items():
                names = {w: f"{layer}_{words.get(w, w)}{number}:0" for w in weights}
                file.create_group(layer).attrs["weight_names"] = [name.encode() for name in names.values()]
                for w, array in weights.items():
                    file[layer][names[w]] = array
        assert_same(read(tmp_path / "old.h5"), expected)


def test_second_model_in_one_session_numbers_the_names(tmp_path):
    layout = {name: SMALL[name] for name in BACKBONE}
    expected = write_old(tmp_path / "old.h5", layout, name="{layer}_1/{weight}:0")
    assert_same(read(tmp_path / "old.h5"), expected)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        file.create_group("conv1").attrs["weight_names"] = [b"conv1/kernel_2:0"]
        file["conv1"]["conv1/kernel_2:0"] = np.ones(3)
    assert list(read(tmp_path / "other.h5")["conv1"]) == ["kernel"]


@pytest.mark.parametrize("part", [0.0001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file(tmp_path, part):
    path = tmp_path / "cut.h5"
    write_old(path, SMALL)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ValueError, match="cut.h5 is (cut short or damaged|empty|not an HDF5 file)"):
        read(path)
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="cut.h5 is cut short or damaged"):
        read(path)


@pytest.mark.parametrize("part", [i / 12 for i in range(12)])
def test_holes_in_a_file_give_values_or_a_clear_error(tmp_path, part):
    path = tmp_path / "holes.h5"
    write_old(path, SMALL)
    content = bytearray(path.read_bytes())
    start = int(len(content) * part)
    content[start : start + 600] = b"\xff" * len(content[start : start + 600])
    path.write_bytes(content)
    try:
        assert read(path)
    except ValueError as error:
        assert "holes.h5" in str(error)


FOREIGN = {
    "empty.h5": (b"", "is empty"),
    "noise.h5": (np.random.RandomState(0).bytes(9000), "is not an HDF5 file"),
    "page.h5": (b"<!DOCTYPE html><HTML>Not found</HTML>", "is a web page"),
    "state.pth": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "mrcnn weights convert .*state.pth OUT.h5"),
    "model.pth": (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", "mrcnn weights convert .*model.pth OUT.h5"),
    "pointer.h5": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_file(tmp_path, name):
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        read(tmp_path / name)


def test_keras_zip_and_other_hdf5(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(ValueError, match="model.keras is a zip file.*save_weights"):
        read(tmp_path / "model.keras")
    with h5py.File(tmp_path / "maps.h5", "w") as file:
        file["temperature"] = np.ones(3)
    with pytest.raises(ValueError, match="maps.h5 holds no Keras layers \\(but temperature\\)"):
        read(tmp_path / "maps.h5")
    with pytest.raises(FileNotFoundError, match="nothing.h5: no such weight file"):
        read(tmp_path / "nothing.h5")
    with pytest.raises(FileNotFoundError, match="no such weight file"):
        read(tmp_path)


def test_file_that_names_what_it_lacks(tmp_path):
    path = tmp_path / "part.h5"
    write_old(path, SMALL)
    with h5py.File(path, "a") as file:
        del file["fpn_c5p5"]
    with pytest.raises(ValueError, match="part.h5 is damaged.*fpn_c5p5"):
        read(path)


def test_theano_nan_text_and_doubles(tmp_path):
    path = tmp_path / "old.h5"
    write_old(path, SMALL)
    with h5py.File(path, "a") as file:
        file.attrs["backend"] = b"theano"
    with pytest.raises(ValueError, match="old.h5 was written with the Theano backend"):
        read(path)
    write_old(path, SMALL)
    with h5py.File(path, "a") as file:
        file["conv1/conv1/bias:0"][1] = np.nan
    with pytest.raises(ValueError, match="old.h5 holds NaN.*conv1/bias:0.*earlier checkpoint"):
        read(path)
    write_old(path, SMALL)
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/bias:0"]
        file["conv1/conv1/bias:0"] = "text"
    with pytest.raises(ValueError, match="conv1/bias:0 is no array of numbers"):
        read(path)
    write_old(path, SMALL)
    with h5py.File(path, "a") as file:
        file["conv1"].attrs["weight_names"] = [b"conv1/kernel:0", b"conv1/kernel:0"]
    with pytest.raises(ValueError, match="second kernel of layer conv1"):
        read(path)


def test_round_trip_writes_what_keras_2_wrote(tmp_path):
    path = tmp_path / "new" / "weights.h5"
    array = np.arange(6, dtype="float32").reshape(2, 3)
    h5.write_weights(path, {"conv1": [("conv1/kernel:0", array)], "rpn_model": [("rpn_class_raw/bias:0", array[0])]})
    with h5py.File(path, "r") as file:
        assert list(file.attrs["layer_names"]) == [b"conv1", b"rpn_model"]
        assert file.attrs["backend"].decode() == "tensorflow"
        assert file.attrs["keras_version"].decode().startswith("3.")
        assert list(file["rpn_model"].attrs["weight_names"]) == [b"rpn_class_raw/bias:0"]
        assert file["conv1/conv1/kernel:0"].dtype == np.float32
    assert_same(read(path), {"conv1": {"kernel": array}, "rpn_class_raw": {"bias": array[0]}})
    assert [p.name for p in path.parent.iterdir()] == ["weights.h5"]


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"before")
    with pytest.raises(TypeError):
        h5.write_weights(path, {"conv1": [("conv1/kernel:0", np.array([object()]))]})
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_long_lists_of_names_are_split(tmp_path):
    groups = {f"layer_{'x' * 20}_{i:05d}": [(f"layer_{i:05d}/bias:0", np.zeros(1, "float32"))] for i in range(2100)}
    h5.write_weights(tmp_path / "long.h5", groups)
    with h5py.File(tmp_path / "long.h5", "r") as file:
        assert "layer_names0" in file.attrs
        assert "layer_names" not in file.attrs
    assert len(read(tmp_path / "long.h5")) == 2100


def test_addresses_on_paper():
    paths = [
        ("conv1", "kernel"),
        ("rpn_model", "rpn_class_raw", "kernel"),
        ("a", "query", "kernel"),
        ("b", "query", "kernel"),
    ]
    assert h5.addresses(paths) == [
        ("conv1", "kernel"),
        ("rpn_class_raw", "kernel"),
        ("a/query", "kernel"),
        ("b/query", "kernel"),
    ]
    assert h5.addresses([("net", "one", "q", "kernel"), ("net", "two", "q", "kernel")]) == [
        ("net/one/q", "kernel"),
        ("net/two/q", "kernel"),
    ]
    assert h5.addresses([("conv1", "kernel"), ("net", "conv1", "kernel")]) == [
        ("conv1", "kernel"),
        ("net/conv1", "kernel"),
    ]


@given(st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from("abc"), st.sampled_from("cd"), st.sampled_from("kb"))))
def test_addresses_are_unique(paths):
    paths = sorted(paths)
    assert len(set(h5.addresses(paths))) == len(paths)
