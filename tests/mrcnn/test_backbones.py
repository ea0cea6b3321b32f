"""A backbone of the user's own: a Keras model, or a function, with five maps."""

import json

import keras
import numpy as np

from mrcnn.model import MaskRCNN
from tests.support.engine_data import SmallConfig, few_images


def five_maps(image, stage5=True, train_bn=False):
    """Maps with strides 2, 4, 8, 16, 32, as the old engine expects of a function."""
    maps, x = [], image
    for i in range(1, 6):
        x = keras.layers.Conv2D(4 * i, 3, strides=2, padding="same", activation="relu", name=f"own{i}")(x)
        maps.append(x)
    return maps


def keras_backbone():
    image = keras.Input((None, None, 3))
    return keras.Model(image, five_maps(image), name="own_backbone")


def test_a_keras_model_trains_saves_and_loads(tmp_path):
    own = keras_backbone()
    OwnConfig = type("OwnConfig", (SmallConfig,), {"BACKBONE": own})
    model = MaskRCNN("training", OwnConfig(), tmp_path)
    before = own.get_weights()
    data = few_images()
    history = model.train(data, data, learning_rate=0.01, epochs=1, layers="all")
    assert np.isfinite(history.history["loss"][0])

    saved = json.loads(next(tmp_path.glob("small*/config.json")).read_text())
    assert saved["BACKBONE"] == {"callable": "own_backbone"}
    inference = MaskRCNN("inference", OwnConfig.from_json(next(tmp_path.glob("small*/config.json"))), tmp_path)
    report = inference.load_weights("last")
    assert report.complete
    assert {f"own{i}" for i in range(1, 6)} <= set(report.loaded)
    found = inference.detect([data.load_image(0)])[0]
    assert found["masks"].shape == (48, 64, len(found["scores"]))
    for old, now in zip(before, own.get_weights(), strict=True):  # networks with one backbone object share no weights
        np.testing.assert_array_equal(old, now)


def test_a_function_is_called_as_the_old_engine_did(tmp_path):
    OwnConfig = type("OwnConfig", (SmallConfig,), {"BACKBONE": staticmethod(five_maps)})
    model = MaskRCNN("inference", OwnConfig(), tmp_path)
    model.keras_model.save_weights(tmp_path / "own.h5")
    report = model.load_weights(str(tmp_path / "own.h5"), by_name=True)
    assert report.complete
    assert {f"own{i}" for i in range(1, 6)} <= set(report.loaded)
