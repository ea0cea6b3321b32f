"""Which images are wrong, on rectangles in memory."""

import numpy as np
import pytest

from mrcnn.data.dataset import Dataset
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation.analysis import Mistakes, find_mistakes


def rectangles(objects):
    masks = np.zeros((40, 60, len(objects)), bool)
    for i, (_, y1, x1, y2, x2) in enumerate(objects):
        masks[y1:y2, x1:x2, i] = True
    return masks


class Rectangles(Dataset):
    def __init__(self, images):
        super().__init__()
        self.add_class("made", 1, "cat")
        self.add_class("made", 2, "dog")
        for i, objects in enumerate(images):
            self.add_image("made", i, None, height=40, width=60, objects=objects)
        self.prepare()

    def load_mask(self, image_id):
        objects = self.image_info[image_id]["objects"]
        return rectangles(objects), np.array([class_id for class_id, *_ in objects], np.int32)


def found(image_id, *objects):
    """Detections of an image from (class id, score, y1, x1, y2, x2)."""
    answer = {
        "class_ids": [o[0] for o in objects],
        "scores": [o[1] for o in objects],
        "rois": np.array([o[2:] for o in objects], np.int32),
        "masks": rectangles([(o[0], *o[2:]) for o in objects]),
    }
    return Detections.of(answer, 40, 60, image_id=image_id)


CAT, DOG = (1, 0, 0, 10, 20), (2, 20, 20, 40, 50)


def test_mistakes_are_counted_and_the_worst_image_is_first():
    dataset = Rectangles([[CAT, DOG], [CAT], [], [CAT, DOG]])
    detections = [
        found(0, (1, 0.9, 0, 0, 10, 20), (2, 0.9, 20, 20, 40, 50)),  # both right
        found(1, (2, 0.9, 0, 0, 10, 20)),  # the wrong class: a miss, and a wrong detection
        found(2, (1, 0.6, 0, 0, 5, 5)),  # nothing is there
        found(3, (1, 0.9, 0, 0, 10, 9), (1, 0.8, 5, 5, 9, 9)),  # IoU 0.45, something small, no dog
    ]
    assert find_mistakes(dataset, detections) == [Mistakes(3, 2, 2), Mistakes(1, 1, 1), Mistakes(2, 0, 1)]
    assert find_mistakes(dataset, detections, min_iou=0.4) == [Mistakes(1, 1, 1), Mistakes(3, 1, 1), Mistakes(2, 0, 1)]


def test_weak_detections_and_crowds_do_not_count():
    dataset = Rectangles([[CAT, (-2, 20, 20, 40, 50)]])
    assert find_mistakes(dataset, [found(0, (1, 0.6, 0, 0, 10, 20), (1, 0.4, 0, 30, 10, 40))]) == []
    assert find_mistakes(dataset, [found(0)]) == [Mistakes(0, 1, 0)]


def test_detections_without_masks():
    item = found(0, (1, 0.6, 0, 0, 10, 20))
    item.rles = None
    with pytest.raises(ValueError, match="image 0: its detections have no masks"):
        find_mistakes(Rectangles([[CAT]]), [item])
