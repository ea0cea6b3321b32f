"""Detections as COCO JSON: ids, boxes, files that load again."""

import json

import numpy as np
import pytest
from PIL import Image

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.as_coco import coco_ids
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.detection.coco_results import compact, result_to_coco, write_coco, write_results
from mrcnn_ext.evaluation.coco_ap import evaluate
from mrcnn_ext.masks.rle import decode_masks

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


def detections():
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
        decode_masks([dog["segmentation"], cat["segmentation"]], HEIGHT, WIDTH), detections()[1]["masks"]
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
    np.testing.assert_array_equal(masks, detections()[1]["masks"])
    assert class_ids.tolist() == [2, 1]
    assert again.load_mask(0)[0].shape == (HEIGHT, WIDTH, 0)
    content = json.loads((folder / "found.json").read_text())
    assert [a["score"] for a in content["annotations"]] == [0.75, 0.5]
    assert [a["area"] for a in content["annotations"]] == [400, 47]


def test_whole_file_needs_masks(folder):
    boxes_only = [{k: v for k, v in item.items() if k != "masks"} for item in detections()]
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


def test_compact_takes_either_form():
    item = compact(detections()[1])
    assert "masks" not in item and len(item["rles"]) == 2
    assert compact(item) == item
    assert "rles" not in compact({"image_id": 0, "rois": [], "masks": None})


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
        result_to_coco(load(folder / "truth.json", folder), [{**detections()[1], **change}])
