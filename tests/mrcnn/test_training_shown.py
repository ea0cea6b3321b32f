"""What a person sees of a training: lines, log, TensorBoard's graph and HParams, early stopping, memory advice."""

import io
import sys
import types
from pathlib import Path

import keras
import pytest

from mrcnn.memory import is_out_of_memory, out_of_memory_advice, step_mib
from mrcnn.presets import ResNet50Config, ResNet101Config, TinyConfig
from mrcnn.training.meter import Meter
from mrcnn.training.metrics_file import MetricsFile
from mrcnn.training.model_graph import hyperparameters, model_graph
from mrcnn.training.stops import StopEarly
from tests.support.engine_data import few_images
from tests.support.toy_training import ToyConfig, ToyRCNN


def test_before_the_first_step_it_says_what_it_will_do(tmp_path, capsys):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    model.train(few_images(), few_images(), 0.001, 2, "heads")
    printed = capsys.readouterr().out
    assert "epochs 1 to 2: 1 layers, 36 parameters of 428; 3 steps an epoch, 2 images a step." in printed
    assert "Memory: about" in printed and "(an estimate, in float32;" in printed
    lines = (Path(model.log_dir) / "log.txt").read_text().splitlines()
    assert [line.split(" ", 2)[2].split(",")[0].split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "val_loss" in printed


@pytest.mark.parametrize("terminal", [True, False])
def test_validation_is_seen_in_the_bar_on_a_terminal(tmp_path, monkeypatch, terminal):
    screen = io.StringIO()
    screen.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # a plug-in of pytest imports it
    ToyRCNN("training", ToyConfig(), tmp_path).train(few_images(), few_images(), 0.001, 1, "heads")
    assert ("validation step 1" in screen.getvalue()) == terminal


def test_graph_and_hyperparameters(tmp_path):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    nodes = {node.name: node for node in model_graph(model.keras_model).node}
    assert nodes["mrcnn_toy"].op == "Dense"
    assert set(nodes["losses"].input) == {"mrcnn_toy", "gt_valid"}
    shown = hyperparameters(model.config, {"learning_rate": 0.25, "layers": "heads"})
    assert (shown["LEARNING_RATE"], shown["layers"]) == (0.25, "heads")
    assert shown["OPTIMIZER"] == "adamw"
    assert shown["RPN_ANCHOR_SCALES"] == "(8, 16, 32, 48, 64)"


def stops_at(values, patience=2, first_epoch=0):
    """The epoch, from 1, after which a training with these values ends; None: it does not."""
    metrics = MetricsFile("no such folder/metrics.csv")
    stop = StopEarly(metrics, patience, first_epoch)
    stop.set_model(types.SimpleNamespace(stop_training=False))
    for epoch, row in enumerate(values):
        metrics.rows.append({"epoch": epoch, **row})
        stop.on_epoch_end(epoch)
        if stop.model.stop_training:
            return epoch + 1
    return None


def test_early_stopping():
    assert stops_at([{"val_loss": v} for v in (3, 2, 2.5, 2.25, 1)]) == 4
    assert stops_at([{"val_loss": v} for v in (4, 3, 3.5, 2, 1)]) is None
    mask_ap = [{"val_loss": 4.0}, {"val_loss": 5.0, "mask_AP": 0.5}, {"val_loss": 6.0}, {"val_loss": 7.0}]
    assert stops_at(mask_ap) == 4  # two epochs after the best AP, whatever the loss does
    assert stops_at([{"box_AP": v, "val_loss": 1 / v} for v in (0.5, 0.25, 0.125)]) == 3
    assert stops_at([{"val_loss": v} for v in (float("nan"), 4, 3, 2)]) is None
    two_stages = [{"val_loss": v} for v in (1, 5, 4, 3)]
    assert (stops_at(two_stages), stops_at(two_stages, first_epoch=1)) == (3, None)


def test_early_stopping_in_a_run(tmp_path, capsys):
    class Soon(ToyConfig):
        EARLY_STOP_EPOCHS = 1

    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = float(epoch)

    model = ToyRCNN("training", Soon(), tmp_path)
    model.train(few_images(), few_images(), 0.001, 9, "all", custom_callbacks=[Worse()])
    assert model.epoch == 2
    assert "Stopping early: val_loss was best in epoch 1" in capsys.readouterr().out


def test_fewer_devices_than_gpu_count_take_the_whole_step(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    config = type("Two", (ToyConfig,), {"GPU_COUNT": 2, "IMAGES_PER_GPU": 1})()
    model = ToyRCNN("training", config, tmp_path)
    model.train(few_images(), few_images(), 0.001, 1, "heads")
    said = "GPU_COUNT = 2, devices found: 1. A step of 2 images runs on cpu:0.\n"
    assert said in capsys.readouterr().out


def configured(preset, **values):
    return type("Configured", (preset,), values)()


def test_memory_grows_with_pixels_and_images():
    tiny = step_mib(configured(TinyConfig))  # 8 images of 128 pixels
    assert tiny == pytest.approx(700 + 8 * 128 * 128 * 4700 / 2**20)
    assert step_mib(configured(TinyConfig, BACKBONE_WIDTH=64)) - 700 == pytest.approx(2 * (tiny - 700))
    assert step_mib(configured(ResNet50Config)) < step_mib(configured(ResNet101Config))
    assert step_mib(configured(ResNet50Config, BACKBONE=print)) is None
    for bits in ("mixed_bfloat16", "mixed_float16"):
        half = step_mib(configured(TinyConfig, PRECISION=bits))
        assert half == step_mib(configured(TinyConfig), precision=bits)
        assert half - 700 == pytest.approx(0.55 * (tiny - 700))


def test_out_of_memory_names_three_settings_with_values(tmp_path):
    config = configured(ResNet101Config, NAME="big", IMAGES_PER_GPU=4)
    advice = out_of_memory_advice(config)
    assert "IMAGES_PER_GPU = 2 (about" in advice
    assert "GRADIENT_ACCUMULATION_STEPS = 2" in advice
    assert "IMAGE_MIN_DIM = IMAGE_MAX_DIM = 768 (about" in advice
    assert "TRAIN_ROIS_PER_IMAGE = 100" in advice
    two = configured(ResNet101Config, NAME="two", IMAGES_PER_GPU=4, GPU_COUNT=2)
    assert step_mib(two) == step_mib(configured(ResNet101Config, IMAGES_PER_GPU=8))
    assert "step of 8 images" in out_of_memory_advice(two) and "GPU_COUNT = 1 (about" in out_of_memory_advice(two)
    spread = out_of_memory_advice(two, devices=2)
    assert "step of 8 images of 1024 px on 2 devices" in spread and "GPU_COUNT" not in spread
    assert spread.split("\n")[1].split(";")[0] == advice.split("\n")[1].split(";")[0]  # 2 on each, as on one
    for preset, bits in ((ResNet101Config, "mixed_bfloat16"), (ResNet50Config, "float32"), (TinyConfig, "float32")):
        least = out_of_memory_advice(configured(preset, IMAGES_PER_GPU=1, PRECISION=bits))
        assert least.count(" = ") - least.count("IMAGE_MIN_DIM = ") >= 3, least
    assert 'BACKBONE = "resnet50"' in out_of_memory_advice(configured(ResNet101Config, IMAGES_PER_GPU=1))
    alone = configured(ResNet50Config, IMAGES_PER_GPU=1)  # 1 MiPx: 1500 + 0.55 * 6200 MiB
    assert 'PRECISION = "mixed_bfloat16" (about 4.8 GiB);' in out_of_memory_advice(alone)
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"))
    assert not is_out_of_memory(ValueError("there is no room for it"))

    class Full(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("RESOURCE_EXHAUSTED: 9 GiB")

    model = ToyRCNN("training", ToyConfig(), tmp_path)
    with pytest.raises(MemoryError, match="Out of memory in a step of 2 images of 64 px"):
        model.train(few_images(), few_images(), 0.001, 1, "all", custom_callbacks=[Full()])


def test_images_that_cannot_be_read_are_listed(tmp_path, capsys):
    class Skip(ToyConfig):
        SKIP_BROKEN_IMAGES = True

    data = few_images()
    data.load_image = _Broken(data.load_image)
    model = ToyRCNN("training", Skip(), tmp_path)
    model.train(data, few_images(), 0.001, 1, "all")
    assert "1 images could not be read and were skipped" in capsys.readouterr().out
    assert (Path(model.log_dir) / "skipped.txt").read_text() == "image 0: it is cut short\n"


def test_images_that_were_skipped_before_a_resume_stay_listed(tmp_path):
    class Skip(ToyConfig):
        SKIP_BROKEN_IMAGES = True

    for total, number in ((1, 0), (2, 1)):
        data = few_images()
        data.load_image = _Broken(data.load_image, number)
        model = ToyRCNN("training", Skip(), tmp_path)
        model.train(data, few_images(), 0.001, total, "all", resume=total > 1)
    assert (Path(model.log_dir) / "skipped.txt").read_text() == ("image 0: it is cut short\nimage 1: it is cut short\n")


def test_epochs_of_a_few_steps_are_judged_together(capsys):
    meter = Meter(None, 2, 0.1, types.SimpleNamespace(threads=3))
    for epoch in range(3):  # of 9 steps and 10 seconds, half of them waiting
        meter.epoch_start, meter.times = (0.0, 0, 0.0), [(10.0, 9, 5.0)]
        meter._warn()
        assert bool(capsys.readouterr().out.count("waits for data 50% of the time (3 threads")) == (epoch == 2)


class _Broken:
    """load_image of a data set with an image that is broken."""

    def __init__(self, load, number=0):
        self.load = load
        self.number = number

    def __call__(self, image_id):
        if image_id == self.number:
            raise ValueError("it is cut short")
        return self.load(image_id)
