"""TFRecord files: every kind of object there and back, the schema as TensorFlow reads it, restarts, broken files."""

import hashlib
import importlib.util
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from mrcnn.config import Config
from mrcnn.data.molding import load_image_gt
from mrcnn_ext.cli import app
from mrcnn_ext.coco import CocoDataset
from mrcnn_ext.masks import encode_mask, rle_to_json
from mrcnn_ext.tfrecord import TFRecordDataset, write_tfrecords
from mrcnn_ext.tfrecord import write as write_module
from mrcnn_ext.tfrecord.checksum import masked_crc
from mrcnn_ext.tfrecord.example import Record, encode_png_mask, from_example, to_example
from mrcnn_ext.tfrecord.shards import find_shards, read_record, record_places

HEIGHT, WIDTH = 20, 30
NAMES = ["a.jpg", "sub/grün.png", "日本/b.png", "empty.jpg", "turned.jpg", "c.webp"]

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


def ring():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:12, 3:15] = True
    mask[5:8, 6:9] = False
    return mask


def content():
    def annotation(number, image_id, category_id, segmentation, **more):
        return {"id": number, "image_id": image_id, "category_id": category_id, "segmentation": segmentation} | more

    return {
        "images": [
            {"id": image_id, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for image_id, name in zip((17, 99, 42, 43, 5, 6), NAMES, strict=True)
        ],
        "categories": [{"id": 7, "name": "leaf"}, {"id": 1, "name": "Früchte"}, {"id": 90, "name": "木"}],
        "annotations": [
            annotation(1, 17, 7, [[4, 3, 10, 3, 10, 8, 4, 8]], bbox=[4, 3, 6, 5], area=30),
            annotation(2, 17, 1, rle_to_json(encode_mask(ring())), iscrowd=0),  # a hole, no crowd, no box
            annotation(3, 99, 7, [[0, 0, 4, 0, 4, 4, 0, 4], [20, 10, 24, 10, 24, 14, 20, 14]]),
            annotation(4, 42, 90, {"size": [HEIGHT, WIDTH], "counts": [300, 300]}, iscrowd=1),
            annotation(5, 42, 7, [[20, 10, 40, 10, 40, 25, 20, 25]], bbox=[20, 10, 10.0000001, 10.0000001], area=100),
            annotation(6, 42, 7, [[40, 40, 50, 40, 50, 50]]),  # outside
            annotation(
                7, 5, 1, [[25, 0, 30, 0, 30, 5, 25, 5]], bbox=[200, 200, 5, 5], area=25
            ),  # the corner, a bad box
        ],
    }


@pytest.fixture
def data(tmp_path):
    """A COCO data set of six pictures, two of them without objects."""
    folder = tmp_path / "data"
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, name in enumerate(NAMES):
        path = folder / "train2018" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8)
        pixels[:5, 25:] = 255 - 40 * number  # upper right
        image = Image.fromarray(pixels)
        if name == "turned.jpg":
            image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
        else:
            image.save(path, quality=95, lossless=True)
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_train2018.json").write_text(json.dumps(content()))
    return folder


def write(data, out, **options):
    return write_tfrecords(data, out, **({"shards": 3, "workers": 2, "progress": False} | options))


def coco(data):
    dataset = CocoDataset()
    dataset.load_coco(data, "train")
    dataset.prepare()
    return dataset


def records(out, name="train2018"):
    dataset = TFRecordDataset()
    dataset.load_tfrecord(out, name)
    dataset.prepare()
    return dataset


def parsed(out):
    """What TensorFlow reads, in the order of the pictures in the COCO file."""
    shards = [list(tf.data.TFRecordDataset(str(path))) for path in find_shards(out, "train2018")]
    order = [shards[i % len(shards)][i // len(shards)] for i in range(sum(map(len, shards)))]
    return [tf.io.parse_single_example(raw, FEATURES) for raw in order]


def values(item, key):
    return tf.sparse.to_dense(item[f"image/object/{key}"]).numpy().tolist()


def test_what_goes_in_comes_out(data, tmp_path):
    result = write(data, tmp_path / "out")
    assert (result["pictures"], result["objects"]) == (6, 6)
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
    assert ours.load_mask(2)[1].tolist() == [-3, 2]
    assert not ours.load_mask(0)[0][6, 7, 1]  # the hole
    assert ours.image_info[4]["id"] == "train2018-00001-of-00003.tfrecord:1"


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
    assert values(third, "bbox/ymax")[1] == values(third, "bbox/xmax")[1] == 1.0  # cut to the picture, not dropped
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
    write(data, tmp_path / "many", shards=9)  # more than pictures: the last ones are empty
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
    assert not before.items() & times(out).items()  # another picture file: all anew


def test_several_parts_share_a_label_map(data, tmp_path):
    other = content()
    other["images"], other["annotations"] = other["images"][:1], []
    path = data / "annotations" / "instances_val2018.json"
    path.write_text(json.dumps(other))
    (data / "val2018").mkdir()
    (data / "val2018" / "a.jpg").write_bytes((data / "train2018" / "a.jpg").read_bytes())
    result = write(data, tmp_path / "out", shards=1)
    assert result["pictures"] == 7 and len(result["files"]) == 2
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
        (lambda path: path.unlink(), "pictures are not in"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), "grün.png: cannot be read as a picture"),
        (lambda path: Image.new("RGB", (31, 20)).save(path), "grün.png: the picture is 31 x 20 pixels"),
    ],
)
def test_bad_pictures_stop_with_their_name(data, tmp_path, damage, message):
    damage(data / "train2018" / "sub" / "grün.png")
    with pytest.raises(ValueError, match=message):
        write(data, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.part")) if (tmp_path / "out").exists() else True
    with pytest.raises(ValueError, match="shards must be 1"):
        write(data, tmp_path / "out", shards=0)


def one_record(**changes):
    picture = np.zeros((4, 6, 3), np.uint8)
    encoded = tf.io.encode_png(picture).numpy()
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    record = Record(
        "x.png", "1", 4, 6, encoded, "png", np.array([[0.25, 1 / 3, 0.75, 5 / 6]]), [1], ["cat"], [0], [6.0]
    )
    record.masks = [encode_png_mask(mask)]
    for name, value in changes.items():
        setattr(record, name, value)
    return record


def stored(tmp_path, *examples, name="x.record"):
    with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
        for example in examples:
            writer.write(example)
    (tmp_path / "label_map.pbtxt").write_text("item { id: 1 name: 'cat' }")
    dataset = TFRecordDataset()
    dataset.load_tfrecord(tmp_path, name, box_masks=True)
    dataset.prepare()
    return dataset


def without(data, *keys, **floats):
    example = tf.train.Example.FromString(data)
    for key in keys:
        del example.features.feature[key]
    for key, numbers in floats.items():
        example.features.feature[f"image/object/{key}"].float_list.value.extend(numbers)
    return example.SerializeToString()


def test_records_of_others(tmp_path):
    """Number masks, no masks, 0/255 masks, no sizes, no hash, no is_crowd: all have been seen."""
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 255
    ours = to_example(one_record())
    numbers = without(ours, "image/object/mask", mask=(mask // 255).ravel())
    white = to_example(one_record(masks=[tf.io.encode_png(mask[:, :, None]).numpy()]))
    bare = without(
        ours, "image/object/mask", "image/height", "image/key/sha256", "image/object/is_crowd", "image/format"
    )
    dataset = stored(tmp_path, ours, numbers, white, bare)
    for image_id in dataset.image_ids:
        masks, class_ids = dataset.load_mask(image_id)
        np.testing.assert_array_equal(masks[:, :, 0], mask > 0)
        assert class_ids.tolist() == [1] and dataset.load_image(image_id).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (lambda: b"\xff\xff\xff", "not a tf.train.Example"),
        (lambda: b"", "without image/encoded"),
        (lambda: to_example(one_record(labels=[1, 1])), "2 labels, but"),
        (lambda: to_example(one_record(labels=[2])), "its label 2 is not in the label map"),
        (lambda: to_example(one_record(masks=[b"no"])), "mask 0 is no picture, not 6 x 4"),
        (lambda: to_example(one_record(masks=[b""])), "mask 0 is no picture"),
        (
            lambda: to_example(one_record(masks=[encode_png_mask(np.zeros((6, 4)))])),
            "mask 0 is 4 x 6 pixels, not 6 x 4",
        ),
        (lambda: to_example(one_record(masks=[b"a", b"b"])), "2 masks for 1 objects"),
        (lambda: without(to_example(one_record()), "image/object/mask", mask=[1, 0]), "2 mask numbers for 1 masks"),
    ],
)
def test_broken_records_are_named(tmp_path, example, message):
    dataset = stored(tmp_path, to_example(one_record()), example())
    with pytest.raises(ValueError, match=f"x.record:1: .*{message}"):
        dataset.load_mask(1)
    assert dataset.load_mask(0)[1].tolist() == [1]


def test_broken_pictures_are_named(tmp_path):
    dataset = stored(tmp_path, to_example(one_record(height=5)), to_example(one_record(encoded=b"no picture")))
    with pytest.raises(ValueError, match="x.record:0: picture x.png: it is 6 x 4 pixels, but its record says 6 x 5"):
        dataset.load_image(0)
    with pytest.raises(ValueError, match="x.record:1: picture x.png: cannot be read as a picture"):
        dataset.load_image(1)


def test_broken_files_are_named(data, tmp_path):
    out = tmp_path / "out"
    write(data, out, shards=1)
    path = out / "train2018-00000-of-00001.tfrecord"
    whole = path.read_bytes()
    offset, length = record_places(path)[5]
    assert read_record(path, offset, length) == list(tf.data.TFRecordDataset(str(path)))[5].numpy()
    for end in (len(whole) - 1, offset + 3, offset - 1, offset - 12 + 5):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="00001.tfrecord: record 5 is cut off"):
            records(out)
    path.write_bytes(b"\x01" + whole[1:])
    with pytest.raises(
        ValueError, match=r"00001.tfrecord: record 0 is damaged, or this is no \(uncompressed\) TFRecord"
    ):
        records(out)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"no shards val-00000-of-00008.tfrecord .* Sets there: \['train2018'\]"):
        records(out, "val")
    write(data, out, shards=2)
    with pytest.raises(ValueError, match="train2018 is there in several sets"):
        records(out)
    (out / "label_map.pbtxt").unlink()
    with pytest.raises(ValueError, match="there is no such label map"):
        records(out)


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


def test_checksum_is_tensorflows(tmp_path):
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    rng = np.random.default_rng(3)
    lengths = [0, 1, 255, 256, 257, 1000, 4095, 4096, 4097, 65_537]
    path = tmp_path / "x"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for length in lengths:
            writer.write(rng.bytes(length))
    assert [len(read_record(path, *place)) for place in record_places(path)] == lengths


def test_each_flipped_bit_is_found(data, tmp_path):
    """A damaged file is an error that names it, wherever the damage is."""
    write(data, tmp_path, shards=1)
    path = tmp_path / "train2018-00000-of-00001.tfrecord"
    whole, rng = path.read_bytes(), np.random.default_rng(5)
    for place in rng.integers(0, len(whole), 200):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="train2018-00000-of-00001.tfrecord.* (damaged|cut off)"):
            dataset = records(tmp_path)
            for image_id in dataset.image_ids:
                dataset.load_mask(image_id)


@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    count=st.integers(0, 4),
    seed=st.integers(0, 2**32 - 1),
    name=st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
)
def test_any_masks_and_names_survive(size, count, seed, name):
    rng = np.random.default_rng(seed)
    masks = rng.integers(0, 2, (*size, count)).astype(bool)
    picture = rng.integers(0, 256, (*size, 3), np.uint8)
    record = Record(name, "7", *size, tf.io.encode_png(picture).numpy(), "png", rng.random((count, 4)), [3] * count)
    record.names, record.crowd, record.areas = [name] * count, [0] * count, [1.5] * count
    record.masks = [encode_png_mask(masks[:, :, i]) for i in range(count)]
    back = from_example(to_example(record))
    np.testing.assert_array_equal(back.decode_masks(), masks)
    np.testing.assert_array_equal(back.image(), picture)
    np.testing.assert_allclose(back.boxes, record.boxes, atol=1e-6)
    assert (back.filename, back.names, back.labels, back.areas) == (name, record.names, record.labels, record.areas)


def test_command_line(data, tmp_path):
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["tfrecord", str(data), str(out), "--shards", "2", "--json"])
    assert json.loads(result.stdout)["objects"] == 6
    result = CliRunner().invoke(app, ["tfrecord", str(data), str(out), "--shards", "2"])
    assert "6 pictures with 6 objects in 2 files" in result.output
    assert "1 pictures with EXIF rotation" in result.output and "left out: " in result.output


@pytest.mark.skipif(importlib.util.find_spec("datumaro") is None, reason="datumaro, the other reader, is not installed")
def test_datumaro_reads_ours(data, tmp_path):
    from datumaro.components.dataset import Dataset as DatumaroDataset

    write(data, tmp_path / "out", shards=1)
    items = {item.id: item for item in DatumaroDataset.import_from(str(tmp_path / "out"), "tf_detection_api")}
    assert len(items) == 6
