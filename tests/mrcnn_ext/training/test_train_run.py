"""`mrcnn train` and `mrcnn overfit` with a stand-in for the network; the slow test has the real one."""

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn.config import Config
from mrcnn.data.transforms import Augmentation
from mrcnn.presets import LARGE_SCALE_JITTER, LIGHT_AUGMENTATION
from mrcnn.weights import download
from mrcnn.weights.fit import check_fits, preset_class
from mrcnn.weights.zoo import ZOO
from mrcnn_ext.commands.cli import app
from mrcnn_ext.common.machine import Machine, machine_with_gpu
from mrcnn_ext.datasets.open_data import open_data
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.training import overfit, train_run
from mrcnn_ext.training import suggest as suggest_module
from mrcnn_ext.training.settings_file import load_config
from mrcnn_ext.training.suggest import suggest
from tests.support.toy_training import ToyRCNN  # noqa: E402  of the engine's tests

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
    config = load_config(settings, data)
    assert (config.NAME, config.IMAGES_PER_GPU, config.BATCH_SIZE) == ("mine", 2, 2)
    assert isinstance(config.MEAN_PIXEL, np.ndarray)
    assert config.NUM_CLASSES == 4  # from the data
    assert config.LEARNING_SCHEDULE == "cosine"
    settings.write_text(SETTINGS + "LEARNING_SCHEDULE: step\n")
    assert load_config(settings, data).LEARNING_SCHEDULE == "step"


def test_a_config_of_notebook_2_is_taken_as_it_is(data, tmp_path):
    path = tmp_path / "config.json"
    config = Config()
    config.NAME, config.NUM_CLASSES = "mine", 4
    config.to_json(path)
    loaded = load_config(path, data)
    assert loaded.LEARNING_SCHEDULE == "constant"
    assert loaded.BACKBONE == "resnet101"


def test_a_few_names_do_not_make_a_whole_config(data, settings):
    settings.write_text("NAME: mine\nNUM_CLASSES: 4\nRPN_ANCHOR_SCALES: [8, 16, 32, 64, 128]\nIMAGE_MAX_DIM: 128\n")
    config = load_config(settings, data)
    assert (config.BACKBONE, config.IMAGE_MIN_DIM) == (suggest(data).preset.BACKBONE, 128)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: TinyConfg", "mine.yaml: There is no preset 'TinyConfg': use TinyConfig, .*Did you mean TinyConfig?"),
        ("IMAGE_PER_GPU: 2", "mine.yaml: IMAGE_PER_GPU .* did you mean IMAGES_PER_GPU"),
        ("EPOCHS: 2\nLR: 0.1", "EPOCHS is not a setting of Config.\n  LR is not a setting of Config."),
        ("IMAGES_PER_GPU: '2'", 'mine.yaml: IMAGES_PER_GPU is "2": .* Write 2, without quotes'),
        ("LEARNING_RATE: 1e-3", "Write 0.001, without quotes"),
        (
            "SEED: 1\nNAME: a\nSEED: 2",
            "mine.yaml: SEED is given twice. Keep one of the two, that in line 3 or the other.",
        ),
        ("LOSS_WEIGHTS: {rpn_class_loss: 1, rpn_class_loss: 2}", "rpn_class_loss is given twice"),
        ("SEED: 1\nSEED: 1\nNUM_CLASSES: 0\npreset: x", "mine.yaml: 3 settings are wrong:"),
        ("IMAGE_MAX_DIM: 100", "mine.yaml: IMAGE_MAX_DIM is 100: .* Set it to 64 or 128"),
        ("WARMUP_STEPS: .nan", "mine.yaml: WARMUP_STEPS is nan"),
        ("1: 2", "1 is not a setting of Config"),
        ("- a list", "expected settings"),
        ("a: [", "not a .yaml file"),
    ],
)
def test_faults_of_a_file(data, settings, text, message):
    settings.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(settings, data)


@pytest.mark.parametrize(
    ("options", "plan"),
    [
        ({}, [("all", 14)]),
        ({"weights": "file.h5"}, [("heads", 3), ("all", 14)]),
        ({"stages": ("4+",)}, [("4+", 14)]),
        ({"stages": ("heads", "all"), "epochs": (1, 2)}, [("heads", 1), ("all", 2)]),
    ],
)
def test_what_trains_and_how_long_if_nothing_else_is_asked_for(data, settings, tmp_path, monkeypatch, options, plan):
    class Notes(ToyRCNN):
        def load_weights(self, *args, **kwargs):
            """Of weights that are not looked at."""

        def train(self, *args, layers, epochs, **kwargs):
            trained.append((layers, epochs))

    trained = []
    monkeypatch.setattr(train_run, "MaskRCNN", Notes)
    config = train_run.train_run(data, settings, logs=tmp_path, ap_images=0, **options).model.config
    assert trained == plan
    assert (config.LEARNING_SCHEDULE, config.WARMUP_STEPS, config.KEEP_CHECKPOINTS, config.SEED) == (
        "cosine", 50, 3, 2018,
    )  # fmt: skip


CPU, GPU = Machine(2, 8000), machine_with_gpu(24)


@pytest.mark.parametrize(
    ("weights", "network"),
    [
        ("torchvision-v2", ("torchvision", "resnet50", 2, 4)),
        ("detectron2-r101-lsj", ("detectron2", "resnet101", 2, 4)),
        ("coco", ("matterport", "resnet101", 1, 0)),
        ("imagenet", ("matterport", "resnet50", 1, 0)),
    ],
)
@pytest.mark.parametrize("machine", [CPU, GPU], ids=["cpu", "gpu"])
def test_weights_bring_their_preset(data, monkeypatch, weights, network, machine):
    """And their anchors, where they have heads; on a laptop images are not made larger than they are."""
    monkeypatch.setattr(suggest_module, "this_machine", lambda: machine)
    config = load_config(None, data, weights=weights)
    assert network == (config.CONVENTIONS, config.BACKBONE, config.RPN_DEPTH, config.BOX_HEAD_CONVS)
    assert config.NUM_CLASSES == 4
    check_fits(weights, config)
    preset = preset_class(weights)
    if weights != "imagenet":
        assert list(config.RPN_ANCHOR_SCALES) == list(preset.RPN_ANCHOR_SCALES)
        assert config.IMAGE_RESIZE_MODE == preset.IMAGE_RESIZE_MODE
        assert (preset.IMAGE_MAX_DIM if machine.gpus else 320) == config.IMAGE_MAX_DIM


def test_preset_of_the_caller_or_the_file_comes_before_that_of_the_weights(data, settings):
    assert load_config(None, data, "ResNet50Config", "torchvision-v2").RPN_DEPTH == 1
    assert load_config(settings, data, weights="torchvision-v2").BACKBONE == "resnet18"
    assert load_config(settings, data, "torchvision-v2").CONVENTIONS == "torchvision"


@pytest.mark.parametrize("weights", ["torchvision-v2", "coco", "imagenet"])
def test_weights_that_do_not_fit_are_one_line_before_anything_is_fetched_or_built(
    data, settings, tmp_path, monkeypatch, weights
):
    def never(*args, **kwargs):
        raise AssertionError

    monkeypatch.setattr(train_run, "MaskRCNN", never)
    monkeypatch.setattr(download, "fetch", never)
    with pytest.raises(ValueError, match=f"the weights {weights} are of another network than mine: .*BACKBONE") as e:
        train_run.train_run(data, settings, weights=weights, logs=tmp_path)
    assert "\n" not in str(e.value)


class Notes(ToyRCNN):
    """Notes what it is to load, and trains nothing."""

    asked: ClassVar[list] = []

    def load_weights(self, path, **options):
        Notes.asked.append((path, options["class_names"]))

    def train(self, *args, layers, epochs, **kwargs):
        Notes.asked.append((layers, epochs))


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(train_run, "MaskRCNN", Notes)
    monkeypatch.setattr(train_run, "check_fits", lambda *_: None)
    Notes.asked.clear()
    return Notes.asked


def test_classes_are_handed_over_where_the_weights_know_theirs(data, settings, tmp_path, asked):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "classes.json").write_text('["BG", "circle"]')
    names = open_data(data, "train").class_names
    for weights, given in (
        ("torchvision-v2", names),
        ("coco", names),
        ("imagenet", None),
        (tmp_path / "run" / "best.h5", names),
        (tmp_path / "none.h5", None),
    ):
        train_run.train_run(data, settings, weights=weights, logs=tmp_path, ap_images=0)
        assert asked[-3] == (weights, given)


@pytest.mark.parametrize(
    ("epochs", "plan"),
    [
        (1, [("heads", 1)]),
        (2, [("heads", 1), ("all", 2)]),
        (14, [("heads", 3), ("all", 14)]),
        (28, [("heads", 6), ("all", 28)]),
    ],
)
def test_one_number_of_epochs_with_weights(data, settings, tmp_path, asked, epochs, plan):
    result = run("train", data, "--config", settings, "--weights", "coco", "--epochs", epochs, "--logs", tmp_path)
    assert not result.exception or isinstance(result.exception, FileNotFoundError), result.exception  # no metrics
    assert asked[1:] == plan


def test_licence_that_reaches_the_trained_weights_is_said_before(data, settings, tmp_path, asked, capsys):
    train_run.train_run(data, settings, weights="detectron2-r50", logs=tmp_path, ap_images=0)
    assert "The weights detectron2-r50 are under CC BY-SA 3.0" in capsys.readouterr().out
    train_run.train_run(data, settings, weights="torchvision", logs=tmp_path, ap_images=0)
    assert "under" not in capsys.readouterr().out
    (tmp_path / "run.json").write_text(json.dumps({"trainings": [{"origins": [ZOO["detectron2-r101"].origin()]}]}))
    train_run.train_run(data, settings, weights=tmp_path / "best.h5", logs=tmp_path, ap_images=0)
    assert "The weights detectron2-r101 are under CC BY-SA 3.0" in capsys.readouterr().out


def test_stages_then_resume(data, settings, tmp_path, toy):
    words = ["train", data, "--config", settings, "--logs", tmp_path / "logs", "--ap-images", 0, "--json"]
    result = run(*words, "--stage", "res.*,all", "--epochs", "1,2")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["epochs"] == 2
    assert facts["finished"]
    assert facts["metrics"][0]["epoch"] == 1
    folder = Path(facts["run"])
    trainings = json.loads((folder / "run.json").read_text())["trainings"]
    assert [t["settings"]["layers"] for t in trainings] == ["res.*", "all"]
    assert trainings[0]["data"]["train"]["images"] == 4
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
    result = train_run.train_run(data, settings, stages=("heads", "all"), logs=tmp_path, ap_images=0)
    assert not result.finished
    assert len(calls) == 1


def made(data, settings, tmp_path, **options):
    """A run with the stand-in, and no AP."""
    return train_run.train_run(data, settings, logs=tmp_path / "logs", ap_images=0, **options).model


def first_weight(model):
    return np.array(np.asarray(model.keras_model.weights[0]))


def test_resume_without_a_run_starts_from_the_weights(data, settings, tmp_path, toy):
    source = made(data, settings, tmp_path / "source", epochs=(1,))
    weights = Path(source.log_dir) / "mask_rcnn_mine_0001.h5"
    model = made(data, settings, tmp_path, weights=weights, stages=("mrcnn.*",), epochs=(1,), resume=True)
    np.testing.assert_array_equal(first_weight(model), first_weight(source))  # which does not train
    assert json.loads((Path(model.log_dir) / "run.json").read_text())["trainings"][0]["weights"] == str(weights)
    assert (
        made(data, settings, tmp_path, weights="nothing.h5", stages=("mrcnn.*",), resume=True, epochs=(2,)).epoch == 2
    )


def test_weights_of_another_run_start_a_run_of_its_own(data, settings, tmp_path, toy):
    source = made(data, settings, tmp_path, epochs=(2,))
    model = made(data, settings, tmp_path, weights=source.find_last(), stages=("mrcnn.*",), epochs=(1,))
    assert (model.epoch, model.log_dir == source.log_dir) == (1, False)


def test_stages_before_that_of_the_state_are_not_begun_again(data, settings, tmp_path, toy, capsys):
    """As where the first stage stops early, after 1 of 3 epochs."""
    stages = {"stages": ("res.*", "all")}
    made(data, settings, tmp_path, stages=("res.*",), epochs=(1,))
    made(data, settings, tmp_path, stages=("all",), epochs=(2,), resume=True)
    capsys.readouterr()
    assert made(data, settings, tmp_path, **stages, epochs=(3, 4), resume=True).epoch == 4
    assert "Training epochs 3 to 4: 2 layers" in capsys.readouterr().out


def test_extra_epochs(data, settings, tmp_path, toy):
    with pytest.raises(ValueError, match="extra_epochs are added to a run"):
        made(data, settings, tmp_path, extra_epochs=2, resume=True)
    made(data, settings, tmp_path, stages=("res.*",), epochs=(1,))
    words = ["--config", settings, "--logs", tmp_path / "logs", "--ap-images", 0, "--json"]
    facts = json.loads(run("train", data, *words, "--resume", "--extra-epochs", 2).stdout)
    assert facts["epochs"] == 3
    trainings = json.loads((Path(facts["run"]) / "run.json").read_text())["trainings"]
    assert [t["settings"]["layers"] for t in trainings] == ["res.*", "res.*"]


def test_a_stopped_training_has_the_exit_code_of_ctrl_c(data, settings, tmp_path, monkeypatch):
    class Stops(ToyRCNN):
        def train(self, *args, **kwargs):
            super().train(*args, **kwargs)
            self.interrupted = True

    monkeypatch.setattr(train_run, "MaskRCNN", Stops)
    monkeypatch.setattr(overfit, "MaskRCNN", Stops)
    always = [data, "--config", settings, "--logs", tmp_path / "logs"]
    result = run("train", *always, "--ap-images", 0, "--epochs", 1, "--json")
    assert (result.exit_code, json.loads(result.stdout)["finished"]) == (130, False)
    assert run("overfit", *always, "--steps", 5).exit_code == 130


def test_overfit_judges_loss_boxes_and_masks(data, settings, tmp_path, monkeypatch):
    class Toy(ToyRCNN):
        def load_weights(self, path):
            """Of a network that is not looked at."""

    numbers = {"bbox": {"AP50": 0.9}, "segm": {"AP50": 0.8}}
    monkeypatch.setattr(overfit, "MaskRCNN", Toy)
    monkeypatch.setattr(overfit, "measure", lambda *args: ([], numbers))
    monkeypatch.setattr(overfit, "NEAR_ZERO", 1e9)

    def passed():
        return overfit.overfit(data, settings, steps=5, logs=tmp_path).passed

    assert passed()
    numbers["segm"]["AP50"] = 0.7
    assert not passed()
    numbers["segm"]["AP50"] = 0.9
    monkeypatch.setattr(overfit, "NEAR_ZERO", 0.0)
    assert not passed()


def test_a_step_that_does_not_fit_is_said_beforehand(data, settings, monkeypatch, capsys):
    monkeypatch.setattr(train_run, "this_machine", lambda: Machine(2, 500))
    train_run._warn_of_memory(load_config(settings, data))
    assert "takes about 0.7 GiB in float32, and there is no GPU, 2 cores, 0.5 GiB" in capsys.readouterr().out
    monkeypatch.setattr(train_run, "this_machine", lambda: Machine(2, 16_000))
    train_run._warn_of_memory(load_config(settings, data))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), LIGHT_AUGMENTATION),
        (("--augment", "none"), None),
        (("--augment", "large-scale"), LARGE_SCALE_JITTER),
        (("--copy-paste", "0.5"), dataclasses.replace(LIGHT_AUGMENTATION, copy_paste=0.5)),
        (("--augment", "none", "--copy-paste", "0.5"), Augmentation(flip_left_right=0.0, copy_paste=0.5)),
    ],
)
def test_the_augmentation_that_is_asked_for(data, settings, tmp_path, monkeypatch, words, expected):
    class Notes(ToyRCNN):
        def train(self, *args, augmentation, **kwargs):
            asked.append(augmentation)
            return super().train(*args, augmentation=augmentation, **kwargs)

    asked = []
    monkeypatch.setattr(train_run, "MaskRCNN", Notes)
    always = ["--config", settings, "--logs", tmp_path / "logs", "--ap-images", 0, "--epochs", 1]
    result = run("train", data, *always, *words)
    assert result.exit_code == 0, result.output
    assert asked == [expected]


@pytest.mark.parametrize("epochs", ["3", "3,2", "1,2,3"])
def test_epochs_and_stages_must_fit(data, settings, tmp_path, epochs):
    result = run("train", data, "--config", settings, "--stage", "heads,all", "--epochs", epochs, "--logs", tmp_path)
    assert isinstance(result.exception, ValueError)
    assert "must be rising totals" in str(result.exception)


def test_other_classes_than_in_the_data(data, settings, tmp_path):
    settings.write_text(SETTINGS + "NUM_CLASSES: 7\n")
    with pytest.raises(ValueError, match="NUM_CLASSES is 7, but the data sets have 4"):
        train_run.train_run(data, settings, logs=tmp_path)


def test_a_few_images_with_objects(data):
    dataset = open_data(data, "train")
    few = train_run.few_images(dataset, 2)
    assert len(few.image_ids) == 2
    assert few.class_names == dataset.class_names
    assert len(dataset.image_ids) == 4
    assert all((few.load_mask(i)[1] > 0).any() for i in few.image_ids)


@pytest.mark.slow
def test_overfit_for_real(data, tmp_path):
    """The preset for two cores learns three images by heart and finds their objects again."""
    settings = tmp_path / "mine.yaml"
    settings.write_text("preset: TinyConfig\nNAME: mine\n")
    result = overfit.overfit(data, settings, images=3, steps=300, logs=tmp_path)
    assert len(result.losses) == 5 and result.losses[-1] < 0.25 * result.losses[0]
    assert result.passed, str(result.found)
