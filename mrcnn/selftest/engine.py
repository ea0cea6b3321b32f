"""The engine against stored numbers: fixed weights, through a file, on a stored image, to the expected boxes.

The expected boxes are in expected.json; to make them anew after a change that is meant to change them:
`python -m mrcnn.selftest.engine` prints them.
"""

import json
import tempfile
import zlib
from pathlib import Path

import numpy as np

from mrcnn.data.image import read_image
from mrcnn.presets import TinyConfig
from mrcnn.selftest import Check, Verdict

FOLDER = Path(__file__).parent
IMAGE = FOLDER / "image.png"
EXPECTED = FOLDER / "expected.json"
SEED = 3  # chosen so that several classes come out, with masks
PIXELS = 1  # a box may be off by so much: coordinates are rounded
SCORE = 1e-3
# of layers whose random numbers would be too large: the image comes in gray levels, deltas should stay small
GAINS = {"conv1": 0.02, "rpn_class_raw": 0.3, "rpn_bbox_pred": 0.02, "mrcnn_class_logits": 0.3, "mrcnn_bbox_fc": 0.02}


class SelftestConfig(TinyConfig):
    NAME = "selftest"
    NUM_CLASSES = 1 + 3
    TRAIN_BN = False
    DETECTION_MIN_CONFIDENCE = 0.0
    DETECTION_MAX_INSTANCES = 20
    DETECTION_NMS_THRESHOLD = 0.1
    RPN_NMS_THRESHOLD = 0.3  # boxes that lie apart: which one of two stays must not hang on the last digit
    RPN_ANCHOR_SCALES = (16, 24, 32, 48, 64)


def check_engine() -> Verdict:
    """Builds a small network with fixed weights, writes and reads them, detects, and compares with expected.json."""
    import keras

    expected = json.loads(EXPECTED.read_text())
    found, report = measure()
    checks = [
        Check("weight file", report.complete, f"written and read again, {len(report.loaded)} layers"),
        _compare_boxes(found, expected),
        _compare_masks(found, expected),
    ]
    where = f"Keras {keras.__version__} on {keras.backend.backend()}"
    if all(check.passed for check in checks):
        return Verdict(checks, f"this installation ({where}) computes what it should.")
    return Verdict(
        checks,
        f"this installation ({where}) computes other boxes than expected. Do not trust its results: install the "
        "versions that requirements/ pins, and on a GPU compare with CUDA_VISIBLE_DEVICES=-1.",
    )


def measure():
    """({"rois", "class_ids", "scores", "mask_areas"} as lists, the report of loading)."""
    from mrcnn.model import MaskRCNN
    from mrcnn.weights import layers_of, load_weights

    with tempfile.TemporaryDirectory() as folder:
        model = MaskRCNN("inference", SelftestConfig(), folder)
        layers = layers_of(model.keras_model).values()
        for layer in layers:
            for name, variable in layer.weights.items():
                variable.assign(fixed_weight(layer.name, name, tuple(variable.shape)))
        path = Path(folder) / "selftest.h5"
        model.save_weights(path)
        for layer in layers:
            for variable in layer.weights.values():
                variable.assign(np.zeros(variable.shape, "float32"))
        report = load_weights(model.keras_model, path, mode="inference", verbose=0)
        found = model.detect([read_image(IMAGE)])[0]
    return {
        "rois": found["rois"].tolist(),
        "class_ids": found["class_ids"].tolist(),
        "scores": [round(float(score), 5) for score in found["scores"]],
        "mask_areas": found["masks"].sum(axis=(0, 1)).tolist(),
    }, report


def fixed_weight(layer, name, shape):
    """The same float32 array of a shape for the same names, on every machine."""
    rng = np.random.RandomState(zlib.crc32(f"{SEED} {layer} {name}".encode()))  # noqa: NPY002 (its numbers never change)
    if name == "kernel":
        fan_in = np.prod(shape[:-1]) if "deconv" not in layer else shape[0] * shape[1] * shape[3]
        return (GAINS.get(layer, 1.0) * np.sqrt(2 / fan_in) * rng.standard_normal(shape)).astype("float32")
    if name == "gamma" and layer.endswith("branch2b"):  # the residual of a block: a part of what it adds to
        return rng.uniform(0.2, 0.4, shape).astype("float32")
    if name in ("gamma", "moving_variance"):
        return rng.uniform(0.7, 1.0, shape).astype("float32")
    return (0.05 * rng.standard_normal(shape)).astype("float32")


def _pairs(found, expected):
    """For each expected box the index of the found one of its class that is nearest, or None."""
    rois, class_ids = np.array(found["rois"]).reshape(-1, 4), np.array(found["class_ids"])
    pairs = []
    for box, class_id in zip(expected["rois"], expected["class_ids"], strict=True):
        distance = np.where(class_ids == class_id, np.abs(rois - box).max(axis=1), np.inf)
        near = len(distance) and distance.min() <= PIXELS
        pairs.append(int(distance.argmin()) if near else None)
    return pairs


def _compare_boxes(found, expected):
    pairs = _pairs(found, expected)
    score_errors = [
        abs(found["scores"][i] - score) for i, score in zip(pairs, expected["scores"], strict=True) if i is not None
    ]
    hits, total, extra = len(score_errors), len(pairs), len(found["rois"]) - len(pairs)
    worst = max(score_errors, default=0.0)
    passed = hits == total and extra == 0 and worst <= SCORE
    text = f"{hits} of {total} found where they should be, {max(extra, 0)} too many, scores off by {worst:.1e} at most"
    return Check("boxes", passed, text)


def _compare_masks(found, expected):
    pairs = _pairs(found, expected)
    errors = [
        abs(found["mask_areas"][i] - area) / max(area, 20)
        for i, area in zip(pairs, expected["mask_areas"], strict=True)
        if i is not None
    ]
    worst = max(errors, default=1.0)
    return Check("masks", worst <= 0.05, f"areas off by {worst:.1%} at most")


if __name__ == "__main__":
    print(json.dumps(measure()[0], indent=1))
