"""Tiles cover an image; objects cut at seams are whole again, none is there twice, and memory stays that of a tile."""

import tracemalloc
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.detector import Detector
from mrcnn_ext.detection.tiles import join, tiles_of
from mrcnn_ext.masks.crops import crop_to_rle
from mrcnn_ext.masks.rle import decode_masks, encode_mask


def test_tiles_by_hand():
    assert tiles_of(100, 250, 100, 0.25) == [(0, 0, 100, 100), (0, 75, 100, 175), (0, 150, 100, 250)]
    assert tiles_of(60, 50, 100, 0.25) == [(0, 0, 60, 50)]
    assert tiles_of(200, 100, 100, 0) == [(0, 0, 100, 100), (100, 0, 200, 100)]
    for wrong in ((10, 10, 0, 0.2), (10, 10, 5, 0.6)):
        with pytest.raises(ValueError, match="tiles"):
            tiles_of(*wrong)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(8, 90), st.sampled_from([0, 0.1, 0.25, 0.5]))
def test_tiles_cover_everything_and_overlap(height, width, side, overlap):
    seen = np.zeros((height, width), int)
    tiles = tiles_of(height, width, side, overlap)
    for y1, x1, y2, x2 in tiles:
        assert (y2 - y1, x2 - x1) == (min(side, height), min(side, width))
        seen[y1:y2, x1:x2] += 1
    assert seen.min() >= 1
    columns = sorted({(x1, x2) for _, x1, _, x2 in tiles})
    assert all(left[1] - right[0] >= int(overlap * side) for left, right in zip(columns, columns[1:], strict=False))


HEIGHT, WIDTH = 100, 250
TILES = tiles_of(HEIGHT, WIDTH, 100, 0.25)  # columns 0..100, 75..175, 150..250


def seen(tile, *objects):
    """What a perfect network sees of rectangles (class id, score, y1, x1, y2, x2) in a tile."""
    result = {"rois": [], "class_ids": [], "scores": [], "masks": []}
    top, left, bottom, right = tile
    for class_id, score, y1, x1, y2, x2 in objects:
        box = max(y1, top), max(x1, left), min(y2, bottom), min(x2, right)
        if box[0] < box[2] and box[1] < box[3]:
            result["rois"].append(np.subtract(box, (top, left, top, left)))
            result["masks"].append(np.ones((box[2] - box[0], box[3] - box[1]), bool))
            result["class_ids"].append(class_id)
            result["scores"].append(score)
    return tile, Detections.of(result, HEIGHT, WIDTH, tile[:2])


def joined(*objects):
    return join([seen(tile, *objects) for tile in TILES], HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 30, 40),  # in one tile only
        (10, 80, 30, 95),  # whole in two tiles
        (10, 60, 30, 90),  # cut by the second tile
        (10, 80, 30, 120),  # cut by the first, the part is the neighbour's
        (10, 60, 30, 120),  # cut by both: larger than the overlap
        (10, 5, 30, 240),  # through all three
        (0, 0, 100, 250),  # the whole image
        (0, 99, 100, 101),  # across the first tile's end
        (10, 77, 60, 98),  # whole in two tiles, and near the end of each
    ],
)
def test_an_object_at_a_seam_comes_out_once_and_whole(box):
    found = joined((1, 0.9, *box))
    assert found.boxes.tolist() == [list(box)]
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    assert found.rles == [encode_mask(mask)]
    assert found.scores.tolist() == [np.float32(0.9)]


def test_neighbours_stay_apart():
    objects = [(1, 0.9, 10, 60, 30, 90), (1, 0.8, 30, 60, 50, 120), (2, 0.7, 10, 60, 30, 120), (1, 0.6, 50, 90, 60, 99)]
    found = joined(*objects)
    assert sorted(found.boxes.tolist()) == sorted(list(one[2:]) for one in objects)
    assert found.class_ids.tolist() == [1, 1, 2, 1]  # best first


@pytest.mark.parametrize("large", [(10, 77, 60, 98), (10, 60, 60, 120), (10, 60, 60, 98), (10, 5, 60, 240)])
def test_a_small_object_on_a_large_one_of_its_class(large):
    small = (20, 80, 30, 90)  # whole in two tiles
    found = joined((1, 0.9, *large), (1, 0.8, *small))
    assert found.boxes.tolist() == [list(large), list(small)]
    assert found.areas() == [(large[2] - large[0]) * (large[3] - large[1]), 100]


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize(("shift", "objects"), [(8, 2), (7, 2), (5, 1), (4, 1)])
def test_from_which_overlap_on_two_detections_are_one_object(shift, objects, masks):
    """12 px wide each, in one tile each: 4, 5, 7, 8 px are shared of 20, 19, 17, 16: IoU 0.2, 0.26, 0.41, 0.5."""
    parts = [seen(TILES[0], (1, 0.9, 10, 78, 30, 90)), seen(TILES[1], (1, 0.8, 10, 78 + shift, 30, 90 + shift))]
    for _, found in parts:
        found.rles = found.rles if masks else None
    assert len(join(parts, HEIGHT, WIDTH)) == objects


@pytest.mark.parametrize(("top", "objects"), [(15, 2), (14, 2), (12, 1), (10, 1)])
def test_of_which_share_on_a_cut_piece_is_a_part_of_a_larger_one(top, objects):
    """The piece of 10 rows is cut by both tiles; 5, 6, 8 or all 10 of its rows are in what the other tile sees."""
    piece, larger = seen(TILES[0], (1, 0.9, 10, 76, 20, 120)), seen(TILES[1], (1, 0.8, top, 60, top + 50, 150))
    assert len(join([piece, larger], HEIGHT, WIDTH)) == objects


def test_two_objects_of_a_tile_stay_two_though_the_neighbour_sees_one():
    apart = seen(TILES[0], (1, 0.9, 10, 80, 30, 88), (1, 0.8, 10, 88, 30, 96))
    as_one = seen(TILES[1], (1, 0.7, 10, 80, 30, 96))  # covers each by half
    found = join([apart, as_one], HEIGHT, WIDTH)
    assert len(found) == 2


def test_ends_in_one_tile_of_an_object_in_the_next_are_one():
    ends = seen(TILES[0], (1, 0.9, 10, 80, 15, 120), (1, 0.9, 25, 80, 30, 120))
    corner = [[10, 80, 15, 120], [25, 80, 30, 120], [10, 110, 30, 120]]  # like a bracket
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for y1, x1, y2, x2 in corner:
        mask[y1:y2, x1:x2] = True
    whole = Detections(
        HEIGHT, WIDTH, np.array([1]), np.array([0.8]), np.array([[10, 77, 30, 120]]), [encode_mask(mask)]
    )
    assert join([ends, (TILES[1], whole)], HEIGHT, WIDTH).areas() == [int(mask.sum())]


def test_a_part_that_only_one_tile_has_seen_is_the_neighbours():
    cut = seen(TILES[0], (1, 0.9, 10, 80, 30, 120))
    assert len(join([cut, seen(TILES[1])], HEIGHT, WIDTH)) == 0
    assert len(join([cut], HEIGHT, WIDTH)) == 1


def test_of_two_that_differ_the_one_deep_in_its_tile_is_taken():
    first, second = seen(TILES[0], (1, 0.95, 10, 78, 30, 97)), seen(TILES[1], (1, 0.9, 10, 81, 30, 104))
    assert join([first, second], HEIGHT, WIDTH).boxes.tolist() == [[10, 81, 30, 104]]


def test_boxes_without_masks():
    parts = [seen(tile, (1, 0.9, 10, 60, 30, 120), (1, 0.5, 40, 80, 50, 95)) for tile in TILES]
    for _, found in parts:
        found.rles = None
    found = join(parts, HEIGHT, WIDTH)
    assert found.rles is None and found.boxes.tolist() == [[10, 60, 30, 120], [40, 80, 50, 95]]


def test_nothing():
    assert len(join([], 10, 10)) == len(joined()) == 0
    assert joined().boxes.shape == (0, 4)


def test_suppression_across_classes():
    boxes = np.array([[0, 0, 10, 10], [0, 1, 10, 11], [0, 20, 10, 30]])
    found = Detections(20, 40, np.array([1, 2, 2]), np.array([0.6, 0.9, 0.5]), boxes, None)
    assert found.across_classes(0.5).boxes.tolist() == boxes[[1, 2]].tolist()
    assert len(found.across_classes(0.9)) == 3
    assert len(found.take([]).across_classes(0.5)) == 0


class SeesBright:
    """A network that finds every bright part of an image, to the pixel; the grey value tells the class."""

    config = SimpleNamespace(BATCH_SIZE=4, IMAGE_MAX_DIM=64)
    seconds = {"resize": 0.25, "network": 1.0, "paste": 0.5}

    def __init__(self):
        self.calls = []

    def detect(self, images, crops=False):
        assert crops
        self.calls.append([image.shape[:2] for image in images])
        return [self._one(image) for image in images]

    def _one(self, image):
        result = {"rois": [], "class_ids": [], "scores": [], "masks": []}
        number, labels, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] >= 100).astype(np.uint8))
        for i in range(1, number):
            x, y, w, h, _ = stats[i]
            crop = labels[y : y + h, x : x + w] == i
            result["rois"].append((y, x, y + h, x + w))
            result["masks"].append(crop)
            result["class_ids"].append(int(image[y : y + h, x : x + w, 0][crop].max()) // 100)
            result["scores"].append(0.9)
        return result


def test_batches_are_filled_and_parts_are_timed():
    model = SeesBright()
    detector = Detector(model, tile=64)
    images = [np.zeros((40, 50, 3), np.uint8), np.zeros((64, 120, 3), np.uint8), np.full((30, 30, 3), 200, np.uint8)]
    found = detector.batch(images)
    assert [len(one) for one in found] == [0, 0, 1]
    assert found[2].class_ids.tolist() == [2] and found[2].areas() == [900]
    assert model.calls == [[(40, 50), (30, 30), (30, 30), (30, 30)], [(64, 64)] * 4]  # three tiles, filled up
    assert detector.seconds["network"] == 2.0
    assert detector.seconds_per_image()["resize"] == pytest.approx(0.5 / 3)
    assert len(Detector(model)(images[1])) == 0
    assert model.calls[-1] == [(64, 120)] * 4


def test_one_class_hides_another_when_asked():
    image = np.zeros((40, 50), np.uint8)
    image[5:20, 5:20], image[25:30, 5:20] = 100, 200

    class Doubles(SeesBright):
        def _one(self, image):
            one = super()._one(image)
            return {name: values * 2 for name, values in one.items()} | {
                "class_ids": [1, 2, 3, 3],
                "scores": [0.9, 0.8, 0.7, 0.6],
            }

    assert len(Detector(Doubles())(image[:, :, None])) == 4
    assert Detector(Doubles(), across_classes=0.5)(image[:, :, None]).class_ids.tolist() == [1, 2]


def test_two_thousand_objects_in_a_huge_image():
    """8,000 x 8,000 pixels: all found, none twice, each whole, and memory far below an image."""
    side, objects = 8000, 2000
    rng = np.random.default_rng(0)
    image = np.zeros((side, side, 1), np.uint8)
    places = rng.permutation(53 * 53)[:objects]
    truth = {}
    for place in places:
        cy, cx = (int(v) * 150 + 75 for v in divmod(int(place), 53))
        ry, rx = rng.integers(8, 72, 2)
        y, x = np.mgrid[-ry : ry + 1, -rx : rx + 1]
        crop = (y / ry) ** 2 + (x / rx) ** 2 <= 1
        class_id = int(rng.integers(1, 3))
        image[cy - ry : cy + ry + 1, cx - rx : cx + rx + 1, 0][crop] = 100 * class_id
        box = (cy - ry, cx - rx, cy + ry + 1, cx + rx + 1)
        truth[tuple(int(v) for v in box)] = class_id, crop_to_rle(crop, box, side, side)["counts"]
    tile = 512
    detector = Detector(SeesBright(), tile=tile)
    tracemalloc.start()
    found = detector(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == objects  # no doubles
    boxes = [tuple(int(v) for v in box) for box in found.boxes]
    rows = zip(boxes, found.class_ids, found.rles, strict=True)
    right = sum(truth.get(box) == (class_id, rle["counts"]) for box, class_id, rle in rows)
    assert right >= 0.95 * objects
    batch = 4 * tile * tile * 4  # bytes: the labels that this network makes of a batch of tiles
    assert peak < 2 * batch, f"{peak / 1e6:.1f} MB beside the image"
    assert len({rle["counts"] for rle in found.rles}) == objects
    masks = decode_masks(found.rles[:1], side, side)
    assert masks.sum() == found.areas()[0]


class SeesRoughly(SeesBright):
    """Sees outlines a pixel or two off, another time in each tile, misses some parts, and is never sure."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(1)

    def _one(self, image):
        exact, rough = super()._one(image), {"rois": [], "class_ids": [], "scores": [], "masks": []}
        height, width = image.shape[:2]
        for box, mask, class_id in zip(exact["rois"], exact["masks"], exact["class_ids"], strict=True):
            y1, x1, y2, x2 = np.clip(np.array(box) + self.rng.integers(-2, 3, 4), 0, [height, width, height, width])
            if y2 - y1 < 4 or x2 - x1 < 4 or self.rng.random() < 0.02:
                continue
            shape = cv2.resize(mask.astype(np.uint8), (int(x2 - x1), int(y2 - y1))) > 0
            rough["rois"].append((y1, x1, y2, x2))
            rough["masks"].append(shape)
            rough["class_ids"].append(class_id)
            rough["scores"].append(self.rng.uniform(0.5, 1))
        return rough


def test_rough_detections_are_joined_too():
    side, step = 1500, 60
    rng = np.random.default_rng(2)
    image = np.zeros((side, side, 1), np.uint8)
    truth = []
    for cy in range(step // 2, side, step):
        for cx in range(step // 2, side, step):
            ry, rx = (int(v) for v in rng.integers(6, 27, 2))
            y, x = np.mgrid[-ry : ry + 1, -rx : rx + 1]
            crop = (y / ry) ** 2 + (x / rx) ** 2 <= 1
            image[cy - ry : cy + ry + 1, cx - rx : cx + rx + 1, 0][crop] = 100
            truth.append(crop_to_rle(crop, (cy - ry, cx - rx), side, side))
    found = Detector(SeesRoughly(), tile=256)(image)
    ious = coco_mask.iou(found.rles, truth, [0] * len(truth))
    assert np.mean(ious.max(axis=0) >= 0.5) >= 0.95  # nearly all are found
    assert np.mean(ious.max(axis=1) >= 0.5) >= 0.98  # nearly nothing else is
    assert np.sum(np.sort(ious, axis=0)[-2] >= 0.5) == 0  # none twice
