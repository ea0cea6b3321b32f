"""Gray images, and images of more channels than three: IMAGE_CHANNEL_COUNT alone is enough."""

import numpy as np
import pytest

from mrcnn.model import MaskRCNN, load_image_gt, mold_image
from mrcnn.weights import layers_of
from tests.support.engine_data import SmallConfig, few_images


@pytest.fixture(scope="module")
def rgb(tmp_path_factory):
    """A model for RGB, and the file of its weights."""
    folder = tmp_path_factory.mktemp("rgb")
    model = MaskRCNN("inference", SmallConfig(), folder)
    model.save_weights(folder / "rgb.h5")
    return model, folder / "rgb.h5"


def kernel(model):
    return np.asarray(layers_of(model.keras_model)["conv1"].weights["kernel"])


@pytest.mark.parametrize("channels", [1, 4])
def test_detects_with_rgb_weights(rgb, tmp_path, channels):
    teacher, path = rgb
    OtherConfig = type("OtherConfig", (SmallConfig,), {"IMAGE_CHANNEL_COUNT": channels})
    model = MaskRCNN("inference", OtherConfig(), tmp_path)
    report = model.load_weights(path)
    assert set(report.adapted) == {"conv1"} and report.complete
    assert kernel(model).shape[2] == channels
    np.testing.assert_allclose(kernel(model).sum(axis=2), kernel(teacher).sum(axis=2), atol=1e-5)

    gray = few_images().load_image(0).mean(axis=2, keepdims=True).astype(np.uint8)  # (48, 64, 1)
    found = model.detect([np.repeat(gray, channels, axis=2)])[0]
    assert found["masks"].shape == (48, 64, len(found["scores"]))
    assert np.isfinite(found["scores"]).all()
    if channels == 1:
        flat = model.detect([gray[:, :, 0]])[0]  # [H, W] is gray too
        np.testing.assert_array_equal(flat["rois"], found["rois"])


def test_the_mean_follows_the_channels():
    GrayConfig = type("GrayConfig", (SmallConfig,), {"IMAGE_CHANNEL_COUNT": 1})
    FourConfig = type("FourConfig", (SmallConfig,), {"IMAGE_CHANNEL_COUNT": 4})
    mean = SmallConfig.MEAN_PIXEL.mean()
    gray = mold_image(np.full((2, 3, 1), 200, np.uint8), GrayConfig())
    np.testing.assert_allclose(gray, 200 - mean, rtol=1e-6)
    four = mold_image(np.full((2, 3, 4), 200, np.uint8), FourConfig())
    np.testing.assert_allclose(four[0, 0], 200 - np.array([*SmallConfig.MEAN_PIXEL, mean]), rtol=1e-6)


def test_four_channels_from_three_is_an_error_that_says_so(rgb):
    FourConfig = type("FourConfig", (SmallConfig,), {"IMAGE_CHANNEL_COUNT": 4})
    with pytest.raises(ValueError, match=r"takes 4 channels, \[H, W, 4\]"):
        load_image_gt(few_images(), FourConfig(), 0)
    image, *_ = load_image_gt(few_images(), type("Gray", (SmallConfig,), {"IMAGE_CHANNEL_COUNT": 1})(), 0)
    assert image.shape == (64, 64, 1)
