"""Reading images of every kind as RGB uint8."""

from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from PIL import Image

from mrcnn.data.image import IMAGE_ERRORS, as_channels, as_rgb, decode_image, read_image

COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[9, 8, 7], [6, 5, 4], [3, 2, 1]]], np.uint8)  # 2 x 3 px


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def test_rgb_and_alpha(tmp_path):
    assert np.array_equal(read_image(save(tmp_path / "a.png", COLOURS)), COLOURS)
    alpha = np.dstack([COLOURS, np.full((2, 3), 17, np.uint8)])
    assert np.array_equal(read_image(save(tmp_path / "b.png", alpha)), COLOURS)


def test_gray_palette_and_black_and_white(tmp_path):
    gray = COLOURS[:, :, 0]
    expected = np.dstack([gray, gray, gray])
    assert np.array_equal(read_image(save(tmp_path / "a.png", gray)), expected)
    Image.fromarray(COLOURS).quantize(6).save(tmp_path / "b.png")
    assert np.array_equal(read_image(tmp_path / "b.png"), COLOURS)
    Image.fromarray(gray > 100).save(tmp_path / "c.png")
    assert np.array_equal(read_image(tmp_path / "c.png")[:, :, 1], np.where(gray > 100, 255, 0))


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    gray = np.array([[0, 257, 65535]], np.uint16)
    assert read_image(save(tmp_path / "a.png", gray))[0, :, 0].tolist() == [0, 1, 255]
    colour = np.dstack([gray, gray // 2, gray // 4])
    cv2.imwrite(str(tmp_path / "b.tif"), colour)  # blue first
    assert read_image(tmp_path / "b.tif")[0, 2].tolist() == [63, 127, 255]


def test_the_warning_of_twelve_bits_names_the_file(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 4095]], np.uint16)).save(path)
    for channels in (1, 3):
        with pytest.warns(UserWarning, match="a.png: this 16-bit image goes up to 4095 only"):
            assert read_image(path, channels=channels).max() == 15


def test_exif_orientation_turns_the_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    path = save(tmp_path / "a.png", COLOURS, exif=exif)
    assert np.array_equal(read_image(path), np.rot90(COLOURS, -1))
    assert np.array_equal(read_image(path, upright=False), COLOURS)


def test_as_many_channels_as_asked_for(tmp_path):
    rgba = np.dstack([COLOURS, np.full((2, 3), 17, np.uint8)])
    path = save(tmp_path / "a.png", rgba)
    assert np.array_equal(read_image(path, channels=4), rgba)
    with pytest.raises(ValueError, match=r"b\.png: .*this network takes 4 channels"):
        read_image(save(tmp_path / "b.png", COLOURS), channels=4)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.png: cannot be read as an image"):
        read_image(tmp_path / "broken.png")


def test_half_an_image_is_named(tmp_path):
    path = save(tmp_path / "half.jpg", np.kron(COLOURS, np.ones((40, 40, 1), np.uint8)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"half\.jpg"):
        read_image(path)


@pytest.mark.parametrize("error", IMAGE_ERRORS)
def test_whatever_pillow_stumbles_over_is_named(monkeypatch, error):
    monkeypatch.setattr(Image, "open", Mock(side_effect=error("stumbled")))
    with pytest.raises(ValueError, match=r"a\.png: cannot be read as an image \(stumbled\)"):
        decode_image(b"anything", "a.png")


def test_local_images_may_be_larger_than_others(tmp_path, monkeypatch):
    path = save(tmp_path / "slide.png", np.zeros((5, 5), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow refuses images of more than 20 pixels
    assert read_image(path).shape == (5, 5, 3)
    with pytest.raises(ValueError, match=r"sent\.png.* exceeds limit of 20 pixels"):
        decode_image(path.read_bytes(), "sent.png")
    with pytest.raises(ValueError, match=r"exceeds limit of 24 pixels"):
        decode_image(path.read_bytes(), "slide.png", max_pixels=24)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
        read_image(tmp_path / "none.jpg")


def test_as_rgb_of_arrays():
    assert as_rgb(np.ones((4, 5, 2), np.uint8)).shape == (4, 5, 3)
    assert as_rgb(np.eye(2, dtype=bool))[0, :, 0].tolist() == [255, 0]
    with pytest.raises(ValueError, match="float64"):
        as_rgb(np.zeros((4, 5, 3)))
    with pytest.raises(ValueError, match="shape"):
        as_rgb(np.zeros((4, 5, 6), np.uint8))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gray_levels_are_the_same_for_any_number_of_channels(channels):
    def pixel(values, dtype):
        return as_channels(np.array(values, dtype).reshape(1, -1, 1).repeat(channels, axis=2), channels)

    for found, expected in (
        (pixel([0, 257, 65535], np.uint16), [0, 1, 255]),
        (pixel([False, True], bool), [0, 255]),
        (pixel([0, 7, 255], np.int64), [0, 7, 255]),
        (pixel([0, 7, 255], np.int16), [0, 7, 255]),
    ):
        assert found.dtype == np.uint8 and found.shape[2] == channels
        assert found[0, :, -1].tolist() == expected
    for values in ([-123.5, 130.25], [0.0, 255.0]):  # molded, or levels
        assert pixel(values, np.float32)[0, :, -1].tolist() == values
    for values in ([-1, 5], [0, 256]):
        with pytest.raises(ValueError, match=rf"int32 with values from {values[0]} to {values[1]}: scale it"):
            pixel(values, np.int32)
    with pytest.warns(UserWarning, match="16-bit image goes up to 4095 only"):
        assert pixel([0, 4095], np.uint16).max() == 15


def test_float_gray_is_taken_as_rgb_and_averaged():
    gray = np.array([[0.5, 200.0]])
    assert as_channels(gray, 3).tolist() == [[[0.5] * 3, [200.0] * 3]]
    assert as_channels(np.array([[[10.0, 20.0, 60.0]]]), 1).tolist() == [[[30.0]]]
