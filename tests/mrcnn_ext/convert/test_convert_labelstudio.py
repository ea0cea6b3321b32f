"""Label Studio: reading its JSON, its brush code, and tasks with predictions there and back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mrcnn_ext.convert import Options, convert_labels, detect, read
from mrcnn_ext.convert.formats.labelstudio_rle import decode_brush, encode_brush
from mrcnn_ext.masks.outlines import object_mask
from tests.support.converted import summary
from tests.support.label_samples import brush_bytes, ring, sample, save_json


def test_brush_code_by_hand():
    assert decode_brush(brush_bytes(), 1, 2).tolist() == [[False, True]]


@settings(deadline=None)
@given(st.tuples(st.integers(1, 12), st.integers(1, 9)).flatmap(lambda shape: arrays(bool, shape)))
def test_brush_code_there_and_back(mask):
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), *mask.shape), mask)


def test_brush_code_of_long_runs():
    mask = np.zeros((300, 400), bool)
    mask[20:, :] = True  # a run of 448,000 values: more than 16 bits hold
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), 300, 400), mask)


BROKEN = (
    (lambda code: code[:-2], "cut off"),
    (lambda code: code[:3], "cut off"),
    (lambda code: [1, *code[1:]], "values, not"),
    (lambda code: [*code[:-1], 256], "list of bytes"),
    (lambda code: [], "cut off"),
)


@pytest.mark.parametrize("change, message", BROKEN)
def test_broken_brush_code(change, message):
    with pytest.raises(ValueError, match=message):
        decode_brush(change(brush_bytes()), 1, 2)


def test_every_shape(tmp_path):
    path, options = sample("labelstudio", tmp_path)
    assert detect(path)[0] == "labelstudio"
    builder = read(path, options=Options(**options))
    found = summary(builder)
    assert found[0] == ("a.png", "car", 60, [2, 3, 10, 6])
    assert found[1] == ("a.png", "tree", 20, [20 - 5, 3, 5, 4])  # 4 wide, 5 high, a quarter turn around (20, 3)
    assert found[2][:2] == ("a.png", "tree") and abs(found[2][2] - np.pi * 8 * 4) < 3
    assert found[3:] == [("a.png", "leaf", 48, [4, 10, 8, 8])] * 2
    coco = builder.coco()
    assert (object_mask(coco["annotations"][3], 30, 40) == ring(30, 40)).all()
    assert coco["annotations"][0]["attributes"] == {"ripe": ["yes"]}
    assert coco["annotations"][4]["score"] == 0.5
    assert [(i["file_name"], i.get("attributes")) for i in coco["images"]] == [
        ("a.png", {"batch": 3}),
        ("sub/größe.png", None),
    ]
    assert builder.account.dropped == {
        "key point or line, which has no area": ["a.png: result 6"],
        "answer or result that belongs to no object": ["a.png: result 8 (choices)"],
        "task that is not labelled": ["data/upload/1/c.png"],
    }


def test_two_shapes_with_one_id(tmp_path):
    path, options = sample("labelstudio", tmp_path)
    path.write_text(path.read_text().replace('"id": "r3"', '"id": "r2"'))
    builder = read(path, options=Options(**options))
    assert builder.account.dropped["second shape with the id of another"] == ["a.png: result 3"]
    assert len(builder.annotations) == 4


def test_which_annotation(tmp_path):
    def annotation(x, **extra):
        value = {"x": x, "y": 0, "width": 10, "height": 10, "rectanglelabels": ["car"]}
        region = {"id": "r", "type": "rectanglelabels", "value": value, "original_width": 100, "original_height": 50}
        return {"result": [region], **extra}

    data = {"image": "a.jpg"}
    three = [annotation(10), annotation(20, was_cancelled=True), annotation(30)]
    builder = read(save_json(tmp_path / "t.json", [{"data": data, "annotations": three}]))
    assert summary(builder) == [("a.jpg", "car", 50, [30, 0, 10, 5])]
    assert builder.account.dropped == {"further annotation of a task": ["a.jpg"]}
    three[0]["ground_truth"] = True
    builder = read(save_json(tmp_path / "t.json", [{"data": data, "annotations": three}]))
    assert summary(builder)[0][3] == [10, 0, 10, 5]
    three[0]["result"][0]["image_rotation"] = 90
    builder = read(save_json(tmp_path / "t.json", [{"data": data, "annotations": three[:1]}]))
    assert "turned in Label Studio" in next(iter(builder.account.dropped))


def test_tasks_there_and_back(tmp_path):
    path, _ = sample("coco", tmp_path)
    given_, account = convert_labels(path, tmp_path / "tasks.json", to="labelstudio")
    assert len(account.dropped) == 2  # the crowd's mark, an attribute
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert [task["data"]["coco_id"] for task in tasks] == [17, 42, 99]
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=sub/gr%C3%B6%C3%9Fe.png"
    builder = read(tmp_path / "tasks.json")
    again = builder.coco()
    assert [(i["id"], i["file_name"], i["width"], i["height"]) for i in again["images"]] == [
        (i["id"], i["file_name"], i["width"], i["height"]) for i in given_["images"]
    ]
    names = [{c["id"]: c["name"] for c in coco["categories"]} for coco in (given_, again)]
    in_order = sorted(given_["annotations"], key=lambda a: [17, 42, 99].index(a["image_id"]))
    for old, new in zip(in_order, again["annotations"], strict=True):
        size = next((i["height"], i["width"]) for i in given_["images"] if i["id"] == old["image_id"])
        assert (object_mask(old, *size) == object_mask(new, *size)).all()
        assert (old["image_id"], names[0][old["category_id"]]) == (new["image_id"], names[1][new["category_id"]])
    assert list(builder.account.notes) == ["task without annotations: its prediction is taken"]


def test_scores_go_with_predictions():
    from mrcnn_ext.convert.formats.labelstudio_tasks import coco_to_tasks

    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 10, "height": 10}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 5, 0, 5, 5]], "score": score}
            for i, score in ((1, 0.9), (2, 0.25))
        ],
    }
    tasks, _ = coco_to_tasks(coco, model_version="run 7", prefix="s3://bucket/")
    assert tasks[0]["data"]["image"] == "s3://bucket/a.png"
    prediction = tasks[0]["predictions"][0]
    assert (prediction["model_version"], prediction["score"]) == ("run 7", 0.25)
    assert [item["score"] for item in prediction["result"]] == [0.9, 0.25]


def test_uploaded_files_have_letters_before_their_names(tmp_path):
    from tests.support.label_samples import made_images

    made_images(tmp_path / "p")
    task = {"data": {"image": "/data/upload/7/1a2b3c4d-a.png"}, "annotations": [{"result": []}]}
    path = save_json(tmp_path / "t.json", [task])
    builder = read(path, options=Options(images=tmp_path / "p"))
    assert [(i["file_name"], i["width"]) for i in builder.coco()["images"]] == [("a.png", 40)]


def test_labels_of_their_own(tmp_path):
    """A shape without a class, and a result of <Labels> with the same id."""
    size = {"original_width": 40, "original_height": 30, "id": "r"}
    shape = {**size, "type": "rectangle", "value": {"x": 5, "y": 10, "width": 25, "height": 20}}
    label = {**size, "type": "labels", "value": {"x": 5, "labels": ["car"]}}
    task = {"data": {"image": "a.png"}, "annotations": [{"result": [label, shape]}]}
    builder = read(save_json(tmp_path / "t.json", [task]))
    assert summary(builder) == [("a.png", "car", 60, [2, 3, 10, 6])]
    task["annotations"][0]["result"] = [shape]
    builder = read(save_json(tmp_path / "t.json", [task]))
    assert builder.account.dropped == {"region without a label": ["a.png: region 1"]}
