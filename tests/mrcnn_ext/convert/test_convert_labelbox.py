"""Labelbox exports of every age."""

import json

import numpy as np
import pytest

from mrcnn_ext.convert import Options, detect, read
from mrcnn_ext.masks.outlines import object_mask
from tests.support.converted import summary
from tests.support.label_samples import SQUARE, made_images, ring, sample, save_json, turned_image


def test_2018(tmp_path):
    path, _ = sample("labelbox-2018", tmp_path)
    assert detect(path)[0] == "labelbox-2018"
    builder = read(path)
    assert summary(builder) == [
        ("a.png", "Car", 60, [2, 3, 10, 6]),
        ("a.png", "Tree", 60 - 4, [2, 3, 10, 6]),
        ("a.png", "Bäume", 20, [20, 3, 4, 5]),
        ("a.png", "Bäume", 16, [30, 3, 4, 4]),
        ("sub/größe.png", "Car", 12, [0, 20, 3, 4]),
    ]
    assert builder.account.kept["objects with holes"] == 1
    assert builder.coco()["images"][0]["attributes"] == {"Weather": "sunny"}
    assert builder.account.dropped == {"image that was skipped or has no label": ["a.png"]}
    assert "--y-origin top" in next(iter(builder.account.notes))


def test_2018_with_y_from_the_top(tmp_path):
    path, _ = sample("labelbox-2018", tmp_path)
    builder = read(path, options=Options(y_origin="top"))
    assert summary(builder)[0] == ("a.png", "Car", 60, [2, 30 - 9, 10, 6])
    assert builder.account.notes == {}


def test_2018_on_a_turned_image(tmp_path):
    """The bottom is that of the frame of the labels, here the stored pixels (40 x 30)."""
    turned_image(tmp_path / "a.jpg", 40, 30, 6)
    content = [
        {"Labeled Data": "u", "External ID": "a.jpg", "Label": {"Car": [[{"x": x, "y": 30 - y} for x, y in SQUARE]]}}
    ]
    path = save_json(tmp_path / "labels.json", content)
    assert summary(read(path, options=Options(exif="stored"))) == [("a.jpg", "Car", 60, [30 - 9, 2, 6, 10])]
    assert summary(read(path, options=Options(exif="upright")))[0][3] == [2, 40 - 30 + 3, 10, 6]


@pytest.mark.parametrize("wkt", ["POLYGON ((1 2, 3", "LINESTRING (1 2, 3 4)", "POLYGON ((1 2, 1e300 3, 4 5, 1 2))"])
def test_broken_wkt_is_named(tmp_path, wkt):
    made_images(tmp_path)
    content = [{"Labeled Data": "u", "External ID": "a.png", "Label": {"Car": [{"geometry": wkt}]}}]
    with pytest.raises(ValueError, match="labels.json: a.png: Car"):
        read(save_json(tmp_path / "labels.json", content))


def test_missing_images_are_listed(tmp_path):
    made_images(tmp_path, {"b.png": (4, 4)})
    label = {"Car": "POLYGON ((1 1, 3 1, 3 3, 1 1))"}
    content = [{"Labeled Data": "u", "External ID": name, "Label": label} for name in ("a.png", "b.png", "b.png")]
    builder = read(save_json(tmp_path / "labels.json", content))
    assert builder.account.dropped == {
        "image not found, and its labels do not state its size": ["a.png"],
        "image that is there twice: its second labels": ["b.png"],
    }
    with pytest.raises(ValueError, match="none of the 1 images is in .*, such as a.png.*--images"):
        read(save_json(tmp_path / "labels.json", content[:1]))


def test_2019_to_2023(tmp_path):
    path, options = sample("labelbox-v1", tmp_path)
    assert detect(path)[0] == "labelbox-v1"
    builder = read(path, options=Options(**options))
    assert summary(builder) == [
        ("a.png", "car", 60, [2, 3, 10, 6]),
        ("a.png", "Tree", 20, [20, 3, 4, 5]),
        ("a.png", "Tree", 48, [4, 10, 8, 8]),
    ]
    coco = builder.coco()
    assert coco["annotations"][0]["attributes"] == {"ripe": "yes"}
    assert [a["source_id"] for a in coco["annotations"]] == ["f1", "f2", "f3"]
    assert coco["images"][0]["attributes"] == {"Weather": ["sun"]}
    assert [item["file_name"] for item in coco["images"]] == ["a.png", "sub/größe.png"]
    assert list(builder.account.dropped.values()) == [["a.png: object 4"], ["c.png"]]


def test_ndjson(tmp_path):
    path, options = sample("labelbox", tmp_path)
    assert detect(path)[0] == "labelbox"
    builder = read(path, options=Options(**options))
    assert summary(builder) == [
        ("a.png", "Car", 60, [2, 3, 10, 6]),
        ("a.png", "Tree", 20, [20, 3, 4, 5]),
        ("a.png", "Tree", 48, [4, 10, 8, 8]),
        ("a.png", "Leaf", 10, [0, 0, 5, 2]),
        ("a.png", "Leaf", 15, [0, 3, 5, 3]),
    ]
    assert (object_mask(builder.coco()["annotations"][2], 30, 40) == ring(30, 40)).all()
    assert builder.account.dropped == {
        "line or point, which has no area": ["a.png: object 4"],
        "further label of an image in the same project": ["sub/größe.png"],
        "image that was skipped or has no label": ["new.png"],
    }


def test_masks_must_be_there(tmp_path):
    path, _ = sample("labelbox", tmp_path)
    with pytest.raises(ValueError, match="--fetch-masks --masks DIR"):
        read(path)
    with pytest.raises(ValueError, match="f3.png and xyz"):
        read(path, options=Options(masks=tmp_path))


def test_a_broken_line_is_named(tmp_path):
    path, options = sample("labelbox", tmp_path)
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:-5]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="line 2"):
        read(path, options=Options(**options))
    rows = [json.loads(line) for line in lines[:1]]
    rows[0]["media_attributes"] = {}
    path.write_text("\n".join(json.dumps(row) for row in rows))
    with pytest.raises(ValueError, match="line 1.*does not state its size"):
        read(path, options=Options(**options))


def test_unlike_masks_are_errors(tmp_path):
    from tests.support.label_samples import mask_image

    path, options = sample("labelbox", tmp_path)
    mask_image(tmp_path / "masks" / "f3.png", np.ones((5, 4), bool))
    with pytest.raises(ValueError, match="object 3: its mask is 4 x 5 pixels, not 40 x 30"):
        read(path, options=Options(**options))
