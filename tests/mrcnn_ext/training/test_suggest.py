"""Suggestions: values that follow from data made for it, on machines made up for it."""

import json
import subprocess
import sys

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image

from mrcnn.config import SETTINGS, Config
from mrcnn.memory import step_mib
from mrcnn.presets import ResNet50Config, ResNet101Config, TinyConfig
from mrcnn.reference.schema import settings_schema
from mrcnn_ext.common.machine import Gpu, Machine, machine_with_gpu
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.notebook.data_choice import ChosenData
from mrcnn_ext.training import suggestion
from mrcnn_ext.training.settings_file import load_config
from mrcnn_ext.training.suggest import caps_for, images_a_step, suggest
from tests.support import ROOT

NUCLEI = ROOT.parent / "shared" / "data" / "nuclei"
CPU = Machine(cores=2, memory_mib=16_000)
T4 = Machine(8, 32_000, (Gpu("Tesla T4", 15_360, 15_000, 7.5),))
SMALL_GPU = Machine(8, 32_000, (Gpu("GTX 1050", 4_096, 4_000, 6.1),))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "shapes"
    return make_shapes(folder, counts={"train": 24, "validate": 9, "test": 1}, progress=False)


def _file(tmp_path, height, width, boxes):
    """An annotation file with one image and square objects (x, y, side)."""
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(tmp_path / "images" / "1.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]}
        for i, (x, y, w, h) in enumerate(boxes, 1)
    ]
    images = [{"id": 1, "file_name": "1.png", "height": height, "width": width}]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
    file = tmp_path / "cells-2.json"
    file.write_text(json.dumps(content))
    return file


def test_shapes_on_a_cpu(shapes):
    result = suggest(shapes, CPU)
    assert result.preset is TinyConfig
    values = result.values
    assert values["NUM_CLASSES"] == 4 and values["NAME"] == "shapes"
    assert (values["IMAGE_MIN_DIM"], values["IMAGE_MAX_DIM"], values["IMAGE_RESIZE_MODE"]) == (128, 128, "square")
    assert values["IMAGES_PER_GPU"] == 8 and values["STEPS_PER_EPOCH"] == 50 and values["VALIDATION_STEPS"] == 1
    assert values["MAX_GT_INSTANCES"] == ChosenData(shapes).fullest() <= 4
    assert values["DETECTION_MAX_INSTANCES"] == 20
    assert values["RPN_ANCHOR_SCALES"] == (8, 16, 32, 64, 128) and values["RPN_ANCHOR_RATIOS"] == [0.5, 1, 2]
    assert all(setting.reason.endswith(".") for setting in result.settings)
    assert any("24 images are few" in note for note in result.notes)


@pytest.mark.parametrize("gib", [2, 4, 8, 16, 24, 80])
def test_a_step_fits_the_memory_of_a_gpu(tmp_path, gib):
    file = _file(tmp_path, 900, 1200, [(100, 100, 200, 200)])
    result = suggest(file, machine_with_gpu(gib), images=tmp_path / "images")
    config = result.config_class()()
    assert config.IMAGES_PER_GPU >= 1
    assert config.PRECISION == "mixed_bfloat16"
    assert step_mib(config) < step_mib(config, precision="float32") <= 0.85 * gib * 1024
    reasons = {setting.name: setting.reason for setting in result.settings}
    assert f"takes about {step_mib(config) / 1024:.1f} GiB" in reasons["PRECISION"]
    assert f"takes about {step_mib(config, precision='float32') / 1024:.1f} GiB in f" in reasons["IMAGES_PER_GPU"]
    assert (result.preset is ResNet101Config) == (gib >= 16)
    assert not any("Not even one image" in note for note in result.notes)


def test_the_text_is_the_config(shapes):
    result = suggest(ChosenData(shapes), CPU)
    names = {}
    exec(result.text(), names)  # what a person would paste
    config, other = names["ShapesConfig"](), result.config_class()()
    assert isinstance(config, TinyConfig)
    assert {k: str(v) for k, v in config.to_dict().items()} == {k: str(v) for k, v in other.to_dict().items()}
    assert max(map(len, result.text().splitlines())) <= 120
    assert json.loads(json.dumps(result.to_dict()))["preset"] == "TinyConfig"


@pytest.mark.parametrize(("machine", "preset"), [(CPU, TinyConfig), (T4, ResNet101Config), (SMALL_GPU, ResNet50Config)])
def test_the_network_follows_the_device(shapes, machine, preset):
    assert suggest(shapes, machine).preset is preset


def test_precision_follows_the_card(shapes):
    assert suggest(shapes, T4).values["PRECISION"] == "mixed_float16"
    newer = Machine(8, 32_000, (Gpu("L4", 23_000, 22_000, 8.9),) * 2)
    result = suggest(shapes, newer)
    assert result.values["PRECISION"] == "mixed_bfloat16"
    assert (result.values["GPU_COUNT"], result.values["IMAGES_PER_GPU"]) == (2, 8)
    assert "GPU_COUNT" not in suggest(shapes, T4).values
    assert suggest(shapes, SMALL_GPU).values["PRECISION"] == suggest(shapes, CPU).values["PRECISION"] == "float32"


def test_less_memory_means_fewer_images():
    counts = [
        images_a_step(ResNet101Config, 1024, Machine(8, 1, (Gpu("", mib, mib, 8.0),))) for mib in (4e3, 12e3, 48e3)
    ]
    assert counts[0] == 0 and counts[1] == 1 and counts[2] >= 5
    assert images_a_step(ResNet101Config, 512, T4) == pytest.approx(4 * images_a_step(ResNet101Config, 1024, T4), abs=3)


def test_too_little_memory_is_said(shapes):
    result = suggest(shapes, Machine(2, 500))
    assert result.values["IMAGES_PER_GPU"] == 1 and any("Not even one image" in note for note in result.notes)


def test_small_objects_make_images_larger(tmp_path):
    file = _file(tmp_path, 200, 256, [(10 * i, 10, 5, 5) for i in range(20)])
    assert suggest(file, T4).values["IMAGE_MAX_DIM"] == 448  # the first multiple of 64 in which 5 px are 8
    assert suggest(file, CPU).values["IMAGE_MAX_DIM"] == 256  # the most that TinyConfig takes
    assert suggest(file, CPU).values["NAME"] == "cells-2"
    assert "class Cells2Config(" in suggest(file, CPU).text()


def test_huge_images_of_small_objects_are_cropped(tmp_path):
    file = _file(tmp_path, 3000, 4000, [(100 * i, 2000, 20, 20) for i in range(30)])
    result = suggest(file, T4)
    assert result.values["IMAGE_RESIZE_MODE"] == "crop" and result.values["IMAGE_MIN_DIM"] == 1024
    assert any("tiles" in note for note in result.notes)
    assert result.values["RPN_ANCHOR_SCALES"][0] == 16  # at full size, not scaled down


def test_thin_objects_get_thin_anchors(tmp_path):
    file = _file(tmp_path, 256, 256, [(20 + 9 * i, 16 + 6 * i, 64, 13) for i in range(15)])
    assert suggest(file, CPU).values["RPN_ANCHOR_RATIOS"] == [0.33, 1, 3]


def test_no_objects_at_all(tmp_path):
    assert suggest(_file(tmp_path, 100, 120, []), CPU).values["MAX_GT_INSTANCES"] == 1


def test_the_yaml_is_what_train_reads(shapes, tmp_path):
    result, file = suggest(shapes), tmp_path / "mine.yaml"
    result.write(file)
    same(load_config(file, shapes), load_config(None, shapes))
    same(load_config(file, shapes), result.config_class()())
    lines = file.read_text().splitlines()
    for proposal in result.settings:
        place = next(i for i, line in enumerate(lines) if line.startswith(f"{proposal.name}: "))
        start = max(i for i, line in enumerate(lines[:place]) if not line.startswith("#"))
        comment = " ".join(line.removeprefix("# ") for line in lines[start + 1 : place])
        assert comment == f"{SETTINGS[proposal.name].text} {proposal.reason}"
    assert all(f"# {note[:40]}" in file.read_text() for note in result.notes)


def test_what_a_person_changes_in_the_yaml_holds(shapes, tmp_path):
    file = tmp_path / "mine.yaml"
    suggest(shapes).write(file)
    text = file.read_text()
    file.write_text(text.replace("SEED: 2018", "SEED: 7").replace("IMAGES_PER_GPU: 8\n", ""))
    config = load_config(file, shapes)
    assert (config.SEED, config.IMAGES_PER_GPU) == (7, 8)  # the line that was taken out is proposed anew
    file.write_text(text.replace("SEED: 2018", "SEED: 7\nSEED: 8").replace("NUM_CLASSES: 4", "NUM_CLASSES: 0"))
    with pytest.raises(ValueError, match=r"mine.yaml: 2 settings .*\n  SEED is given twice.*\n  NUM_CLASSES is 0"):
        load_config(file, shapes)


def test_an_editor_finds_the_schema_beside_the_yaml(shapes, tmp_path):
    file = tmp_path / "settings" / "mine.yaml"
    suggest(shapes).write(file)
    first = file.read_text().splitlines()[0]
    schema = json.loads((file.parent / first.removeprefix("# yaml-language-server: $schema=")).read_text())
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load(file.read_text()))
    assert schema == json.loads(json.dumps(settings_schema()))


def test_the_json_is_that_of_notebook_2(shapes, tmp_path):
    result = suggest(shapes)
    result.write(tmp_path / "config.json")
    same(Config.from_json(tmp_path / "config.json"), result.config_class()())
    with pytest.raises(ValueError, match="mine.toml: settings are written as .yaml or .json"):
        result.write(tmp_path / "mine.toml")


def same(config, other):
    """Both have the same settings."""
    np.testing.assert_equal(config.to_dict(), other.to_dict())


@pytest.mark.parametrize("value", [1e-05, 0.0001, 0, None, True, "a: #b", "no", "é", (8, 16), [0.33, 1], {"a": 1e-7}])
def test_a_value_in_yaml_is_read_as_it_was(value):
    line = suggestion._yaml_line("NAME", value)
    assert "\n" not in line
    assert yaml.safe_load(line) == {"NAME": list(value) if isinstance(value, tuple) else value}


def test_the_preset_and_the_side_that_are_asked_for(shapes):
    result = suggest(shapes, CPU, preset=ResNet50Config, side=192)
    assert result.preset is ResNet50Config
    assert (result.values["IMAGE_MIN_DIM"], result.values["IMAGE_MAX_DIM"]) == (192, 192)
    assert result.config_class()().BACKBONE == "resnet50"
    assert "192 px were asked for" in next(s.reason for s in result.settings if s.name == "IMAGE_MAX_DIM")


def test_caps():
    assert caps_for(101, TinyConfig) == {
        "MAX_GT_INSTANCES": 101,
        "TRAIN_ROIS_PER_IMAGE": 64,
        "PRE_NMS_LIMIT": 1010,
        "DETECTION_MAX_INSTANCES": 126,
        "POST_NMS_ROIS_INFERENCE": 202,
    }


@pytest.mark.skipif(not NUCLEI.is_dir(), reason=f"{NUCLEI.name}: the real images are not here")
def test_nuclei():
    result = suggest(NUCLEI, CPU)
    assert result.values["MAX_GT_INSTANCES"] == 101 and result.values["RPN_ANCHOR_SCALES"] == (8, 16, 32, 64, 128)
    assert "one object in twenty is below" in next(s.reason for s in result.settings if s.name == "IMAGE_MAX_DIM")


def test_no_framework_is_loaded():
    code = (
        "import sys, mrcnn_ext.training.suggest, mrcnn_ext.check, mrcnn_ext.datasets.split; "
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'torch', 'jax')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
