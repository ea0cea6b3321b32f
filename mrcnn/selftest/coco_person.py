"""A network of COCO's classes against an image with a known answer: the astronaut that comes with scikit-image."""

import numpy as np

from mrcnn.data.boxes import compute_overlaps
from mrcnn.extras import needs
from mrcnn.selftest import Check
from mrcnn.weights.coco_classes import COCO_CLASS_NAMES

PERSON_PX = (15, 20, 512, 362)  # of the image's 512 x 512; drawn by hand, without the helmet in her arm
ENOUGH_IOU = 0.5


def finds_the_person(detector) -> Check:
    """Whether what the detector is surest to be a person is the one in the image.

    detector: anything with `detect(images)` that has COCO's class ids.
    """
    with needs("old"):
        from skimage import data

    found = detector.detect([data.astronaut()])[0]
    persons = np.flatnonzero(found["class_ids"] == COCO_CLASS_NAMES.index("person"))
    asked = "the person in scikit-image's image astronaut"
    if not len(persons):
        text = f"{asked} is not found, among {len(found['class_ids'])} objects. Are the classes COCO's? If not, put a "
        return Check("right answers", False, text + "classes.json with their names, background first, beside the file")
    surest = persons[np.argmax(found["scores"][persons])]
    iou = compute_overlaps(found["rois"][[surest]], [PERSON_PX])[0, 0]
    text = f"{asked}, its box drawn by hand: the surest person found, score {found['scores'][surest]:.2f}, has IoU "
    return Check("right answers", bool(iou > ENOUGH_IOU), f"{text}{iou:.2f} with it (expected more than {ENOUGH_IOU})")
