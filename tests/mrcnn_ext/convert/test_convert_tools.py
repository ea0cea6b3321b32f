"""VIA, LabelMe, CVAT, Supervisely: every shape of theirs, by numbers one can check on paper."""

import json

import numpy as np
import pytest

from mrcnn_ext.convert import Options, convert_labels, detect, read
from mrcnn_ext.masks.outlines import object_mask
from tests.support.converted import summary
from tests.support.label_samples import ring, sample, save_json, via_regions


def close(found, name, area):
    return found[:2] == ("a.png", name) and abs(found[2] - area) < 3


@pytest.mark.parametrize("kind, seen", [("via", "VIA 2 project"), ("via-1", "VIA 1 export")])
def test_via(tmp_path, kind, seen):
    path, _ = sample(kind, tmp_path)
    assert detect(path)[0] == "via" and seen in detect(path)[1]
    builder = read(path)
    found = summary(builder)
    assert found[:2] == [("a.png", "car", 60, [2, 3, 10, 6]), ("a.png", "tree", 20, [20, 3, 4, 5])]
    assert close(found[2], "tree", np.pi * 25) and close(found[3], "tree", np.pi * 32)
    assert builder.coco()["annotations"][0]["attributes"] == {"ripe": "yes"}
    assert builder.account.dropped == {
        "line or point, which has no area": ["a.png: region 5"],
        "region without a class (name)": ["a.png: region 6"],
    }
    if kind == "via":
        assert [i["file_name"] for i in builder.coco()["images"]] == ["a.png", "sub/größe.png"]
        assert builder.coco()["images"][0]["attributes"] == {"by": "me"}


def test_via_which_attribute_is_the_class(tmp_path):
    path, _ = sample("via-1", tmp_path)
    content = json.loads(path.read_text())
    for region in content["a.png99"]["regions"].values():
        region["region_attributes"] = {"sort": "x", "colour": "red"}
    save_json(path, content)
    with pytest.raises(ValueError, match="sort .6 regions., colour .6 regions.. Say which .* --class-key"):
        read(path)
    assert summary(read(path, options=Options(class_key="colour")))[0][1] == "red"
    with pytest.raises(ValueError, match="no region has the attribute 'kind'"):
        read(path, options=Options(class_key="kind"))
    for region in content["a.png99"]["regions"].values():
        region["region_attributes"] = {}
    save_json(path, content)
    assert {item[1] for item in summary(read(path))} == {"object"}
    assert len(via_regions()) == 6


def test_labelme(tmp_path):
    path, _ = sample("labelme", tmp_path)
    assert detect(path)[0] == detect(path / "a.json")[0] == "labelme"
    builder = read(path)
    found = summary(builder)
    assert found[:3] == [
        ("a.png", "car", 60, [2, 3, 10, 6]),
        ("a.png", "car", 80, [2, 3, 22, 6]),
        ("a.png", "tree", 20, [20, 3, 4, 5]),
    ]
    assert close(found[3], "tree", np.pi * 25)
    assert found[4] == ("a.png", "leaf", 48, [4, 10, 8, 8])
    coco = builder.coco()
    assert (object_mask(coco["annotations"][4], 30, 40) == ring(30, 40)).all()
    assert coco["annotations"][0]["attributes"] == {"ripe": True, "description": "x"}
    assert [(i["file_name"], i.get("attributes")) for i in coco["images"]] == [
        ("a.png", {"good": True}),
        ("sub/größe.png", None),
    ]
    assert builder.account.dropped == {
        "file that is no LabelMe JSON": ["zz_other.json"],
        "line or point, which has no area": ["a.png: shape 7"],
    }


def test_labelme_there_and_back(tmp_path):
    path, _ = sample("coco", tmp_path)
    given, account = convert_labels(path, tmp_path / "out", to="labelme")
    assert account.dropped == {}
    assert (tmp_path / "out" / "sub" / "größe.json").is_file()
    again = read(tmp_path / "out").coco()
    assert sorted((i["id"], i["file_name"]) for i in again["images"]) == [
        (17, "a.png"), (42, "sub/größe.png"), (99, "empty.png")
    ]  # fmt: skip
    names = [{c["id"]: c["name"] for c in coco["categories"]} for coco in (given, again)]
    sizes = {i["id"]: (i["height"], i["width"]) for i in given["images"]}
    for old, new in zip(given["annotations"], sorted(again["annotations"], key=lambda a: a["id"]), strict=False):
        if old["image_id"] == new["image_id"]:
            size = sizes[old["image_id"]]
            assert (object_mask(old, *size) == object_mask(new, *size)).all()
            assert names[0][old["category_id"]] == names[1][new["category_id"]]
            assert (old["iscrowd"], old.get("attributes")) == (new["iscrowd"], new.get("attributes"))
    assert sorted(a["iscrowd"] for a in again["annotations"]) == [0, 0, 0, 1]


def test_labelme_names_its_file(tmp_path):
    path, _ = sample("labelme", tmp_path)
    content = json.loads((path / "sub" / "größe.json").read_text())
    content["shapes"] = [{"label": "a", "shape_type": "star", "points": [[1, 2]]}]
    save_json(path / "sub" / "größe.json", content)
    with pytest.raises(ValueError, match="größe.json: shape 1: there is no shape_type 'star'"):
        read(path)


def test_cvat(tmp_path):
    path, _ = sample("cvat", tmp_path)
    assert detect(path)[0] == detect(tmp_path)[0] == "cvat"
    builder = read(path)
    found = summary(builder)
    assert found[:3] == [
        ("a.png", "car", 60, [2, 3, 10, 6]),
        ("a.png", "tree", found[1][2], found[1][3]),  # 4 x 5, a quarter turn around its centre: half pixels
        ("a.png", "leaf", 48, [4, 10, 8, 8]),
    ]
    turned = np.array(builder.coco()["annotations"][1]["segmentation"][0]).reshape(-1, 2)
    assert np.allclose([turned.min(axis=0), turned.max(axis=0)], [[19.5, 3.5], [24.5, 7.5]])
    assert close(found[3], "tree", np.pi * 32)
    assert found[4] == ("a.png", "car", 80, [2, 3, 22, 6])
    coco = builder.coco()
    assert coco["annotations"][0]["attributes"] == {"ripe": "yes", "occluded": True, "z_order": 2}
    assert [c["name"] for c in coco["categories"]] == ["car", "unused", "tree", "leaf"]
    assert [(i["id"], i["file_name"]) for i in coco["images"]] == [(5, "a.png"), (0, "sub/größe.png")]
    assert coco["images"][0]["attributes"] == {"tags": ["sunny"]}
    assert builder.account.dropped == {"polyline, which has no area": ["a.png: shape 7"]}


@pytest.mark.parametrize(
    "content, message",
    [
        ('<!DOCTYPE a [<!ENTITY b "x">]><annotations>&b;</annotations>', "DOCTYPE"),
        ("<annotations><image></annotations>", "not XML"),
        ("<a/>", "its root is <a>"),
        ("<annotations><track/></annotations>", "tracks of a video"),
        ("<a>" * 500, "nested"),
        ('<?xml version="1.0" encoding="klingon"?><annotations/>', "not XML"),
        ('<annotations><image id="1" name="a" width="5" height="5"><mask label="b" rle="3" left="0" top="0" width="2" '
         'height="2"/></image></annotations>', "do not add up to 2 x 2"),
        ('<annotations><image id="1" name="a" width="5" height="5"><polygon label="b" points="1,2;3"/></image>'
         "</annotations>", "points must be"),
    ],
)  # fmt: skip
def test_unsafe_or_broken_xml(tmp_path, content, message):
    path = tmp_path / "annotations.xml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read(path, "cvat")
    assert str(path) in str(error.value)


def test_supervisely(tmp_path):
    path, _ = sample("supervisely", tmp_path)
    assert detect(path)[0] == "supervisely"
    builder = read(path)
    assert summary(builder) == [
        ("ds/img/a.png", "car", 60 - 4, [2, 3, 10, 6]),
        ("ds/img/a.png", "leaf", 48, [4, 10, 8, 8]),
        ("ds/img/a.png", "tree", 20, [20, 3, 4, 5]),
    ]
    coco = builder.coco()
    assert [c["name"] for c in coco["categories"]] == ["tree", "car", "leaf", "unused"]
    assert coco["annotations"][0]["attributes"] == {"ripe": "yes"} and coco["annotations"][0]["source_id"] == 7
    assert coco["annotations"][0]["iscrowd"] == 0 and builder.account.kept["objects with holes"] == 1
    assert coco["images"][0]["attributes"] == {"sunny": True}
    assert len(coco["images"]) == 2
    assert builder.account.dropped == {"point, which has no area": ["ds/img/a.png: object 4"]}
