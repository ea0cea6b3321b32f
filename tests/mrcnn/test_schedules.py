"""Step sizes on paper; averages of weights and of gradients in a training."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn.training.checkpoints import averaged_weights
from mrcnn.training.metrics_file import read_metrics
from mrcnn.training.optimizer import make_optimizer
from mrcnn.training.schedules import Schedule, schedule_of
from tests.support.engine_data import few_images
from tests.support.toy_training import ToyConfig, ToyRCNN


def rates(schedule, steps):
    return [float(np.asarray(schedule(step))) for step in steps]


def test_warm_up_and_constant():
    assert rates(Schedule("constant", 0.5, 10, warmup=4), range(6)) == pytest.approx(
        [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]
    )


def test_steps():
    assert rates(Schedule("step", 1.0, 9), range(10)) == pytest.approx([1.0] * 6 + [0.1] * 2 + [0.01] * 2, rel=1e-5)


def test_cosine():
    schedule = Schedule("cosine", 2.0, 12, warmup=2)
    assert rates(schedule, [0, 1, 2, 7, 12, 20]) == pytest.approx([1.0, 2.0, 2.0, 1.01, 0.02, 0.02])


def test_a_schedule_is_kept_and_an_unknown_kind_is_named():
    keras_schedule = keras.optimizers.schedules.CosineDecay(0.1, 5)
    config = ToyConfig()
    assert schedule_of(config, keras_schedule, 10) is keras_schedule
    assert schedule_of(config, 0.1, 10) == 0.1
    config.WARMUP_STEPS = 100
    assert schedule_of(config, 0.1, 12).warmup == 3
    config.LEARNING_SCHEDULE = "cosinus"
    with pytest.raises(ValueError, match="LEARNING_SCHEDULE is 'cosinus': use one of constant, step, cosine"):
        schedule_of(config, 0.1, 10)


def test_the_config_decides_the_step_sizes_of_a_run(tmp_path):
    class Steps(ToyConfig):
        LEARNING_SCHEDULE = "step"

    model = ToyRCNN("training", Steps(), tmp_path)
    model.train(few_images(), few_images(), 0.5, 2, "all")
    model.train(few_images(), few_images(), 0.5, 3, "all", resume=True)
    rows = read_metrics(Path(model.log_dir) / "metrics.csv")  # of each epoch's last step: 2, 5, and 8 of 9 as resumed
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.5, 0.05, 0.005], rel=1e-5)


def quadratic(config, gradients):
    """A weight of 1 after steps with these gradients, and the optimizer."""
    weight = keras.Variable([1.0])
    optimizer = make_optimizer(config, 0.5, 0.0)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor([gradient])], [weight])
    return float(np.asarray(weight)[0]), optimizer


def test_gradients_are_averaged_over_the_steps_that_are_accumulated():
    config = ToyConfig()
    config.OPTIMIZER = "sgd"
    assert quadratic(config, [0.25])[0] == 0.875
    config.GRADIENT_ACCUMULATION_STEPS = 2
    assert quadratic(config, [0.25])[0] == 1.0
    weight, optimizer = quadratic(config, [0.25, 0.75])
    assert weight == 0.75
    assert float(np.asarray(optimizer.gradient_norm)) == 0.75


def test_adamw_takes_nothing_off_what_has_no_decay():
    class Decayed(ToyConfig):
        WEIGHT_DECAY = 0.5

    weights = [keras.Variable([1.0], name=name) for name in ("kernel", "gamma", "beta", "bias")]
    optimizer = make_optimizer(Decayed(), 0.5, 0.0)
    optimizer.apply([keras.ops.zeros(1)] * 4, weights)
    assert [float(np.asarray(weight)[0]) for weight in weights] == [0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_whole_numbers_do_where_keras_wants_floats(optimizer):
    config = ToyConfig()
    config.OPTIMIZER, config.WEIGHT_DECAY, config.GRADIENT_CLIP_NORM, config.EMA_MOMENTUM = optimizer, 1, 1, 0
    made = make_optimizer(config, 1, 1)
    assert (made.global_clipnorm, made.ema_momentum) == (1.0, 0.0)


def test_checkpoints_hold_the_averages_and_training_goes_on_with_the_weights(tmp_path):
    class Averaged(ToyConfig):
        EMA_MOMENTUM = 0.5

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raw = np.array(np.asarray(self.model.trainable_weights[0]))
            with averaged_weights(self.model):
                seen.append((raw, np.array(np.asarray(self.model.trainable_weights[0]))))
            np.testing.assert_array_equal(np.asarray(self.model.trainable_weights[0]), raw)

    seen = []
    data = few_images()
    model = ToyRCNN("training", Averaged(), tmp_path / "whole")
    model.train(data, data, 0.01, 2, "all", custom_callbacks=[Look()])
    (raw, average), last = seen
    assert not np.array_equal(raw, average)
    np.testing.assert_array_equal(np.asarray(model.keras_model.trainable_weights[0]), last[1])  # at the end: averages
    parts = ToyRCNN("training", Averaged(), tmp_path / "parts")
    parts.train(data, data, 0.01, 1, "all")
    loaded = ToyRCNN("training", Averaged(), tmp_path / "parts")
    loaded.load_weights("last")
    np.testing.assert_array_equal(np.asarray(loaded.keras_model.trainable_weights[0]), average)
    loaded.train(data, data, 0.01, 2, "all", resume=True)
    np.testing.assert_array_equal(np.asarray(loaded.keras_model.trainable_weights[0]), last[1])
