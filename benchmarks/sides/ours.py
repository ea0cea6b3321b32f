"""This project's side: `python ours.py detect|detect-full|heads|all PRESET SIZE WEIGHTS PEER`; writes WEIGHTS.

Beside torchvision the RPN has 256 channels, as torchvision's and the paper's have; the original engine's has 512.
"""

import runpy
import sys
from pathlib import Path

from case_data import between_scores, detections, made_images, settings
from common import config_for, run_case, training_batch
from protocol import serve

from mrcnn import training
from mrcnn.model import MaskRCNN

RECIPE = Path(__file__).resolve().parent.parent.parent / "tests" / "golden" / "recipe.py"


def main():
    what, preset, size, weights, peer = *sys.argv[1:3], int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]
    channels = {"torchvision": 256, "original": 512}[peer]
    if what.startswith("detect"):
        # In a process of its own, so that its memory does not count.
        least_score = run_case(score_case, preset, size, channels)["score"] if what == "detect" else 0.0
        model = detector(preset, size, channels, least_score)
        model.save_weights(weights)
        images = made_images(size)[0][:1]
        serve(lambda: model.detect(images), lambda: detections(model.detect(images)[0]["scores"], least_score))
        return
    case = settings(size)
    config = config_for(preset, size, RPN_CHANNELS=channels)
    model = with_weights(MaskRCNN("training", config, "logs"))
    model.save_weights(weights)
    training.set_trainable(model.keras_model, training.LAYERS[what])
    model.compile(0.0001, 0.9)
    batch = training_batch(config, *made_images(size))
    serve(lambda: model.keras_model.train_on_batch(batch), f"batch {case['batch']}, {case['rois']} ROIs")


def score_case(preset, size, channels):
    """The score that the seven best objects of the image are above."""
    scores = detector(preset, size, channels, 0.0).detect(made_images(size)[0][:1])[0]["scores"]
    return {"score": between_scores(scores)}


def detector(preset, size, channels, least_score):
    """A model that detects in one image at a time."""
    values = {"IMAGES_PER_GPU": 1, "DETECTION_MIN_CONFIDENCE": least_score, "RPN_CHANNELS": channels}
    return with_weights(MaskRCNN("inference", config_for(preset, size, **values), "logs"))


def with_weights(model):
    """`model` with the weights of `tests/golden/recipe.py`, which give calm numbers."""
    recipe = runpy.run_path(str(RECIPE))["weight"]
    for layer in model.get_trainable_layers():
        for variable in layer.weights:
            variable.assign(recipe(layer.name, variable.name, tuple(variable.shape)))
    return model


if __name__ == "__main__":
    main()
