"""COCO in and out; merging, filtering, renumbering; EXIF; the command."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps
from pycocotools.coco import COCO
from typer.testing import CliRunner

from mrcnn_ext.convert import Options, convert_labels, detect, read
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.coco_edit import filter_coco, merge_coco, renumber_coco
from tests.support import folder_samples  # noqa: F401 (it fills SAMPLES)
from tests.support.converted import masks_of
from tests.support.label_samples import SAMPLES, SQUARE, flat, made_images, ring, sample, save_json, turned_image


def one_object(segmentation, size=(40, 30), **extra):
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation, **extra}],
    }


def test_everything_is_kept(tmp_path):
    path, _ = sample("coco", tmp_path)
    assert detect(path)[0] == "coco"
    builder = read(path)
    made, given = builder.coco(), json.loads(path.read_text())
    for key in ("info", "licenses", "images", "categories"):
        assert made[key] == given[key]
    assert [a["id"] for a in made["annotations"]] == [5, 8, 9, 11]
    assert [a["area"] for a in made["annotations"]] == [60, 80, 48, 50]
    assert [a["iscrowd"] for a in made["annotations"]] == [0, 0, 0, 1]
    assert made["annotations"][0]["source_area"] == 61.5
    assert made["annotations"][0]["attributes"] == {"ripe": True}
    assert made["annotations"][1]["segmentation"] == given["annotations"][1]["segmentation"]
    assert (masks_of(made)[9] == ring(24, 20)).all()
    assert builder.account.kept == {
        "images": 3, "objects": 4, "objects with attributes": 1, "objects of several polygons": 1, "crowds": 1,
    }  # fmt: skip


def test_again_gives_the_same(tmp_path):
    path, _ = sample("coco", tmp_path)
    once, _ = convert_labels(path, tmp_path / "once.json")
    twice, _ = convert_labels(tmp_path / "once.json", tmp_path / "twice.json")
    assert once == twice == json.loads((tmp_path / "twice.json").read_text())
    assert [a.get("source_area") for a in twice["annotations"]] == [61.5, None, None, None]


@pytest.mark.parametrize("name", SAMPLES)
def test_pycocotools_reads_the_result_of_every_format(tmp_path, name):
    (tmp_path / "labels").mkdir()
    path, options = sample(name, tmp_path / "labels")
    made, _ = convert_labels(path, tmp_path / "out.json", **options)
    theirs, ours = COCO(str(tmp_path / "out.json")), masks_of(made)
    assert sorted(theirs.imgs) == sorted(item["id"] for item in made["images"])
    assert sorted(theirs.cats) == sorted(item["id"] for item in made["categories"])
    assert sorted(theirs.anns) == sorted(ours) and ours
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pycocotools' own, under NumPy 2
        for number, annotation in theirs.anns.items():
            mask = theirs.annToMask(annotation)
            np.testing.assert_array_equal(mask, ours[number])
            assert annotation["area"] == mask.sum()


def test_the_source_is_never_overwritten(tmp_path):
    path, _ = sample("coco", tmp_path)
    path = path.rename(tmp_path / "annotations.json")
    before = path.read_bytes()
    for out in (path, tmp_path, tmp_path / "x" / ".." / "annotations.json"):
        with pytest.raises(ValueError, match="would overwrite .*annotations.json. Choose another OUT"):
            convert_labels(path, out)
    assert path.read_bytes() == before


def test_large_ids_and_areas(tmp_path):
    """COCO's crowds have ids such as 900100002299."""
    content = one_object([flat(SQUARE)], area=2e7)
    content["annotations"][0] |= {"id": 900100002299, "image_id": 2**53 + 1}
    content["images"][0]["id"] = 2**53 + 1
    made = read(save_json(tmp_path / "a.json", content)).coco()
    assert (made["annotations"][0]["id"], made["images"][0]["id"]) == (900100002299, 2**53 + 1)
    assert made["annotations"][0]["source_area"] == 2e7


def test_what_is_no_mask_is_listed(tmp_path):
    content = one_object([flat(SQUARE)])
    content["annotations"] = [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 5]]},
        {"id": 2, "image_id": 1, "category_id": 1, "segmentation": [], "bbox": [2, 3, 10, 6]},
        {"id": 3, "image_id": 8, "category_id": 1, "segmentation": [flat(SQUARE)]},
        {"id": 4, "image_id": 1, "category_id": 1, "segmentation": [[50, 1, 55, 1, 55, 5, 50, 5]]},
        {"id": 0, "image_id": 1, "category_id": 1, "segmentation": [[36, 0, 44, 0, 44, 5, 36, 5]]},
    ]
    builder = read(save_json(tmp_path / "a.json", content))
    made = builder.coco()["annotations"]
    assert [(a["id"], a["area"]) for a in made] == [(1, 60), (2, 4 * 5)]
    assert list(builder.account.dropped) == [
        "part of fewer than three points",
        "object without a pixel inside the image",
        "annotation whose image_id is not in the file",
    ]
    assert builder.account.dropped["object without a pixel inside the image"] == [
        "a.png: annotation 1",
        "a.png: annotation 4",
    ]
    assert list(builder.account.repaired) == [
        "polygon that reached out of the image, cut at the border",
        "annotation ids that were 0 or there twice: all are numbered anew",
    ]


def test_crowds_of_cvat(tmp_path):
    counts = {"size": [30, 40], "counts": [0, 30, 1170]}
    path = save_json(tmp_path / "a.json", one_object(counts, iscrowd=1, attributes={"occluded": False}))
    builder = read(path)
    assert builder.coco()["annotations"][0]["iscrowd"] == 1
    assert "--crowd objects" in next(iter(builder.account.notes))
    builder = read(path, options=Options(crowd="objects"))
    assert builder.coco()["annotations"][0]["iscrowd"] == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["polygon", "mask"])
def test_labels_on_stored_pixels_are_turned(tmp_path, orientation, kind):
    from mrcnn_ext.masks.rle import encode_mask, rle_to_json

    mask = np.zeros((30, 40), bool)
    mask[3:9, 2:12] = True
    segmentation = [flat(SQUARE)] if kind == "polygon" else rle_to_json(encode_mask(mask))
    path = save_json(tmp_path / "a.json", one_object(segmentation))
    turned_image(tmp_path / "p" / "a.png", 40, 30, orientation)
    made = read(path, options=Options(images=tmp_path / "p", exif="stored")).coco()
    stored = Image.fromarray(mask.astype(np.uint8))
    stored.getexif()[0x0112] = orientation
    assert (masks_of(made)[1] == np.asarray(ImageOps.exif_transpose(stored)).astype(bool)).all()


@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_without_a_word(tmp_path, orientation):
    """A quarter turn is seen by the stated size; for a half turn the account says what was taken."""
    turned_image(tmp_path / "p" / "a.png", 40, 30, orientation)
    path = save_json(tmp_path / "a.json", one_object([flat(SQUARE)]))
    builder = read(path, options=Options(images=tmp_path / "p"))
    image = builder.coco()["images"][0]
    if orientation == 6:
        assert (image["width"], image["height"]) == (30, 40)
        assert builder.account.repaired == {"labels on the stored pixels, turned as EXIF says": ["a.png"]}
        assert builder.coco()["annotations"][0]["bbox"] == [30 - 9, 2, 6, 10]
    else:
        assert (image["width"], image["height"]) == (40, 30)
        assert list(builder.account.notes.values()) == [["a.png"]]
        assert builder.coco()["annotations"][0]["bbox"] == [2, 3, 10, 6]


def test_images_are_found_by_the_end_of_their_path(tmp_path):
    made_images(tmp_path / "p")
    content = one_object([flat(SQUARE)])
    content["images"][0]["file_name"] = "C:\\data\\old\\a.png"
    content["images"].append(
        {"id": 2, "file_name": "http://x.org/sub/gro%CC%88%C3%9Fe.png?y=1", "width": 20, "height": 24}
    )
    content["images"].append({"id": 3, "file_name": "gone.png", "width": 20, "height": 24})
    builder = read(save_json(tmp_path / "a.json", content), options=Options(images=tmp_path / "p"))
    assert [item["file_name"] for item in builder.coco()["images"]] == ["a.png", "sub/größe.png", "gone.png"]
    assert builder.account.notes == {"image not found; its size is the one that the labels state": ["gone.png"]}


def test_wrong_size_is_said(tmp_path):
    made_images(tmp_path / "p", {"a.png": (41, 30)})
    path = save_json(tmp_path / "a.json", one_object([flat(SQUARE)]))
    account = read(path, options=Options(images=tmp_path / "p")).account
    assert account.notes == {"size in the labels is not the image's": ["a.png (40 x 30, image 41 x 30)"]}


def test_merge_meets_by_name():
    first, second = one_object([flat(SQUARE)], area=60), one_object([flat(SQUARE)], area=60)
    second["images"] = [{"id": 1, "file_name": "b.png", "width": 5, "height": 5}, {**first["images"][0], "id": 2}]
    second["categories"] = [{"id": 1, "name": "tree"}, {"id": 2, "name": "car"}]
    second["annotations"].append({**second["annotations"][0], "id": 2, "image_id": 2, "category_id": 2})
    account = Account()
    merged = merge_coco(first, second, account, "second.json")
    assert merged["categories"] == [{"id": 1, "name": "car"}, {"id": 3, "name": "tree"}]
    assert [(item["id"], item["file_name"]) for item in merged["images"]] == [(1, "a.png"), (3, "b.png")]
    assert [(a["id"], a["image_id"], a["category_id"]) for a in merged["annotations"]] == [
        (1, 1, 1),
        (2, 3, 3),
        (3, 1, 1),
    ]
    assert "image in several files: it has the objects of all" in account.notes


def test_merge_refuses_two_sizes():
    with pytest.raises(ValueError, match="a.png is .41, 30"):
        merge_coco(one_object([]), one_object([], size=(41, 30)), Account(), "second.json")


def test_filter_and_renumber(tmp_path):
    made = read(sample("coco", tmp_path)[0]).coco()
    account = Account()
    few = filter_coco(made, ["Bäume"], account)
    assert [a["id"] for a in few["annotations"]] == [5]
    assert len(few["images"]) == 3
    assert len(account.dropped["object of a class that was not asked for"]) == 3
    few = renumber_coco(few)
    assert [item["id"] for item in few["images"]] == [1, 2, 3]
    assert [(a["id"], a["image_id"], a["category_id"]) for a in few["annotations"]] == [(1, 1, 1)]
    with pytest.raises(ValueError, match="no class Auto. There are: Bäume, car, x"):
        filter_coco(made, ["Auto"], account)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"images": 3}, "images"),
        ({"annotations": [3]}, "expected an object"),
        ({"categories": [{"id": 1}]}, "expected text"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "there twice"),
        ({"images": [{"id": 1, "file_name": "a.png", "width": 10**9, "height": 10**9}]}, "a.png"),
        ({"images": [{"id": 1, "file_name": "a.png", "width": 0, "height": 3}]}, "cannot be right"),
    ],
)
def test_broken_files_are_named(tmp_path, change, message):
    path = save_json(tmp_path / "bad.json", {**one_object([flat(SQUARE)]), **change})
    with pytest.raises(ValueError, match=message) as error:
        read(path, "coco")
    assert str(path) in str(error.value)


def test_unknown_things_are_named(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match="no format that is known.*labelbox"):
        read(tmp_path / "x.json")
    with pytest.raises(ValueError, match="no format 'cocoo'"):
        read(tmp_path / "x.json", "cocoo")
    with pytest.raises(ValueError, match="no such file"):
        read(tmp_path / "y.json")
    with pytest.raises(ValueError, match="y_origin must be one of bottom, top"):
        Options(y_origin="left")


def test_command(tmp_path):
    from mrcnn_ext.commands.cli import app

    path, _ = sample("coco", tmp_path)
    arguments = [
        "convert",
        str(path),
        str(path),
        str(tmp_path / "out.json"),
        "--classes",
        "car",
        "--renumber",
        "--json",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    account = json.loads(result.stdout)
    assert account["format"] == "coco" and account["kept"]["images"] == 3
    assert len(json.loads((tmp_path / "out.json").read_text())["annotations"]) == 4
    text = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")]).stdout
    assert "format: coco (a JSON object with images, annotations and categories)" in text
    assert (tmp_path / "out" / "annotations.json").is_file()


def test_a_bar_counts_the_images(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mrcnn_ext.convert.builder.SECONDS_WITHOUT_BAR", 0)
    images = [{"id": i, "file_name": f"{i}.png", "width": 8, "height": 6} for i in (1, 2, 3)]
    (tmp_path / "in.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    convert_labels(tmp_path / "in.json", tmp_path / "quiet.json")
    assert capsys.readouterr().err == ""
    convert_labels(tmp_path / "in.json", tmp_path / "shown.json", progress=True)
    assert "3image" in capsys.readouterr().err
