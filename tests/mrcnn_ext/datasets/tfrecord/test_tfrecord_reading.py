"""Reading TFRecord files of others, and broken ones."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_ext.datasets.tfrecord import TFRecordDataset
from mrcnn_ext.datasets.tfrecord.example import Record, encode_png_mask, from_example, to_example
from mrcnn_ext.datasets.tfrecord.shards import masked_crc, read_record, record_places
from tests.support.tfrecord_data import records, write


def one_record(**changes):
    image = np.zeros((4, 6, 3), np.uint8)
    encoded = tf.io.encode_png(image).numpy()
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
        (lambda: to_example(one_record(masks=[b"no"])), "mask 0 is no image, not 6 x 4"),
        (lambda: to_example(one_record(masks=[b""])), "mask 0 is no image"),
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


def test_broken_images_are_named(tmp_path):
    dataset = stored(tmp_path, to_example(one_record(height=5)), to_example(one_record(encoded=b"no image")))
    with pytest.raises(ValueError, match="x.record:0: image x.png: it is 6 x 4 pixels, but its record says 6 x 5"):
        dataset.load_image(0)
    with pytest.raises(ValueError, match="x.record:1: image x.png: cannot be read as an image"):
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
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    record = Record(name, "7", *size, tf.io.encode_png(image).numpy(), "png", rng.random((count, 4)), [3] * count)
    record.names, record.crowd, record.areas = [name] * count, [0] * count, [1.5] * count
    record.masks = [encode_png_mask(masks[:, :, i]) for i in range(count)]
    back = from_example(to_example(record))
    np.testing.assert_array_equal(back.decode_masks(), masks)
    np.testing.assert_array_equal(back.image(), image)
    np.testing.assert_allclose(back.boxes, record.boxes, atol=1e-6)
    assert (back.filename, back.names, back.labels, back.areas) == (name, record.names, record.labels, record.areas)
