"""Polygons in one row of numbers, and the bounds of loading a large file."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.datasets.coco_points import Points
from mrcnn_ext.masks.rle import polygon_parts
from tests.support import ROOT

NUMBER = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.just("7.5"))


@given(st.lists(st.lists(st.lists(NUMBER, max_size=10), max_size=3), max_size=5))
def test_parts_are_those_of_polygon_parts(objects):
    points = Points()
    for segmentation in objects:
        item = {"id": 1, "segmentation": segmentation}
        try:
            expected = polygon_parts(segmentation)
        except ValueError:
            with pytest.raises(ValueError, match=r"annotation 1 \(image None\): a polygon has"):
                points.pack(item)
            continue
        packed = points.pack(item)["segmentation"]
        if not segmentation:
            assert packed == []
            continue
        for part, other in zip(points.parts(packed), expected, strict=True):
            np.testing.assert_array_equal(part, other)
    assert points.odd_part() is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e10])
def test_an_odd_coordinate_names_its_annotation(tmp_path, value):
    image = {"id": 1, "file_name": "a.png", "width": 9, "height": 9}
    good = {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5], [2, 2, 6, 2, 6, 6]]}
    bad = good | {"id": 8, "segmentation": [[1, 1, 5, 1, 5, 5], [2, 2, 6, value, 6, 6]]}
    categories = [{"id": 1, "name": "x"}]
    path = tmp_path / "a.json"
    annotations = [{"id": 7, **good}, bad, {"id": 9, **good}]
    path.write_text(json.dumps({"images": [image], "annotations": annotations, "categories": categories}))
    with pytest.raises(ValueError, match=r"a.json: annotation 8 \(image 1\): a polygon has (a|the) coordinate"):
        CocoFile(path)


@pytest.mark.slow
def test_bounds_of_memory_and_time(tmp_path):
    """A twelfth of COCO's size: the bounds in docs/manual/data-sets.md, with room for a busy machine."""
    command = [sys.executable, str(ROOT / "benchmarks" / "coco_load.py"), "--json", str(tmp_path / "figures.json")]
    command += ["--images", "10000", "--objects", "72000", "--repeats", "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    rows = {row["reader"]: row for row in json.loads((tmp_path / "figures.json").read_text())["rows"]}
    for ours in ("CocoFile", "CocoDataset"):
        assert rows[ours]["kept_mb"] < rows["pycocotools"]["kept_mb"] / 2
        assert rows[ours]["peak_mb"] < rows["pycocotools"]["peak_mb"] + 150  # ours has TensorFlow's libraries in it
        assert rows[ours]["cpu_s"] < 2.5 * rows["json"]["cpu_s"]
