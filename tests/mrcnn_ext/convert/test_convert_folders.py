"""Pascal VOC segmentation, YOLO and folders of masks; outlines of masks."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from mrcnn_ext.convert import Options, convert_labels, detect, read
from mrcnn_ext.convert.formats.voc import _standard_colour
from mrcnn_ext.masks.outlines import keyhole, mask_outlines, mask_to_segmentation, object_mask
from mrcnn_ext.masks.rle import decode_masks, encode_mask, polygons_to_rle, rle_to_json
from tests.support.converted import summary
from tests.support.folder_samples import VOC_COLOURS, palette_image, voc_numbers
from tests.support.label_samples import made_images, mask_image, ring, sample, save_json

MASKS = st.tuples(st.integers(1, 12), st.integers(1, 9)).flatmap(lambda shape: arrays(bool, shape))


def test_voc(tmp_path):
    path, _ = sample("voc", tmp_path)
    assert detect(path)[0] == "voc"
    builder = read(path)
    assert summary(builder) == [("a.jpg", "tree", 60, [2, 3, 10, 6]), ("a.jpg", "car", 48, [4, 10, 8, 8])]
    assert [i["file_name"] for i in builder.coco()["images"]] == ["a.jpg", "größe.jpg"]
    assert list(builder.account.notes.values()) == [["new.jpg"]]


def test_voc_in_colours(tmp_path):
    path, _ = sample("voc", tmp_path)
    for kind in ("SegmentationObject", "SegmentationClass"):
        Image.open(path / kind / "a.png").convert("RGB").save(path / kind / "a.png")
    assert sorted(summary(read(path))) == [("a.jpg", "car", 48, [4, 10, 8, 8]), ("a.jpg", "tree", 60, [2, 3, 10, 6])]
    (path / "labelmap.txt").unlink()
    with pytest.raises(ValueError, match="must be a labelmap.txt"):
        read(path)


def test_voc_labelmap_without_colours_has_the_standard_ones(tmp_path):
    path, _ = sample("voc", tmp_path)
    for kind in ("SegmentationObject", "SegmentationClass"):
        Image.open(path / kind / "a.png").convert("RGB").save(path / kind / "a.png")
    (path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:::\ncar:::\ntree:::\n")
    assert sorted(summary(read(path))) == [("a.jpg", "car", 48, [4, 10, 8, 8]), ("a.jpg", "tree", 60, [2, 3, 10, 6])]
    colours = [_standard_colour(number) for number in (0, 1, 7, 8, 20)]
    assert colours == [(0, 0, 0), (128, 0, 0), (128, 128, 128), (64, 0, 0), (0, 64, 128)]


def test_voc_without_labelmap_has_the_twenty_classes(tmp_path):
    path, _ = sample("voc", tmp_path)
    (path / "labelmap.txt").unlink()
    builder = read(path)
    assert [item[1] for item in summary(builder)] == ["bicycle", "aeroplane"]
    assert len(builder.coco()["categories"]) == 20


def test_voc_instance_without_class_is_listed(tmp_path):
    path, _ = sample("voc", tmp_path)
    palette_image(path / "SegmentationClass" / "a.png", np.where(voc_numbers() == 1, 1, 0), VOC_COLOURS)
    builder = read(path)
    assert builder.account.dropped == {"instance without a class": ["a.jpg: instance 2"]}


def test_yolo(tmp_path):
    path, _ = sample("yolo", tmp_path)
    assert detect(path)[0] == detect(path / "data.yaml")[0] == "yolo"
    builder = read(path)
    assert summary(builder) == [("a.png", "Äpfel", 60, [2, 3, 10, 6]), ("a.png", "tree", 20, [20, 3, 4, 5])]
    assert [i["file_name"] for i in builder.coco()["images"]] == ["a.png", "sub/größe.png"]
    assert builder.account.dropped == {"text file without an image": ["labels/gone.txt"]}
    assert builder.account.notes == {"box taken as the mask of its object": ["a.png: line 2"]}


@pytest.mark.parametrize("row", ["0 0.1 0.2", "x 0 0 1 0 1 1", "0 0 0 1 0 1 nan", "-1 0 0 1 0 1 1", "0 0 0 1 0 1 1 1"])
def test_yolo_names_its_file_and_line(tmp_path, row):
    path, _ = sample("yolo", tmp_path)
    (path / "labels" / "a.txt").write_text(f"0 0 0 1 0 1 1\n{row}\n")
    with pytest.raises(ValueError, match="a.txt: line 2"):
        read(path)


def test_yolo_with_a_folder_a_split(tmp_path):
    made_images(tmp_path, {"train/images/a.png": (40, 30), "valid/images/a.png": (20, 20)})
    for split in ("train", "valid"):
        (tmp_path / split / "labels").mkdir()
        (tmp_path / split / "labels" / "a.txt").write_text("0 0 0 0.5 0 0.5 0.5 0 0.5\n")
    (tmp_path / "data.yaml").write_text("names: [car]\n")
    assert [item[::2] for item in summary(read(tmp_path))] == [("train/images/a.png", 300), ("valid/images/a.png", 100)]


@pytest.mark.parametrize("name", ["yolo", "mask-png"])
def test_no_label_has_an_image(tmp_path, name):
    path, _ = sample(name, tmp_path / "labels")
    made_images(tmp_path / "others", {"x.png": (4, 4)})
    with pytest.raises(ValueError, match="none of its . .* has the name of an image.*--images"):
        read(path, options=Options(images=tmp_path / "others"))


def test_yolo_there_and_back(tmp_path):
    """Holes and parts come back, as one line each; the crowd is left out, and listed."""
    path, _ = sample("coco", tmp_path)
    given_, account = convert_labels(path, tmp_path / "out", to="yolo")
    assert account.dropped == {
        "attributes: YOLO has no place for them": ["a.png: annotation 5"],
        "crowd: YOLO has no such mark, so it would be trained as an object": ["a.png: annotation 11"],
    }
    made_images(tmp_path / "out" / "images", {"a.png": (40, 30), "sub/größe.png": (20, 24), "empty.png": (8, 9)})
    again = read(tmp_path / "out").coco()
    assert [c["name"] for c in again["categories"]] == ["car", "Bäume", "x"]
    old = [object_mask(a, 30, 40) for a in given_["annotations"][:2]] + [ring(24, 20)]
    sizes = [(30, 40), (30, 40), (24, 20)]
    for mask, item, size in zip(old, again["annotations"], sizes, strict=True):
        assert (object_mask(item, *size) == mask).all()


def test_mask_png(tmp_path):
    path, _ = sample("mask-png", tmp_path)
    assert detect(path)[0] == "mask-png"
    builder = read(path)
    assert summary(builder) == [
        ("100.png", "car", 60, [2, 3, 10, 6]),
        ("100.png", "green_leaf", 48, [4, 10, 8, 8]),
        ("1000.png", "car", 108, [2, 3, 10, 15]),
    ]
    assert len(builder.coco()["images"]) == 3
    assert builder.account.dropped == {"mask without an image": ["gone_car_0.png"]}


def test_mask_png_of_another_size_is_named(tmp_path):
    path, _ = sample("mask-png", tmp_path)
    mask_image(path / "100_green_leaf_1.png", np.ones((3, 4), bool))
    with pytest.raises(ValueError, match="100_green_leaf_1.png: .*its mask is 4 x 3 pixels, not 40 x 30"):
        read(path)


@pytest.mark.parametrize("upright", [True, False])
def test_mask_png_of_a_turned_image(tmp_path, upright):
    from tests.support.label_samples import turned_image

    turned_image(tmp_path / "images" / "a.jpg", 40, 30, 6)
    mask = np.zeros((30, 40), bool)
    mask[3:9, 2:12] = True
    mask_image(tmp_path / "masks" / "a_car_0.png", np.rot90(mask, -1) if upright else mask)
    assert summary(read(tmp_path / "masks")) == [("a.jpg", "car", 60, [30 - 9, 2, 6, 10])]


def test_outlines_of_a_ring():
    lines = mask_outlines(ring(20, 20))
    assert sorted(len(line) for line in lines) == [4, 4]
    assert sorted(sorted(map(tuple, line.tolist())) for line in lines) == [
        [(4, 10), (4, 18), (12, 10), (12, 18)],
        [(6, 12), (6, 16), (10, 12), (10, 16)],
    ]


@settings(deadline=None, max_examples=300)
@given(MASKS)
def test_one_line_through_all_outlines_fills_the_mask(mask):
    if not mask.any():
        assert mask_outlines(mask) == []
        return
    line = keyhole(mask_outlines(mask))
    again = decode_masks([polygons_to_rle([line.reshape(-1)], *mask.shape)], *mask.shape)[:, :, 0]
    np.testing.assert_array_equal(again, mask)


@settings(deadline=None)
@given(MASKS)
def test_masks_polygons_and_rle_are_the_same_pixels(mask):
    for segmentation in (mask_to_segmentation(mask), rle_to_json(encode_mask(mask))):
        np.testing.assert_array_equal(object_mask({"segmentation": segmentation}, *mask.shape), mask)


@pytest.mark.parametrize(
    "name", ["labelbox-v1", "labelbox", "labelstudio", "labelme", "cvat", "supervisely", "voc", "mask-png"]
)
def test_the_ring_is_the_same_pixels_from_every_format(tmp_path, name):
    path, options = sample(name, tmp_path)
    masks = [object_mask(item, 30, 40) for item in read(path, "auto", Options(**options)).coco()["annotations"]]
    assert any((mask == ring(30, 40)).all() for mask in masks)


@pytest.mark.parametrize("to", ["yolo", "labelstudio", "labelme"])
@settings(deadline=None, max_examples=20)
@given(masks=st.lists(MASKS.filter(np.any), min_size=1, max_size=3), as_polygon=st.booleans())
def test_masks_there_and_back(to, masks, as_polygon):
    encode = mask_to_segmentation if as_polygon else lambda mask: rle_to_json(encode_mask(mask))
    sizes = {f"{i}.png": mask.shape[::-1] for i, mask in enumerate(masks)}
    images = [
        {"id": i, "file_name": name, "width": w, "height": h} for i, (name, (w, h)) in enumerate(sizes.items(), 1)
    ]
    annotations = [
        {"id": i, "image_id": i, "category_id": 3, "segmentation": encode(mask)} for i, mask in enumerate(masks, 1)
    ]
    coco = {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": "Äpfel"}]}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        made_images(folder / "out" / "images", sizes)
        save_json(folder / "coco.json", coco)
        convert_labels(folder / "coco.json", folder / "out", to=to, images=folder / "out" / "images")
        out = folder / "out" / "tasks.json" if to == "labelstudio" else folder / "out"
        again = read(out, options=Options(images=folder / "out" / "images")).coco()
    assert [item["file_name"] for item in again["images"]] == list(sizes)
    for mask, item in zip(masks, again["annotations"], strict=True):
        np.testing.assert_array_equal(object_mask(item, *mask.shape), mask)


def test_noise_has_outlines_in_a_moment():
    noise = np.random.default_rng(0).random((300, 300)) < 0.3
    start = time.monotonic()
    lines = mask_outlines(noise)
    assert len(lines) > 5000 and time.monotonic() - start < 10


@pytest.mark.parametrize("content", ["names: &a [x, *a]", "names: [[1]]", "names: {a: b}", "names: [", "- 1"])
def test_odd_yaml_is_named(tmp_path, content):
    path, _ = sample("yolo", tmp_path)
    (path / "data.yaml").write_text(content)
    with pytest.raises(ValueError, match="data.yaml"):
        read(path)


def test_images_option_is_a_folder(tmp_path):
    path, _ = sample("coco", tmp_path)
    with pytest.raises(ValueError, match="no such folder of images. Say where they are with --images"):
        read(path, options=Options(images=tmp_path / "no"))
