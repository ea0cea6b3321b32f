"""What a person sees of a training: lines, log, TensorBoard's graph and HParams, early stopping, memory advice."""

import types
from pathlib import Path

import keras
import pytest
from engine_data import few_pictures
from toy_training import ToyConfig, ToyRCNN

from mrcnn.memory import is_out_of_memory, out_of_memory_advice, step_mib
from mrcnn.presets import ResNet50Config, ResNet101Config, TinyConfig
from mrcnn.training.metrics_file import MetricsFile
from mrcnn.training.model_graph import hyperparameters, model_graph
from mrcnn.training.stops import StopEarly


def test_before_the_first_step_it_says_what_it_will_do(tmp_path, capsys):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    model.train(few_pictures(), few_pictures(), 0.001, 2, "heads")
    printed = capsys.readouterr().out
    assert "epochs 1 to 2: 1 layers, 36 parameters of 428; 3 steps an epoch, 2 pictures a step." in printed
    assert "Memory: about" in printed
    lines = (Path(model.log_dir) / "log.txt").read_text().splitlines()
    assert [line.split(" ", 2)[2].split(",")[0].split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "val_loss" in printed


def test_graph_and_hyperparameters(tmp_path):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    nodes = {node.name: node for node in model_graph(model.keras_model).node}
    assert nodes["mrcnn_toy"].op == "Dense"
    assert set(nodes["losses"].input) == {"mrcnn_toy", "gt_valid"}
    shown = hyperparameters(model.config)
    assert shown["OPTIMIZER"] == "adamw"
    assert shown["RPN_ANCHOR_SCALES"] == "(8, 16, 32, 48, 64)"


def stops_at(values, patience=2):
    """The epoch, from 1, after which a training with these values ends; None: it does not."""
    metrics = MetricsFile("no such folder/metrics.csv")
    stop = StopEarly(metrics, patience)
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


def test_early_stopping_in_a_run(tmp_path, capsys):
    class Soon(ToyConfig):
        EARLY_STOP_EPOCHS = 1

    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = float(epoch)

    model = ToyRCNN("training", Soon(), tmp_path)
    model.train(few_pictures(), few_pictures(), 0.001, 9, "all", custom_callbacks=[Worse()])
    assert model.epoch == 2
    assert "Stopping early: val_loss was best in epoch 1" in capsys.readouterr().out


def test_more_than_one_gpu_is_said_not_to_be_used(tmp_path, capsys):
    config = type("Two", (ToyConfig,), {"GPU_COUNT": 2, "IMAGES_PER_GPU": 1})()
    model = ToyRCNN("training", config, tmp_path)
    model.train(few_pictures(), few_pictures(), 0.001, 1, "heads")
    assert "GPU_COUNT = 2: one GPU takes the whole step of 2 pictures" in capsys.readouterr().out


def configured(preset, **values):
    return type("Configured", (preset,), values)()


def test_memory_grows_with_pixels_and_pictures():
    tiny = step_mib(configured(TinyConfig))  # 8 pictures of 128 pixels
    assert tiny == pytest.approx(700 + 8 * 128 * 128 * 4700 / 2**20)
    assert step_mib(configured(TinyConfig, BACKBONE_WIDTH=64)) - 700 == pytest.approx(2 * (tiny - 700))
    assert step_mib(configured(ResNet50Config)) < step_mib(configured(ResNet101Config))
    assert step_mib(configured(ResNet50Config, BACKBONE=print)) is None


def test_out_of_memory_names_three_settings_with_values(tmp_path):
    config = configured(ResNet101Config, NAME="big", IMAGES_PER_GPU=4)
    advice = out_of_memory_advice(config)
    assert "IMAGES_PER_GPU = 2 (about" in advice
    assert "GRADIENT_ACCUMULATION_STEPS = 2" in advice
    assert "IMAGE_MIN_DIM = IMAGE_MAX_DIM = 768 (about" in advice
    assert "TRAIN_ROIS_PER_IMAGE = 100" in advice
    two = configured(ResNet101Config, NAME="two", IMAGES_PER_GPU=4, GPU_COUNT=2)
    assert step_mib(two) == step_mib(configured(ResNet101Config, IMAGES_PER_GPU=8))  # on one GPU so far
    assert "step of 8 pictures" in out_of_memory_advice(two) and "GPU_COUNT = 1 (about" in out_of_memory_advice(two)
    assert 'BACKBONE = "resnet50"' in out_of_memory_advice(configured(ResNet101Config, IMAGES_PER_GPU=1))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"))
    assert not is_out_of_memory(ValueError("there is no room for it"))

    class Full(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("RESOURCE_EXHAUSTED: 9 GiB")

    model = ToyRCNN("training", ToyConfig(), tmp_path)
    with pytest.raises(MemoryError, match="Out of memory in a step of 2 pictures of 64 px"):
        model.train(few_pictures(), few_pictures(), 0.001, 1, "all", custom_callbacks=[Full()])


def test_pictures_that_cannot_be_read_are_listed(tmp_path, capsys):
    class Skip(ToyConfig):
        SKIP_BROKEN_PICTURES = True

    data = few_pictures()
    data.load_image = _Broken(data.load_image)
    model = ToyRCNN("training", Skip(), tmp_path)
    model.train(data, few_pictures(), 0.001, 1, "all")
    assert "1 pictures could not be read and were skipped" in capsys.readouterr().out
    assert (Path(model.log_dir) / "skipped.txt").read_text() == "picture 0: it is cut short\n"


class _Broken:
    """load_image of a data set whose first picture is broken."""

    def __init__(self, load):
        self.load = load

    def __call__(self, image_id):
        if image_id == 0:
            raise ValueError("it is cut short")
        return self.load(image_id)
