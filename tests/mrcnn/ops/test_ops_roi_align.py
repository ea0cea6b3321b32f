"""ROIAlign and crops against a plain loop over pixels, and their gradient."""

import keras
import numpy as np
import pytest

from mrcnn.ops.roi_align import crop_and_resize, pyramid_roi_align, roi_levels

AREA = 512 * 512


def tensor(x, dtype=np.float32):
    return keras.ops.convert_to_tensor(np.asarray(x, dtype))


def array(x):
    return keras.ops.convert_to_numpy(x)


def plain_crop(image, box, size):
    """One bilinear sample a bin of a map (H, W, C), corners on corners, 0 outside."""
    height, width, channels = image.shape
    crop = np.zeros((*size, channels))
    for i in range(size[0]):
        for j in range(size[1]):
            y = (box[0] + (box[2] - box[0]) * i / (size[0] - 1)) * (height - 1)
            x = (box[1] + (box[3] - box[1]) * j / (size[1] - 1)) * (width - 1)
            if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                top, left = int(y), int(x)
                bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
                upper = image[top, left] * (left + 1 - x) + image[top, right] * (x - left)
                lower = image[bottom, left] * (left + 1 - x) + image[bottom, right] * (x - left)
                crop[i, j] = upper * (top + 1 - y) + lower * (y - top)
    return crop


@pytest.fixture(scope="module")
def maps():
    """P2 to P5 of two images of 64 x 96, three channels."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(2, 64 // s, 96 // s, 3)).astype(np.float32) for s in (4, 8, 16, 32)]


def test_levels_by_hand():
    # 224 of 512 pixels are 0.4375 of the side: level 4, and each halving one level less.
    sides = np.array([0.4375, 0.875, 0.21875, 0.109375, 0.01, 1.0, 0.0])
    boxes = np.stack([np.zeros(7), np.zeros(7), sides, sides], axis=1)[None]
    np.testing.assert_array_equal(array(roi_levels(tensor(boxes), AREA)), [[4, 5, 3, 2, 2, 5, 2]])


def test_levels_of_long_boxes_and_oblong_images():
    # 0.25 x 0.765625 has the area of 0.4375 squared. An image of 128 x 2048 has the area of 512 x 512.
    boxes = tensor([[[0.5, 0.1, 0.75, 0.865625], [0.1, 0.5, 0.865625, 0.75]]])
    np.testing.assert_array_equal(array(roi_levels(boxes, keras.ops.convert_to_tensor(128 * 2048))), [[4, 4]])


def test_the_whole_map_at_its_own_size_is_the_map():
    image = np.arange(20, dtype=np.float32).reshape(1, 4, 5)
    np.testing.assert_allclose(array(crop_and_resize(tensor(image), tensor([[0, 0, 1, 1]]), (4, 5))), image)


def test_crop_by_hand():
    image = np.array([[[0, 1, 2], [10, 11, 12], [20, 21, 22]]], np.float32)
    # Corners of the box at (0, 1) and (1, 2) in cells, sampled at 0, 0.5, 1 of it.
    crop = array(crop_and_resize(tensor(image), tensor([[0, 0.5, 0.5, 1]]), (3, 2)))
    np.testing.assert_allclose(crop, [[[1, 2], [6, 7], [11, 12]]])


def test_crop_to_one_sample_takes_the_middle():
    image = np.array([[[0, 1, 2], [10, 11, 12], [20, 21, 22]]], np.float32)
    crop = array(crop_and_resize(tensor(image), tensor([[0, 0.5, 0.5, 1]]), (1, 1)))
    np.testing.assert_allclose(crop, [[[6.5]]])


def test_crop_outside_is_nought():
    crop = array(crop_and_resize(tensor(np.ones((1, 3, 3))), tensor([[-0.5, -1, 0.5, 1]]), (3, 3)))
    np.testing.assert_array_equal(crop, [[[0, 0, 0], [0, 1, 1], [0, 1, 1]]])


def test_samples_on_the_edge_are_inside_however_it_is_compiled(compiled):
    # Boxes that end exactly at the image's edge, as clipped proposals do: nothing of a map of ones may be lost.
    rng = np.random.default_rng(0)
    boxes = np.ones((500, 4), np.float32)
    boxes[:, :2] = rng.uniform(0, 0.9, (500, 2))
    ones = np.ones((500, 17, 32), np.float32)
    np.testing.assert_allclose(array(crop_and_resize(tensor(ones), tensor(boxes), (28, 7))), 1, rtol=1e-6)
    fast = compiled(lambda maps, places: crop_and_resize(maps, places, (28, 7)))
    np.testing.assert_allclose(fast(ones, boxes), 1, rtol=1e-6)


def test_crop_of_whole_number_masks():
    masks = np.zeros((2, 4, 6), np.uint8)
    masks[1, :, 3:] = 1
    crops = array(crop_and_resize(tensor(masks, np.uint8), tensor([[0, 0, 1, 1]] * 2), (4, 6)))
    np.testing.assert_array_equal(crops, masks)


BOXES = {
    "every level": [[0.1, 0.2, 0.9, 0.9], [0, 0, 0.4, 0.5], [0.3, 0.3, 0.5, 0.5], [0.5, 0.1, 0.6, 0.15]],
    "at the border": [[0, 0, 1, 1], [0, 0.5, 0.2, 1], [0.8, 0, 1, 0.05], [0.99, 0.99, 1, 1]],
    "out of the image": [[-0.5, -0.5, 0.5, 0.5], [0.9, 0.9, 1.3, 1.2], [2, 2, 3, 3], [-0.1, 0.2, 1.1, 0.3]],
    "empty": [[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.2, 0.3, 0.2, 0.9], [1, 1, 1, 1]],
}


@pytest.mark.parametrize("boxes", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("size", [(7, 7), (2, 5)], ids=["7x7", "2x5"])
def test_pyramid_equals_the_plain_loop(maps, boxes, size):
    boxes = np.array([boxes, boxes[::-1]], np.float32)
    levels = array(roi_levels(tensor(boxes), AREA))
    found = array(pyramid_roi_align([tensor(m) for m in maps], tensor(boxes), AREA, size))
    assert found.shape == (2, 4, *size, 3)
    for image in range(2):
        for roi in range(4):
            expected = plain_crop(maps[levels[image, roi] - 2][image], boxes[image, roi], size)
            np.testing.assert_allclose(found[image, roi], expected, atol=2e-5)


def test_every_level_is_in_that_test():
    assert set(array(roi_levels(tensor([BOXES["every level"]]), AREA)).ravel().tolist()) == {2, 3, 4, 5}


def test_gradient_adds_up_to_the_samples_inside(maps, gradient):
    # The four weights of a sample add up to 1, so each sample inside gives each channel a gradient of 1.
    boxes = tensor([[[0.1, 0.1, 0.9, 0.8], [0.5, -1, 0.8, 1]]] * 2)  # both of level 5, half of the second one's inside
    rest = [tensor(m) for m in maps[:3]]

    def total(p5):
        return keras.ops.sum(pyramid_roi_align([*rest, p5], boxes, AREA, (3, 3)))

    found = gradient(total, maps[3])
    np.testing.assert_allclose(found.sum(axis=(1, 2)), np.full((2, 3), 9 + 6), rtol=1e-5)


def test_gradient_equals_finite_differences(maps, gradient):
    rng = np.random.default_rng(3)
    boxes = tensor(np.array([BOXES["every level"]] * 2))
    weights = tensor(rng.normal(size=(2, 4, 4, 4, 3)))

    def weighted(p4, *, others=maps):
        levels = [tensor(others[0]), tensor(others[1]), p4, tensor(others[3])]
        return keras.ops.sum(weights * pyramid_roi_align(levels, boxes, AREA, (4, 4)))

    found = gradient(weighted, maps[2])
    assert np.abs(found).max() > 0
    for place in [tuple(p) for p in rng.integers(0, maps[2].shape, (6, 4))] + [
        tuple(p) for p in np.argwhere(np.abs(found) > 0.5)[:4]
    ]:
        step = np.zeros_like(maps[2])
        step[place] = 0.5  # the function is linear, so a large step has no error of its own
        slope = float(weighted(tensor(maps[2] + step)) - weighted(tensor(maps[2] - step)))
        assert found[place] == pytest.approx(slope, abs=2e-4)


def test_no_gradient_flows_into_the_boxes(maps, gradient):
    boxes = np.array([BOXES["every level"]] * 2, np.float32)
    levels = [tensor(m) for m in maps]
    found = gradient(lambda b: keras.ops.sum(pyramid_roi_align(levels, b, AREA, (2, 2))), boxes)
    assert not found.any()
