"""TFRecord files: every kind of object there and back, the schema as TensorFlow reads it, restarts."""

import hashlib
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from typer.testing import CliRunner

from mrcnn.config import Config
from mrcnn.data.molding import load_image_gt
from mrcnn_ext.commands.cli import app
from mrcnn_ext.datasets.layout import find_shards
from mrcnn_ext.datasets.tfrecord import write as write_module
from mrcnn_ext.datasets.tfrecord.shards import record_places
from tests.support.tfrecord_data import HEIGHT, WIDTH, coco, content, records, ring, write

FEATURES = {
    "image/height": tf.io.FixedLenFeature([], tf.int64),
    "image/width": tf.io.FixedLenFeature([], tf.int64),
    "image/filename": tf.io.FixedLenFeature([], tf.string),
    "image/source_id": tf.io.FixedLenFeature([], tf.string),
    "image/key/sha256": tf.io.FixedLenFeature([], tf.string),
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/format": tf.io.FixedLenFeature([], tf.string),
    **{f"image/object/bbox/{side}": tf.io.VarLenFeature(tf.float32) for side in ("xmin", "xmax", "ymin", "ymax")},
    "image/object/class/text": tf.io.VarLenFeature(tf.string),
    "image/object/class/label": tf.io.VarLenFeature(tf.int64),
    "image/object/is_crowd": tf.io.VarLenFeature(tf.int64),
    "image/object/area": tf.io.VarLenFeature(tf.float32),
    "image/object/mask": tf.io.VarLenFeature(tf.string),
}


def parsed(out):
    """What TensorFlow reads, in the order of the images in the COCO file."""
    shards = [list(tf.data.TFRecordDataset(str(path))) for path in find_shards(out, "train2018")]
    order = [shards[i % len(shards)][i // len(shards)] for i in range(sum(map(len, shards)))]
    return [tf.io.parse_single_example(raw, FEATURES) for raw in order]


def values(item, key):
    return tf.sparse.to_dense(item[f"image/object/{key}"]).numpy().tolist()


def test_what_goes_in_comes_out(data, tmp_path):
    result = write(data, tmp_path / "out")
    assert (result["images"], result["objects"]) == (6, 6)
    assert result["turned"] == ["turned.jpg"]
    assert result["left_out"] == ["instances_train2018.json: an object of 日本/b.png has no pixel in it"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(".train2018.json", "label_map.pbtxt"),
        *(f"train2018-0000{i}-of-00003.tfrecord" for i in range(3)),
    ]
    ours, theirs = records(tmp_path / "out"), coco(data)
    assert ours.num_images == 6 and ours.class_names == theirs.class_names == ["BG", "Früchte", "leaf", "木"]
    for image_id in theirs.image_ids:
        np.testing.assert_array_equal(ours.load_image(image_id), theirs.load_image(image_id))
        (masks, class_ids), (expected, expected_ids) = ours.load_mask(image_id), theirs.load_mask(image_id)
        np.testing.assert_array_equal(masks, expected)
        np.testing.assert_array_equal(class_ids, expected_ids)
        assert masks.dtype == bool and masks.shape == expected.shape and class_ids.dtype == np.int32
        crops = ours.load_mask_crops(image_id)[0]
        assert [crop.shape for crop in crops.crops] == [(y2 - y1, x2 - x1) for y1, x1, y2, x2 in crops.boxes().tolist()]
        assert all(crop.base is None or crop.base.size == crop.size for crop in crops.crops)  # the large one is gone
    assert ours.load_mask(2)[1].tolist() == [-3, 2]
    assert not ours.load_mask(0)[0][6, 7, 1]  # the hole
    assert ours.image_info[4]["id"] == "train2018-00001-of-00003.tfrecord:1"
    ours.load_mask = lambda image_id: (np.zeros((HEIGHT, WIDTH, 0), bool), np.zeros(0, np.int32))
    assert len(ours.load_mask_crops(2)[0]) == 0  # what a subclass makes of the masks is what trains


def test_schema_as_tensorflow_reads_it(data, tmp_path):
    write(data, tmp_path / "out")
    first, second, third, empty, turned, webp = parsed(tmp_path / "out")
    file = (data / "train2018" / "a.jpg").read_bytes()
    assert first["image/encoded"].numpy() == file and first["image/format"].numpy() == b"jpeg"
    assert (first["image/height"].numpy(), first["image/width"].numpy()) == (HEIGHT, WIDTH)
    assert first["image/source_id"].numpy() == b"17" and first["image/filename"].numpy() == b"a.jpg"
    assert first["image/key/sha256"].numpy().decode() == hashlib.sha256(file).hexdigest()
    assert values(first, "class/label") == [7, 1]  # as in COCO, not numbered anew
    assert [text.decode() for text in values(first, "class/text")] == ["leaf", "Früchte"]
    assert values(first, "is_crowd") == [0, 0] and values(first, "area") == [30, 111]
    np.testing.assert_allclose(values(first, "bbox/ymin"), [3 / 20, 2 / 20], rtol=1e-6)
    np.testing.assert_allclose(values(first, "bbox/xmin"), [4 / 30, 3 / 30], rtol=1e-6)
    np.testing.assert_allclose(values(first, "bbox/ymax"), [8 / 20, 12 / 20], rtol=1e-6)
    np.testing.assert_allclose(values(first, "bbox/xmax"), [10 / 30, 15 / 30], rtol=1e-6)
    mask = tf.io.decode_png(values(first, "mask")[1])
    assert mask.shape == (HEIGHT, WIDTH, 1) and set(np.unique(mask)) == {0, 1}
    np.testing.assert_array_equal(mask[:, :, 0], ring())

    assert second["image/format"].numpy() == b"png" and second["image/filename"].numpy().decode() == "sub/grün.png"
    assert values(third, "is_crowd") == [1, 0]
    assert values(third, "bbox/ymax")[1] == values(third, "bbox/xmax")[1] == 1.0  # cut to the image, not dropped
    assert [values(empty, key) for key in ("bbox/xmin", "class/label", "area", "mask")] == [[], [], [], []]
    assert [values(turned, f"bbox/{side}")[0] for side in ("ymin", "xmax")] == [0.0, 1.0]  # from the mask
    for item in (turned, webp):  # TensorFlow, which turns nothing, sees the corner where the label says
        image = tf.io.decode_image(item["image/encoded"]).numpy()
        assert image.shape == (HEIGHT, WIDTH, 3) and item["image/format"].numpy() == b"png"
        assert abs(int(image[2, 27, 0]) - int(image[18, 2, 0])) > 30


def test_names_of_shards_and_dealing(data, tmp_path):
    result = write(data, tmp_path / "out", shards=4)
    assert [Path(path).name for path in result["files"]] == [f"train2018-0000{i}-of-00004.tfrecord" for i in range(4)]
    shards = find_shards(tmp_path / "out", "train2018")
    assert [len(record_places(path)) for path in shards] == [2, 2, 1, 1]
    write(data, tmp_path / "many", shards=9)  # more than images: the last ones are empty
    assert records(tmp_path / "many").num_images == 6


def times(out):
    return {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}


def test_restart_writes_only_what_is_missing(data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    reference = write(data, tmp_path / "reference")
    real, seen = write_module.to_example, []

    def dies(record):
        seen.append(record.filename)
        if record.filename == "turned.jpg":
            raise KeyboardInterrupt
        return real(record)

    monkeypatch.setattr(write_module, "to_example", dies)
    with pytest.raises(KeyboardInterrupt):
        write(data, out, workers=1)
    assert list(times(out)) == ["train2018-00000-of-00003.tfrecord"]  # and no half of one
    with pytest.raises(ValueError, match=r"of the 3 shards of train2018, \[1, 2\] are missing"):
        records(out)
    before = times(out)
    monkeypatch.setattr(write_module, "to_example", real)
    again = write(data, out)
    assert {key: again[key] for key in again if key != "files"} == {
        key: reference[key] for key in reference if key != "files"
    }
    assert times(out).items() >= before.items() and len(times(out)) == 3
    for path in find_shards(out, "train2018"):
        assert path.read_bytes() == (tmp_path / "reference" / path.name).read_bytes()

    before = times(out)
    assert write(data, out) == again and times(out) == before  # all is there
    os.truncate(out / "train2018-00001-of-00003.tfrecord", 100)
    write(data, out)
    changed = {name for name, moment in times(out).items() if moment != before[name]}
    assert changed == {"train2018-00001-of-00003.tfrecord"} and records(out).num_images == 6
    (out / ".train2018.json").write_text("{broken")
    os.utime(data / "train2018" / "a.jpg")
    before = times(out)
    write(data, out)
    assert not before.items() & times(out).items()  # another image file: all anew


def test_several_parts_share_a_label_map(data, tmp_path):
    other = content()
    other["images"], other["annotations"] = other["images"][:1], []
    path = data / "annotations" / "instances_val2018.json"
    path.write_text(json.dumps(other))
    (data / "val2018").mkdir()
    (data / "val2018" / "a.jpg").write_bytes((data / "train2018" / "a.jpg").read_bytes())
    result = write(data, tmp_path / "out", shards=1)
    assert result["images"] == 7 and len(result["files"]) == 2
    dataset = records(tmp_path / "out", "val2018")
    assert dataset.num_images == 1 and dataset.load_mask(0)[0].shape == (HEIGHT, WIDTH, 0)
    other["categories"][0]["name"] = "stone"
    path.write_text(json.dumps(other))
    with pytest.raises(ValueError, match="category 7 is 'stone', but 'leaf' in another"):
        write(data, tmp_path / "out")
    other["categories"][0]["id"] = 0
    path.write_text(json.dumps(other))
    with pytest.raises(ValueError, match="ids are 1 or more"):
        write(data, tmp_path / "out")


def test_left_out_without_polygon_is_listed(data, tmp_path):
    changed = content()
    changed["annotations"].append(
        {"id": 8, "image_id": 17, "category_id": 7, "segmentation": [[1, 2, 3, 4]], "bbox": [1, 2, 2, 2]}
    )
    (data / "annotations" / "instances_train2018.json").write_text(json.dumps(changed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = write(data, tmp_path / "out")
    assert "instances_train2018.json: annotation 8 has no polygon of three points" in result["left_out"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "images are not in"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), "grün.png: cannot be read as an image"),
        (lambda path: Image.new("RGB", (31, 20)).save(path), "grün.png: the image is 31 x 20 pixels"),
    ],
)
def test_bad_images_stop_with_their_name(data, tmp_path, damage, message):
    damage(data / "train2018" / "sub" / "grün.png")
    with pytest.raises(ValueError, match=message):
        write(data, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.part")) if (tmp_path / "out").exists() else True
    with pytest.raises(ValueError, match="shards must be 1"):
        write(data, tmp_path / "out", shards=0)


def test_trains_like_the_coco_set(data, tmp_path):
    write(data, tmp_path / "out")

    class Small(Config):
        NAME = "small"
        NUM_CLASSES = 4
        IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64

    ours, theirs = records(tmp_path / "out"), coco(data)
    for image_id in (0, 2, 3):
        for a, b in zip(load_image_gt(ours, Small(), image_id), load_image_gt(theirs, Small(), image_id), strict=True):
            np.testing.assert_array_equal(a, b)


def test_command_line(data, tmp_path):
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["tfrecord", str(data), str(out), "--shards", "2", "--json"])
    assert json.loads(result.stdout)["objects"] == 6
    result = CliRunner().invoke(app, ["tfrecord", str(data), str(out), "--shards", "2"])
    assert "6 images with 6 objects in 2 files" in result.output
    assert "1 images with EXIF rotation" in result.output and "left out: " in result.output
