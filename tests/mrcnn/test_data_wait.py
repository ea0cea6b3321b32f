"""The share of time in which a training waits for data: true waiting, not batches that are made while it computes."""

import time
from pathlib import Path

import keras

from mrcnn.training.metrics_file import read_metrics
from tests.support.engine_data import few_images
from tests.support.toy_training import ToyConfig, ToyRCNN

WARNING = "The device waits for data"


class LongEpochs(ToyConfig):
    STEPS_PER_EPOCH = 24


class SlowSteps(keras.callbacks.Callback):
    """As if each step took this long."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.seconds)


def trained(folder, seconds_an_image, seconds_a_step):
    """data_wait of two epochs, the second of them without start-up."""
    data = few_images()
    load = data.load_image
    data.load_image = lambda image_id: time.sleep(seconds_an_image) or load(image_id)
    model = ToyRCNN("training", LongEpochs(), folder)
    model.train(data, few_images(), 0.001, 2, "all", custom_callbacks=[SlowSteps(seconds_a_step)])
    return [row["data_wait"] for row in read_metrics(Path(model.log_dir) / "metrics.csv")]


def test_a_training_that_starves_says_so_once(tmp_path, capsys):
    shares = trained(tmp_path, 0.2, 0)
    assert 0.5 < shares[1] <= 1
    assert capsys.readouterr().out.count(WARNING) == 1


def test_slow_steps_do_not_wait(tmp_path, capsys):
    shares = trained(tmp_path, 0, 0.05)
    assert 0 <= shares[1] < 0.1
    assert WARNING not in capsys.readouterr().out
