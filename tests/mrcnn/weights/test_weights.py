"""Matching files to models: what is loaded, adapted, skipped, missing, unused; what is refused; the way back."""

import time

import h5py
import keras
import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.model import MaskRCNN
from mrcnn.selftest import selftest
from mrcnn.weights import h5, layers_of, load_weights, save_weights
from tests.support.weight_files import (
    BACKBONE,
    HEADS,
    SMALL,
    arrays,
    build_model,
    golden_layout,
    small_models,
    state,
    values,
    with_classes,
    write_old,
)


@pytest.fixture(scope="module")
def models():
    return small_models()


def assert_layers(model, expected, names):
    found = state(model)
    for name in names:
        for weight, array in expected[name].items():
            np.testing.assert_array_equal(found[name][weight], array, err_msg=f"{name}/{weight}")


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_load_all(tmp_path, models, mode, capsys):
    expected = write_old(tmp_path / "old.h5", SMALL)
    model = models()
    report = load_weights(model, tmp_path / "old.h5", mode=mode)
    assert_layers(model, expected, expected)
    assert sorted(report.loaded) == sorted(expected)
    assert report.complete
    assert not report.adapted
    assert not report.unused
    assert capsys.readouterr().out == f"Weights from {tmp_path}/old.h5: 12 of 12 layers with weights loaded\n"


def test_class_count_in_training_reinitialises_the_heads_only(tmp_path, models, capsys):
    expected = write_old(tmp_path / "old.h5", with_classes(81))
    model = models()
    before = state(model)
    for layer in layers_of(model).values():  # as if other weights had been there before
        for variable in layer.weights.values():
            variable.assign(np.full(variable.shape, 7.0))
    report = load_weights(model, tmp_path / "old.h5")
    assert report.skipped == dict.fromkeys(HEADS, "file has 81 classes, config 4: re-initialised")
    assert_layers(model, expected, set(expected) - set(HEADS))
    for name in HEADS:
        for weight, array in before[name].items():
            np.testing.assert_array_equal(state(model)[name][weight], array)
    printed = capsys.readouterr().out
    assert "9 of 12 layers" in printed
    assert "skipped 3, file has 81 classes, config 4: re-initialised: mrcnn_class_logits, mrcnn_bbox_fc" in printed


def test_class_count_in_inference_is_an_error(tmp_path, models):
    write_old(tmp_path / "old.h5", with_classes(81))
    model = models()
    before = state(model)
    with pytest.raises(ValueError, match="old.h5(.|\n)*file has 81 classes, config 4. To detect, set NUM_CLASSES = 81"):
        load_weights(model, tmp_path / "old.h5", mode="inference")
    assert_layers(model, before, before)
    report = load_weights(model, tmp_path / "old.h5", mode="inference", skip_mismatch=True, verbose=0)
    assert set(report.skipped) == set(HEADS)
    assert_layers(model, before, HEADS)
    report = load_weights(model, tmp_path / "old.h5", mode="inference", exclude=HEADS, verbose=0)
    assert report.skipped == dict.fromkeys(HEADS, "excluded by the caller")


def test_other_shapes_are_refused_unless_asked_for(tmp_path, models):
    wide = SMALL | {"mrcnn_class_conv1": {"kernel": (7, 7, 6, 9), "bias": (9,)}}
    wide |= {"mrcnn_class_logits": {"kernel": (9, 5), "bias": (5,)}}
    expected = write_old(tmp_path / "old.h5", wide)
    model = models()
    before = state(model)
    with pytest.raises(
        ValueError, match=r"mrcnn_class_conv1: kernel is \(7, 7, 6, 9\) in the file, \(7, 7, 6, 8\)"
    ) as e:
        load_weights(model, tmp_path / "old.h5")
    assert r"mrcnn_class_logits: kernel is (9, 5) in the file, (8, 4) in the model" in str(e.value)
    assert_layers(model, before, before)
    report = load_weights(model, tmp_path / "old.h5", skip_mismatch=True, verbose=0)
    assert set(report.skipped) == {"mrcnn_class_conv1", "mrcnn_class_logits"}
    assert_layers(model, before, report.skipped)
    assert_layers(model, expected, report.loaded)


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_layers_missing_in_the_file(tmp_path, models, mode):
    part = {name: weights for name, weights in SMALL.items() if name not in ("fpn_c5p5", "rpn_model/rpn_class_raw")}
    expected = write_old(tmp_path / "old.h5", part)
    model = models()
    before = state(model)
    with pytest.raises(ValueError, match="not in the file: fpn_c5p5, rpn_class_raw"):
        load_weights(model, tmp_path / "old.h5", mode=mode)
    assert_layers(model, before, before)
    report = load_weights(model, tmp_path / "old.h5", mode=mode, exclude=["fpn_c5p5", "rpn_class_raw"], verbose=0)
    assert_layers(model, expected, report.loaded)
    report = load_weights(model, tmp_path / "old.h5", mode=mode, skip_mismatch=True, verbose=0)
    assert report.missing == ["fpn_c5p5", "rpn_class_raw"]
    assert not report.complete


def test_exclude_as_old_code_does(tmp_path, models):
    expected = write_old(tmp_path / "old.h5", with_classes(81))
    model = models()
    before = state(model)
    names = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask", "rpn_model", "mrcnn_maks"]
    report = load_weights(model, tmp_path / "old.h5", exclude=names, verbose=0)
    out = [*HEADS, "rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred"]
    assert sorted(report.skipped) == sorted(out)
    assert_layers(model, before, out)
    assert_layers(model, expected, set(expected) - set(out))
    assert report.notes == ["exclude names no layer with weights: mrcnn_maks"]
    with pytest.raises(ValueError, match="exclude names all layers"):
        load_weights(model, tmp_path / "old.h5", exclude=list(layers_of(model)))


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_file_of_a_larger_network(tmp_path, models, mode):
    large = SMALL | {"res4w_branch2a": {"kernel": (1, 1, 2, 2), "bias": (2,)}}
    write_old(tmp_path / "old.h5", large)
    with pytest.raises(ValueError, match="lacks layers of the file, res4w_branch2a: is BACKBONE"):
        load_weights(models(), tmp_path / "old.h5", mode=mode)
    report = load_weights(models(), tmp_path / "old.h5", mode=mode, skip_mismatch=True, verbose=0)
    assert report.unused == ["res4w_branch2a"]
    assert "is BACKBONE the one it was trained with?" in str(report)


def test_file_of_another_depth_is_refused_by_its_name(tmp_path):
    """The R101 file of COCO in an R50 would lose 17 blocks."""
    write_old(tmp_path / "r101.h5", _cut(golden_layout("resnet101_coco")))
    model = build_model(_cut(golden_layout("resnet50")))
    with pytest.raises(ValueError, match=r"of another network: BACKBONE resnet101 \(here resnet50\)"):
        load_weights(model, tmp_path / "r101.h5")


def _cut(layout):
    """A layout with at most two channels."""
    return {n: {w: tuple(min(s, 2) for s in shape) for w, shape in weights.items()} for n, weights in layout.items()}


def test_first_kernel_of_keras_imagenet_file_is_turned_from_bgr(tmp_path, models):
    """The network on RGB images, as ours are, gives what Keras' network gives on its own preprocessing's images."""
    from keras.applications.resnet50 import preprocess_input

    name = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    expected = write_old(tmp_path / name, {name: SMALL[name] for name in BACKBONE})["conv1"]
    model = models()
    report = load_weights(model, tmp_path / name, verbose=0)
    assert report.adapted == {"conv1": "made for BGR images, turned for RGB"}
    assert "conv1" not in report.loaded
    image = np.random.default_rng(1).integers(0, 256, (1, 7, 7, 3)).astype(np.float32)
    theirs = np.einsum("bhwi,hwio->o", preprocess_input(image.copy()), expected["kernel"])
    mean = np.array([123.68, 116.779, 103.939])  # of RGB, as Keras subtracts it; Config.MEAN_PIXEL is the same, rounded
    ours = np.einsum("bhwi,hwio->o", image - mean, state(model)["conv1"]["kernel"])
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(Config.MEAN_PIXEL, mean, atol=0.1)
    (tmp_path / name).rename(tmp_path / "own.h5")  # another file is taken as it is
    report = load_weights(model, tmp_path / "own.h5", verbose=0)
    assert not report.adapted
    np.testing.assert_array_equal(state(model)["conv1"]["kernel"], expected["kernel"])


def test_anchors_that_ports_stored_are_listed_only(tmp_path, models):
    ports = SMALL | {"anchors": {"kernel": (1, 6, 4)}}
    write_old(tmp_path / "old.h5", ports)
    report = load_weights(models(), tmp_path / "old.h5", mode="inference", verbose=0)
    assert report.unused == ["anchors"]
    assert not report.notes


def test_model_without_masks_takes_a_file_with_masks(tmp_path):
    write_old(tmp_path / "old.h5", SMALL)
    model = build_model({name: weights for name, weights in SMALL.items() if not name.startswith("mrcnn_mask")})
    report = load_weights(model, tmp_path / "old.h5", mode="inference", verbose=0)
    assert sorted(report.unused) == ["mrcnn_mask", "mrcnn_mask_deconv"]
    assert report.complete


def test_backbone_only_file(tmp_path, models):
    expected = write_old(tmp_path / "resnet.h5", {name: SMALL[name] for name in BACKBONE})
    model = models()
    before = state(model)
    report = load_weights(model, tmp_path / "resnet.h5", verbose=0)
    assert_layers(model, expected, BACKBONE)
    assert_layers(model, before, report.missing)
    assert "backbone only" in str(report)
    with pytest.raises(ValueError, match="not in the file: fpn_c5p5"):
        load_weights(model, tmp_path / "resnet.h5", mode="inference")
    write_old(tmp_path / "less.h5", {"conv1": SMALL["conv1"]})
    with pytest.raises(ValueError, match="only 1 of 3 layers of the backbone are in the file"):
        load_weights(model, tmp_path / "less.h5")


def test_imagenet_notop_names_of_keras_applications(tmp_path):
    layout = {name: w for name, w in golden_layout("resnet50").items() if not name.startswith(("fpn", "rpn", "mrcnn"))}
    layout = {n: {w: tuple(min(s, 4) for s in shape) for w, shape in weights.items()} for n, weights in layout.items()}
    assert len(layout) == 106
    expected = values(layout)
    words = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    groups = {
        layer: [(f"{layer}_{words.get(w, w)}:0", array) for w, array in weights.items()]
        for layer, weights in expected.items()
    }
    h5.write_weights(tmp_path / "notop.h5", groups)
    deeper = {"res4g_branch2a": {"kernel": (1, 1, 4, 4), "bias": (4,)}, "bn4g_branch2a": dict(layout["bn_conv1"])}
    model = build_model(layout | deeper | {"fpn_c5p5": SMALL["fpn_c5p5"]})
    report = load_weights(model, tmp_path / "notop.h5", verbose=0)
    assert_layers(model, expected, expected)
    assert len(report.loaded) == 106
    assert "2 layers of the backbone keep theirs, too: res4g_branch2a, bn4g_branch2a" in str(report)


@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize("channels", [1, 4])
def test_first_convolution_answers_alike_to_gray(tmp_path, models, mode, channels):
    expected = write_old(tmp_path / "old.h5", SMALL)["conv1"]
    model = models(channels=channels)
    report = load_weights(model, tmp_path / "old.h5", mode=mode, verbose=0)
    assert "3 input channels in the file" in report.adapted["conv1"]
    found = state(model)["conv1"]
    np.testing.assert_allclose(found["kernel"].sum(axis=2), expected["kernel"].sum(axis=2), atol=1e-7)
    np.testing.assert_array_equal(found["bias"], expected["bias"])
    np.testing.assert_allclose(
        found["kernel"][..., 0, 0], expected["kernel"].mean(axis=2)[..., 0] * 3 / channels, atol=1e-7
    )


def test_nothing_in_common(tmp_path, models):
    write_old(tmp_path / "vgg.h5", {"block1_conv1": {"kernel": (3, 3, 3, 4), "bias": (4,)}})
    for skip in (False, True):
        with pytest.raises(
            ValueError, match="nothing in it fits the model. The file has block1_conv1; the model has conv1"
        ):
            load_weights(models(), tmp_path / "vgg.h5", skip_mismatch=skip)


def test_group_norm_and_batch_norm_are_not_mixed(tmp_path):
    write_old(tmp_path / "old.h5", {name: SMALL[name] for name in BACKBONE})
    plain = {"conv1": SMALL["conv1"], "res2a_branch2a": SMALL["res2a_branch2a"]}
    model = build_model(plain)
    x = keras.Input((4, 4, 4))
    model = keras.Model([*model.inputs, x], [*model.outputs, keras.layers.GroupNormalization(2, name="bn_conv1")(x)])
    with pytest.raises(ValueError, match=r"bn_conv1: moving_mean is \(4,\) in the file, absent in the model"):
        load_weights(model, tmp_path / "old.h5")


def test_nan_in_the_last_layer_leaves_the_model_alone(tmp_path, models):
    write_old(tmp_path / "old.h5", SMALL)
    with h5py.File(tmp_path / "old.h5", "a") as file:
        file["mrcnn_mask/mrcnn_mask/bias:0"][0] = np.inf
    model = models()
    before = state(model)
    with pytest.raises(ValueError, match="NaN or infinite"):
        load_weights(model, tmp_path / "old.h5")
    assert_layers(model, before, before)


def test_numbered_layers_of_a_second_model(tmp_path, models):
    expected = write_old(tmp_path / "old.h5", SMALL, name="{layer}_1/{weight}:0")
    model = models()
    assert load_weights(model, tmp_path / "old.h5", mode="inference", verbose=0).complete
    assert_layers(model, expected, expected)


def test_save_has_the_old_layout_and_comes_back(tmp_path, models):
    model = models()
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(w.shape).astype("float32") for w in arrays(model)])
    before = state(model)
    save_weights(model, tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5") as file:
        assert {n.decode() for n in file.attrs["layer_names"]} == {name.split("/")[0] for name in SMALL}
        assert [n.decode() for n in file["rpn_model"].attrs["weight_names"]] == [
            f"{layer}/{weight}:0"
            for layer in ("rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred")
            for weight in ("kernel", "bias")
        ]
        names = [n.decode() for n in file["bn_conv1"].attrs["weight_names"]]
        assert names == [f"bn_conv1/{w}:0" for w in ("gamma", "beta", "moving_mean", "moving_variance")]
    model.set_weights([np.zeros_like(w) for w in arrays(model)])
    assert load_weights(model, tmp_path / "new.h5", mode="inference", verbose=0).complete
    assert_layers(model, before, before)


def test_nested_backbone_with_layers_made_of_layers(tmp_path):
    def build():
        x = keras.Input((3, 8))
        y = keras.layers.MultiHeadAttention(2, 4, name="one")(x, x)
        y = keras.layers.MultiHeadAttention(2, 4, name="two")(y, y)
        inner = keras.Model(x, keras.layers.Dense(5, name="conv1")(y), name="backbone")
        x = keras.Input((3, 8))
        head = keras.layers.TimeDistributed(keras.layers.Dense(4), name="mrcnn_class_logits")
        return keras.Model(x, head(keras.layers.Dense(6, name="conv1")(inner(x))))

    first, second = build(), build()
    assert len(state(first)) == 11
    save_weights(first, tmp_path / "new.h5")
    assert load_weights(second, tmp_path / "new.h5", mode="inference", verbose=0).complete
    for a, b in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras' own saving, with this NumPy
def test_keras_3_files_are_named_as_such(tmp_path, models):
    model = models()
    model.save_weights(tmp_path / "k.weights.h5")
    with pytest.raises(ValueError, match="k.weights.h5 is a Keras 3 weight file.*save_weights"):
        load_weights(model, tmp_path / "k.weights.h5")
    with pytest.raises(ValueError, match="no weights to save"):
        x = keras.Input((2,))
        save_weights(keras.Model(x, keras.layers.ReLU()(x)), tmp_path / "none.h5")


def test_the_order_of_the_layers_is_that_of_the_old_network(tmp_path):
    old = [name.split("/")[0] for name in SMALL]
    mixed = [*old[:3], "mrcnn_mask_deconv", "mrcnn_bbox_fc", "fpn_c5p5", "rpn_model", "mrcnn_class_logits"]
    mixed = {name: weights for group in mixed for name, weights in SMALL.items() if name.split("/")[0] == group}
    save_weights(build_model(mixed), tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5") as file:
        assert [n.decode() for n in file.attrs["layer_names"]] == [
            *("conv1", "bn_conv1", "res2a_branch2a", "fpn_c5p5", "rpn_model"),
            *("mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask_deconv"),
        ]


@pytest.mark.slow
def test_the_self_test_does_not_pass_a_file_of_81_classes_that_finds_no_person(tmp_path):
    """A file of COCO's layout with the recipe's weights, which know nothing."""
    write_old(tmp_path / "mask_rcnn_coco.h5", golden_layout("resnet101_coco"))
    verdict = selftest(tmp_path / "mask_rcnn_coco.h5")
    (tmp_path / "mask_rcnn_coco.h5").unlink()
    by_name = {check.name: check for check in verdict.checks}
    assert by_name["loading"].passed and by_name["numbers"].passed
    assert by_name["right answers"].passed is False, verdict
    assert "the person in scikit-image's image" in by_name["right answers"].text
    assert not verdict.passed


def test_the_81_class_file_in_full(tmp_path, capsys):
    """The whole way: a file in the layout of mask_rcnn_coco.h5 into the engine and back."""
    path = tmp_path / "mask_rcnn_coco.h5"
    expected = write_old(path, golden_layout("resnet101_coco"))
    config = type("Coco", (Config,), {"NAME": "coco", "NUM_CLASSES": 81, "IMAGE_MIN_DIM": 128, "IMAGE_MAX_DIM": 128})()
    model = MaskRCNN("inference", config, tmp_path).keras_model
    start = time.perf_counter()
    report = load_weights(model, path, mode="inference", verbose=0)
    seconds = time.perf_counter() - start
    assert len(report.loaded) == 235
    assert report.complete
    assert_layers(model, expected, expected)
    save_weights(model, tmp_path / "again.h5")
    with h5.open_weights(path) as old, h5.open_weights(tmp_path / "again.h5") as new:
        assert [(layer, *w) for layer, w in old.items()] == [(layer, *w) for layer, w in new.items()]
        assert [d.name for w in old.values() for d in w.values()] == [d.name for w in new.values() for d in w.values()]
    (tmp_path / "again.h5").unlink()  # pytest keeps the folders of three runs
    path.unlink()
    with capsys.disabled():
        print(f" [257 MB loaded in {seconds:.1f} s]", end="")
