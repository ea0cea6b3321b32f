"""Images of an evaluation: ground truth beside detections."""

import cv2

from mrcnn_ext.datasets.as_coco import true_objects
from mrcnn_ext.detection.overlay import draw_objects, side_by_side

WIDEST = 1200  # pixels of a pair of images


def told(result, mistakes) -> str:
    """The mistakes in an image, in words."""
    return f"{result.image_name(mistakes.image_id)}: {mistakes.missed} missed, {mistakes.wrong} wrong"


def worst_pixels(result, mistakes):
    """Truth beside prediction of one image, uint8 (H, W, 3), at most WIDEST wide."""
    image = truth_beside_prediction(result.dataset, result.detections, mistakes.image_id, result.analysis.min_score)
    if image.shape[1] > WIDEST:
        size = (WIDEST, max(1, round(image.shape[0] * WIDEST / image.shape[1])))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image


def truth_beside_prediction(dataset, detections, image_id, min_score=0.5):
    """Pixels uint8 (H, W, 3): the true objects of an image on the left, those detected on the right."""
    found = next(one for one in detections if one.image_id == image_id).above(min_score)
    image, names, truth = dataset.load_image(image_id), dataset.class_names, true_objects(dataset, image_id)
    signs = [one["class_id"] * (-1 if one["iscrowd"] else 1) for one in truth]
    return side_by_side(
        draw_objects(image, signs, [one["rle"] for one in truth], names),
        draw_objects(image, found.class_ids, found.rles, names, found.scores, found.boxes),
    )
