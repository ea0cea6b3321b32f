"""The sanity check before hours of training: can the network learn a few images by heart, and find them again?"""

from typing import NamedTuple

from mrcnn.model import MaskRCNN
from mrcnn.training.checkpoints import path_of
from mrcnn.training.metrics_file import read_metrics
from mrcnn.training.names import METRICS
from mrcnn_ext.common.runs import changed
from mrcnn_ext.datasets.parts import DataParts
from mrcnn_ext.detection.on_dataset import detection_config
from mrcnn_ext.evaluation.measure import measure, measured_images
from mrcnn_ext.evaluation.report import NAMES, Evaluation
from mrcnn_ext.training.settings_file import load_config
from mrcnn_ext.training.train_run import few_images

ENOUGH_AP50 = 0.8  # of boxes and of masks
NEAR_ZERO = 0.5  # mean total loss of the last fifth of the steps; it starts at 3 to 7, and ends at 0.1 on drawn shapes
PARTS = 5  # of the steps, an epoch each


class Overfitted(NamedTuple):
    """losses: mean total loss of each fifth of the steps.  found: AP on the same images.  passed: if it is enough."""

    losses: list[float]
    found: Evaluation
    passed: bool
    folder: str


def overfit(data, config=None, *, images=3, steps=300, weights=None, logs="logs", year="2018") -> Overfitted:
    """Trains on a few images without augmentation, then detects on them.

    data: as of `train_run`, or one annotation file.  config, weights, logs, year: as there.  images: how many.
    steps: in all.
    It has passed when the loss of the last fifth is NEAR_ZERO or less, and AP50 ENOUGH_AP50 or more.
    Raises KeyboardInterrupt when a person stops it.
    """
    parts = DataParts(data, year)
    few = few_images(parts.train, images)
    base = load_config(config, parts)
    settings = {
        "NAME": f"{base.NAME}_overfit",
        "IMAGES_PER_GPU": len(few.image_ids),
        "GPU_COUNT": 1,
        "STEPS_PER_EPOCH": max(1, steps // PARTS),
        "VALIDATION_STEPS": 1,
        "LEARNING_SCHEDULE": "constant",
        "WARMUP_STEPS": 20,
        "KEEP_CHECKPOINTS": 1,
        "EARLY_STOP_EPOCHS": None,
        "EMA_MOMENTUM": None,
        "GRADIENT_ACCUMULATION_STEPS": 1,
    }
    if weights is None:  # batch statistics of so few images say little
        settings |= {"NORM": "group", "TRAIN_BN": None}
    config = changed(base, **settings)
    model = MaskRCNN("training", config, logs)
    if weights:
        model.load_weights(weights)
        model.set_log_dir()  # not that of the weights' run
    model.train(few, few, config.LEARNING_RATE, PARTS, "all")
    if model.interrupted:
        raise KeyboardInterrupt
    detector = MaskRCNN("inference", detection_config(config), logs)
    detector.load_weights(path_of(model.checkpoint_path, model.epoch))
    _, found = measure(detector, config, few, measured_images(few))
    losses = [row["loss"] for row in read_metrics(f"{model.log_dir}/{METRICS}")]
    least = min(found[kind]["AP50"] for kind in NAMES if kind in found)
    return Overfitted(losses, found, losses[-1] <= NEAR_ZERO and least >= ENOUGH_AP50, model.log_dir)
