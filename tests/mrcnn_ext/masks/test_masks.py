"""Masks <-> polygons <-> RLE: every way there and back gives the same pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from mrcnn_ext.masks import rle as masks
from mrcnn_ext.masks.outlines import mask_to_segmentation

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 9))
SMALL_MASKS = SHAPES.flatmap(lambda shape: arrays(bool, shape))


def rasterise(segmentation, height, width):
    if isinstance(segmentation, list):
        rle = masks.polygons_to_rle(masks.polygon_parts(segmentation), height, width)
    else:
        rle = {"size": [height, width], "counts": masks.counts_to_bytes(segmentation["counts"], height, width)}
    return masks.decode_masks([rle], height, width)[:, :, 0]


def test_square_has_its_true_area_and_its_box():
    rle = masks.polygons_to_rle(masks.polygon_parts([[2, 3, 22, 3, 22, 21, 2, 21]]), 30, 40)  # 20 wide, 18 high
    assert masks.rle_area(rle) == 20 * 18
    assert masks.rle_box(rle) == [2, 3, 20, 18]


def test_parts_are_a_union():
    rle = masks.polygons_to_rle(masks.polygon_parts([[0, 0, 4, 0, 4, 4, 0, 4], [2, 0, 6, 0, 6, 4, 2, 4]]), 5, 8)
    assert masks.rle_area(rle) == 6 * 4


def test_rectangle_becomes_a_polygon_with_four_corners():
    mask = np.zeros((10, 14), bool)
    mask[2:5, 3:9] = True
    assert sorted(zip(*[iter(mask_to_segmentation(mask)[0])] * 2, strict=True)) == [
        (3, 2),
        (3, 5),
        (9, 2),
        (9, 5),
    ]


@pytest.mark.parametrize("kind", ["hole", "two parts", "empty", "corner"])
def test_what_is_no_single_line_becomes_rle(kind):
    mask = np.zeros((8, 11), bool)
    if kind == "hole":
        mask[1:6, 1:6] = True
        mask[3, 3] = False
    elif kind == "two parts":
        mask[1, 1] = mask[5, 7] = True
    elif kind == "corner":
        mask[1, 1] = mask[2, 2] = True
    segmentation = mask_to_segmentation(mask)
    assert isinstance(segmentation["counts"], str)
    np.testing.assert_array_equal(rasterise(segmentation, 8, 11), mask)


@settings(deadline=None)
@given(SMALL_MASKS)
def test_mask_to_segmentation_keeps_every_pixel(mask):
    np.testing.assert_array_equal(rasterise(mask_to_segmentation(mask), *mask.shape), mask)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_one_blob_is_a_polygon(data):
    height, width = data.draw(SHAPES)
    mask = np.zeros((height, width), bool)  # a staircase from row to row: always one part without a hole
    left, right = 0, width
    for row in range(height):
        left, right = sorted([data.draw(st.integers(left, right - 1)), right])
        mask[row, left:right] = True
    segmentation = mask_to_segmentation(mask)
    assert isinstance(segmentation, list)
    np.testing.assert_array_equal(rasterise(segmentation, height, width), mask)


@settings(deadline=None)
@given(SMALL_MASKS)
def test_counts_of_every_kind_give_the_same_bytes(mask):
    height, width = mask.shape
    column_wise = mask.flatten("F")
    runs, value = [], False
    while column_wise.size:
        run = int(np.argmin(column_wise == value)) if not (column_wise == value).all() else column_wise.size
        runs.append(run)
        column_wise, value = column_wise[run:], not value
    compressed = masks.encode_mask(mask)["counts"]
    assert masks.counts_to_bytes(runs, height, width) == compressed
    assert masks.counts_to_bytes(compressed.decode(), height, width) == compressed
    assert masks.counts_to_bytes(compressed, height, width) == compressed


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=12), st.integers(1, 9), st.integers(1, 9))
def test_broken_counts_are_an_error_and_never_a_crash(text, height, width):
    try:
        counts = masks.counts_to_bytes(text, height, width)
    except ValueError:
        return
    rle = {"size": [height, width], "counts": counts}
    assert masks.decode_masks([rle], height, width).sum() == masks.rle_area(rle)


@pytest.mark.parametrize("counts", [[3, 2], [-1, 13], [1.5, 10.5], 7, None, "", "é"])
def test_wrong_counts_are_refused(counts):
    with pytest.raises(ValueError, match="its "):
        masks.counts_to_bytes(counts, 3, 4)


@pytest.mark.parametrize(
    "segmentation",
    [[[1, 2, 3]], [[1, 2, 3, 4, 5, float("nan")]], [["a", 1]], [1, 2, 3, 4, 5, 6], [[[1, 2], [3, 4]]], [{}]],
)
def test_wrong_polygons_are_refused(segmentation):
    with pytest.raises(ValueError):
        masks.polygon_parts(segmentation)


def test_parts_of_less_than_three_points_are_left_out():
    assert [p.size for p in masks.polygon_parts([[1, 2, 3, 4], [0, 0, 5, 0, 5, 5], []])] == [6]


def test_polygon_far_outside_is_cut_where_it_leaves_the_image():
    # a triangle with its right angle at (0, 0) and 20,000,000 pixels long: near the image its upper edge is flat
    rle = masks.polygons_to_rle([np.array([0, 4, 2e7, 4, 2e7, 8, 0, 8.0])], 10, 12)
    np.testing.assert_array_equal(masks.decode_masks([rle], 10, 12)[:, :, 0].sum(1), [0] * 4 + [12] * 4 + [0] * 2)
    away = masks.polygons_to_rle([np.array([1e7, 1e7, 2e7, 1e7, 2e7, 2e7])], 10, 12)
    assert masks.rle_area(away) == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-30, 40), min_size=6, max_size=12).filter(lambda p: len(p) % 2 == 0))
def test_near_polygons_are_pycocotools_own(polygon):
    ours = masks.polygons_to_rle(masks.polygon_parts([polygon]), 9, 13)
    assert ours["counts"] == coco_mask.merge(coco_mask.frPyObjects([polygon], 9, 13))["counts"]


def test_no_masks_keep_the_image_size():
    assert masks.decode_masks([], 5, 7).shape == (5, 7, 0)
    assert masks.encode_masks(np.zeros((5, 7, 0))) == []


def test_many_masks_at_once():
    stack = np.random.default_rng(0).random((6, 5, 300)) > 0.5
    rles = masks.encode_masks(stack)
    np.testing.assert_array_equal(masks.decode_masks(rles, 6, 5), stack)
    assert [masks.rle_area(r) for r in rles] == stack.sum((0, 1)).tolist()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(deadline=None)
@given(SMALL_MASKS)
def test_decoding_is_pycocotools_own(mask):
    rle = masks.encode_mask(mask)
    np.testing.assert_array_equal(masks.decode_masks([rle, rle], *mask.shape), coco_mask.decode([rle, rle]))


def test_broken_rle_is_not_decoded():
    with pytest.raises(ValueError, match="broken RLE"):
        masks.decode_masks([{"size": [3, 4], "counts": b"5"}], 3, 4)


def test_mask_of_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="shape"):
        masks.encode_mask(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="shape"):
        masks.encode_masks(np.zeros((2, 3)))
