"""Fingerprints: copies that were saved again are found, others are not."""

import numpy as np
import pytest
from PIL import Image

from mrcnn_ext.datasets.duplicates import Fingerprint, fingerprint, group_numbers, near_groups, same_bytes


def _image(seed, size=(96, 72)):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def _mark(number, look, shade=0):
    return Fingerprint(f"{number}", look, np.full((24, 24, 3), shade, np.uint8))


def test_copies_saved_again(tmp_path):
    _image(1).save(tmp_path / "a.png")
    _image(1).save(tmp_path / "b.jpg", quality=80)
    _image(1, (192, 144)).save(tmp_path / "c.png")
    (tmp_path / "d.png").write_bytes((tmp_path / "a.png").read_bytes())
    _image(2).save(tmp_path / "e.png")
    marks = [fingerprint(path) for path in sorted(tmp_path.iterdir())]
    assert same_bytes(marks) == [[0, 3]]
    assert near_groups(marks) == [[0, 1, 2]]  # the copy of the same bytes is another matter


def test_plain_images_of_other_colours_are_not_alike(tmp_path):
    for i, colour in enumerate(("red", "blue", "white")):
        Image.new("RGB", (50, 40), colour).save(tmp_path / f"{i}.png")
    assert near_groups([fingerprint(path) for path in sorted(tmp_path.iterdir())]) == []


@pytest.mark.parametrize(("bits", "alike"), [(0, True), (6, True), (7, False)])
def test_bits_that_may_differ(bits, alike):
    rng = np.random.default_rng(bits)
    for _ in range(30):  # wherever the bits are
        flips = sum(1 << int(place) for place in rng.permutation(64)[:bits])
        marks = [_mark(0, 0x0123456789ABCDEF), None, _mark(2, 0x0123456789ABCDEF ^ flips)]
        assert near_groups(marks) == ([[0, 2]] if alike else [])


@pytest.mark.parametrize(("difference", "alike"), [(3, True), (6, True), (7, False), (20, False)])
def test_gray_levels_that_may_differ(difference, alike):
    marks = [_mark(0, 5, shade=100), _mark(1, 5, shade=100 + difference)]
    assert near_groups(marks) == ([[0, 1]] if alike else [])


def test_chains_are_one_group():
    marks = [_mark(i, (1 << (4 * i)) - 1) for i in range(5)]  # neighbours differ in 4 bits
    assert near_groups(marks) == [[0, 1, 2, 3, 4]]


def test_a_film_of_one_view_is_quick():
    rng = np.random.default_rng(0)
    marks = [_mark(i, 1 << int(rng.integers(64))) for i in range(3000)]
    assert [len(group) for group in near_groups(marks)] == [3000]


def test_group_numbers():
    assert group_numbers(6, [[4, 2], [0, 5], [2, 5]]).tolist() == [0, 1, 0, 2, 0, 0]
    assert group_numbers(2, []).tolist() == [0, 1]
    assert near_groups([]) == [] and same_bytes([None]) == []
