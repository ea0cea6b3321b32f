"""The pyramid: sizes, and the way down with weights that make it addition."""

import keras
import numpy as np
import pytest

from mrcnn.network.fpn import feature_pyramid

DEPTHS = (1, 2, 3, 4)  # of C2 to C5


@pytest.fixture(scope="module")
def model():
    """One channel; every 1x1 convolution sums its channels, every 3x3 one passes its input on."""
    inputs = [keras.Input((64 // s, 96 // s, depth)) for s, depth in zip((4, 8, 16, 32), DEPTHS, strict=True)]
    model = keras.Model(inputs, feature_pyramid(inputs, channels=1))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            passing = np.zeros_like(kernel)
            passing[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
            layer.set_weights([passing, np.zeros_like(bias)])
    return model


def test_sizes(model):
    assert [tuple(m.shape[1:3]) for m in model.outputs] == [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]


def test_the_way_down_adds_up(model):
    maps = [
        np.full((1, 64 // s, 96 // s, d), v, np.float32)
        for s, d, v in zip((4, 8, 16, 32), DEPTHS, (1, 10, 100, 1000), strict=True)
    ]
    found = [np.unique(keras.ops.convert_to_numpy(m)).tolist() for m in model(maps)]
    assert found == [[4321.0], [4320.0], [4300.0], [4000.0], [4000.0]]


def test_neighbours_share_the_coarse_cell_and_p6_takes_every_second(model):
    maps = [np.zeros((1, 64 // s, 96 // s, d), np.float32) for s, d in zip((4, 8, 16, 32), DEPTHS, strict=True)]
    maps[3][0, :, :, 0] = [[1, 2, 3], [4, 5, 6]]
    p2, _, p4, p5, p6 = (keras.ops.convert_to_numpy(m)[0, :, :, 0] for m in model(maps))
    np.testing.assert_array_equal(p5, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(p4, p5.repeat(2, axis=0).repeat(2, axis=1))
    np.testing.assert_array_equal(p2, p5.repeat(8, axis=0).repeat(8, axis=1))
    np.testing.assert_array_equal(p6, [[1, 3]])
