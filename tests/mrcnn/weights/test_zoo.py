"""Pretrained networks by name: what is said of them, how they are fetched and converted, all without a network."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn import presets
from mrcnn.config import Config
from mrcnn.weights import class_rows, convert, h5
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES
from mrcnn.weights.download import DownloadError
from mrcnn.weights.fit import check_fits, config_class_of, preset_class, start_class
from mrcnn.weights.network_of import differences
from mrcnn.weights.origin import noted_in, origins_of, passed_on
from mrcnn.weights.torch_layers import from_torch, write_engine_file
from mrcnn.weights.zoo import ZOO, entry_of, published
from mrcnn_ext.commands.cli import app
from tests.support.torch_files import write_state
from tests.support.torch_states import narrow_state
from tests.support.zoo_files import KINDS, NARROW, narrow_entry, served


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("MRCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MRCNN_WEIGHTS_FROM", raising=False)
    return tmp_path / "cache"


def layers_in(path):
    with h5.open_weights(path) as layers:
        return {name: {w: h5.read_array(d, path) for w, d in weights.items()} for name, weights in layers.items()}


@pytest.mark.parametrize("name", ZOO)
def test_what_each_entry_says(name):
    entry = ZOO[name]
    assert entry.name == name
    assert entry.licence and entry.attribution and entry.source.startswith("https://")
    assert entry.asset.url.endswith(entry.asset.name)
    hashes = [digits for digits in (entry.asset.md5, entry.asset.sha256) if digits]
    assert len(hashes) == 1
    assert len(hashes[0]) == 32 or hashes[0] in entry.asset.name  # the whole, or what the authors put into the name
    assert bool(published(entry)) == bool(entry.mask_ap)
    if entry.mask_ap:
        assert f"mask AP {entry.mask_ap}, published by its authors ({entry.source})" in published(entry)
    assert entry.share_alike == ("BY-SA" in entry.licence) == name.startswith("detectron2")
    assert (entry.class_names is None) if name == "imagenet" else list(entry.class_names) == COCO_CLASS_NAMES
    config = config_class_of(entry)()
    assert isinstance(config, getattr(presets, entry.preset))
    assert ("resnet101" if "101" in entry.about else "resnet50") == config.BACKBONE


def test_an_unknown_name_lists_those_that_are_known():
    with pytest.raises(ValueError, match="no weights 'torchvison': say torchvision, torchvision-v2, .* imagenet"):
        entry_of("torchvison")


@pytest.mark.parametrize("name", KINDS)
def test_fetched_and_converted_once(tmp_path, monkeypatch, cache, name, capsys):
    with served(tmp_path / "files") as (url, asked):
        entry = narrow_entry(monkeypatch, tmp_path / "files", name, url)
        path = convert.zoo_file(name)
        assert path == cache / name / f"{name}.h5"
        assert asked == [f"/{entry.asset.name}"]
        assert convert.zoo_file(name) == path
        assert len(asked) == 1
    assert f"{name}: converting {entry.asset.name}" in capsys.readouterr().out
    assert sorted(file.name for file in cache.rglob("*")) == sorted([name, path.name, "classes.json", "config.json"])
    assert json.loads((path.parent / "classes.json").read_text()) == COCO_CLASS_NAMES
    config = Config.from_json(path.parent / "config.json")
    assert not config.NAME or name == config.NAME
    assert name.split("-")[0] == config.CONVENTIONS
    assert ("resnet101" if "r101" in name else "resnet50") == config.BACKBONE
    assert (config.NUM_CLASSES, config.BACKBONE_WIDTH, config.USE_MASK) == (81, 2, True)
    layers = layers_in(path)
    assert layers["mrcnn_class_logits"]["bias"].shape == (81,)
    noted = noted_in(path)
    assert noted.items() >= entry.origin().items()
    assert noted["epsilon"] == (0.0 if name == "torchvision" else 1e-5)
    assert origins_of(path) == [noted]


def test_older_converter_makes_the_file_anew(tmp_path, monkeypatch):
    with served(tmp_path / "files") as (url, asked):
        narrow_entry(monkeypatch, tmp_path / "files", "torchvision-v2", url)
        convert.zoo_file("torchvision-v2", progress=False)
        monkeypatch.setattr(convert, "CONVERTER", 2)
        convert.zoo_file("torchvision-v2", progress=False)
        assert len(asked) == 2


@pytest.mark.parametrize("slash", ["", "/"])
def test_from_a_mirror(tmp_path, monkeypatch, slash):
    with served(tmp_path) as (url, asked):
        narrow_entry(monkeypatch, tmp_path / "mine", "torchvision-v2")
        monkeypatch.setenv("MRCNN_WEIGHTS_FROM", f"{url}mine{slash}")
        assert convert.zoo_file("torchvision-v2", progress=False).is_file()
        assert asked == ["/mine/maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"]


def test_from_a_folder_whose_files_stay(tmp_path, monkeypatch):
    entry = narrow_entry(monkeypatch, tmp_path / "files", "detectron2-r50")
    monkeypatch.setenv("MRCNN_WEIGHTS_FROM", str(tmp_path / "files"))
    assert convert.zoo_file("detectron2-r50", progress=False).is_file()
    assert (tmp_path / "files" / entry.asset.name).is_file()
    narrow_entry(monkeypatch, tmp_path / "elsewhere", "torchvision")
    with pytest.raises(
        DownloadError, match=r"files/maskrcnn.*pth is not there, and MRCNN_WEIGHTS_FROM names this folder: put .*http"
    ):
        convert.zoo_file("torchvision", progress=False)


def test_another_file_of_that_name_is_refused(tmp_path, monkeypatch, cache):
    with served(tmp_path / "files") as (url, _):
        entry = narrow_entry(monkeypatch, tmp_path / "files", "torchvision-v2", url)
        wrong = replace(entry, asset=replace(entry.asset, sha256="73cbd019"))
        monkeypatch.setitem(ZOO, "torchvision-v2", wrong)
        with pytest.raises(
            DownloadError, match="not the expected file .its sha256 is [0-9a-f]{64}, not 73cbd019 at its"
        ):
            convert.zoo_file("torchvision-v2", progress=False)
        monkeypatch.setenv("MRCNN_WEIGHTS_FROM", str(tmp_path / "files"))
        with pytest.raises(ValueError, match="not the expected file"):
            convert.zoo_file("torchvision-v2", progress=False)
    assert not list(cache.rglob("*.h5"))


def test_licences_are_passed_on_by_those_that_ask_for_it():
    origins = [ZOO[name].origin() for name in ("torchvision-v2", "detectron2-r50", "imagenet")]
    text = passed_on(origins)
    assert "The weights detectron2-r50 are under CC BY-SA 3.0" in text
    assert "Yuxin Wu" in text and "torchvision-v2" not in text
    assert passed_on([origins[0], origins[2]]) == ""


def test_origins_of_a_run_and_of_the_old_file(tmp_path):
    assert origins_of(tmp_path / "mask_rcnn_coco.h5") == [ZOO["coco"].origin()]
    assert origins_of(tmp_path / "other.h5") == []
    first, second = ZOO["detectron2-r50"].origin(), ZOO["coco"].origin()
    trainings = [{"origins": [first]}, {"origins": [first, second]}, {}]
    (tmp_path / "run.json").write_text(json.dumps({"trainings": trainings}))
    assert origins_of(tmp_path / "mask_rcnn_x_0003.h5") == [first, second]


@pytest.mark.parametrize(
    "weights, base, changes, message",
    [
        (
            "torchvision-v2",
            presets.TinyConfig,
            {},
            "CONVENTIONS torchvision .here matterport., BACKBONE resnet50 .here re",
        ),
        (
            "torchvision-v2",
            presets.TorchvisionConfig,
            {},
            r"RPN_DEPTH 2 \(here 1\).*Take TorchvisionV2Config .--preset",
        ),
        ("torchvision", presets.TorchvisionV2Config, {}, r"BOX_HEAD_CONVS 0 \(here 4\)"),
        ("detectron2-r101-lsj", presets.Detectron2LSJConfig, {}, 'Take Detectron2LSJConfig, BACKBONE = "resnet101"'),
        ("coco", presets.ResNet50Config, {}, r"BACKBONE resnet101 \(here resnet50\). Take ResNet101Config"),
        ("coco", presets.ResNet101Config, {"RPN_ANCHOR_RATIOS": [1, 2]}, r"number of RPN_ANCHOR_RATIOS 3 \(here 2\)"),
        ("imagenet", presets.TinyConfig, {}, r"BACKBONE resnet50 \(here resnet18\). Take ResNet50Config"),
    ],
)
def test_weights_of_another_network_are_one_line(weights, base, changes, message):
    config = type("MineConfig", (base,), {"NAME": "mine", "NUM_CLASSES": 3} | changes)()
    with pytest.raises(ValueError, match=message) as caught:
        check_fits(weights, config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "weights, base, changes",
    [
        *[(name, config_class_of(entry), {}) for name, entry in ZOO.items()],
        ("torchvision-v2", presets.TorchvisionV2Config, {"USE_MASK": False, "NUM_CLASSES": 2}),
        ("coco", presets.ResNet101Config, {"USE_MASK": False}),
        ("imagenet", presets.ResNet101Config, {}),
    ],
)
def test_weights_that_fit(weights, base, changes):
    check_fits(weights, type("MineConfig", (base,), changes)())


def test_file_of_ones_own(tmp_path):
    """What its layers tell, and what config.json beside it does."""
    layers = from_torch(narrow_state("v2", classes=3)).layers
    write_engine_file(tmp_path / "mine.h5", layers)
    changes = {name: value for name, value in NARROW.items() if not name.startswith("IMAGE")}
    fitting = type("MineConfig", (presets.TorchvisionV2Config,), {"NAME": "mine", "NUM_CLASSES": 7} | changes)
    check_fits(tmp_path / "mine.h5", fitting())
    start = start_class(tmp_path / "mine.h5")
    assert (start.BACKBONE, start.RPN_DEPTH, start.CONVENTIONS) == ("resnet50", 2, "matterport")
    with pytest.raises(ValueError, match=r"mine.h5 are of another network than mine: BACKBONE_WIDTH 2 \(here 64\)"):
        check_fits(tmp_path / "mine.h5", type("MineConfig", (fitting,), {"BACKBONE_WIDTH": 64})())
    fitting().to_json(tmp_path / "config.json")
    check_fits(tmp_path / "mine.h5", fitting())
    assert start_class(tmp_path / "mine.h5").CONVENTIONS == "torchvision"
    with pytest.raises(ValueError, match=r"another network than mine: CONVENTIONS torchvision \(here detectron2\)"):
        check_fits(tmp_path / "mine.h5", type("MineConfig", (fitting,), {"CONVENTIONS": "detectron2"})())


def test_masks_may_be_left_out_but_not_be_missing():
    with_masks, without = {"USE_MASK": True, "MASK_HEAD_DEPTH": 4}, {"USE_MASK": False, "MASK_HEAD_DEPTH": 2}
    assert differences(with_masks, without) == []
    assert differences({"USE_MASK": False}, with_masks) == ["USE_MASK False (here True)"]
    assert differences(with_masks, {"USE_MASK": True, "MASK_HEAD_DEPTH": 2}) == ["MASK_HEAD_DEPTH 4 (here 2)"]


def test_presets_by_name():
    assert preset_class("TinyConfig") is presets.TinyConfig
    assert preset_class("torchvision-v2") is presets.TorchvisionV2Config
    assert preset_class("detectron2-r101").BACKBONE == "resnet101"
    with pytest.raises(ValueError, match="There is no preset 'Tiny': use .*TinyConfig.* of weights: torchvision, "):
        preset_class("Tiny")


def test_names_that_are_known(tmp_path):
    assert class_rows.known_names("torchvision") == COCO_CLASS_NAMES
    assert class_rows.known_names("imagenet") is None
    assert class_rows.known_names(tmp_path / "mask_rcnn_coco.h5") == COCO_CLASS_NAMES
    assert class_rows.known_names(tmp_path / "mine.h5") is None
    (tmp_path / "classes.json").write_text('["BG", "pear"]')
    assert class_rows.known_names(tmp_path / "mine.h5") == ["BG", "pear"]
    for content in ("{", "{}", "[1, 2]", '["BG"]'):
        (tmp_path / "classes.json").write_text(content)
        with pytest.raises(ValueError, match="classes.json: (not a JSON file|expected a JSON list of class names)"):
            class_rows.known_names(tmp_path / "mine.h5")


# --- mrcnn weights ---------------------------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(app, ["weights", *map(str, words)])


def test_list():
    text = run("list").stdout
    for name in ZOO:
        assert re.search(rf"^{name}: ", text, re.MULTILINE)
    assert "box AP 47.4, mask AP 41.8, published by its authors (https://" in text
    facts = json.loads(run("list", "--json").stdout)
    assert [fact["name"] for fact in facts] == list(ZOO)


def test_fetch_says_where_it_is(tmp_path, monkeypatch, cache):
    narrow_entry(monkeypatch, tmp_path / "files", "torchvision")
    monkeypatch.setenv("MRCNN_WEIGHTS_FROM", str(tmp_path / "files"))
    assert "is here" not in run("list").stdout
    result = run("fetch", "torchvision", "--json")
    assert json.loads(result.stdout) == {"path": str(cache / "torchvision" / "torchvision.h5")}
    assert run("list").stdout.count("is here") == 1


@pytest.mark.parametrize("classes, rows", [(None, 81), (4, 4)])
@pytest.mark.parametrize("kind", ["v1", "d2_lsj"])
def test_convert_a_file_of_ones_own(tmp_path, kind, classes, rows):
    file, out = tmp_path / "mine.pth", tmp_path / "out" / "mine.h5"
    write_state(file, narrow_state(kind, classes=classes, mask=kind != "v1"), "zip")
    result = run("convert", file, out)
    assert result.exit_code == 0, result.stdout
    assert "epsilon is taken to be 1e-05" in result.stdout
    assert ("its 81 classes are taken to be COCO's" in result.stdout) == (rows == 81)
    assert ("the names of its 4 classes are not known" in result.stdout) == (rows == 4)
    assert (out.parent / "classes.json").exists() == (rows == 81)
    config = Config.from_json(out.parent / "config.json")
    assert (rows, kind != "v1", "mine") == (config.NUM_CLASSES, config.USE_MASK, config.NAME)
    assert noted_in(out)["licence"] == "not stated"


def test_convert_with_names_and_epsilon(tmp_path):
    file, out, names = tmp_path / "mine.pth", tmp_path / "out" / "mine.h5", tmp_path / "names.json"
    write_state(file, narrow_state("v1"), "legacy")
    names.write_text(json.dumps(["BG", *(f"kind {i}" for i in range(90))]))
    result = run("convert", file, out, "--classes", names, "--epsilon", 0, "--json")
    facts = json.loads(result.stdout)
    assert facts["settings"]["NUM_CLASSES"] == 91
    assert facts["preset"] == "TorchvisionConfig"
    assert noted_in(out)["epsilon"] == 0
    assert class_rows.known_names(out)[90] == "kind 89"
    names.write_text('["BG", "pear"]')
    with pytest.raises(ValueError, match="mine.pth has 81 classes with the background, and 2 names are given"):
        convert.convert_file(file, out, class_names=class_rows.read_names(names))


def test_convert_does_not_mix_with_other_weights(tmp_path):
    write_state(tmp_path / "mine.pth", narrow_state("v1"), "zip")
    (tmp_path / "other.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="has the weights other.h5, with their settings: choose another folder"):
        convert.convert_file(tmp_path / "mine.pth", tmp_path / "mine.h5")
    with pytest.raises(ValueError, match="mine.hdf: the converted file is an .h5"):
        convert.convert_file(tmp_path / "mine.pth", tmp_path / "mine.hdf")
    write_state(tmp_path / "cat.pth", {"fc.weight": np.zeros((2, 2), np.float32)}, "zip")
    with pytest.raises(ValueError, match="cat.pth: these are not the weights of a Mask R-CNN"):
        convert.convert_file(tmp_path / "cat.pth", tmp_path / "new" / "cat.h5")
    assert not (tmp_path / "new").exists()
