"""Error types beside the numbers that the authors' own tool, tidecv 1.0.1, gives for the same boxes.

They were made with `TIDE().evaluate(truth, results, mode=TIDE.BOX)` on COCO files of `boxes()`: errors by type, and
what `fix_main_errors` and `fix_special_errors` say, in percent of AP50.
"""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mrcnn_ext.evaluation import ImageOverlaps, error_costs

COUNTS = {"class": 3, "localisation": 28, "both": 5, "duplicate": 2, "background": 6, "missed": 9}
COSTS = {
    "class": 0.33668201985033264,
    "localisation": 41.22149004198081,
    "both": 2.576761100222125,
    "duplicate": 0.4521896687200062,
    "background": 0.9889832748205443,
    "missed": 6.101968056337409,
    "false positive": 21.580657826891148,
    "false negative": 30.698761706079715,
}
AP50 = 17.693269565848126


def boxes():
    """[(truth, found)] of six images: (class id, x, y, w, h) and, with a score, what a careless detector says."""
    images = []
    for p in range(6):
        truth = [(1 + (p + i) % 3, 10 + 37 * i, 5 + (13 * p + 7 * i) % 60, 21 + i, 18 + p) for i in range(6)]
        found = []
        for i, (class_id, x, y, w, h) in enumerate(truth):
            for k in range((p + i) % 4):  # none, or up to three for one object
                number = 36 * p + 6 * i + k
                shift, wrong = (number * 5) % 17, number % 4 == 1
                other = 1 + (class_id + wrong - 1) % 3
                found.append((other, round(0.99 - (number * 29 % 211) / 250, 4), x + shift, y + shift % 5, w, h + k))
        found.append((1 + p % 3, round(0.31 + p / 11, 4), 200, 150, 20, 20))  # nothing is there
        images.append((truth, found))
    return images


def records():
    for number, (truth, found) in enumerate(boxes()):
        found = sorted(found, key=lambda one: -one[1])
        ious = coco_mask.iou(
            np.array([one[2:] for one in found], float), np.array([one[1:] for one in truth], float), [0] * len(truth)
        )
        yield ImageOverlaps(
            number,
            np.array([one[0] for one in truth]),
            np.zeros(len(truth), bool),
            np.array([one[0] for one in found]),
            np.array([one[1] for one in found]),
            ious,
        )


def test_same_counts_and_costs():
    result = error_costs(list(records()), 4)
    assert result["count"] == COUNTS
    assert 100 * result["ap"] == pytest.approx(AP50, abs=1e-9)
    assert {kind: 100 * cost for kind, cost in result["cost"].items()} == pytest.approx(COSTS, abs=1e-9)
