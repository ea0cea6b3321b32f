"""The network in every format finds what it finds in Keras; whole models go to a file and back."""

import keras
import numpy as np
import pytest

from mrcnn.export.exported import ExportedModel
from mrcnn.export.formats import FILES, write
from mrcnn.export.image_model import image_model
from mrcnn.export.parity import compare
from mrcnn.model import MaskRCNN
from tests.support.engine_data import SmallConfig

TIGHT = {"score": 1e-4, "box_px": 0.0}  # at the network's own size nothing is resized


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    config = type("OneByOne", (SmallConfig,), {"IMAGES_PER_GPU": 1})()
    model = MaskRCNN("inference", config, tmp_path_factory.mktemp("logs"))
    network = model.keras_model  # takes the scores away from 0 and 1, where many are equal
    for layer in (network.get_layer("rpn_model").get_layer("rpn_class_raw"), network.get_layer("mrcnn_class_logits")):
        layer.kernel.assign(0.1 * layer.kernel)
    layer.bias.assign([-1.0] + [0.0] * (config.NUM_CLASSES - 1))  # background is not the likeliest class
    return model


@pytest.fixture(scope="module")
def images():
    """Noise: in even areas a network without training gives scores that only rounding tells apart."""
    return list(np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """The Keras file, read again and run."""
    path = tmp_path_factory.mktemp("exported") / "model.keras"
    write("keras", image_model(model), path)
    return ExportedModel(path)


def test_keras_file_holds_all(model, exported, images):
    same = compare(model, exported, images, 0.0, model.config.DETECTION_MAX_INSTANCES)
    assert same.objects and not same.missing and same.score <= TIGHT["score"] and same.box_px == 0, same.text
    assert keras.models.load_model(exported.path).count_params() == model.keras_model.count_params()
    one_by_one = [exported.run(image[None])["boxes"][0] for image in images]
    assert (exported.run(np.stack(images))["boxes"] == np.stack(one_by_one)).all()


def test_the_network_alone_saves_and_loads(model, images, tmp_path):
    model.keras_model.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    molded, metas, _ = model.mold_inputs(images[:1])
    inputs = model._network_inputs(molded, metas)
    for ours, theirs in zip(model.keras_model.predict_on_batch(inputs), again.predict_on_batch(inputs), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5


def test_what_cannot_be_is_said(model, tmp_path):
    one = image_model(model)
    with pytest.raises(ValueError, match="no export to 'caffe'"):
        write("caffe", one, tmp_path / "a")
    with pytest.raises(ValueError, match="ONNX and TFLite have float16 and int8"):
        write("savedmodel", one, tmp_path / "a", "float16")
    with pytest.raises(ValueError, match="no precision 'int4'"):
        write("tflite", one, tmp_path / "a", "int4")
    with pytest.raises(FileNotFoundError, match="no such export"):
        ExportedModel(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="give the path of the model itself, such as model.onnx"):
        ExportedModel(tmp_path)  # a folder, but no SavedModel


def test_masks_as_large_as_their_boxes(exported, images):
    (full,), (small,) = exported.detect(images[:1]), exported.detect(images[:1], crops=True)
    assert len(small["masks"]) == full["masks"].shape[2] > 0
    for i, (y1, x1, y2, x2) in enumerate(full["rois"]):
        assert (full["masks"][y1:y2, x1:x2, i] == small["masks"][i]).all()
        assert full["masks"][..., i].sum() == small["masks"][i].sum()


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="these formats are made from TensorFlow graphs")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of the converters
@pytest.mark.parametrize("to", ["savedmodel", "onnx", "tflite"])
def test_formats_find_what_keras_finds(to, model, images, tmp_path):
    fixed = to == "tflite"
    path = tmp_path / FILES[to]
    write(to, image_model(model, (64, 64) if fixed else None, 1 if fixed else None), path)
    exported = ExportedModel(path)
    same = compare(model, exported, images, 0.0, model.config.DETECTION_MAX_INSTANCES)
    assert same.objects and not same.missing and same.score <= TIGHT["score"] and same.box_px == 0, same.text
    if not fixed:
        other = np.ascontiguousarray(images[0][8:40, :50])  # another size, in the same file
        assert len(exported.detect([other])[0]["scores"]) == len(model.detect([other])[0]["scores"])
        assert exported.run(np.stack(images))["boxes"].shape[0] == len(images)
