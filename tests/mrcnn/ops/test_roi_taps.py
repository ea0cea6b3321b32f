"""Pooling in bins, on maps whose means are known: a slope has in the middle of an area its mean."""

import keras
import numpy as np
import pytest

from mrcnn.conventions import Pooling
from mrcnn.ops.roi_align import pyramid_roi_align

HEIGHT, WIDTH = 32, 48  # cells of P2: an image of 128 x 192
AREA = 16 * HEIGHT * WIDTH
KINDS = [("bins", 2), ("adaptive", 4), ("adaptive", None)]


def pooled(boxes, kind, samples, aligned, size=(7, 7)):
    """Pooled from P2, which holds row and column; boxes (R, 4) in cells of it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    maps = [np.stack([rows, columns], axis=-1)[None, ::step, ::step] for step in (1, 2, 4, 8)]
    rois = np.asarray(boxes, np.float32)[None] / np.float32([HEIGHT, WIDTH, HEIGHT, WIDTH])
    found = pyramid_roi_align(
        [keras.ops.convert_to_tensor(m) for m in maps],
        keras.ops.convert_to_tensor(rois),
        AREA,
        size,
        pooling=Pooling("floor", kind, samples, aligned),
    )
    return keras.ops.convert_to_numpy(found)[0]


@pytest.mark.parametrize(("kind", "samples"), KINDS)
@pytest.mark.parametrize("aligned", [False, True])
def test_a_slope_has_its_mean(kind, samples, aligned):
    (found,) = pooled([[3, 4, 17, 25]], kind, samples, aligned)  # bins of 2 x 3 cells
    shift = 0.5 if aligned else 0.0  # the centre of cell 0 lies at 0.5, or at 0
    rows, columns = 3 + 2 * (np.arange(7) + 0.5) - shift, 4 + 3 * (np.arange(7) + 0.5) - shift
    np.testing.assert_allclose(found[..., 0], np.broadcast_to(rows[:, None], (7, 7)), atol=1e-4)
    np.testing.assert_allclose(found[..., 1], np.broadcast_to(columns, (7, 7)), atol=1e-4)


@pytest.mark.parametrize(("kind", "samples"), KINDS)
def test_within_a_cell_of_the_map_its_edge_counts_and_beyond_nothing(kind, samples):
    found = pooled([[-0.5, -0.5, 0.5, 0.5], [-9, -9, -2, -2], [HEIGHT + 2, 4, HEIGHT + 9, 11]], kind, samples, False)
    assert (found[0, 0, 0] == 0).all() and found[0, 6, 6, 0] == pytest.approx(3 / 7, abs=1e-5)
    assert (found[1:] == 0).all()


def test_of_a_bin_of_more_cells_than_allowed_some_are_read():
    box = [[1, 2, 30, 45]]  # level 2 of a box that long and wide would be 3: bins of 3 x 4 cells there
    exact, few = (pooled([[1, 2, 3, 45]], "adaptive", most, True, (2, 3)) for most in (None, 4))  # 15 cells a bin
    assert np.abs(exact - few).max() < 0.5
    np.testing.assert_allclose(pooled(box, "adaptive", 8, True), pooled(box, "adaptive", None, True), atol=1e-4)


def test_an_empty_roi_is_0_or_a_cell():
    box = [[5, 6, 5, 9]]
    assert (pooled(box, "adaptive", 4, True) == 0).all() and (pooled(box, "adaptive", None, True) == 0).all()
    assert pooled(box, "bins", 2, False)[0, 3, 3, 0] == pytest.approx(5.5)
