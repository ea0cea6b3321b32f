"""Reading pictures of every kind as RGB uint8."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mrcnn.data.picture import as_rgb, read_picture

COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[9, 8, 7], [6, 5, 4], [3, 2, 1]]], np.uint8)  # 2 x 3 px


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def test_rgb_and_alpha(tmp_path):
    assert np.array_equal(read_picture(save(tmp_path / "a.png", COLOURS)), COLOURS)
    alpha = np.dstack([COLOURS, np.full((2, 3), 17, np.uint8)])
    assert np.array_equal(read_picture(save(tmp_path / "b.png", alpha)), COLOURS)


def test_gray_palette_and_black_and_white(tmp_path):
    gray = COLOURS[:, :, 0]
    expected = np.dstack([gray, gray, gray])
    assert np.array_equal(read_picture(save(tmp_path / "a.png", gray)), expected)
    Image.fromarray(COLOURS).quantize(6).save(tmp_path / "b.png")
    assert np.array_equal(read_picture(tmp_path / "b.png"), COLOURS)
    Image.fromarray(gray > 100).save(tmp_path / "c.png")
    assert np.array_equal(read_picture(tmp_path / "c.png")[:, :, 1], np.where(gray > 100, 255, 0))


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    gray = np.array([[0, 257, 65535]], np.uint16)
    assert read_picture(save(tmp_path / "a.png", gray))[0, :, 0].tolist() == [0, 1, 255]
    colour = np.dstack([gray, gray // 2, gray // 4])
    cv2.imwrite(str(tmp_path / "b.tif"), colour)  # blue first
    assert read_picture(tmp_path / "b.tif")[0, 2].tolist() == [63, 127, 255]


def test_exif_orientation_turns_the_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    path = save(tmp_path / "a.png", COLOURS, exif=exif)
    assert np.array_equal(read_picture(path), np.rot90(COLOURS, -1))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_named(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.png: cannot be read as a picture"):
        read_picture(tmp_path / "broken.png")


def test_half_a_picture_is_named(tmp_path):
    path = save(tmp_path / "half.jpg", np.kron(COLOURS, np.ones((40, 40, 1), np.uint8)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"half\.jpg"):
        read_picture(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
        read_picture(tmp_path / "none.jpg")


def test_as_rgb_of_arrays():
    assert as_rgb(np.ones((4, 5, 2), np.uint8)).shape == (4, 5, 3)
    assert as_rgb(np.eye(2, dtype=bool))[0, :, 0].tolist() == [255, 0]
    with pytest.raises(ValueError, match="float64"):
        as_rgb(np.zeros((4, 5, 3)))
    with pytest.raises(ValueError, match="shape"):
        as_rgb(np.zeros((4, 5, 6), np.uint8))
