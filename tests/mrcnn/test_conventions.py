"""All works in the conventions of torchvision and detectron2, too: detection, training, looking inside, exports."""

import keras
import numpy as np
import pytest

from mrcnn.conventions import BY_NAME, conventions_of
from mrcnn.export.exported import ExportedModel
from mrcnn.export.formats import FILES, write
from mrcnn.export.image_model import image_model
from mrcnn.export.parity import compare
from mrcnn.model import MaskRCNN
from tests.support.conventions_data import MODERN, modern_config, modern_model, noise
from tests.support.engine_data import few_images


@pytest.fixture(scope="module", params=MODERN)
def conventions(request):
    return request.param


@pytest.fixture(scope="module")
def model(conventions, tmp_path_factory):
    return modern_model(conventions, tmp_path_factory.mktemp(conventions))


def test_a_name_is_needed():
    config = modern_config("torchvision")
    config.CONVENTIONS = "pytorch"
    with pytest.raises(ValueError, match="CONVENTIONS is 'pytorch': use one of matterport, torchvision, detectron2"):
        conventions_of(config)
    assert conventions_of(modern_config("detectron2", POOL_SAMPLES=3)).pooling.samples == 3
    assert conventions_of(modern_config("torchvision", POOL_SAMPLES=3)) == BY_NAME["torchvision"]


def test_images_of_all_sizes_are_found_as_one_by_one(model):
    images = [noise(48, 64), noise(48, 64, seed=1), noise(90, 60, seed=2)]
    together = model.detect(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = model.detect([image])
        assert found["rois"].dtype == np.float32 and len(found["rois"]) > 0
        assert found["masks"].shape == (*image.shape[:2], len(found["rois"]))
        np.testing.assert_allclose(found["rois"], alone["rois"], atol=0.02)
        np.testing.assert_array_equal(found["class_ids"], alone["class_ids"])
        assert (found["rois"] >= 0).all() and (found["rois"][:, 2:] <= image.shape[:2]).all()


def test_crops_and_corners_are_the_masks(model):
    image = noise(61, 75)
    (full,), (cut,) = model.detect([image]), model.detect([image], crops=True)
    assert len(cut["masks"]) == full["masks"].shape[2] > 0
    for i, (crop, (y, x)) in enumerate(zip(cut["masks"], cut["corners"], strict=True)):
        assert full["masks"][y : y + crop.shape[0], x : x + crop.shape[1], i].sum() == crop.sum()
        assert full["masks"][..., i].sum() == crop.sum()


@pytest.mark.slow
def test_training_goes_on_where_it_stopped(conventions, tmp_path):
    data = few_images()
    config = modern_config(conventions, IMAGE_RESIZE_MODE="shorter", IMAGE_MAX_DIM=64)
    model = MaskRCNN("training", config, tmp_path)
    first = model.train(data, data, 0.001, epochs=1, layers="all").history["loss"]
    again = MaskRCNN("training", config, tmp_path)
    second = again.train(data, data, 0.001, epochs=2, layers="all", resume=True).history["loss"]
    assert np.isfinite([*first, *second]).all() and len(second) == 1
    found = MaskRCNN("inference", config, tmp_path)
    found.load_weights("last")
    assert len(found.detect([data.load_image(0)])) == 1


@pytest.mark.slow
def test_as_many_samples_as_needed(tmp_path):
    """Without a limit the same is found as with a limit that no region reaches."""
    image = noise(48, 64)
    exact, limited = (modern_model("detectron2", tmp_path, POOL_SAMPLES=most) for most in (None, 16))
    limited.keras_model.set_weights(exact.keras_model.get_weights())
    one, other = exact.detect([image])[0], limited.detect([image])[0]
    np.testing.assert_allclose(one["scores"], other["scores"], atol=1e-5)
    np.testing.assert_allclose(one["rois"], other["rois"], atol=1e-3)


def test_looking_inside(model):
    values = model.run_graph([noise(48, 64)])
    assert {"ROI", "roi_levels", "refined_anchors_clipped", "kept", "mrcnn_mask", "fpn_p6"} <= set(values)
    assert set(np.unique(values["roi_levels"])) <= {2, 3, 4, 5}
    assert values["pre_nms_anchors"].shape[1] == 5 * model.config.PRE_NMS_LIMIT


def test_16_bits(conventions, tmp_path):
    model = modern_model(conventions, tmp_path, PRECISION="mixed_bfloat16")
    (found,) = model.detect([noise(48, 64)])
    assert found["rois"].dtype == np.float32 and len(found["rois"]) and np.isfinite(found["rois"]).all()
    assert model.keras_model.get_layer("proposals").dtype_policy.name == "float32"


def check_export(to, model, path):
    """An export finds what the network finds, in images that are shrunk, grown and left as they are."""
    images = [noise(48, 64), noise(48, 64, seed=1)] if to == "tflite" else [noise(48, 64), noise(90, 70), noise(30, 40)]
    write(to, image_model(model, (48, 64) if to == "tflite" else None, 1 if to == "tflite" else None), path)
    exported = ExportedModel(path, pasting=conventions_of(model.config).pasting)
    for image in images:
        same = compare(model, exported, [image], 0.0, model.config.DETECTION_MAX_INSTANCES)
        assert same.objects and not same.missing and same.score < 2e-3 and same.box_px < 0.1, same.text
        # Pillow's fixed-point sums round some halves the other way: 34 gray levels of the shrunk image are off by one.
        assert same.mask_iou > (0.97 if model.config.CONVENTIONS == "detectron2" else 0.99)


def test_keras_file_finds_the_same(model, tmp_path):
    check_export("keras", model, tmp_path / FILES["keras"])


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="these formats are made from TensorFlow graphs")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of the converters
@pytest.mark.parametrize("to", ["savedmodel", "onnx", "tflite"])
def test_formats_find_the_same(to, model, tmp_path):
    check_export(to, model, tmp_path / FILES[to])
