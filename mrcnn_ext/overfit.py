"""The sanity check before hours of training: can the network learn a few pictures by heart, and find them again?"""

from typing import NamedTuple

from mrcnn.model import MaskRCNN
from mrcnn.training.metrics_file import read_metrics
from mrcnn.training.names import METRICS
from mrcnn_ext.evaluate import detect_dataset, evaluate
from mrcnn_ext.open_data import open_data
from mrcnn_ext.report import Evaluation
from mrcnn_ext.runs import changed
from mrcnn_ext.train_run import few_pictures, load_config

ENOUGH_AP50 = 0.8  # of boxes
CHECKS = 2  # epochs: the loss at the first's and at the second's end


class Overfitted(NamedTuple):
    """losses: mean total loss of each half of the steps.  found: AP on the same pictures.  passed: if it is enough."""

    losses: list[float]
    found: Evaluation
    passed: bool
    folder: str


def overfit(data, config=None, *, pictures=3, steps=300, weights=None, logs="logs", year="2018") -> Overfitted:
    """Trains on a few pictures without augmentation, then detects on them.

    data, config, weights, logs, year: as of `train_run`.  pictures: how many.  steps: in all.
    """
    few = few_pictures(open_data(data, "train", year), pictures)
    base = load_config(config, data, year)
    settings = {
        "NAME": f"{base.NAME}_overfit",
        "IMAGES_PER_GPU": len(few.image_ids),
        "GPU_COUNT": 1,
        "STEPS_PER_EPOCH": max(1, steps // CHECKS),
        "VALIDATION_STEPS": 1,
        "LEARNING_SCHEDULE": "constant",
        "WARMUP_STEPS": 20,
        "KEEP_CHECKPOINTS": 1,
        "EARLY_STOP_EPOCHS": None,
    }
    if weights is None:  # batch statistics of so few pictures say little
        settings |= {"NORM": "group", "TRAIN_BN": None}
    config = changed(base, **settings)
    model = MaskRCNN("training", config, logs)
    if weights:
        model.load_weights(weights)
    model.train(few, few, config.LEARNING_RATE, CHECKS, "all")
    detector = MaskRCNN("inference", changed(config, DETECTION_MIN_CONFIDENCE=0.05), logs)
    detector.load_weights(model.checkpoint_path.replace("*epoch*", f"{model.epoch:04d}"))
    found = evaluate(few, detect_dataset(detector, few), ("bbox", "segm") if config.USE_MASK else "bbox")
    rows = read_metrics(f"{model.log_dir}/{METRICS}")
    return Overfitted([row["loss"] for row in rows], found, found["bbox"]["AP50"] >= ENOUGH_AP50, model.log_dir)
