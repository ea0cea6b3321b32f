"""TFRecord as a format of `convert`: in, out, there and back, and what is lost is told."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from mrcnn_ext.commands.cli import app
from mrcnn_ext.convert import Options, convert_labels, detect, read
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.tfrecord.example import Record, encode_png_mask, to_example
from tests.support.converted import masks_of, summary
from tests.support.label_samples import SIZES, made_images, ring, sample, turned_image

SHARD = "mine-00000-of-00002.tfrecord"


def one(path, **changes):
    """A file with one record: an image 6 x 4 with an object of 6 pixels."""
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    encoded = tf.io.encode_png(np.zeros((4, 6, 3), np.uint8)).numpy()
    box = np.array([[0.25, 1 / 3, 0.75, 5 / 6]])
    record = Record("x.png", "1", 4, 6, encoded, "png", box, [1], ["cat"], [0], [6.0], [encode_png_mask(mask)])
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(to_example(replace(record, **changes)))
    return path


def test_in(tmp_path):
    path, _ = sample("tfrecord", tmp_path)
    assert detect(path)[0] == detect(path / SHARD)[0] == "tfrecord"
    builder = read(path)
    assert summary(builder) == [
        ("a.png", "Bäume", 60, [2, 3, 10, 6]),
        ("a.png", "car", 48, [4, 10, 8, 8]),
        ("a.png", "car", 400, [0, 20, 40, 10]),
    ]
    coco = builder.coco()
    assert [(i["id"], i["file_name"], i["width"], i["height"]) for i in coco["images"]] == [
        (17, "a.png", 40, 30),
        (42, "sub/größe.png", 20, 24),
    ]
    assert coco["categories"] == [{"id": 3, "name": "car"}, {"id": 7, "name": "Bäume"}]
    assert [a["iscrowd"] for a in coco["annotations"]] == [0, 0, 1]
    assert [a.get("source_area") for a in coco["annotations"]] == [61.5, None, None]
    assert [a.get("source_bbox") for a in coco["annotations"]] == [None, None, [0, 0, 40, 30]]
    assert (masks_of(coco)[2] == ring(30, 40)).all()
    assert list(builder.account.notes) == ["images stay in the records; --images DIR writes them to a folder"]
    assert summary(read(path / SHARD)) == summary(builder)  # its other shards are read, too


def test_images_come_out(tmp_path):
    path, _ = sample("tfrecord", tmp_path)
    images = tmp_path / "images"
    builder = read(path, options=Options(images=images))
    assert builder.account.notes == {}
    whole = {name: (images / name).read_bytes() for name in SIZES}
    assert sorted(file.relative_to(images).as_posix() for file in images.rglob("*.png")) == sorted(whole)
    convert_labels(path, tmp_path / "coco.json", images=images)  # a second time: they are there
    dataset = CocoDataset()
    dataset.load_coco_files(tmp_path / "coco.json", images)
    assert dataset.load_image(0).shape == (30, 40, 3) and dataset.load_image(1).shape == (24, 20, 3)
    (images / "a.png").write_bytes(whole["sub/größe.png"])
    with pytest.raises(ValueError, match="a.png is there already, and is another image"):
        read(path, options=Options(images=images))


def test_there_and_back(tmp_path):
    """COCO's holes, parts, crowds, ids, sub-folders, Unicode and empty images through TFRecord."""
    path, _ = sample("coco", tmp_path)
    made_images(tmp_path / "p", {**SIZES, "empty.png": (8, 9)})
    made, account = convert_labels(path, tmp_path / "records", to="tfrecord", images=tmp_path / "p")
    assert account.dropped == {"attributes: TFRecord has no place for them": ["a.png: annotation 5"]}
    again, _ = convert_labels(tmp_path / "records", tmp_path / "again.json")
    assert sorted(a["id"] for a in again["images"]) == [17, 42, 99]
    assert sorted(again["categories"], key=lambda c: c["id"]) == [
        {"id": c["id"], "name": c["name"]} for c in made["categories"]
    ]

    def objects(coco):
        names = {item["id"]: item["file_name"] for item in coco["images"]}
        masks = masks_of(coco)
        return sorted(
            (names[a["image_id"]], a["category_id"], a["iscrowd"], a["area"], a["bbox"], masks[a["id"]].tobytes())
            for a in coco["annotations"]
        )

    assert objects(again) == objects(made)
    once = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "records").glob("*.tfrecord")}
    convert_labels(path, tmp_path / "records", to="tfrecord", images=tmp_path / "p")
    assert once == {file.name: file.stat().st_mtime_ns for file in (tmp_path / "records").glob("*.tfrecord")}


def test_images_are_needed_to_write(tmp_path):
    path, _ = sample("coco", tmp_path)
    with pytest.raises(ValueError, match="TFRecord files hold the images, too. .* --images"):
        convert_labels(path, tmp_path / "records", to="tfrecord")
    made_images(tmp_path / "p")
    with pytest.raises(ValueError, match="1 of 3 images are not in .*: empty.png"):
        convert_labels(path, tmp_path / "records", to="tfrecord", images=tmp_path / "p")


def test_labels_lie_on_the_stored_pixels(tmp_path):
    """An image stored as 6 x 4 and shown as 4 x 6: its labels are turned with it."""
    encoded = turned_image(tmp_path / "t.jpg", 6, 4, 6).read_bytes()
    file = one(tmp_path / "x.tfrecord", encoded=encoded, filename="t.jpg", format="jpeg")
    builder = read(file, options=Options(images=tmp_path / "out"))
    assert summary(builder) == [("t.jpg", "cat", 6, [1, 2, 2, 3])]  # (y from the bottom, x): columns 1 and 2
    assert builder.account.repaired == {"labels on the stored pixels, turned as EXIF says": ["t.jpg"]}


def test_what_others_leave_away(tmp_path):
    """No label map, no name, no masks: names from the records, boxes as masks, and all of it is told."""
    file = one(tmp_path / "x.record", filename="", source_id="shot 7", masks=(), areas=[])
    builder = read(file)
    assert summary(builder) == [("shot 7.png", "cat", 6, [2, 1, 3, 2])]
    assert builder.account.notes == {
        "box taken as the mask of its object": ["shot 7.png: object 1"],
        "class that no label map names": ["1 cat"],
        "images stay in the records; --images DIR writes them to a folder": ["x.record"],
    }
    for name in ("a.pbtxt", "b.pbtxt"):
        (tmp_path / name).write_text("item { id: 1 name: 'dog' }")
    with pytest.raises(ValueError, match="several label maps: a.pbtxt, b.pbtxt"):
        read(file)
    (tmp_path / "b.pbtxt").unlink()
    assert summary(read(file))[0][1] == "dog"


def test_names_stay_in_their_folder(tmp_path):
    one(tmp_path / "x.record", filename="../../up.png")
    read(tmp_path / "x.record", options=Options(images=tmp_path / "out"))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["up.png"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0]}, "its label 0 is no class"),
        ({"areas": [1.0, 2.0]}, "2 areas for 1 objects"),
        ({"height": 5}, "it is 6 x 4 pixels, but its record says 6 x 5"),
        ({"encoded": b"nothing"}, "cannot be read as an image"),
        ({"boxes": np.full((1, 4), np.nan)}, "box: expected a number"),
        ({"masks": [b"nothing"]}, "mask 0 is no image"),
    ],
)
def test_broken_records_are_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=f"x.record: record 0: .*{message}"):
        read(one(tmp_path / "x.record", **change))


def test_missing_shards_are_named(tmp_path):
    path, _ = sample("tfrecord", tmp_path)
    (path / SHARD).unlink()
    with pytest.raises(ValueError, match=r"of the 2 shards of mine, \[0\] are missing"):
        read(path)


def test_command_line(tmp_path):
    path, _ = sample("tfrecord", tmp_path)
    call = CliRunner().invoke
    images, coco, records = (str(tmp_path / name) for name in ("p", "coco.json", "records"))
    result = call(app, ["convert", str(path), coco, "--images", images, "--json"])
    assert json.loads(result.stdout)["kept"]["objects"] == 3
    result = call(app, ["convert", coco, records, "--to", "tfrecord", "--images", images])
    assert result.exit_code == 0 and (tmp_path / "records" / "label_map.pbtxt").is_file()
