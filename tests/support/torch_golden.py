"""Golden numbers of torchvision and detectron2 (tests/golden/torch/) in the engine's order, and their models."""

import functools
import json
from pathlib import Path

import numpy as np

from mrcnn import presets
from mrcnn.model import MaskRCNN
from mrcnn.weights import layers_of
from mrcnn.weights.torch_layers import from_torch
from tests.support.torch_states import golden_state

GOLDEN = Path(__file__).parents[1] / "golden" / "torch"
PRESETS = {
    "v1": presets.TorchvisionConfig,
    "v2": presets.TorchvisionV2Config,
    "d2_3x": presets.Detectron2Config,
    "d2_lsj": presets.Detectron2LSJConfig,
}
CHANNEL_STD = 255 * np.array([0.229, 0.224, 0.225])  # of torchvision's input


class Golden:
    """The numbers of one network, boxes as (y1, x1, y2, x2), levels as in the engine.

    kind: a key of `PRESETS`.
    """

    def __init__(self, kind):
        self.kind = kind
        self.torchvision = kind in ("v1", "v2")
        with np.load(GOLDEN / f"torch_{kind}_160.npz") as file:
            self.arrays = dict(file)
        self.steps = json.loads((GOLDEN / f"torch_{kind}_160.json").read_text())["steps"]

    def __getitem__(self, name):
        value = self.arrays[name]
        if name.endswith("boxes") or name in ("proposals", "anchors", "decoded_rpn", "decoded_box"):
            value = value[..., [1, 0, 3, 2]]
        return value

    def thinned(self, name, ours):
        """What the file holds of an array."""
        return ours[tuple(slice(None, None, step) for step in self.steps[name])] if name in self.steps else ours

    def labels(self, name):
        """Class ids of the engine: background is 0."""
        return self.arrays[name] + (0 if self.torchvision else 1)

    def image_as_molded(self, molded):
        """Our network's input as theirs."""
        return molded / CHANNEL_STD if self.torchvision else molded[..., ::-1]

    def final_masks(self):
        return np.unpackbits(self.arrays["final_masks"], axis=-1)[..., : self.arrays["image"].shape[1]].astype(bool)


def of_ratios(values):
    """Values of anchors (A, ...), wide first as in PyTorch's libraries <-> tall first as in the engine."""
    return values.reshape(-1, 3, *values.shape[1:])[:, ::-1].reshape(values.shape)


def golden_config(kind, **settings):
    classes = 91 if kind in ("v1", "v2") else 81
    values = {"NAME": kind, "NUM_CLASSES": classes, "IMAGES_PER_GPU": 1, "IMAGE_MIN_DIM": 160, "IMAGE_MAX_DIM": 267}
    return type("GoldenTorch", (PRESETS[kind],), values | {"POOL_SAMPLES": None} | settings)()


@functools.cache
def converted(kind):
    """The golden weights as layers of the engine."""
    golden = np.load(GOLDEN / f"torch_{kind}_160.npz")
    return from_torch(golden_state(kind), epsilon=float(golden["bn_eps"]), coco_gaps=False).layers


def golden_model(kind, folder, **settings):
    """MaskRCNN for inference with the golden weights."""
    model = MaskRCNN("inference", golden_config(kind, **settings), folder)
    weights = converted(kind)
    for name, layer in layers_of(model.keras_model).items():
        for weight, variable in layer.weights.items():
            variable.assign(weights[name][weight])
    return model
