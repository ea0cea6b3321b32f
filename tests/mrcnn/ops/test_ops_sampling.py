"""Choosing and gathering with fixed shapes."""

import keras
import numpy as np

from mrcnn.ops import sampling


def run(function, *arrays, **options):
    result = function(*(keras.ops.convert_to_tensor(np.asarray(a)) for a in arrays), **options)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, result)


def test_choose_takes_the_greatest_noise_of_the_mask():
    mask = [[True, False, True, True], [False, True, False, False]]
    noise = np.array([[0.1, 0.9, 0.5, 0.3], [0.8, 0.2, 0.7, 0.6]], np.float32)
    index, real = run(sampling.choose, mask, noise, number=2)
    np.testing.assert_array_equal(real, [[True, True], [True, False]])
    np.testing.assert_array_equal(index[real], [2, 3, 1])


def test_choose_from_nothing_and_from_all():
    mask = np.array([[False] * 5, [True] * 5])
    noise = np.random.default_rng(0).random((2, 5), np.float32)
    index, real = run(sampling.choose, mask, noise, number=5)
    assert not real[0].any()
    assert real[1].all()
    assert sorted(index[1].tolist()) == [0, 1, 2, 3, 4]
    assert index.dtype == np.int32


def test_noise_of_nought_counts():
    index, real = run(sampling.choose, [[False, True, False]], np.zeros((1, 3), np.float32), number=3)
    np.testing.assert_array_equal(real, [[True, False, False]])
    assert index[0, 0] == 1


def test_every_item_is_as_likely():
    mask = np.array([[True, True, False, True, True, False]])
    counts = np.zeros(6)
    rng = np.random.default_rng(0)
    noise = rng.random((2000, 6), np.float32)
    index, real = run(sampling.choose, np.repeat(mask, 2000, axis=0), noise, number=2)
    assert real.all()
    np.add.at(counts, index.ravel(), 1)
    assert counts[2] == counts[5] == 0
    np.testing.assert_allclose(counts[[0, 1, 3, 4]], 1000, rtol=0.1)


def test_gather_numbers_and_boxes():
    values = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    index = np.array([[2, 0, 0, 1], [1, 1, 2, 0]], np.int32)
    np.testing.assert_array_equal(run(sampling.gather, values, index), [values[0, index[0]], values[1, index[1]]])
    np.testing.assert_array_equal(run(sampling.gather, values[..., 0], index), [[8, 0, 0, 4], [16, 16, 20, 12]])


def test_gather_nothing():
    assert run(sampling.gather, np.ones((2, 3, 4), np.float32), np.zeros((2, 0), np.int32)).shape == (2, 0, 4)
