"""Every fault that check knows, each made in a sound data set, and nothing else found."""

import base64
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mrcnn.config import Config
from mrcnn_ext.check import CODES, check_data
from mrcnn_ext.check.findings import MAX_LISTED
from mrcnn_ext.check.overlays import overlays
from mrcnn_ext.check.page import html_page
from mrcnn_ext.masks.rle import encode_mask, rle_to_json


def _first(made):
    return made.train["annotations"][0]


def _move(made, polygon):
    _first(made)["segmentation"] = [polygon]


def _save_turned(made, orientation):
    """Image 1 with an EXIF orientation; stored as 60 x 40."""
    path = made.image(1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as image:
        image.save(path, exif=exif)


def _rle(mask):
    return rle_to_json(encode_mask(mask))


def _two_of(made, category_id=None, shift=0):
    extra = _first(made) | {"id": 99}
    if category_id:
        extra["category_id"] = category_id
    if shift:
        extra["segmentation"] = [[5, 6, 17, 6, 17, 18 - shift, 5, 18 - shift]]
        extra |= {"bbox": [5, 6, 12, 12 - shift], "area": 12 * (12 - shift)}
    made.train["annotations"].append(extra)


def _empty(made):
    made.validate.update(images=[], annotations=[])
    shutil.rmtree(made.image(11).parent)


def _list_twice(made):
    """Image 1 under a second id, which has one of its objects."""
    made.train["images"].append(made.train["images"][0] | {"id": 50})
    made.train["annotations"][1]["image_id"] = 50


def _nearly(made, image_id):
    """A copy of image 1, saved as JPEG with other bytes, as another image."""
    with Image.open(made.image(1)) as image:
        image.save(made.image(image_id), format="JPEG", quality=90)


BREAK = {  # code: what breaks the set
    "part-empty": lambda made: _empty(made),
    "image-entry": lambda made: made.train["images"].append({"id": 50, "width": 5, "height": 5}),
    "image-id-twice": lambda made: made.train["images"].append(dict(made.train["images"][0])),
    "image-listed-twice": lambda made: _list_twice(made),
    "image-missing": lambda made: made.image(1).unlink(),
    "image-unreadable": lambda made: made.image(1).write_bytes(made.image(1).read_bytes()[:300]),
    "image-size": lambda made: made.train["images"][0].update(width=61),
    "image-exif": lambda made: _save_turned(made, 6),
    "image-exif-half": lambda made: _save_turned(made, 3),
    "image-unlisted": lambda made: shutil.copy(made.image(1), made.image(1).with_name("extra.png")),
    "image-no-objects": lambda made: made.train["annotations"].__delitem__(slice(0, 2)),
    "image-twice": lambda made: shutil.copy(made.image(1), made.image(2)),
    "image-near-twice": lambda made: _nearly(made, 2),
    "image-in-two-parts": lambda made: shutil.copy(made.image(1), made.image(11)),
    "image-near-in-two-parts": lambda made: _nearly(made, 11),
    "category-entry": lambda made: made.train["categories"].append({"id": "x", "name": "bud"}),
    "category-id-twice": lambda made: made.train["categories"].append({"id": 7, "name": "bud"}),
    "annotation-entry": lambda made: made.train["annotations"].append("nothing"),
    "annotation-id-twice": lambda made: made.train["annotations"][1].update(id=2),
    "annotation-image": lambda made: made.train["annotations"].append(_first(made) | {"id": 99, "image_id": 77}),
    "annotation-category": lambda made: made.train["annotations"].append(_first(made) | {"id": 99, "category_id": 5}),
    "annotation-twice": lambda made: _two_of(made),
    "annotation-near-twice": lambda made: _two_of(made, shift=1),  # IoU 11/12
    "annotation-two-classes": lambda made: _two_of(made, category_id=7),
    "mask-missing": lambda made: _first(made).update(segmentation=[]),
    "mask-broken": lambda made: _move(made, [1, 2, 3, 4, 5, 6, 7]),
    "mask-empty": lambda made: _move(made, [1, 2, 3, 4]),
    "mask-outside": lambda made: _move(made, [100, 5, 110, 5, 110, 15]),
    "mask-tiny": lambda made: _first(made).update(segmentation=[[5, 6, 6, 6, 6, 7, 5, 7]], bbox=[5, 6, 1, 1], area=1),
    "polygon-outside": lambda made: _first(made).update(
        segmentation=[[-20, 6, 12, 6, 12, 18, -20, 18]], bbox=[0, 6, 12, 12], area=144
    ),
    "polygon-degenerate": lambda made: _first(made)["segmentation"].append([1, 1, 9, 9, 5, 5]),
    "box-broken": lambda made: _first(made).update(bbox=[5, 6, 12]),
    "box-missing": lambda made: _first(made).pop("bbox"),
    "box-disagrees": lambda made: _first(made).update(bbox=[5, 6, 17, 18]),
    "area-broken": lambda made: _first(made).update(area=float("nan")),
    "area-missing": lambda made: _first(made).pop("area"),
    "area-disagrees": lambda made: _first(made).update(area=300),
}


def test_a_sound_set_has_no_findings(made):
    report = made.check()
    assert not report.counts and report.exit_code == 0
    assert report.verdict() == "0 errors, 0 warnings, 0 notes: ready to train."


@pytest.mark.parametrize("code", BREAK)
def test_each_fault_is_found_alone(made, code):
    made.write()
    BREAK[code](made)
    report = made.check()
    assert dict(report.counts) == {code: 1}
    assert report.exit_code == (CODES[code][0] == "error")
    finding = report.findings[0]
    assert finding.what and finding.file.endswith(".json")
    if code.startswith(("mask", "polygon", "box", "area")):
        assert (finding.image, finding.image_id, finding.annotation_id) == ("1.png", 1, 2)


def test_classes_of_both_parts(made):
    for content in (made.train, made.validate):
        content["categories"] += [{"id": 8, "name": "Flowers"}, {"id": 9, "name": "background"}]
    counts = dict(made.check().counts)
    # Both new ones have no object, and the background is listed in both files.
    assert counts == {"category-similar": 1, "category-background": 2, "category-unused": 2}


def test_classes_that_differ(made):
    made.validate["categories"][1]["name"] = "blossom"
    report = made.check()
    assert dict(report.counts) == {"categories-differ": 1}
    assert "lacks {7: 'flower'} and has {7: 'blossom'}" in report.findings[0].what


def test_a_class_name_twice_and_a_class_absent_from_one_part(made):
    for content in (made.train, made.validate):
        content["categories"].append({"id": 8, "name": "flower"})
    made.train["annotations"][1]["category_id"] = 8
    assert dict(made.check().counts) == {"category-name-twice": 2, "category-unused-here": 1}


def test_names_with_numbers_are_not_similar(made):
    for content in (made.train, made.validate):
        content["categories"][0]["name"], content["categories"][1]["name"] = "stage 1", "stage 2"
    assert not made.check().counts


def test_caps_come_from_the_config(made):
    class Small(Config):
        MAX_GT_INSTANCES = 1
        DETECTION_MAX_INSTANCES = 2

    made.train["annotations"][1]["iscrowd"] = 1  # crowds do not count: this image has one object
    report = made.check(config=Small())
    assert dict(report.counts) == {"cap-truth": 5}
    assert report.findings[0].what == "2 objects, MAX_GT_INSTANCES is 1"
    Small.MAX_GT_INSTANCES, Small.DETECTION_MAX_INSTANCES = 2, 1
    assert dict(made.check(config=Small()).counts) == {"cap-detections": 5}


def test_a_name_that_leads_outside(made):
    made.train["images"][0]["file_name"] = "../made_train2018/1.png"
    assert dict(made.check().counts) == {"image-name": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ('{"images": [', "cut off"),
        ("[1]", "holds a list"),
        ('{"images": [], "annotations": {}}', "no list 'annotations' and no list 'categories'"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_coco(made, text, words):
    made.write()
    (made.folder / "annotations" / "instances_made_validate2018.json").write_text(text)
    report = check_data(made.folder, progress=False)
    assert dict(report.counts) == {"file-unreadable": 1}
    assert words in report.findings[0].what
    assert [row["images"] for row in report.statistics["parts"]] == [3]  # the other part is still looked at


def test_text_that_is_not_utf8(made):
    made.write()
    (made.folder / "annotations" / "instances_made_validate2018.json").write_bytes(b'{"images": "\xff"}')
    assert dict(check_data(made.folder, progress=False).counts) == {"file-unreadable": 1}


def test_no_annotation_file(tmp_path):
    with pytest.raises(ValueError, match="no annotation file"):
        check_data(tmp_path, progress=False)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([[1, 2, 3, "x", 5, 6]], "lists of numbers"),
        ([1, 2, 3, 4, 5, 6], "flat lists"),
        ([[1, 2, 3, float("nan"), 5, 6]], "not a finite number"),
        ([[1, 2, 3, 1e30, 5, 6]], "which no image has"),
        ({"size": [60, 40], "counts": [2400]}, "the size"),
        ({"size": [40, 60], "counts": [10, 10]}, "add up"),
        ({"size": [40, 60], "counts": "###"}, "compressed RLE"),
        ({"counts": "a"}, "the size"),
        ("a mask", "neither polygons nor RLE"),
        (7, "neither polygons nor RLE"),
    ],
)
def test_masks_that_cannot_be_read(made, segmentation, words):
    _first(made)["segmentation"] = segmentation
    report = made.check()
    assert dict(report.counts) == {"mask-broken": 1}
    assert words in report.findings[0].what


def test_empty_rle_and_polygon_without_pixels(made):
    _first(made)["segmentation"] = _rle(np.zeros((40, 60)))
    made.train["annotations"][1]["segmentation"] = [[1, 1, 9, 1, 5, 1]]
    assert dict(made.check().counts) == {"mask-empty": 2}


@pytest.mark.parametrize(("box", "hint"), [([5, 6, 17, 18], "x1, y1, x2, y2"), ([6, 30, 12, 12], "swapped")])
def test_hints_for_boxes(made, box, hint):
    made.train["annotations"][0 if box[0] == 5 else 1]["bbox"] = box
    assert hint in made.check().findings[0].what


def test_an_area_that_is_the_box(made):
    _first(made)["segmentation"] = [[5, 6, 29, 6, 5, 30]]  # half of 24 x 24
    _first(made).update(bbox=[5, 6, 24, 24], area=576)
    report = made.check()
    assert dict(report.counts) == {"area-disagrees": 1}
    assert "it is the box's" in report.findings[0].what


def test_ids_written_as_text_are_read(made):
    made.train["images"][0]["id"], _first(made)["image_id"] = "1", "1"
    assert not made.check().counts


def test_all_are_counted_and_the_first_are_listed(made):
    template = _first(made)
    made.train["annotations"] += [template | {"id": 1000 + i, "image_id": 77} for i in range(MAX_LISTED + 5)]
    report = made.check()
    assert report.counts["annotation-image"] == MAX_LISTED + 5
    assert len(report.findings) == MAX_LISTED


def test_images_folder_can_be_given_for_one_file(made, tmp_path):
    made.write()
    shutil.move(made.folder / "made_train2018", tmp_path / "elsewhere")
    file = made.folder / "annotations" / "instances_made_train2018.json"
    assert check_data(file, progress=False).counts["image-missing"] == 3
    assert not check_data(file, tmp_path / "elsewhere", progress=False).counts


def test_statistics(made):
    made.train["annotations"].pop()
    numbers = made.check().statistics
    assert numbers["parts"][0] == {
        "name": "made_train2018",
        "file": str(made.folder / "annotations" / "instances_made_train2018.json"),
        "images": 3,
        "without_objects": 0,
        "objects": 5,
        "crowds": 0,
        "fullest": 2,
    }
    assert numbers["classes"] == {
        "leaf": {"made_train2018": 3, "made_validate2018": 3},
        "flower": {"made_train2018": 2, "made_validate2018": 3},
    }
    assert numbers["sides_px"] == {"8": 11}  # all have a side of 12 pixels
    assert numbers["objects_in_an_image"] == {"1": 1, "2": 5}
    assert numbers["image_sizes"] == {"60 x 40": 6}


def test_the_original_is_only_read(made):
    made.write()
    before = {path: path.stat().st_mtime_ns for path in made.folder.rglob("*")}
    check_data(made.folder, progress=False)
    assert {path: path.stat().st_mtime_ns for path in made.folder.rglob("*")} == before


def test_every_code_has_a_test():
    elsewhere = {"category-similar", "category-background", "category-unused", "categories-differ", "image-name"}
    elsewhere |= {"category-name-twice", "category-unused-here", "cap-truth", "cap-detections", "file-unreadable"}
    assert set(BREAK) | elsewhere == set(CODES)


def test_overlays_of_copies_show_both(made):
    shutil.copy(made.image(1), made.image(11))
    report = made.check()
    ((finding, uri),) = overlays(report)
    assert (finding.image_id, finding.other_image_id) == (11, 1)
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as image:
        assert image.size == (2 * 240 + 6, 160)  # each is drawn four times as large


@pytest.mark.parametrize("code", sorted(BREAK))
def test_every_fault_makes_a_page(made, code):
    made.write()
    BREAK[code](made)
    report = made.check()
    page = html_page(report)
    assert code in page and page.endswith("</html>\n")


def test_report_as_json(made):
    made.image(1).unlink()
    content = json.loads(json.dumps(made.check().to_dict()))
    assert content["totals"] == {"error": 1, "warning": 0, "note": 0}
    assert content["findings"][0]["severity"] == "error" and content["findings"][0]["image"] == "1.png"
