"""Shapes of labelling tools as polygons."""

import numpy as np
import pytest

from mrcnn_ext.masks.geometry import ellipse


@pytest.mark.parametrize("radius", [2, 30, 400])
def test_a_circle_is_nowhere_far_from_its_polygon_and_has_its_area(radius):
    points = ellipse(50, 60, radius, radius)
    following = np.roll(points, -1, axis=0)
    for place in (points, (points + following) / 2):  # where the polygon is farthest out, and farthest in
        assert np.abs(np.hypot(*(place - [50, 60]).T) - radius).max() < 0.06  # px
    (x, y), (next_x, next_y) = points.T, following.T
    assert np.sum(x * next_y - y * next_x) / 2 == pytest.approx(np.pi * radius**2)
