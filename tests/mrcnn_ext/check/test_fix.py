"""The repaired copy: each repair by its numbers, and that check finds it sound."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mrcnn_ext.check import fix_data
from mrcnn_ext.check.orientation import upright_segmentation
from mrcnn_ext.check.repair_objects import repaired_object
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.masks.rle import decode_masks, encode_mask, polygons_to_rle, rle_to_json


def _fix(made, tmp_path):
    return fix_data(made.write(), tmp_path / "fixed", progress=False)


def _content(fixed, part="made_train2018"):
    return json.loads((fixed.out / "annotations" / f"instances_{part}.json").read_text(encoding="utf-8"))


def test_a_sound_set_comes_out_as_it_is(made, tmp_path):
    fixed = _fix(made, tmp_path)
    assert not fixed.repairs and not fixed.report.counts
    assert _content(fixed) == made.train and _content(fixed, "made_validate2018") == made.validate
    for image_id in (1, 11):
        copy = fixed.out / made.image(image_id).relative_to(made.folder)
        assert copy.read_bytes() == made.image(image_id).read_bytes()


def test_many_faults_at_once(made, tmp_path):
    first, second, third, fourth, fifth, sixth = made.train["annotations"]
    first.update(segmentation=[[-20, 6, 12, 6, 12, 18, -20, 18], [1, 1, 2, 2]], area=9000, bbox=[1, 2, 3, 4])
    second.update(segmentation=[[1, 2, 3, 4]])
    third["id"] = first["id"]
    fourth["attributes"] = {"ripe": True}
    fifth.update(segmentation={"size": [40, 60], "counts": "###"})
    sixth["segmentation"] = [[100, 5, 110, 5, 110, 15]]
    made.train["annotations"] += [fourth | {"id": 300}, fourth | {"id": 301, "category_id": 55}]
    shutil.copy(made.image(2), made.image(12))
    made.image(13).unlink()
    made.write()
    before = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    fixed = _fix(made, tmp_path)

    train, validate = _content(fixed), _content(fixed, "made_validate2018")
    assert [image["id"] for image in train["images"]] == [1, 3]  # 2 is in the part for validation, too
    assert [image["id"] for image in validate["images"]] == [11, 12]
    assert len(train["annotations"]) == 1
    (cut,) = train["annotations"]
    assert cut["bbox"] == [0, 6, 12, 12] and cut["area"] == 144
    assert sorted(zip(cut["segmentation"][0][0::2], cut["segmentation"][0][1::2], strict=True)) == [
        (0, 6), (0, 18), (12, 6), (12, 18),
    ]  # fmt: skip
    assert fixed.report.exit_code == 0
    done = [repair.done for repair in fixed.repairs]
    for words in (
        "cut off 20 pixels outside", "1 parts without area", "area 9000 became 144", "became [0.0, 6.0, 12.0, 12.0]",
        "its file is not there, with its 2 objects", "a copy of 12.png of made_validate2018", "no pixel inside",
        "not a compressed RLE", "1 entries of 'annotations' left out",
    ):  # fmt: skip
        assert any(words in text for text in done), words
    assert {path: path.read_bytes() for path in before} == before


def test_ids_and_fields(made, tmp_path):
    made.train["annotations"][1].update(id=2, score=0.5, shade=float("inf"))  # 2 is the first one's
    made.train["info"] = {"licence": "CC0"}
    made.train["images"][0]["photographer"] = "Ada"
    content = _content(_fix(made, tmp_path))
    assert content["info"] == {"licence": "CC0"} and content["images"][0]["photographer"] == "Ada"
    assert [item["id"] for item in content["annotations"]] == [2, 8, 4, 5, 6, 7]
    assert content["annotations"][1]["score"] == 0.5 and content["annotations"][1]["shade"] is None


def test_one_image_under_two_ids_becomes_one(made, tmp_path):
    made.train["images"].append(made.train["images"][0] | {"id": 50})
    made.train["annotations"][1]["image_id"] = 50
    content = _content(_fix(made, tmp_path))
    assert [image["id"] for image in content["images"]] == [1, 2, 3]
    assert [item["image_id"] for item in content["annotations"][:2]] == [1, 1]


def test_two_images_with_one_id_are_left_out(made, tmp_path):
    made.train["images"][1]["id"] = 1
    fixed = _fix(made, tmp_path)
    assert [image["id"] for image in _content(fixed)["images"]] == [3]


def test_objects_with_a_box_only_stay_and_are_reported(made, tmp_path):
    made.train["annotations"][0]["segmentation"] = []
    made.train["annotations"][1].update(segmentation=[], bbox=None)
    fixed = _fix(made, tmp_path)
    assert [item["id"] for item in _content(fixed)["annotations"]] == [2, 4, 5, 6, 7]
    assert dict(fixed.report.counts) == {"mask-missing": 1} and fixed.report.exit_code == 1


def test_a_size_that_nobody_can_know(made, tmp_path):
    made.train["images"][0].update(width=600, height=400)
    made.new_image(2, (60, 40))  # swapped in the file: 40 wide, 60 high
    made.train["images"][2].update(width=61)  # but its masks say 60 x 40, as the image has
    for item in made.train["annotations"][4:]:
        item["segmentation"] = rle_to_json(polygons_to_rle([np.array(item["segmentation"][0])], 40, 60))
    fixed = _fix(made, tmp_path)
    assert [(i["id"], i["width"], i["height"]) for i in _content(fixed)["images"]] == [(2, 40, 60), (3, 60, 40)]
    assert [item["image_id"] for item in _content(fixed)["annotations"]] == [2, 2, 3, 3]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_a_turned_image_fit_it(made, tmp_path, orientation):
    """A white square is labelled as stored; turned, label and image must still agree."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[6:18, 5:17] = 255
    pixels[30:35, 40:58] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(made.image(1), exif=exif)
    mask = np.zeros((40, 60), bool)
    mask[30:35, 40:58] = True
    made.train["annotations"][1].update(segmentation=rle_to_json(encode_mask(mask)), bbox=[40, 30, 18, 5], area=90)
    fixed = _fix(made, tmp_path)
    assert not fixed.report.counts
    dataset = CocoDataset()
    dataset.load_coco(fixed.out, "train")
    dataset.prepare()
    white = dataset.load_image(0)[:, :, 0] > 128
    assert white.shape == (60, 40)
    np.testing.assert_array_equal(dataset.load_mask(0)[0].any(axis=2), white)


def test_labels_drawn_upright_only_get_the_size(made, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(made.image(1)) as image:
        image.save(made.image(1), exif=exif)
    made.train["annotations"][0].update(segmentation=[[5, 44, 15, 44, 15, 54, 5, 54]])  # y 54 is in 40 x 60 only
    made.train["annotations"][1].update(segmentation=[[1, 1, 9, 1, 9, 9, 1, 9]])
    content = _content(_fix(made, tmp_path))
    assert content["annotations"][0]["bbox"] == [5, 44, 10, 10]
    assert (content["images"][0]["width"], content["images"][0]["height"]) == (40, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_polygons_boxes_and_rles_turn_alike(orientation):
    mask = np.zeros((5, 8), bool)
    mask[1:3, 2:7] = True
    box = [2, 1, 5, 2]
    polygon = {"segmentation": (np.array([2.0, 1, 7, 1, 7, 3, 2, 3]),), "bbox": box}
    rle = {"segmentation": rle_to_json(encode_mask(mask)), "bbox": box}
    polygon, rle = (upright_segmentation(item, orientation, (8, 5)) for item in (polygon, rle))
    shape = (5, 8) if orientation < 5 else (8, 5)
    turned = decode_masks([rle["segmentation"]], *shape)[:, :, 0]
    same = decode_masks([polygons_to_rle(polygon["segmentation"], *shape)], *shape)[:, :, 0]
    np.testing.assert_array_equal(same, turned)
    rows, columns = np.flatnonzero(turned.any(axis=1)), np.flatnonzero(turned.any(axis=0))
    assert polygon["bbox"] == rle["bbox"] == [columns[0], rows[0], len(columns), len(rows)]


coordinate = st.floats(-30, 60).map(lambda value: round(value, 2))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=7))
def test_cutting_keeps_every_pixel(points):
    part = np.array(points).ravel()
    rle = polygons_to_rle([part], 20, 30)
    repaired, _ = repaired_object({"category_id": 1, "segmentation": (part,)}, 20, 30, set())
    if repaired is None:
        assert not decode_masks([rle], 20, 30).any()
        return
    segmentation = repaired["segmentation"]
    again = polygons_to_rle(segmentation, 20, 30) if isinstance(segmentation, tuple) else segmentation
    np.testing.assert_array_equal(decode_masks([again], 20, 30), decode_masks([rle], 20, 30))
    assert repaired["area"] == decode_masks([rle], 20, 30).sum()


def test_places_that_are_refused(made, tmp_path):
    made.write()
    with pytest.raises(ValueError, match="not empty"):
        fix_data(made.folder, tmp_path, progress=False)
    with pytest.raises(ValueError, match="lies inside"):
        fix_data(made.folder, made.folder / "fixed", progress=False)
    for file in (made.folder / "annotations").iterdir():
        file.write_text("[")
    with pytest.raises(ValueError, match="nothing to repair"):
        fix_data(made.folder, tmp_path / "fixed", progress=False)
