"""`mrcnn train` and `mrcnn overfit` with a stand-in for the network; the slow test has the real one."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn.config import Config
from mrcnn_ext import overfit, train_run
from mrcnn_ext.cli import app
from mrcnn_ext.open_data import open_data
from mrcnn_ext.shapes import make_shapes

sys.path.append(str(Path(__file__).parents[1] / "mrcnn"))
from toy_training import ToyRCNN  # noqa: E402  of the engine's tests

SETTINGS = """
preset: TinyConfig
NAME: mine
IMAGE_MIN_DIM: 64
IMAGE_MAX_DIM: 64
MEAN_PIXEL: [100, 110, 120]
STEPS_PER_EPOCH: 2
VALIDATION_STEPS: 1
IMAGES_PER_GPU: 2
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    counts = {"train": 4, "validate": 2, "test": 1}
    return make_shapes(tmp_path_factory.mktemp("data") / "shapes", counts=counts, progress=False)


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(train_run, "MaskRCNN", ToyRCNN)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_settings_of_a_file_over_those_that_are_proposed(data, settings):
    config = train_run.load_config(settings, data)
    assert (config.NAME, config.IMAGES_PER_GPU, config.BATCH_SIZE) == ("mine", 2, 2)
    assert isinstance(config.MEAN_PIXEL, np.ndarray)
    assert config.NUM_CLASSES == 4  # from the data
    assert config.LEARNING_SCHEDULE == "cosine"
    settings.write_text(SETTINGS + "LEARNING_SCHEDULE: step\n")
    assert train_run.load_config(settings, data).LEARNING_SCHEDULE == "step"


def test_a_config_of_notebook_2_is_taken_as_it_is(data, tmp_path):
    path = tmp_path / "config.json"
    config = Config()
    config.NUM_CLASSES = 4
    config.to_json(path)
    loaded = train_run.load_config(path, data)
    assert loaded.LEARNING_SCHEDULE == "constant"
    assert loaded.BACKBONE == "resnet101"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: BigConfig", "there is no preset 'BigConfig'"),
        ("IMAGE_PER_GPU: 2", "did you mean IMAGES_PER_GPU"),
        ("- a list", "expected settings"),
        ("a: [", "not a .yaml file"),
    ],
)
def test_faults_of_a_file(data, settings, text, message):
    settings.write_text(text)
    with pytest.raises(ValueError, match=message):
        train_run.load_config(settings, data)


def test_stages_then_resume(data, settings, tmp_path, toy):
    words = ["train", data, "--config", settings, "--logs", tmp_path / "logs", "--ap-pictures", 0, "--json"]
    result = run(*words, "--stage", "res.*,all", "--epochs", "1,2")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["epochs"] == 2
    assert facts["finished"]
    assert facts["metrics"][0]["epoch"] == 1
    folder = Path(facts["run"])
    trainings = json.loads((folder / "run.json").read_text())["trainings"]
    assert [t["settings"]["layers"] for t in trainings] == ["res.*", "all"]
    assert trainings[0]["data"]["train"]["pictures"] == 4
    again = json.loads(run(*words, "--stage", "res.*,all", "--epochs", "1,3", "--resume").stdout)
    assert again["epochs"] == 3
    assert again["run"] == facts["run"]


def test_an_interrupted_stage_is_the_last(data, settings, tmp_path, toy, monkeypatch):
    class Stops(ToyRCNN):
        def train(self, *args, **kwargs):
            calls.append(args)
            self.interrupted = True

    calls = []
    monkeypatch.setattr(train_run, "MaskRCNN", Stops)
    result = train_run.train_run(data, settings, stages=("heads", "all"), logs=tmp_path, ap_pictures=0)
    assert not result.finished
    assert len(calls) == 1


@pytest.mark.parametrize("epochs", ["3", "3,2", "1,2,3"])
def test_epochs_and_stages_must_fit(data, settings, tmp_path, epochs):
    result = run("train", data, "--config", settings, "--stage", "heads,all", "--epochs", epochs, "--logs", tmp_path)
    assert isinstance(result.exception, ValueError)
    assert "must be rising totals" in str(result.exception)


def test_other_classes_than_in_the_data(data, settings, tmp_path):
    settings.write_text(SETTINGS + "NUM_CLASSES: 7\n")
    with pytest.raises(ValueError, match="NUM_CLASSES is 7, but .* has 4"):
        train_run.train_run(data, settings, logs=tmp_path)


def test_a_few_pictures_with_objects(data):
    dataset = open_data(data, "train")
    few = train_run.few_pictures(dataset, 2)
    assert len(few.image_ids) == 2
    assert few.class_names == dataset.class_names
    assert len(dataset.image_ids) == 4
    assert all((few.load_mask(i)[1] > 0).any() for i in few.image_ids)


@pytest.mark.slow
def test_overfit_for_real(data, tmp_path):
    """The preset for two cores learns three pictures by heart and finds their objects again."""
    settings = tmp_path / "mine.yaml"
    settings.write_text("preset: TinyConfig\nNAME: mine\n")
    result = overfit.overfit(data, settings, pictures=3, steps=300, logs=tmp_path)
    assert result.losses[1] < 0.5 * result.losses[0]
    assert result.passed, str(result.found)
