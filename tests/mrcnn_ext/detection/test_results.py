"""Detections as COCO JSON: ids, boxes, files that load again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.as_coco import coco_ids
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.detection.coco_results import editable_annotation, result_to_coco, write_coco, write_results
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation.coco_ap import evaluate
from mrcnn_ext.masks.rle import decode_masks, encode_mask, polygons_to_rle, rle_to_json

HEIGHT, WIDTH = 40, 60


@pytest.fixture
def folder(tmp_path):
    """A COCO set with gaps in its ids: two images, one of them in a sub-folder."""
    (tmp_path / "images" / "über").mkdir(parents=True)
    for name in ("a.png", "über/b.png"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / name)
    content = {
        "images": [
            {"id": 70, "file_name": "a.png", "height": HEIGHT, "width": WIDTH},
            {"id": 30, "file_name": "über/b.png", "height": HEIGHT, "width": WIDTH},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 5, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 30, "category_id": 18, "segmentation": [[10, 5, 30, 5, 30, 25, 10, 25]], "iscrowd": 0}
        ],
    }
    (tmp_path / "truth.json").write_text(json.dumps(content))
    return tmp_path


def load(file, folder):
    dataset = CocoDataset()
    dataset.load_coco_files(file, folder / "images")
    dataset.prepare()
    return dataset


def detections(**change):
    """Of both images; change: of the answer for the second."""
    answers = answered()
    answers[1] |= change
    return [Detections.of(one, HEIGHT, WIDTH, image_id=one.pop("image_id")) for one in answers]


def answered():
    masks = np.zeros((HEIGHT, WIDTH, 2), bool)
    masks[5:25, 10:30, 0] = True
    masks[1:9, 2:8, 1] = True
    masks[4, 4, 1] = False
    return [
        {"image_id": 0, "rois": np.zeros((0, 4)), "class_ids": [], "scores": [], "masks": masks[:, :, :0]},
        {
            "image_id": 1,
            "rois": np.array([[5, 10, 25, 30], [1, 2, 9, 8]], np.int32),
            "class_ids": np.array([2, 1], np.int32),
            "scores": np.array([0.75, 0.5], np.float32),
            "masks": masks,
        },
    ]


def test_ids_boxes_and_masks_are_those_of_coco(folder):
    dog, cat = result_to_coco(load(folder / "truth.json", folder), detections())
    assert (dog["image_id"], dog["category_id"], dog["score"]) == (30, 18, 0.75)
    assert (cat["image_id"], cat["category_id"], cat["score"]) == (30, 5, 0.5)
    assert dog["bbox"] == [10, 5, 20, 20]  # x, y, width, height
    assert cat["bbox"] == [2, 1, 6, 8]
    np.testing.assert_array_equal(
        decode_masks([dog["segmentation"], cat["segmentation"]], HEIGHT, WIDTH), answered()[1]["masks"]
    )
    json.dumps([dog, cat])  # plain numbers only


def test_results_file(folder):
    dataset = load(folder / "truth.json", folder)
    file = write_results(folder / "new" / "results.json", dataset, detections())
    results = json.loads(file.read_text())
    assert results == result_to_coco(dataset, detections())
    assert evaluate(dataset, results)["segm"]["classes"]["dog"]["AP"] == 1
    assert [path.name for path in file.parent.iterdir()] == ["results.json"]


def test_whole_file_loads_again_as_data_set(folder):
    dataset = load(folder / "truth.json", folder)
    again = load(write_coco(folder / "found.json", dataset, detections()), folder)
    assert again.class_names == dataset.class_names
    assert [info["id"] for info in again.image_info] == [70, 30]
    masks, class_ids = again.load_mask(1)
    np.testing.assert_array_equal(masks, answered()[1]["masks"])
    assert class_ids.tolist() == [2, 1]
    assert again.load_mask(0)[0].shape == (HEIGHT, WIDTH, 0)
    content = json.loads((folder / "found.json").read_text())
    assert [a["score"] for a in content["annotations"]] == [0.75, 0.5]
    assert [a["area"] for a in content["annotations"]] == [400, 47]


def test_whole_file_needs_masks(folder):
    boxes_only = [replace(found, rles=None) for found in detections()]
    dataset = load(folder / "truth.json", folder)
    assert "segmentation" not in result_to_coco(dataset, boxes_only)[0]
    with pytest.raises(ValueError, match="no masks.*write_results"):
        write_coco(folder / "found.json", dataset, boxes_only)
    assert not (folder / "found.json").exists()


def test_data_set_of_another_kind(tmp_path):
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "x.png")
    dataset = Dataset()
    dataset.add_class("pets", "dog", "dog")
    dataset.add_class("pets", "cat", "cat")
    for name in ("one", "two"):  # ids are text, so numbers from 1 on take their place
        dataset.add_image("pets", name, tmp_path / "x.png")
    dataset.prepare()
    assert coco_ids(dataset) == ([1, 2], {1: 1, 2: 2})
    file = write_coco(tmp_path / "found.json", dataset, detections())
    again = CocoDataset()
    again.load_coco_files(file, tmp_path)
    again.prepare()
    assert again.load_mask(1)[1].tolist() == [2, 1]


def test_ids_that_are_there_twice_are_numbered_anew():
    dataset = Dataset()
    for source in ("a", "b"):
        dataset.add_class(source, 4, f"class of {source}")
        dataset.add_image(source, 9, None)
    dataset.prepare()
    assert coco_ids(dataset) == ([1, 2], {1: 1, 2: 2})


def test_detections_are_made_of_every_form_that_a_model_answers_in():
    """Full masks, crops of the boxes, crops of a part of the image, no masks."""
    (_, whole), answer = detections(), answered()[1]
    crops = [answer["masks"][y1:y2, x1:x2, i] for i, (y1, x1, y2, x2) in enumerate(answer["rois"])]
    (_, cropped) = detections(masks=crops)
    (_, moved) = detections(masks=crops, rois=answer["rois"] - [1, 2, 1, 2])
    part = Detections.of({**answer, "masks": crops, "rois": answer["rois"] - [1, 2, 1, 2]}, HEIGHT, WIDTH, (1, 2))
    assert whole.rles == cropped.rles == part.rles != moved.rles
    assert part.boxes.tolist() == whole.boxes.tolist() and part.image_id is None
    assert detections(masks=None)[1].masks() is None
    np.testing.assert_array_equal(whole.masks(), answer["masks"])
    assert whole.above(0.6).to_coco(7, masks="none") == [
        {"id": 1, "image_id": 7, "category_id": 2, "bbox": [10, 5, 20, 20], "area": 400, "iscrowd": 0, "score": 0.75}
    ]
    (square,) = whole.above(0.6).to_coco(7, {2: 18}, first_id=4, masks="polygon")
    assert (square["id"], square["category_id"]) == (4, 18)
    assert sorted(zip(*[iter(square["segmentation"][0])] * 2, strict=True)) == [(10, 5), (10, 25), (30, 5), (30, 25)]
    scores = np.array([0.9, 0.1], np.float32)
    assert [item["score"] for item in detections(scores=scores)[1].to_coco(7)] == [0.9, 0.1]  # not 0.8999999761581421
    (ring,) = detections(scores=[0.5, 0.9])[1].above(0.6).to_coco(7, masks="polygon")
    assert len(ring["segmentation"]) == 1 and ring["area"] == 47  # a polygon holds no hole


def test_what_is_given_to_a_person_to_correct():
    """Few corners near the mask; a hole stays, an empty mask becomes its box."""
    y, x = np.mgrid[:400, :400]
    disc, small = np.hypot(y - 200, x - 200) < 150, (y < 6) & (x < 7) & (x + y < 10)
    for mask, most in ((disc, 80), (small, 8)):
        rle = encode_mask(mask)
        (line,) = editable_annotation({"area": 9, "bbox": [0, 0, 1, 1], "segmentation": rle_to_json(rle)})[
            "segmentation"
        ]
        again = decode_masks([polygons_to_rle([np.array(line)], 400, 400)], 400, 400)[:, :, 0]
        assert np.sum(again & mask) / np.sum(again | mask) >= 0.95 and len(line) <= 2 * most
    hollow = rle_to_json(encode_mask(disc & (np.hypot(y - 200, x - 200) > 20)))
    ring = {"area": 9, "bbox": [0, 0, 1, 1], "segmentation": hollow}
    assert editable_annotation(ring) == ring
    for empty in ({"area": 0, "segmentation": rle_to_json(encode_mask(y < 0))}, {"area": 12}):
        box = editable_annotation({**empty, "bbox": [1, 2, 3, 4]})["segmentation"]
        assert box == [[1, 2, 4, 2, 4, 6, 1, 6]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 2}, "image 2, but the data set has 2"),
        ({"class_ids": [2, 3]}, "image 1: a detection has class 3; there are 1..2"),
        ({"class_ids": [2, 0]}, "image 1: a detection has class 0"),
        ({"scores": [0.5]}, "image 1: its boxes, classes, scores and masks are not equally many"),
        ({"scores": [0.5, np.nan]}, "image 1: .*no finite number"),
        ({"masks": np.zeros((HEIGHT, WIDTH, 3), bool)}, "image 1: .*not equally many"),
    ],
)
def test_detections_that_do_not_fit(folder, change, message):
    with pytest.raises(ValueError, match=message):
        result_to_coco(load(folder / "truth.json", folder), [detections(**change)[1]])
