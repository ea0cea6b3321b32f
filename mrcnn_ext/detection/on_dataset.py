"""Detection on the images of a data set, as evaluation needs it: weak objects too, at the size that training has."""

from tqdm.auto import tqdm

from mrcnn_ext.common.runs import changed
from mrcnn_ext.detection.detector import Detector
from mrcnn_ext.masks.crops import crop_to_rle

LEAST_SCORE = 0.05  # average precision needs weak detections too


def detection_config(config):
    """The Config to measure with what this one trains: also weak objects, whole images, one device."""
    settings = {"DETECTION_MIN_CONFIDENCE": min(config.DETECTION_MIN_CONFIDENCE, LEAST_SCORE), "GPU_COUNT": 1}
    settings["SEED"] = None  # seeding in the middle of a training makes TensorFlow prepare its step once more
    if config.IMAGE_RESIZE_MODE == "crop":
        settings |= {"IMAGE_RESIZE_MODE": "square", "IMAGE_MAX_DIM": config.IMAGE_MIN_DIM}
    return changed(config, **settings)


def detect_dataset(model, dataset, image_ids=None, batch_size=None, progress=True, leave=True) -> list[dict]:
    """Detect on images of a data set; default: on all of them.

    model: a MaskRCNN in inference mode, or anything with `detect(list of images, crops=True)` like it.
    batch_size: images per call; default: the model's own `config.BATCH_SIZE`. The last batch is filled up to it.
    progress: shows a bar.  leave: which stays when it is done.
    Returns one dict per image: image_id, rois, class_ids, scores as from `detect`, and its masks as "rles", which
    take some hundred bytes each where full masks would take an image.
    """
    image_ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    batch_size = model.config.BATCH_SIZE if batch_size is None else batch_size
    config = getattr(model, "config", None)  # an exported model has none
    dataset.image_channels = max(3, getattr(config, "IMAGE_CHANNEL_COUNT", 3))
    detections = []
    with tqdm(total=len(image_ids), desc="detect", unit="image", leave=leave, disable=not progress) as bar:
        for start in range(0, len(image_ids), batch_size):
            batch = image_ids[start : start + batch_size]
            images = [dataset.load_image(i) for i in batch]
            images += [images[-1]] * (batch_size - len(batch))
            results = model.detect(images, crops=True)
            for image_id, image, result in zip(batch, images, results, strict=False):
                detections.append({"image_id": image_id, **_with_rles(result, *image.shape[:2])})
            bar.update(len(batch))
    return detections


def _with_rles(result: dict, height: int, width: int) -> dict:
    """What `detect(.., crops=True)` found in an image, masks as "rles"; without them for a network without masks."""
    found = {key: value for key, value in result.items() if key != "masks"}
    if result.get("masks") is not None:
        pairs = zip(result["masks"], result["rois"], strict=True)
        found["rles"] = [crop_to_rle(crop, box, height, width) for crop, box in pairs]
    return found


def detect_as_trained(detector, config, dataset, image_ids=None, progress=False):
    """As `detect_dataset`, with images at the size that they have in training.

    detector: a MaskRCNN of `detection_config(config)`. With crops in training these are tiles of whole images.
    progress: shows a bar, which goes when it is done: that of a training above it stays alone.
    """
    if config.IMAGE_RESIZE_MODE != "crop":
        return detect_dataset(detector, dataset, image_ids, progress=progress, leave=False)
    in_tiles = Detector(detector, tile=int(config.IMAGE_MIN_DIM / max(1, config.IMAGE_MIN_SCALE)))
    detections = []
    image_ids = dataset.image_ids if image_ids is None else image_ids
    for image_id in tqdm(image_ids, desc="detect", unit="image", leave=False, disable=not progress):
        found = in_tiles(dataset.load_image(image_id))
        one = {"image_id": int(image_id), "rois": found.boxes, "class_ids": found.class_ids, "scores": found.scores}
        detections.append(one if found.rles is None else one | {"rles": found.rles})
    return detections
