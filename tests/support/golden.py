"""The original engine's numbers (tests/golden/), its configuration, images and weights; how far ours are from them."""

import functools
import importlib.util
import json

import numpy as np

from mrcnn.config import Config
from mrcnn.data.dataset import Dataset
from mrcnn.weights import layers_of
from tests.support import GOLDEN


class GoldenConfig(Config):
    NAME = "golden"
    BACKBONE = "resnet50"
    IMAGES_PER_GPU = 2
    NUM_CLASSES = 4
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 100000
    TRAIN_ROIS_PER_IMAGE = 60
    ROI_POSITIVE_RATIO = 0.5
    POST_NMS_ROIS_INFERENCE = 200
    POST_NMS_ROIS_TRAINING = 40
    USE_RPN_ROIS = False  # the ROIs of the training run were given
    DETECTION_MIN_CONFIDENCE = 0.3
    DETECTION_MAX_INSTANCES = 30
    MAX_GT_INSTANCES = 6


class Deviations:
    """The largest deviation seen of each stage, relative to the range of the stage's golden numbers."""

    def __init__(self):
        self.rows = {}

    def check(self, stage, found, expected, tolerance=1e-4):
        """Compares two arrays, keeps the deviation under the stage's name, and fails above the tolerance."""
        found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
        assert found.shape == expected.shape, stage
        self.add(stage, np.abs(found - expected).max(), np.ptp(expected), tolerance)

    def add(self, stage, deviation, size, tolerance=1e-4):
        """The same for a deviation that is known, of numbers of that size."""
        relative = deviation / size if size else deviation
        self.rows[stage] = max(self.rows.get(stage, (0, 0)), (relative, deviation))
        assert relative <= tolerance, f"{stage}: {deviation} off, of {size}"

    def table(self):
        """The table for people, in Markdown."""
        rows = [f"| {stage} | {a:.1e} | {r:.1e} |" for stage, (r, a) in self.rows.items()]
        return "\n".join(["| stage | largest deviation | of its range |", "|---|---|---|", *rows])


@functools.cache
def load(name):
    """All arrays of a golden .npz; `x_packed` and `x_shape` become the bool array `x`."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        arrays = dict(file)
    for key in [key for key in arrays if "_packed" in key]:
        shape = arrays[key.replace("_packed", "_shape")]
        bits = np.unpackbits(arrays[key])[: np.prod(shape)]
        arrays[key.replace("_packed", "")] = bits.reshape(shape).astype(bool)
    return arrays


def training_values():
    """{"heads" or "all": {"names", "values" of four steps, "weight_sums_after"}}."""
    return json.loads((GOLDEN / "training_resnet50_128.json").read_text())


class GoldenImages(Dataset):
    """The raw images and masks of the training batch; the file keeps no class names."""

    def __init__(self):
        super().__init__()
        for i in range(1, 4):
            self.add_class("golden", i, f"class {i}")
        for i in range(2):
            self.add_image("golden", i, path=f"image{i}")
        self.prepare()

    def load_image(self, image_id):
        return load("training_resnet50_128")[f"image{image_id}"].copy()

    def load_mask(self, image_id):
        golden = load("training_resnet50_128")
        return golden[f"gt_mask{image_id}"], golden[f"class_ids{image_id}"]


def fill(model):
    """Gives every weight of a model its deterministic value."""
    spec = importlib.util.spec_from_file_location("golden_recipe", GOLDEN / "recipe.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    for layer in layers_of(model).values():
        for name, variable in layer.weights.items():
            variable.assign(recipe.weight(layer.name.split("/")[-1], name, tuple(variable.shape)))


def match_rows(found, expected):
    """Order of `found` (N, C) in which its rows are nearest to those of `expected` (N, C); each is used once."""
    distance = np.abs(found[None] - expected[:, None]).max(axis=2)  # (expected, found)
    order = distance.argmin(axis=1)
    assert sorted(order.tolist()) == list(range(len(expected))), "the rows are not the same set"
    return order


def assert_nearly_same_image(ours, golden):
    """Gray levels: equal but for one level in at most one of a thousand values, where the old code cut a whole one."""
    difference = np.abs(ours.astype(np.float64) - golden)
    assert difference.max() <= 1 + 1e-5
    assert (difference > 1e-4).mean() < 1e-3
