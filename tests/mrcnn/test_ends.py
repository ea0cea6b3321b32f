"""A training that ends with an error says which, and leaves nothing half done."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn.training.metrics_file import read_metrics
from tests.support.engine_data import few_images
from tests.support.toy_training import ToyConfig, ToyRCNN


class Ends(keras.callbacks.Callback):
    """ended: how often it was told that the training has ended."""

    ended = 0

    def on_train_end(self, logs=None):
        self.ended += 1


class Spoil(keras.callbacks.Callback):
    """After the second step of the second epoch a weight is no number."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 1):
            weight = self.model.trainable_weights[0]
            weight.assign(np.full(weight.shape, np.nan))


def breaking(error, after):
    """A data set that cannot read an image any more after so many."""
    data = few_images()
    load, seen = data.load_image, []

    def load_image(image_id):
        seen.append(image_id)
        if len(seen) > after:
            raise error
        return load(image_id)

    data.load_image = load_image
    return data


@pytest.mark.parametrize("after", [0, 20])  # TensorFlow hides the error of a later image in one of its own
def test_a_broken_image_is_named_by_the_error_itself(tmp_path, after):
    model, ends = ToyRCNN("training", ToyConfig(), tmp_path), Ends()
    data = breaking(ValueError("a.png is cut short"), after)
    with pytest.raises(ValueError, match="^a.png is cut short\nin image") as caught:
        model.train(data, few_images(), 0.001, 9, "all", custom_callbacks=[ends])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert ends.ended == 1
    *_, last = (Path(model.log_dir) / "log.txt").read_text().splitlines()
    assert "ended at step" in last and "ValueError: a.png is cut short, in image" in last


def test_main_memory_that_is_used_up_by_the_loader(tmp_path):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    with pytest.raises(MemoryError, match="Out of main memory while batches were made(.|\n)*IMAGES_PER_GPU = 1"):
        model.train(breaking(MemoryError("9 GiB"), 8), few_images(), 0.001, 9, "all")


def test_the_step_without_a_loss_is_written_down(tmp_path):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    with pytest.raises(ValueError, match="The loss is not a number any more, at step 3 of epoch 2"):
        model.train(few_images(), few_images(), 0.001, 3, "all", custom_callbacks=[Spoil()])
    assert model.epoch == 1
    rows = read_metrics(Path(model.log_dir) / "steps.csv")
    assert [(row["step"], row["epoch"]) for row in rows] == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]
    assert [np.isfinite(row["loss"]) for row in rows] == [True] * 5 + [False]


def test_a_setting_that_is_changed_between_network_and_training_is_checked(tmp_path):
    model = ToyRCNN("training", ToyConfig(), tmp_path)
    model.config.GRADIENT_CLIP_NORM = 0
    with pytest.raises(ValueError, match="ToyConfig: GRADIENT_CLIP_NORM is 0: expected a number above 0"):
        model.train(few_images(), few_images(), 0.001, 1, "all")
    model.config.GRADIENT_CLIP_NORM, model.config.MASK_SHAPE = 5, [33, 33]
    with pytest.raises(ValueError, match="ToyConfig: MASK_SHAPE is "):
        ToyRCNN("training", model.config, tmp_path)


def test_classes_must_be_the_same(tmp_path):
    model, other = ToyRCNN("training", ToyConfig(), tmp_path), few_images()
    other.class_info = other.class_info[:1] + other.class_info[:0:-1]
    other.prepare()
    with pytest.raises(ValueError, match="train on are .*'bright', 'dark'.*validate on .*'dark', 'bright'"):
        model.train(few_images(), other, 0.001, 1, "all")
    model.config.NUM_CLASSES = 4
    with pytest.raises(ValueError, match="NUM_CLASSES is 4, but the data sets have 3 classes"):
        model.train(few_images(), few_images(), 0.001, 1, "all")
