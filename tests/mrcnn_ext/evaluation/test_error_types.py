"""Matching, curves, confusion, calibration and TIDE on overlaps that are written down, with numbers made on paper."""

import math

import numpy as np
import pytest

from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation import ImageOverlaps, class_curves, compare, confusion_matrix, error_costs, match, reliability
from mrcnn_ext.evaluation.coco_ap import evaluate
from mrcnn_ext.evaluation.curves import average_precision
from tests.support.rectangles import HEIGHT, WIDTH, Rectangles, masks_of

CAT, DOG = 1, 2


def made_image(truth, found, ious, crowd=()):
    """truth: class ids.  found: (class id, score), best first.  ious: rows of found, columns of truth."""
    return ImageOverlaps(
        0,
        np.array(truth, np.int32),
        np.isin(np.arange(len(truth)), crowd),
        np.array([class_id for class_id, _ in found], np.int32),
        np.array([score for _, score in found], float),
        np.array(ious, float).reshape(len(found), len(truth)),
    )


EMPTY, ONLY_TRUTH, ONLY_FOUND = made_image([], [], []), made_image([CAT], [], []), made_image([], [(DOG, 0.9)], [])


def test_the_best_score_takes_the_best_free_object_of_its_class():
    one = made_image([CAT, CAT, DOG], [(CAT, 0.9), (CAT, 0.8), (CAT, 0.7)], [[0.6, 0.7, 0.9], [0, 0.8, 0], [0.6, 0, 0]])
    pairs, on_crowd = match(one)
    assert pairs.tolist() == [1, -1, 0] and not on_crowd.any()
    assert match(one, iou=0.65)[0].tolist() == [1, -1, -1]


def test_detections_on_a_crowd_of_their_class_count_neither_way():
    one = made_image([CAT], [(CAT, 0.9), (CAT, 0.8), (DOG, 0.7)], [[0.9], [0.4], [0.9]], crowd=[0])
    pairs, on_crowd = match(one)
    assert pairs.tolist() == [-1, -1, -1] and on_crowd.tolist() == [True, False, False]
    assert confusion_matrix([one], 3).tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert reliability([one])["count"] == [0, 0, 0, 0, 0, 0, 0, 1, 1, 0]


def test_average_precision_by_hand():
    # right, wrong, right of two objects: precision 1 up to recall 0.5, then 2 / 3
    assert average_precision([0.7, 0.9, 0.8], [1, 1, 0], 2) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert average_precision([], [], 3) == 0 and math.isnan(average_precision([0.5], [0], 0))


def test_curve_and_best_threshold_by_hand():
    one = made_image([CAT, CAT], [(CAT, 0.9), (CAT, 0.8), (CAT, 0.8), (CAT, 0.3)], [[1, 0], [0, 1], [0, 0], [0, 0]])
    curve = class_curves([one, EMPTY], 3)[CAT]
    assert curve.scores.tolist() == [0.9, 0.8, 0.3]  # equal scores are one row
    np.testing.assert_allclose(curve.precision, [1, 2 / 3, 1 / 2])
    np.testing.assert_allclose(curve.recall, [0.5, 1, 1])
    np.testing.assert_allclose(curve.f1, [2 / 3, 4 / 5, 2 / 3])
    assert (curve.objects, curve.best_score, curve.best_f1) == (2, 0.8, pytest.approx(0.8))
    nothing = class_curves([one, EMPTY], 3)[DOG]
    assert math.isnan(nothing.ap) and math.isnan(nothing.best_score) and nothing.best_f1 == 0
    assert class_curves([ONLY_TRUTH], 2)[CAT].ap == 0


def test_confusion_matrix_by_hand():
    one = made_image(
        [CAT, DOG, DOG],
        [(CAT, 0.9), (CAT, 0.8), (DOG, 0.7), (DOG, 0.6), (CAT, 0.4)],
        [[0.9, 0, 0], [0, 0.8, 0], [0.7, 0, 0], [0, 0.1, 0.2], [0, 0, 0.9]],
    )
    # a cat found; a dog taken for a cat; a dog missed; two dogs seen where none is left; the weak one is left out
    assert confusion_matrix([one], 3).tolist() == [[0, 0, 2], [0, 1, 0], [1, 1, 0]]
    # with the weak one the third dog is a cat, too
    assert confusion_matrix([one], 3, min_score=0).tolist() == [[0, 0, 2], [0, 1, 0], [0, 2, 0]]


def test_own_class_goes_first_in_the_confusion_matrix():
    one = made_image([CAT], [(DOG, 0.9), (CAT, 0.6)], [[0.9], [0.8]])
    assert confusion_matrix([one], 3).tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_confusion_of_empty_images():
    assert confusion_matrix([], 2).tolist() == confusion_matrix([EMPTY], 2).tolist() == [[0, 0], [0, 0]]
    assert confusion_matrix([ONLY_TRUTH, ONLY_FOUND], 3).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_calibration_by_hand():
    one = made_image([CAT, CAT], [(CAT, 1.0), (CAT, 0.95), (CAT, 0.15)], [[1, 0], [0, 0], [0, 1]])
    result = reliability([one])
    assert result["count"] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 2]  # a score of 1 is in the last step
    assert result["score"][9] == pytest.approx(0.975) and result["precision"][9] == 0.5
    assert result["precision"][1] == 1 and math.isnan(result["score"][0])
    assert result["ece"] == pytest.approx((2 * 0.475 + 0.85) / 3)
    assert reliability([EMPTY])["ece"] == 0


# One image for each kind of error, beside a cat that is found with the score 0.9.
KINDS = {
    "class": made_image([CAT, DOG], [(CAT, 0.9), (CAT, 0.8)], [[1, 0], [0, 0.9]]),
    "localisation": made_image([CAT, CAT], [(CAT, 0.9), (CAT, 0.8)], [[1, 0], [0, 0.4]]),
    "both": made_image([CAT, DOG], [(CAT, 0.9), (CAT, 0.8)], [[1, 0], [0, 0.4]]),
    "duplicate": made_image([CAT], [(CAT, 0.9), (CAT, 0.8)], [[1], [0.9]]),
    "background": made_image([CAT], [(CAT, 0.9), (CAT, 0.8)], [[1], [0.05]]),
    "missed": made_image([CAT, CAT], [(CAT, 0.9)], [[1, 0]]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_error(kind):
    count = error_costs([KINDS[kind]], 3)["count"]
    expected = {kind: 1} | ({"missed": 1} if kind == "both" else {})  # which cannot be mended to find its object
    assert {name: number for name, number in count.items() if number} == expected


def test_costs_by_hand():
    half = 51 / 101  # average precision of one object of two, found
    localisation = error_costs([KINDS["localisation"]], 2)
    assert localisation["ap"] == pytest.approx(half)
    assert localisation["cost"] == pytest.approx(
        {"class": 0, "localisation": 1 - half, "both": 0, "duplicate": 0, "background": 0, "missed": 0}
        | {"false positive": 0, "false negative": 1 - half}
    )
    # the dog's AP is 0 and the cat's is 1: the mean 0.5 becomes 1 when the dog is called a dog
    assert error_costs([KINDS["class"]], 3)["cost"]["class"] == pytest.approx(0.5)
    assert error_costs([KINDS["missed"]], 2)["cost"]["missed"] == pytest.approx(1 - half)
    # a false detection above the right one: precision 1 / 2 without it 1
    ghost = made_image([CAT], [(CAT, 0.9), (CAT, 0.8)], [[0], [1]])
    assert error_costs([ghost], 2)["cost"] == pytest.approx(
        {"class": 0, "localisation": 0, "both": 0, "duplicate": 0, "background": 0.5, "missed": 0}
        | {"false positive": 0.5, "false negative": 0}
    )


def test_of_several_mended_for_one_object_the_best_stays():
    # two cats of the wrong place on one object: one becomes right, the other goes, so AP is 1
    one = made_image([CAT], [(CAT, 0.9), (CAT, 0.8)], [[0.3], [0.4]])
    result = error_costs([one], 2)
    assert result["ap"] == 0 and result["cost"]["localisation"] == 1
    # a better one of another class has the object: mending the place alone wins nothing, mending the class all of it
    two = made_image([CAT], [(DOG, 0.9), (CAT, 0.8)], [[0.9], [0.4]])
    cost = error_costs([two], 3)["cost"]
    assert (cost["localisation"], cost["class"]) == (0, 1)
    # an object that is found already needs no mended detection: it goes
    used = made_image([CAT], [(CAT, 0.9), (CAT, 0.8)], [[0.3], [1]])
    assert error_costs([used], 2)["cost"]["localisation"] == pytest.approx(0.5)


def test_costs_of_nothing():
    assert math.isnan(error_costs([EMPTY, ONLY_FOUND], 3)["ap"])
    everything_missed = error_costs([ONLY_TRUTH], 2)
    assert everything_missed["ap"] == 0 and everything_missed["cost"]["missed"] == 1


def found(image_id, *objects):
    boxes = [o[2:] for o in objects]
    answer = {
        "class_ids": [o[0] for o in objects],
        "scores": [o[1] for o in objects],
        "rois": np.array(boxes, np.int32),
        "masks": masks_of([(o[0], *o[2:]) for o in objects]),
    }
    return Detections.of(answer, HEIGHT, WIDTH, image_id=image_id)


def test_overlaps_of_a_data_set():
    dataset = Rectangles([[(CAT, 0, 0, 20, 30), (-DOG, 0, 40, 60, 90)], []])
    detections = [found(0, (CAT, 0.2, 40, 0, 60, 30), (CAT, 0.8, 10, 0, 20, 30), (DOG, 0.9, 0, 35, 10, 45)), found(1)]
    for kind in ("segm", "bbox"):
        one, other = compare(dataset, detections, kind)
        assert one.scores.tolist() == [0.9, 0.8, 0.2] and one.class_ids.tolist() == [DOG, CAT, CAT]
        np.testing.assert_allclose(one.ious, [[0, 0.5], [0.5, 0], [0, 0]])  # half of it lies on the crowd
        assert one.true_ids.tolist() == [CAT, DOG] and one.crowd.tolist() == [False, True]
        assert other.ious.shape == (0, 0)
    assert len(compare(dataset, detections, max_detections=1)[0].scores) == 2  # of each class one
    with pytest.raises(ValueError, match="kind must be"):
        compare(dataset, detections, "mask")
    detections[0].rles = None
    with pytest.raises(ValueError, match='no masks.*kind="bbox"'):
        compare(dataset, detections)


@pytest.mark.parametrize("seed", range(5))
def test_the_average_precision_is_that_of_coco(seed):
    rng = np.random.default_rng(seed)
    images, detections = [], []
    for image_id in range(8):
        objects, seen = [], []
        for _ in range(rng.integers(0, 6)):
            y1, x1 = rng.integers(0, [HEIGHT - 9, WIDTH - 9])
            y2, x2 = min(y1 + rng.integers(8, 30), HEIGHT), min(x1 + rng.integers(8, 40), WIDTH)
            class_id = int(rng.integers(1, 3))
            objects.append((class_id * int(rng.choice([1, 1, 1, -1])), y1, x1, y2, x2))
            for _ in range(rng.integers(0, 3)):
                box = np.clip(np.array([y1, x1, y2, x2]) + rng.integers(-3, 4, 4), 0, [HEIGHT, WIDTH] * 2)
                seen.append((int(rng.integers(1, 3)), float(rng.choice([0.3, 0.6, rng.random()])), *box))
        images.append(objects)
        detections.append(found(image_id, *seen))
    dataset = Rectangles(images)
    for kind in ("segm", "bbox"):
        coco = evaluate(dataset, detections, kind)[kind]["classes"]
        records = compare(dataset, detections, kind)
        curves = class_curves(records, 3)
        for class_id, name in ((CAT, "cat"), (DOG, "dog")):
            np.testing.assert_allclose(curves[class_id].ap, coco[name]["AP50"], rtol=0, atol=1e-9)
        total = np.nanmean([curve.ap for curve in curves.values()])
        result = error_costs(records, 3)
        np.testing.assert_allclose(result["ap"], total, rtol=0, atol=1e-9)
        assert all(cost >= -1e-9 for kind, cost in result["cost"].items() if kind != "class")
