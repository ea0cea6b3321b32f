"""MaskRCNN: what train() leaves behind, going on from it, and detect() on any image."""

import json
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn import training, utils
from mrcnn.config import Config
from mrcnn.data.loader import Loader
from mrcnn.model import MaskRCNN, load_image_gt, mold_image
from mrcnn.weights import layers_of
from tests.support.engine_data import Boxes, SmallConfig, few_images

LOSSES = ["rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model that was trained for two epochs, its data, and what fit returned."""
    root = tmp_path_factory.mktemp("logs")
    model = MaskRCNN("training", SmallConfig(), root)
    data = few_images()
    history = model.train(data, data, learning_rate=0.001, epochs=2, layers="all")
    return model, data, history, root


@pytest.fixture(scope="module")
def detector(run, tmp_path_factory):
    """For inference, with the weights of that run."""
    model = MaskRCNN("inference", SmallConfig(), tmp_path_factory.mktemp("detector"))
    model.load_weights(run[0].find_last())
    return model


def made_image(*shape, dtype=np.uint8):
    top = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, top, shape, dtype=dtype, endpoint=True)


def assert_results(results, images):
    assert len(results) == len(images)
    for found, image in zip(results, images, strict=True):
        count = len(found["rois"])
        assert set(found) == {"rois", "class_ids", "scores", "masks"}
        assert found["rois"].shape == (count, 4)
        assert found["rois"].dtype == found["class_ids"].dtype == np.int32
        assert found["masks"].shape == (*image.shape[:2], count)
        assert found["masks"].dtype == bool
        assert found["class_ids"].shape == found["scores"].shape == (count,)
        assert set(found["class_ids"]) <= {1, 2}
        assert (found["rois"] >= 0).all()
        assert (found["rois"][:, 2:] <= image.shape[:2]).all()
        assert (np.diff(found["scores"]) <= 0).all()


# --- training --------------------------------------------------------------------------------------------------------


def test_files_of_a_run(run):
    model, _, _, root = run
    folder = Path(model.log_dir)
    assert folder.parent == root
    assert training.parse_checkpoint(folder / "mask_rcnn_small_0002.h5")[1] == 2
    assert sorted(p.name for p in folder.glob("*.h5")) == ["mask_rcnn_small_0001.h5", "mask_rcnn_small_0002.h5"]
    saved = json.loads((folder / "config.json").read_text())
    assert saved["NAME"] == "small"
    assert saved["BACKBONE_WIDTH"] == 8
    assert Config.from_json(folder / "config.json").STEPS_PER_EPOCH == 2
    header, *rows = (folder / "metrics.csv").read_text().split()
    assert len(rows) == 2
    assert {"epoch", "loss", "val_loss", *LOSSES} <= set(header.split(","))


def test_tensorboard_shows_every_step_and_epoch(run):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard")
    folder = Path(run[0].log_dir)

    def scalars(part):
        reader = events.EventAccumulator(str(folder / part), size_guidance={events.TENSORS: 0}).Reload()
        assert reader.Tags()["graph"] == (part == "train")
        tags = [tag for tag in reader.Tags()["tensors"] if not tag.startswith("_hparams_")]
        return {tag: [event.step for event in reader.Tensors(tag)] for tag in tags}

    steps = {name: [0, 1, 2, 3] for name in ["loss", "learning_rate", "gradient_norm", *LOSSES]}
    later = dict.fromkeys(["images_per_second", "data_wait"], [1, 3])  # not of an epoch's first
    assert scalars("step") == steps | later
    expected = {f"epoch_{name}": [1, 2] for name in ["loss", *LOSSES]}
    costs = ["learning_rate", "gradient_norm", "images_per_second", "data_wait", "memory_mib"]
    assert scalars("train") == expected | {f"epoch_{name}": [1, 2] for name in costs}
    assert scalars("validation") == expected


def test_history(run):
    history = run[2].history
    assert {"loss", "val_loss", *LOSSES, *(f"val_{name}" for name in LOSSES)} <= set(history)
    assert np.isfinite([history[name] for name in history]).all()
    assert len(history["loss"]) == 2


def test_the_loss_is_the_sum_of_its_parts(run):
    history = run[2].history
    penalty = history["loss"][0] - sum(history[name][0] for name in LOSSES)
    assert 0 <= penalty < 0.05


def test_epochs_are_a_total(run, capsys):
    model, data, _, _ = run
    assert model.epoch == 2
    assert model.train(data, data, learning_rate=0.001, epochs=2, layers="all") is None
    assert "Nothing to do: 2 epochs are trained; epochs=2 is the total" in capsys.readouterr().out


def test_goes_on_from_the_last_checkpoint(run, capsys):
    model, data, _, root = run
    again = MaskRCNN("training", SmallConfig(), root)
    assert again.epoch == 0
    path = again.find_last()
    assert Path(path).name == "mask_rcnn_small_0002.h5"
    assert again.load_weights("last").complete
    assert again.epoch == 2
    assert again.log_dir == model.log_dir
    for name, layer in layers_of(model.keras_model).items():
        for weight, variable in layer.weights.items():
            loaded = layers_of(again.keras_model)[name].weights[weight]
            np.testing.assert_array_equal(np.asarray(loaded), np.asarray(variable), err_msg=f"{name}/{weight}")
    again.train(data, data, learning_rate=0.001, epochs=3, layers="heads")
    assert "Training epochs 3 to 3" in capsys.readouterr().out
    assert again.epoch == 3
    assert Path(again.find_last()).name == "mask_rcnn_small_0003.h5"
    rows = (Path(again.log_dir) / "metrics.csv").read_text().split()
    assert len(rows) == 4  # one header, three epochs
    assert rows[-1].startswith("2,")
    Path(again.find_last()).unlink()  # for the tests after this one


@pytest.mark.parametrize(
    ("layers", "trains", "stays"),
    [
        ("heads", ["fpn_p2", "rpn_class_raw", "mrcnn_mask"], ["conv1", "res5a_branch2a", "bn5a_branch2a"]),
        ("5+", ["res5a_branch2a", "bn5b_branch2b", "fpn_c5p5"], ["res4a_branch2a", "conv1"]),
        ("4+", ["res4a_branch2a", "mrcnn_class_bn1"], ["res3a_branch2a", "conv1"]),
        ("3+", ["res3a_branch2a"], ["res2a_branch2a", "conv1"]),
        ("all", ["conv1", "bn_conv1", "mrcnn_bbox_fc"], []),
        (r"mrcnn_mask.*", ["mrcnn_mask", "mrcnn_mask_conv1"], ["mrcnn_class_logits", "fpn_p2"]),
    ],
)
def test_layers(run, layers, trains, stays):
    model = run[0].keras_model
    training.set_trainable(model, training.LAYERS.get(layers, layers))
    by_name = {layer.name.split("/")[-1]: layer.layer for layer in layers_of(model).values()}
    assert all(by_name[name].trainable_weights for name in trains)
    assert not any(by_name[name].trainable_weights for name in stays)
    training.set_trainable(model, ".*")


def test_only_the_chosen_layers_change(run):
    model, data, _, _ = run
    network = model.keras_model
    before = {
        name: [np.array(np.asarray(w)) for w in layer.layer.weights] for name, layer in layers_of(network).items()
    }
    training.set_trainable(network, "mrcnn_class_logits")
    model.compile(0.001, 0.9)

    with Loader(data, model.config, seed=0) as loader:
        network.train_on_batch(next(loader))
    training.set_trainable(network, ".*")
    changed = [
        name
        for name, layer in layers_of(network).items()
        if any(
            (np.asarray(w) != old).any() for w, old in zip(layer.layer.trainable_weights, before[name], strict=False)
        )
    ]
    assert changed == ["mrcnn_class_logits"]


def test_layers_that_do_not_exist(run):
    model, data, _, _ = run
    with pytest.raises(ValueError, match="layers='mask_head' fits no layer") as error:
        model.train(data, data, learning_rate=0.001, epochs=9, layers="mask_head")
    assert "get_trainable_layers()" in str(error.value)
    training.set_trainable(model.keras_model, ".*")


def test_wrong_mode(run, detector, tmp_path):
    model, data, _, _ = run
    with pytest.raises(ValueError, match='made for inference: make one with mode="training"'):
        detector.train(data, data, learning_rate=0.001, epochs=1, layers="all")
    with pytest.raises(ValueError, match='make one with mode="inference"'):
        model.detect([made_image(64, 64, 3)])
    with pytest.raises(ValueError, match="mode is 'train'"):
        MaskRCNN("train", SmallConfig(), tmp_path)


def test_no_run_and_no_checkpoint(detector, tmp_path):
    detector.model_dir, kept = str(tmp_path), detector.model_dir
    with pytest.raises(FileNotFoundError, match="No run of 'small'"):
        detector.find_last()
    (tmp_path / "small20260102T0304").mkdir()
    with pytest.raises(FileNotFoundError, match="No checkpoint in .*small20260102T0304"):
        detector.find_last()
    detector.model_dir = kept


def test_images_of_one_size_are_trained_in_any_mode(tmp_path):
    """Images of 64 x 64 are trained as they are; those of 48 x 64 name themselves."""

    class Padded(Boxes):
        def load_image(self, image_id):
            return np.pad(super().load_image(image_id), ((0, 16), (0, 0), (0, 0)))

        def load_mask(self, image_id):
            masks, class_ids = super().load_mask(image_id)
            return np.pad(masks, ((0, 16), (0, 0), (0, 0))), class_ids

    config = type("AnySize", (SmallConfig,), {"IMAGE_RESIZE_MODE": "none"})()
    model = MaskRCNN("training", config, tmp_path)
    assert model.anchors.shape == ((16**2 + 8**2 + 4**2 + 2**2 + 1) * 3, 4)
    model.compile(0.001, 0.9)
    with Loader(Padded([[(1, 4, 6, 24, 30)], [(2, 26, 34, 44, 60)]]), config, seed=0) as loader:
        assert np.isfinite(list(model.keras_model.train_on_batch(next(loader), return_dict=True).values())).all()
    with (
        Loader(few_images(), config, seed=0) as loader,
        pytest.raises(ValueError, match=r"id 'image \d'.* \(48, 64, 3\) after resizing.* \(64, 64, 3\)"),
    ):
        next(loader)


def test_sides_that_cannot_be_halved_six_times(tmp_path):
    config = SmallConfig()
    config.IMAGE_MAX_DIM = 100  # set later, as old code does
    for mode in ("training", "inference"):
        with pytest.raises(ValueError, match="IMAGE_MAX_DIM is 100: .* multiples of 64"):
            MaskRCNN(mode, config, tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("sgd", keras.optimizers.SGD), ("adamw", keras.optimizers.AdamW)])
def test_optimizer(run, name, kind):
    model = run[0]
    model.config.OPTIMIZER = name
    model.compile(0.125, 0.75)
    optimizer = model.keras_model.optimizer
    model.config.OPTIMIZER = "sgd"
    assert isinstance(optimizer, kind)
    assert float(optimizer.learning_rate) == 0.125
    assert optimizer.global_clipnorm == 5.0
    assert optimizer.clipnorm is None


# --- detection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 3, 5])
def test_any_number_of_images(detector, number):
    images = [made_image(48 + i, 64, 3) for i in range(number)]
    assert_results(detector.detect(images), images)


def test_the_number_does_not_change_the_result(detector):
    images = [made_image(40, 64, 3), made_image(64, 50, 3), made_image(30, 30, 3)]
    together = detector.detect(images)
    for image, found in zip(images, together, strict=True):
        alone = detector.detect([image])[0]
        np.testing.assert_array_equal(alone["rois"], found["rois"])
        np.testing.assert_allclose(alone["scores"], found["scores"], atol=1e-5)


def test_any_kind_of_image(detector):
    gray = made_image(50, 70)
    rgb = np.repeat(gray[:, :, None], 3, axis=2)
    rgba = np.concatenate([rgb, made_image(50, 70, 1)], axis=2)
    wide = [gray.astype(np.uint16) * 257, rgb.astype(np.uint16) * 257, rgb.astype(np.int64)]
    kinds = [rgb, gray, gray[:, :, None], rgba, *wide, rgb.astype(np.float32), gray.astype(np.float64)]
    results = detector.detect(kinds)
    assert_results(results, kinds)
    for found in results[1:]:  # so many ways to write the same image
        np.testing.assert_array_equal(found["rois"], results[0]["rois"])
        np.testing.assert_allclose(found["scores"], results[0]["scores"], atol=1e-5)


def test_a_molded_image_is_taken_as_it_is(detector):
    """Some old scripts mold an image before `detect` molds it."""
    image = made_image(48, 64, 3)
    molded = mold_image(image, detector.config)
    assert_results(detector.detect([molded]), [image])
    again = detector.mold_inputs([np.full((64, 64, 3), -10.0, np.float32)])[0]
    np.testing.assert_allclose(again[0, 0, 0], -10 - detector.config.MEAN_PIXEL, rtol=1e-5)


def test_any_size(detector):
    images = [made_image(*size, 3) for size in ((1, 1), (7, 200), (300, 20), (128, 128), (513, 511))]
    assert_results(detector.detect(images), images)


def test_verbose_tells_what_goes_in(detector, capsys):
    detector.detect([made_image(48, 64, 3)], verbose=1)
    printed = capsys.readouterr().out
    assert "Processing 1 images" in printed
    assert "molded_images" in printed


def test_molded_images(detector):
    molded, metas, _ = detector.mold_inputs([made_image(64, 64, 3)] * 2)
    first, second = detector.detect_molded(molded, metas)
    plain = detector.detect([made_image(64, 64, 3)])[0]
    np.testing.assert_array_equal(first["rois"], plain["rois"])
    np.testing.assert_array_equal(second["rois"], plain["rois"])


def test_molded_images_with_padding():
    """Of an image of 48 x 64 in the middle of 64 x 64 boxes and masks are in pixels of the latter: rows 8 to 56."""
    model = MaskRCNN.__new__(MaskRCNN)
    model.mode, model.config, model.seconds = "inference", SmallConfig(), {}
    detections = np.zeros((1, 8, 6), np.float32)
    detections[0, 0] = [8 / 63, 0, 55 / 63, 1, 1, 0.9]  # the whole window
    detections[0, 1] = [16 / 63, 32 / 63, 31 / 63, 47 / 63, 2, 0.8]
    masks = np.ones((1, 8, 28, 28, 3), np.float32)
    model._network_inputs = lambda molded, metas: [molded, metas, metas]
    model.keras_model = types.SimpleNamespace(predict_on_batch=lambda inputs: [detections, None, None, masks])
    molded, metas, windows = model.mold_inputs([made_image(48, 64, 3)])
    assert windows[0].tolist() == [8, 0, 56, 64]
    found = model.detect_molded(molded, metas)[0]
    np.testing.assert_array_equal(found["rois"], [[8, 0, 56, 64], [16, 32, 32, 48]])
    assert found["masks"].shape == (64, 64, 2)
    assert found["masks"].sum(axis=(0, 1)).tolist() == [48 * 64, 16 * 16]
    assert found["masks"][8:56, :, 0].all() and found["masks"][16:32, 32:48, 1].all()


def test_molded_images_tell_what_goes_in(detector, capsys):
    detector.detect_molded(*detector.mold_inputs([made_image(48, 64, 3)])[:2], verbose=1)
    assert capsys.readouterr().out.startswith("Processing 1 images\nimage ")


def test_no_detections():
    """unmold_detections of nothing, in the shapes of something."""
    empty = MaskRCNN.unmold_detections(
        None, np.zeros((8, 6)), np.zeros((8, 28, 28, 3)), (40, 64, 3), (64, 64, 3), [12, 0, 52, 64]
    )
    assert [x.shape for x in empty] == [(0, 4), (0,), (0,), (40, 64, 0)]


def test_detections_in_pixels_of_the_image():
    """An image of 20 x 32 at twice its size in the middle of 64 x 64: the window's rows are 12 to 52."""
    detections = np.zeros((3, 6))
    detections[0] = [12 / 63, 0, 51 / 63, 1, 2, 0.9]  # the whole window
    detections[1] = [12 / 63, 0, 31 / 63, 31 / 63, 1, 0.8]  # its upper left quarter
    masks = np.zeros((3, 4, 4, 3))
    masks[0, :, :, 2] = masks[1, :, :, 1] = 1
    found = MaskRCNN.unmold_detections(None, detections, masks, (20, 32, 3), (64, 64, 3), np.array([12, 0, 52, 64]))
    np.testing.assert_array_equal(found[0], [[0, 0, 20, 32], [0, 0, 10, 16]])
    np.testing.assert_array_equal(found[1], [2, 1])
    np.testing.assert_allclose(found[2], [0.9, 0.8])
    assert found[3][:, :, 0].all()
    assert found[3][:10, :16, 1].all()
    assert found[3][:, :, 1].sum() == 160


def test_boxes_in_a_thin_image_reach_across_it():
    """Of an image of 2 x 600 one row is left, row 31 of 64 x 64."""
    detections = np.array([[31 / 63, 0, 31 / 63, 1, 1, 0.9]], np.float32)
    found = MaskRCNN.unmold_detections(None, detections, None, (2, 600, 3), (64, 64, 3), (31, 0, 32, 64))
    np.testing.assert_array_equal(found[0], [[0, 0, 2, 600]])


def test_without_masks(tmp_path):
    class Plain(SmallConfig):
        USE_MASK = False

    model = MaskRCNN("inference", Plain(), tmp_path)
    found = model.detect([made_image(40, 64, 3)])[0]
    assert found["masks"] is None
    assert len(found["rois"]) == len(found["scores"]) == len(found["class_ids"])


def test_images_at_their_own_size(tmp_path):
    class AnySize(SmallConfig):
        IMAGE_RESIZE_MODE = "pad64"
        IMAGE_MIN_DIM = 64
        IMAGE_MAX_DIM = 128

    model = MaskRCNN("inference", AnySize(), tmp_path)
    images = [made_image(60, 100, 3), made_image(100, 60, 3), made_image(64, 64, 3)]
    assert_results(model.detect(images), images)

    config = model.config  # measured as the old notebooks do: 48 x 64 becomes 64 x 85, padded to 64 x 128
    image, meta, class_ids, boxes, masks = load_image_gt(few_images(), config, 0)
    found = model.detect_molded(mold_image(image, config)[np.newaxis], meta[np.newaxis])[0]
    assert image.shape[:2] == masks.shape[:2] == found["masks"].shape[:2] == (64, 128)
    truth, answer = (boxes, class_ids, masks), (found["rois"], found["class_ids"], found["scores"], found["masks"])
    assert 0 <= utils.compute_ap_range(*truth, *answer, verbose=0) <= 1
    assert utils.compute_ap_range(*truth, boxes, class_ids, np.ones(len(boxes)), masks, verbose=0) == 1
