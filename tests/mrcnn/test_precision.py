"""PRECISION: the network in 16 bits with weights in float32."""

import os
import signal
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.model import MaskRCNN
from mrcnn.network.precision import computing_in
from mrcnn.training.optimizer import inner_optimizer, make_optimizer
from tests.support.engine_data import SmallConfig, few_images
from tests.support.toy_training import ToyConfig, ToyRCNN

EXACT = {"anchors", "gt_boxes", "losses", "mrcnn_bbox_fc", "mrcnn_mask", "proposal_targets", "proposals", "rpn_class"}


def config_of(precision, base=SmallConfig, **settings):
    return type("Config", (base,), {"PRECISION": precision, **settings})()


@pytest.fixture(scope="module", params=["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def run(request, tmp_path_factory):
    """A model of 40 steps in 16 bits, and the losses of its epochs."""
    config = config_of(request.param, OPTIMIZER="adamw", STEPS_PER_EPOCH=10)
    model = MaskRCNN("training", config, tmp_path_factory.mktemp("logs"))
    data = few_images()
    return model, model.train(data, data, 0.002, epochs=4, layers="all").history["loss"]


def test_the_loss_falls(run):
    model, losses = run
    assert losses[-1] < 0.75 * losses[0]
    assert 0 < float(np.asarray(inner_optimizer(model.keras_model).gradient_norm)) < 1000  # not times the loss's scale


def test_what_is_exact_and_what_is_not(run):
    network, precision = run[0].keras_model, run[0].config.PRECISION
    policies = {layer.name: layer.dtype_policy.name for layer in network.layers}
    assert {policies[name] for name in EXACT} == {"float32"}
    assert policies["roi_align_mask"] == policies["conv1"] == policies["fpn_p2"] == precision
    features = network.get_layer("roi_align_classifier").output
    assert f"mixed_{features.dtype}" == precision
    assert {output.dtype for output in network.output.values()} == {"float32"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"  # Keras' own is as it was


def test_weights_files_are_float32_and_fit_both(run, tmp_path):
    model = run[0]
    stored = []
    with h5py.File(model.find_last()) as file:
        file.visititems(lambda _, item: stored.append(item.dtype) if isinstance(item, h5py.Dataset) else None)
    assert set(stored) == {np.dtype("float32")}
    exact = MaskRCNN("training", config_of("float32"), tmp_path)
    exact.load_weights(model.find_last())
    for mine, theirs in zip(exact.keras_model.get_weights(), model.keras_model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_detections_are_close_to_those_of_float32(run, tmp_path):
    images = [few_images().load_image(number) for number in range(2)]
    outputs, found = {}, {}
    for precision in ("float32", run[0].config.PRECISION):
        model = MaskRCNN("inference", config_of(precision), tmp_path)
        model.load_weights(run[0].find_last())
        outputs[precision] = model.run_graph(images, [(n, model.ancestor(None, n)) for n in ("rpn_class", "fpn_p2")])
        found[precision] = model.detect(images)
    exact, short = outputs.values()
    classes = np.abs(exact["rpn_class"] - short["rpn_class"]).max()
    maps = np.abs(exact["fpn_p2"] - short["fpn_p2"]).max() / np.abs(exact["fpn_p2"]).max()
    pairs = [(a, b) for a, b in zip(*found.values(), strict=True) if len(a["scores"]) and len(b["scores"])]
    scores = [np.abs(a["scores"][0] - b["scores"][0]) for a, b in pairs]
    # The best box is looked for among all: which of two equals comes first, which of two overlapping stays, may differ.
    boxes = [np.abs(a["rois"][0] - b["rois"]).max(axis=1).min() for a, b in pairs]
    print(f"{run[0].config.PRECISION}: RPN classes {classes:.1e}, P2 {maps:.1e}, best scores {scores}, px {boxes}")
    assert short["fpn_p2"].dtype == np.float32
    assert classes < 0.05
    assert maps < 0.05
    assert max(scores, default=0) < 0.05
    assert max(boxes, default=0) <= 3


# --- float16 scales the loss -----------------------------------------------------------------------------------------


def apply(optimizer, gradient, weight):
    """A step, as Keras' trainers take it."""
    gradients = [ops.convert_to_tensor(gradient)]
    if keras.backend.backend() == "tensorflow":
        optimizer.apply(gradients, [weight])
        return
    before = [variable.value for variable in optimizer.variables]
    (value,), after = optimizer.stateless_apply(before, gradients, [weight.value])
    for variable, new in zip([weight, *optimizer.variables], [value, *after], strict=True):
        variable.assign(new)


def test_gradients_are_clipped_and_measured_without_the_scale():
    config = config_of("mixed_float16", GRADIENT_CLIP_NORM=1.0)
    weight = keras.Variable([1.0, 1.0])
    optimizer = make_optimizer(config, 0.5, 0.0)
    optimizer.build([weight])
    scale = float(np.asarray(optimizer.dynamic_scale))
    assert scale == 2**15
    apply(optimizer, [3.0 * scale, 4.0 * scale], weight)
    np.testing.assert_allclose(np.asarray(weight), [1 - 0.5 * 0.6, 1 - 0.5 * 0.8], rtol=1e-6)
    assert float(np.asarray(optimizer.inner_optimizer.gradient_norm)) == pytest.approx(5.0)
    apply(optimizer, [np.inf, 0.0], weight)  # left out, and the scale is halved
    np.testing.assert_allclose(np.asarray(weight), [0.7, 0.6], rtol=1e-6)
    assert float(np.asarray(optimizer.dynamic_scale)) == scale / 2


class MixedToy(ToyRCNN):
    def build(self, mode, config):
        with computing_in(config.PRECISION):
            return super().build(mode, config)


class StopAt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_in_float16_goes_on_as_if_it_had_not_stopped(tmp_path):
    data = few_images()

    def trained(folder, *callbacks, **options):
        model = MixedToy("training", config_of("mixed_float16", ToyConfig), tmp_path / folder)
        model.train(data, data, 0.01, epochs=2, layers="all", custom_callbacks=callbacks, **options)
        return model

    whole = trained("whole")
    stopped = trained("stopped", StopAt(1))
    assert stopped.interrupted
    again = trained("stopped", resume=True)
    assert Path(again.log_dir) == Path(stopped.log_dir)
    assert isinstance(again.keras_model.optimizer, keras.optimizers.LossScaleOptimizer)
    for mine, theirs in zip(again.keras_model.optimizer.variables, whole.keras_model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs), err_msg=mine.path)
    for mine, theirs in zip(again.keras_model.get_weights(), whole.keras_model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_another_precision_is_refused(tmp_path):
    with pytest.raises(ValueError, match='PRECISION is "bfloat16": expected "float32", "mixed_bfloat16"'):
        MaskRCNN("inference", config_of("bfloat16"), tmp_path)
