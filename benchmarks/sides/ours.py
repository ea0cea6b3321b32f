"""This project's side: `python ours.py detect|heads|all PRESET SIZE WEIGHTS PEER`; writes WEIGHTS.

Beside torchvision the RPN has 256 channels, as torchvision's and the paper's have; the original engine's has 512.
"""

import runpy
import sys
from pathlib import Path

from case_data import pictures, settings
from common import config_for, training_batch
from protocol import serve

from mrcnn import training
from mrcnn.model import MaskRCNN

RECIPE = Path(__file__).resolve().parent.parent.parent / "tests" / "golden" / "recipe.py"


def main():
    what, preset, size, weights, peer = *sys.argv[1:3], int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]
    channels = {"torchvision": 256, "original": 512}[peer]
    if what == "detect":
        config = config_for(preset, size, IMAGES_PER_GPU=1, DETECTION_MIN_CONFIDENCE=0.0, RPN_CHANNELS=channels)
        model = _loaded(MaskRCNN("inference", config, "logs"), weights)
        images = pictures(size)[0][:1]
        serve(lambda: model.detect(images), lambda: f"{len(model.detect(images)[0]['scores'])} objects")
        return
    case = settings(size)
    config = config_for(preset, size, RPN_CHANNELS=channels)
    model = _loaded(MaskRCNN("training", config, "logs"), weights)
    training.set_trainable(model.keras_model, training.LAYERS[what])
    model.compile(0.0001, 0.9)
    batch = training_batch(config, *pictures(size))
    serve(lambda: model.keras_model.train_on_batch(batch), f"batch {case['batch']}, {case['rois']} ROIs")


def _loaded(model, weights):
    """`model` with the weights of `tests/golden/recipe.py`, which give calm numbers, saved for the other side."""
    recipe = runpy.run_path(str(RECIPE))["weight"]
    for layer in model.get_trainable_layers():
        for variable in layer.weights:
            variable.assign(recipe(layer.name, variable.name, tuple(variable.shape)))
    model.save_weights(weights)
    return model


if __name__ == "__main__":
    main()
