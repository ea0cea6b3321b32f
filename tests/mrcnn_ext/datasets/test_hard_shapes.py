"""The harder made set: its classes look as they are called, masks are what is seen, and the seed decides."""

import cv2
import numpy as np
import pytest

from mrcnn_ext.datasets import hard_shapes
from mrcnn_ext.datasets.coco import CocoDataset

AREAS = {  # of radius 1
    "square": 1.5**2,
    "circle": np.pi * 0.81,
    "triangle": 3 * np.sqrt(3) / 4,
    "ring": np.pi * 0.75,
    "cross": 20 / 9,  # five squares of two thirds
    "star": 10 * 0.45 * np.sin(np.pi / 5) / 2,
    "bar": 2 * 0.6,
    "half disc": np.pi / 2,
}


@pytest.mark.parametrize("name", hard_shapes.CLASSES)
def test_shapes_have_their_area(name):
    lines = [(400 * line + 500).round().astype(np.int32) for line in hard_shapes.outlines(name)]
    canvas = np.zeros((1000, 1000), np.uint8)
    cv2.fillPoly(canvas, lines, 1)
    assert canvas.sum() / 400**2 == pytest.approx(AREAS[name], rel=0.02)


def test_images_are_crowded_with_small_things_of_all_classes():
    images = [hard_shapes.random_image(np.random.default_rng(seed), *hard_shapes.SIZE) for seed in range(40)]
    objects = [thing for _, things in images for thing in things]
    assert {class_id for class_id, _ in objects} == set(range(1, 9))
    sides = np.sqrt([mask.sum() for _, mask in objects])
    assert np.median(sides) < 192 / 8
    assert sides.min() >= 4
    assert 4 < len(objects) / len(images) < 10
    for image, things in images:
        assert image.shape == (192, 192, 3)
        assert np.stack([mask for _, mask in things]).sum(axis=0).max() == 1  # visible parts do not overlap
        assert image.std(axis=(0, 1)).min() > 5  # no plain background


def test_the_data_set(tmp_path):
    counts = {"train": 2, "validate": 1, "test": 0}
    folder = hard_shapes.make_hard_shapes(tmp_path / "hard", counts, (96, 128), seed=3, progress=False)
    dataset = CocoDataset()
    dataset.load_coco(folder, "train")
    dataset.prepare()
    assert tuple(dataset.class_names) == ("BG", *hard_shapes.CLASSES)
    _, objects = hard_shapes.random_image(np.random.default_rng([3, 0, 1]), 96, 128)
    masks, class_ids = dataset.load_mask(1)
    assert class_ids.tolist() == [class_id for class_id, _ in objects]
    assert np.array_equal(masks, np.stack([mask for _, mask in objects], axis=2))
    assert hard_shapes.make_hard_shapes(folder, counts, (96, 128), seed=3, progress=False) == folder
    with pytest.raises(ValueError, match="was made with other settings"):
        hard_shapes.make_shapes(folder, counts, (96, 128), seed=3, progress=False)
