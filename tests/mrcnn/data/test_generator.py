"""The old data_generator: shapes, order, sources, and images it cannot use."""

from itertools import islice

import numpy as np
import pytest

from mrcnn.data.dataset import Dataset
from mrcnn.data.generator import data_generator
from tests.support.golden import GoldenConfig, GoldenImages


class FourSlots(GoldenConfig):
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    MAX_GT_INSTANCES = 4


def golden():
    return GoldenImages()


def test_structure_with_random_rois_and_targets():
    batches = data_generator(
        golden(), FourSlots(), batch_size=2, random_rois=100, detection_targets=True, rng=np.random.default_rng(0)
    )
    inputs, outputs = next(batches)
    anchors = 3 * (32**2 + 16**2 + 8**2 + 4**2 + 2**2)
    assert [array.shape for array in inputs] == [
        (2, 128, 128, 3),
        (2, 16),
        (2, anchors, 1),
        (2, 64, 4),
        (2, 4),
        (2, 4, 4),
        (2, 56, 56, 4),
        (2, 100, 4),
        (2, 60, 4),
    ]
    assert [array.shape for array in outputs] == [(2, 60, 1), (2, 60, 4, 4), (2, 60, 28, 28, 4)]
    assert inputs[0].dtype == np.float32
    assert inputs[4].dtype == inputs[5].dtype == np.int32
    assert inputs[6].dtype == bool


def test_same_generator_same_batches():
    def images(seed):
        batches = data_generator(golden(), FourSlots(), augment=True, rng=np.random.default_rng(seed))
        return [inputs[0].tobytes() for inputs, _ in islice(batches, 6)]

    assert images(1) == images(1)
    assert images(1) != images(2)


def test_order_without_shuffling():
    batches = data_generator(golden(), FourSlots(), shuffle=False)
    assert [inputs[1][0, 0] for inputs, _ in islice(batches, 4)] == [0, 1, 0, 1]


def test_each_pass_has_every_image():
    batches = data_generator(golden(), FourSlots())
    ids = [inputs[1][0, 0] for inputs, _ in islice(batches, 6)]
    assert [sorted(ids[i : i + 2]) for i in (0, 2, 4)] == [[0, 1]] * 3


def test_spared_sources_are_not_augmented():
    def first(sources):
        batches = data_generator(
            golden(), FourSlots(), augmentation="no augmentation at all", no_augmentation_sources=sources
        )
        return next(batches)

    assert first(["golden"])[0][0].shape == (1, 128, 128, 3)
    with pytest.raises(ValueError, match="is neither an"):
        first(None)


def test_images_without_objects_are_left_out():
    dataset = golden()
    load_mask = dataset.load_mask
    dataset.load_mask = lambda i: load_mask(i) if i else (np.zeros((128, 128, 0), bool), np.zeros(0, np.int32))
    batches = data_generator(dataset, FourSlots(), shuffle=False)
    assert [inputs[1][0, 0] for inputs, _ in islice(batches, 3)] == [1, 1, 1]
    dataset.load_mask = lambda i: (load_mask(i)[0], -load_mask(i)[1])
    with pytest.raises(ValueError, match="no image of the data set has an object"):
        next(data_generator(dataset, FourSlots()))


def test_a_broken_image_stops_it_with_its_name():
    dataset = golden()
    dataset.load_image = super(GoldenImages, dataset).load_image
    with pytest.raises(FileNotFoundError, match="image0") as raised:
        next(data_generator(dataset, FourSlots(), shuffle=False))
    assert "image 0 (source 'golden', id 0" in raised.value.__notes__[0]


def test_an_empty_data_set_is_refused():
    dataset = Dataset()
    dataset.prepare()
    with pytest.raises(ValueError, match="no images"):
        next(data_generator(dataset, FourSlots()))
