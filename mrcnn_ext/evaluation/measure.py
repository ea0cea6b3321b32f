"""The one average precision: of training, early stopping, best.h5, `mrcnn overfit`, `evaluate` and `export`."""

from collections.abc import Sequence

from mrcnn.config import Config
from mrcnn.data.dataset import Dataset
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.on_dataset import detect_dataset
from mrcnn_ext.evaluation.coco_ap import evaluate
from mrcnn_ext.evaluation.report import Evaluation

AP_IMAGES = 200  # of the validation images, after each epoch of a training
COCO_LIMIT = 100  # detections of an image and class that count; more where a network gives more


def measured_images(dataset: Dataset, limit: int | None = None) -> list[int]:
    """The images that are measured on: the first `limit` of a data set, or all, always the same."""
    return [int(i) for i in dataset.image_ids[:limit]]


def detection_limit(config: Config) -> int:
    """How many detections of an image and class count."""
    return max(COCO_LIMIT, int(config.DETECTION_MAX_INSTANCES))


def evaluate_detections(
    dataset: Dataset, detections: Sequence[Detections], config: Config, image_ids: Sequence[int]
) -> Evaluation:
    """COCO's numbers of a network's detections, of masks too where it has some.

    Args:
        dataset: a prepared Dataset.
        detections: of these images.
        config: of the network.
        image_ids: see `measured_images`.
    """
    kinds = ("bbox", "segm") if config.USE_MASK else ("bbox",)
    return evaluate(dataset, detections, kinds, image_ids, detection_limit(config))


def measure(
    detector, config: Config, dataset: Dataset, image_ids: Sequence[int], progress: bool = False
) -> tuple[list[Detections], Evaluation]:
    """Detects and measures what was found.

    Args:
        detector: a MaskRCNN of `detection_config(config)`.
        config: of the training.
        dataset: a prepared Dataset.
        image_ids: see `measured_images`.
        progress: shows a bar, which goes when it is done.
    """
    detections = detect_dataset(detector, dataset, image_ids, progress=progress, leave=False)
    return detections, evaluate_detections(dataset, detections, config, image_ids)
