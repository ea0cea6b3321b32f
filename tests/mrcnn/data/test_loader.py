"""Batches of fixed shape: the same for a seed whatever the threads, and errors that name the image."""

import threading
import time

import numpy as np
import pytest

from mrcnn.data.loader import Loader, batch_bytes
from tests.support.engine_data import Boxes, SmallConfig, few_images  # noqa: E402  beside this folder


class ChanceConfig(SmallConfig):
    """Every random choice the loader can make, but augmentation."""

    IMAGE_RESIZE_MODE = "crop"
    USE_RPN_ROIS = False
    MAX_GT_INSTANCES = 1


def take(number, dataset=None, config=None, **options):
    with Loader(dataset or few_images(), config or SmallConfig(), **options) as loader:
        return [next(loader) for _ in range(number)]


def assert_same(batches, others):
    for batch, other in zip(batches, others, strict=True):
        assert list(batch) == list(other)
        for name, values in batch.items():
            np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_shapes_and_types():
    batch = take(1, shuffle=False)[0]
    assert {name: (values.shape, values.dtype.name) for name, values in batch.items()} == {
        "images": ((2, 64, 64, 3), "float32"),
        "active_class_ids": ((2, 3), "float32"),
        "gt_class_ids": ((2, 4), "int32"),
        "gt_boxes_px": ((2, 4, 4), "float32"),
        "gt_valid": ((2, 4), "bool"),
        "gt_masks": ((2, 4, 28, 28), "uint8"),
    }


def test_what_is_in_a_batch():
    """Images of 48 x 64 in a square of 64: 8 rows of padding above."""
    first, second = take(2, shuffle=False)
    np.testing.assert_array_equal(first["gt_class_ids"], [[1, 2, 0, 0], [2, 0, 0, 0]])
    np.testing.assert_array_equal(first["gt_boxes_px"][0], [[12, 6, 32, 30], [34, 34, 52, 60], [0] * 4, [0] * 4])
    np.testing.assert_array_equal(first["gt_valid"], [[True, True, False, False], [True, False, False, False]])
    assert first["gt_masks"][0, :2].all()
    assert not first["gt_masks"][0, 2:].any()
    np.testing.assert_allclose(first["images"][0, 15, 10], [240 - 123.7, 220 - 116.8, 60 - 103.9], rtol=1e-5)
    assert not second["gt_valid"][0].any()  # the image without objects, then the first one again
    np.testing.assert_array_equal(second["gt_boxes_px"][1], first["gt_boxes_px"][0])


@pytest.mark.parametrize("config", [SmallConfig, ChanceConfig])
def test_the_seed_decides_and_not_the_threads(config):
    one, three = (take(5, config=config(), seed=3, augment=True, threads=threads) for threads in (1, 3))
    assert_same(one, three)
    other = take(5, config=config(), seed=4, augment=True, threads=3)
    assert any((batch["images"] != changed["images"]).any() for batch, changed in zip(one, other, strict=True))


def test_every_pass_shows_every_image_once():
    dataset = few_images()
    with Loader(dataset, SmallConfig(), seed=0, threads=1) as loader:
        passes = [[loader._image_id(3 * lap + i) for i in range(3)] for lap in range(6)]
    assert all(sorted(ids) == [0, 1, 2] for ids in passes)
    assert len({tuple(ids) for ids in passes}) > 1


def test_more_objects_than_slots():
    things = [(1 + i % 2, 2, 4 * i, 20, 4 * i + 4) for i in range(12)]
    batches = take(4, Boxes([things]), seed=0)
    for batch in batches:
        assert batch["gt_valid"].all()
        left = batch["gt_boxes_px"][..., 1]
        np.testing.assert_array_equal(batch["gt_class_ids"], 1 + left // 4 % 2)  # class and box still belong together
        assert (np.diff(left, axis=1) > 0).all()
    assert len({tuple(row) for batch in batches for row in batch["gt_boxes_px"][..., 1]}) > 1


def test_full_size_masks_no_masks_and_given_rois():
    class FullSize(SmallConfig):
        USE_MINI_MASK = False

    class Plain(SmallConfig):
        USE_MASK = False
        USE_RPN_ROIS = False

    full = take(1, config=FullSize(), shuffle=False)[0]["gt_masks"]
    assert full.shape == (2, 4, 64, 64)
    assert full[0, 0].sum() == full[0, 0, 12:32, 6:30].sum() == 20 * 24
    plain = take(1, config=Plain(), shuffle=False)[0]
    assert "gt_masks" not in plain
    assert plain["rois"].shape == (2, 60, 4)
    assert 0 <= plain["rois"].min() < plain["rois"].max() <= 1


def test_sources_that_are_not_augmented():
    plain, fixed = (
        take(3, shuffle=False, seed=0, augment=augment, no_augmentation_sources=["boxes"]) for augment in (False, True)
    )
    assert_same(plain, fixed)
    flipped = take(3, shuffle=False, seed=0, augment=True)
    assert any((batch["images"] != turned["images"]).any() for batch, turned in zip(plain, flipped, strict=True))


def test_a_broken_image_is_named():
    dataset = few_images()
    dataset.load_mask = lambda image_id: (np.ones((3, 3, 1), bool), np.array([1]))
    with Loader(dataset, SmallConfig(), shuffle=False) as loader, pytest.raises(ValueError, match="image 0"):
        next(loader)


def with_a_broken_image():
    """Few images, the first of which cannot be read."""
    dataset = few_images()
    load = dataset.load_image

    def broken(image_id):
        if image_id == 0:
            raise ValueError("image 0 is cut short")
        return load(image_id)

    dataset.load_image = broken
    return dataset


def test_broken_images_are_skipped_counted_and_listed():
    dataset = with_a_broken_image()
    broken = dataset.load_image
    with pytest.raises(ValueError, match="image 0 is cut short"):
        take(2, dataset, shuffle=False)
    with Loader(dataset, SmallConfig(), shuffle=False, skip_broken=True, threads=1) as loader:
        batch = next(loader)
        np.testing.assert_array_equal(batch["gt_class_ids"], [[2, 0, 0, 0]] * 2)  # image 1 in its place, then itself
    assert loader.skipped == {"image 0": "image 0 is cut short"}
    dataset.load_image = lambda image_id: broken(0)
    with pytest.raises(ValueError, match="No image of the data set can be read. One of them: image 0"):
        take(1, dataset, skip_broken=True)


def test_ids_of_a_batch_are_those_of_what_is_in_it():
    dataset = with_a_broken_image()
    with Loader(dataset, SmallConfig(), shuffle=False, skip_broken=True, threads=1) as loader:
        next(loader)
        assert loader.image_ids(0) == ["image 1", "image 1"]
        assert loader.image_ids(1) == ["image 2", "image 1"]


def test_a_cycle_comes_again_and_nothing_beyond_it_is_made():
    made = []

    class Notes(Loader):
        def batch(self, number):
            made.append(number)
            return super().batch(number)

    with Notes(few_images(), SmallConfig(), seed=0, threads=2, cycle=2) as loader:
        first, second, third = (loader.fetch(number) for number in range(3))
    assert_same([first], [third])
    assert set(made) == {0, 1}


def test_what_waits_to_be_taken_is_bounded():
    class Large(SmallConfig):
        IMAGES_PER_GPU = 64
        IMAGE_MIN_DIM = IMAGE_MAX_DIM = 1024
        USE_MASK = False

    assert batch_bytes(Large()) == 64 * 1024 * 1024 * 3 * 4  # 768 MiB
    assert batch_bytes(SmallConfig()) == 2 * (64 * 64 * 3 * 4 + 4 * 28 * 28)
    with Loader(few_images(), Large(), threads=8) as loader:
        assert loader.ahead == 2
    with Loader(few_images(), SmallConfig(), threads=8) as loader:
        assert loader.ahead == 17


def held_up(seconds):
    """A data set whose images can be read `seconds` from now."""
    dataset = few_images()
    load, gate = dataset.load_image, threading.Event()
    dataset.load_image = lambda image_id: gate.wait(10) and load(image_id)
    threading.Timer(seconds, gate.set).start()
    return dataset


def test_waiting_in_the_thread_that_needs_a_batch():
    with Loader(held_up(0.2), SmallConfig(), threads=1) as loader:
        loader.fetch(0)  # nobody said that it waits
        assert loader.waited == 0
    with Loader(held_up(0.2), SmallConfig(), threads=1) as loader:
        loader.need(0)
        loader.fetch(1)  # as with JAX on a GPU, which takes one ahead
        assert 0.15 < (waited := loader.waited) < 2
        ready(loader)
        loader.fetch(2)
        assert loader.waited - waited < 0.1


def test_waiting_for_a_batch_that_another_thread_fetches():
    with Loader(held_up(0.4), SmallConfig(), threads=1) as loader:
        loader.need(0)  # an earlier step: the batch after it comes while it is computed, which holds nobody up
        fetching = threading.Thread(target=loader.fetch, args=(1,))
        fetching.start()
        time.sleep(0.2)
        assert loader.waited == 0
        loader.need(1)  # only from now on
        fetching.join()
        assert 0.1 < loader.waited < 0.35


def ready(loader):
    while not all(future.done() for future in loader._pending.values()):
        time.sleep(0.01)


def test_an_empty_data_set():
    with pytest.raises(ValueError, match="The data set has no images"):
        Loader(Boxes([]), SmallConfig())


def test_threads_end_at_close():
    def workers():
        return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]

    before = len(workers())
    loader = Loader(few_images(), SmallConfig(), threads=3)
    next(loader)
    assert len(workers()) > before
    loader.close()
    assert len(workers()) == before
