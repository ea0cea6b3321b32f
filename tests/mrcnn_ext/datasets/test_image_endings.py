"""One list of image endings: a folder is seen whole by every command, and what none of them takes is listed."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from mrcnn.data.image import read_image
from mrcnn_ext.check import check_data
from mrcnn_ext.convert.images import ImageFolder
from mrcnn_ext.datasets.layout import IMAGE_ENDINGS, is_image
from mrcnn_ext.datasets.split import SplitRules, split_data
from mrcnn_ext.detection.run import detect_sources
from mrcnn_ext.detection.sources import count, passed_over, sources_of
from mrcnn_ext.labelstudio.images import read_images

NAMES = ["a.jpe", "b.pgm", "c.jpg", "d.jp2", "e.avif", "f.JFIF"]
GRAY = (".pgm",)
BY_OPENCV = (".ras",)  # written by OpenCV, as Pillow only reads it
FORMATS = {".j2c": "JPEG2000", ".jpc": "JPEG2000", ".jpf": "JPEG2000", ".jpx": "JPEG2000", ".jfif": "JPEG"}


def write(path):
    ending = path.suffix.lower()
    pixels = np.full((24, 32, 3), 200, np.uint8)
    pixels[6:12, 8:20] = 20
    if ending in BY_OPENCV:
        assert cv2.imwrite(str(path), pixels)
    else:
        image = Image.fromarray(pixels)
        image.convert({".pgm": "L", ".pbm": "1"}.get(ending, "RGB")).save(path, FORMATS.get(ending))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in NAMES:
        write(tmp_path / "images" / name)
    (tmp_path / "images" / "g.heic").write_bytes(b"not read here")
    (tmp_path / "images" / ".hidden.txt").touch()
    return tmp_path / "images"


@pytest.mark.parametrize("ending", sorted(IMAGE_ENDINGS))
def test_every_ending_of_the_list_is_read(tmp_path, ending):
    path = tmp_path / f"image{ending.upper()}"
    write(path)
    assert is_image(path.name)
    image = read_image(path)
    assert image.shape == (24, 32, 3) and image[2, 2].min() > 150 and image[9, 14].max() < 60


def test_no_video_and_no_label_file_is_an_image():
    for name in ("a.mp4", "a.mpeg", "a.json", "a.txt", "a.h5", "a.pdf", "jpg", "a.jpg.part"):
        assert not is_image(name)


def test_detect_sees_the_whole_folder(folder):
    assert count([folder]) == len(NAMES)
    sources = list(sources_of([folder]))
    assert [source.name for source in sources] == NAMES
    assert all(source.read().shape == (24, 32, 3) for source in sources)
    assert passed_over([folder, folder / "a.jpe"]) == {"file with the ending .heic": 1}


def test_detect_lists_what_it_does_not_take(folder, tmp_path):
    class Writer:
        left_out = {}
        folder = tmp_path / "out"
        __enter__ = __exit__ = lambda *_: None

        def add(self, *_):
            pass

    detector = SimpleNamespace(
        model=SimpleNamespace(config=SimpleNamespace(BATCH_SIZE=4, IMAGE_MAX_DIM=64)),
        batch_size=4,
        cuts=lambda image: False,
        batch=lambda images: [[] for _ in images],
        seconds={"decode": 0.0},
        seconds_per_image=dict,
        tile=None,
    )
    summary = detect_sources(detector, [folder], Writer(), progress=False)
    assert (summary.images, summary.skipped) == (len(NAMES), [])
    assert summary.left_out == {"folders": {"file with the ending .heic": 1}}


def test_convert_and_labelstudio_see_the_whole_folder(folder):
    images = ImageFolder(folder)
    assert list(images) == NAMES and images.others == ["g.heic"]
    (part,), account = read_images(folder)
    assert [image["file_name"] for image in part.coco["images"]] == NAMES
    assert "g.heic" in account.notes["file in the folder of images that is none by its ending"]


def test_check_and_split_take_all_of_them(folder, tmp_path):
    listed = [{"id": i, "file_name": name, "width": 32, "height": 24} for i, name in enumerate(NAMES)]
    box = {"category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]], "iscrowd": 0}
    content = {
        "images": listed,
        "annotations": [{"id": i, "image_id": i, "bbox": [1, 1, 8, 8], **box} for i in range(len(NAMES))],
        "categories": [{"id": 1, "name": "thing"}],
    }
    file = tmp_path / "annotations" / "instances_images.json"
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    codes = check_data(tmp_path, progress=False).counts
    assert "image-unreadable" not in codes and "image-missing" not in codes and "image-unlisted" not in codes
    file.write_text(json.dumps(content | {"images": listed[:1], "annotations": content["annotations"][:1]}))
    assert check_data(tmp_path, progress=False).counts["image-unlisted"] == len(NAMES) - 1
    file.write_text(json.dumps(content))
    split = split_data(file, tmp_path / "out", SplitRules({"train": None, "test": 2}), progress=False)
    assert split.trees[""]["train"]["images"] == len(NAMES) - 2
