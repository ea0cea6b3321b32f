"""One outline of a mask: exact, within a tolerance, and for a person to correct."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mrcnn_ext.masks.outlines import LEAST_IOU, editable_outline, mask_outlines, outer_polygons, rle_outlines
from mrcnn_ext.masks.rle import encode_mask, polygons_to_rle, rle_to_json

Y, X = np.mgrid[:400, :420]


def disc(radius, y=190, x=200):
    return np.hypot(Y - y, X - x) < radius


def test_lines_follow_the_edges_of_pixels_where_the_mask_is():
    mask = np.zeros((9, 12), bool)
    mask[2:5, 3:9] = True
    mask[3, 5] = False
    outer, hole = rle_outlines(encode_mask(mask))
    assert outer.tolist() == [[3, 2], [9, 2], [9, 5], [3, 5]]
    assert sorted(hole.tolist()) == [[5, 3], [5, 4], [6, 3], [6, 4]]
    assert [line.tolist() for line in mask_outlines(mask)] == [outer.tolist(), hole.tolist()]
    assert outer_polygons(encode_mask(mask)) == [[3, 2, 9, 2, 9, 5, 3, 5]]
    assert rle_outlines(encode_mask(np.zeros((4, 4)))) == []


@pytest.mark.parametrize("tolerance", [0, 0.5, 1.0, 3.0])
def test_no_corner_of_the_exact_line_is_further_away_than_the_tolerance(tolerance):
    (exact,), (line,) = mask_outlines(disc(150)), mask_outlines(disc(150), tolerance)
    starts, ends = line[None], np.roll(line, -1, axis=0)[None]
    steps = ends - starts
    along = np.clip(((exact[:, None] - starts) * steps).sum(-1) / (steps**2).sum(-1), 0, 1)
    away = np.linalg.norm(exact[:, None] - starts - along[..., None] * steps, axis=-1).min(axis=1)
    assert away.max() <= tolerance + 1e-4
    assert (len(line) == len(exact)) == (tolerance == 0)


@pytest.mark.parametrize(("radius", "most"), [(150, 40), (15, 24), (4, 24), (2, 12)])
def test_a_person_gets_few_corners_near_the_mask(radius, most):
    rle = encode_mask(disc(radius))
    (polygon,) = editable_outline(rle)
    assert len(polygon) // 2 <= most
    near = polygons_to_rle([np.array(polygon)], 400, 420)
    assert coco_mask.iou([near], [rle], [0])[0, 0] >= LEAST_IOU


def test_what_one_polygon_cannot_hold_stays_as_it_is():
    ring, pair, dot = disc(20) & ~disc(0.5), disc(5) | disc(5, 30, 30), disc(0.5)
    for mask in (ring, pair, disc(0)):
        assert editable_outline(encode_mask(mask)) == rle_to_json(encode_mask(mask))
    assert editable_outline(encode_mask(dot)) == [[200, 190, 201, 190, 201, 191, 200, 191]]
