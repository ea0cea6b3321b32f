"""Detection on the images of a data set, as evaluation needs it: weak objects too."""

from dataclasses import replace
from typing import Any

from tqdm.auto import tqdm

from mrcnn.config import Config
from mrcnn_ext.common.runs import changed
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.detector import Detector

LEAST_SCORE = 0.05  # average precision needs weak detections too


def measuring_settings(config: Config) -> dict[str, Any]:
    """Settings to measure with what a Config trains: also weak objects, one device."""
    least = min(config.DETECTION_MIN_CONFIDENCE, LEAST_SCORE)
    settings: dict[str, Any] = {"DETECTION_MIN_CONFIDENCE": least, "GPU_COUNT": 1}
    settings["SEED"] = None  # seeding in the middle of a training makes TensorFlow prepare its step once more
    return settings


def detection_config(config: Config) -> Config:
    """The Config to measure with what this one trains."""
    return changed(config, **measuring_settings(config))


def detect_dataset(
    model, dataset, image_ids=None, batch_size: int | None = None, tile: int | None = None, progress=True, leave=True
) -> list[Detections]:
    """Detect on images of a data set.

    Args:
        model: a MaskRCNN in inference mode, or anything with `detect(list of images, crops=True)` like it.
        dataset: a prepared Dataset.
        image_ids: of the images; None: all of them.
        batch_size: images per call; None: the model's own `config.BATCH_SIZE`. The last batch is filled up to it.
        tile: pixels; larger images are looked at in tiles, see `Detector`, which has the default.
        progress: shows a bar.
        leave: which stays when it is done.

    Returns:
        One Detections for each image, whose image_id is its number in the data set.
    """
    image_ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    config = getattr(model, "config", None)  # an exported model has none
    dataset.image_channels = max(3, getattr(config, "IMAGE_CHANNEL_COUNT", 3))
    detector = Detector(model, tile, batch_size=batch_size)
    detections = []
    with tqdm(total=len(image_ids), desc="detect", unit="image", leave=leave, disable=not progress) as bar:
        for start in range(0, len(image_ids), detector.batch_size):
            batch = image_ids[start : start + detector.batch_size]
            found = detector.batch([dataset.load_image(i) for i in batch])
            detections += [replace(one, image_id=i) for one, i in zip(found, batch, strict=True)]
            bar.update(len(batch))
    return detections
