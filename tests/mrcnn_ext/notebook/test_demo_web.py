"""The little web server of notebook 0: collected and labelled, it is a sound data set."""

from collections import Counter

import pytest

from mrcnn_ext.check import check_data
from mrcnn_ext.collect import Rules, collect_images
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.notebook.demo_web import DemoWeb


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    shapes = make_shapes(tmp_path / "shapes", counts={"train": 1, "validate": 1, "test": 6}, progress=False)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "old.txt").write_text("of the last run")
    return DemoWeb(tmp_path / "demo", shapes, count=5)


def test_it_has_a_double_and_a_gap_and_its_labels_fit(web):
    assert not (web.folder / "old.txt").exists()
    raw = web.folder / "raw"
    statuses = collect_images(web.csv, raw, Rules(delay=0, allow_private=True), progress=False)
    assert Counter(statuses) == Counter({"ok": 5, "duplicate": 1, "refused": 1, "near-duplicate": 0, "failed": 0})
    web.write_labels(raw / "manifest.csv", raw / "annotations.json")
    report = check_data(raw, progress=False)
    assert report.exit_code == 0 and not report.counts
    before, after = CocoFile(web.file), CocoFile(raw / "annotations.json")
    first = {image["id"]: before.objects(row) for row, image in enumerate(before.images)}
    for row, image in enumerate(after.images):
        kept = after.objects(row)
        assert [after.areas[n] for n in kept] == [before.areas[n] for n in first[image["id"]]]
