"""Copy-paste: pasted objects hide what they cover; image, masks, boxes and classes stay together."""

import numpy as np
import pytest

from mrcnn.data.copy_paste import another_image
from mrcnn.data.generator import data_generator
from mrcnn.data.loader import Loader
from mrcnn.data.molding import load_image_gt
from mrcnn.data.transforms import Augmentation
from tests.support.engine_data import Boxes, SmallConfig  # noqa: E402  beside this folder

ALWAYS = Augmentation(flip_left_right=0.0, copy_paste=1.0)  # nothing moves, so that numbers can be told
BRIGHT, DARK = (240, 220, 60), (20, 30, 90)
HALF_UNDER = [[(1, 10, 10, 30, 30)], [(2, 10, 20, 30, 50)]]  # of the first image's square the right half


class FullSize(SmallConfig):
    USE_MINI_MASK = False


class Plain(SmallConfig):
    """Images of 48 x 64 as they are: no row of padding above."""

    IMAGE_RESIZE_MODE = "none"


def load(things, config=None, mini=False, augmentation=ALWAYS, image_id=0):
    rng = np.random.default_rng(0)
    return load_image_gt(
        Boxes(things), config or Plain(), image_id, augmentation=augmentation, use_mini_mask=mini, rng=rng
    )


def test_what_a_pasted_object_covers_is_cut_away():
    image, _, class_ids, boxes, masks = load(HALF_UNDER)
    assert class_ids.tolist() == [1, 2]
    assert boxes.tolist() == [[10, 10, 30, 20], [10, 20, 30, 50]]
    assert masks.sum(axis=(0, 1)).tolist() == [20 * 10, 20 * 30]
    assert not (masks[:, :, 0] & masks[:, :, 1]).any()
    assert (image[masks[:, :, 0]] == BRIGHT).all()
    assert (image[masks[:, :, 1]] == DARK).all()
    assert (image[~masks.any(axis=2)] == 120).all()


def test_an_object_that_is_wholly_covered_is_dropped():
    _, _, class_ids, boxes, _ = load([[(1, 10, 10, 30, 30), (1, 40, 2, 44, 6)], [(2, 10, 10, 30, 30)]])
    assert class_ids.tolist() == [1, 2]
    assert boxes.tolist() == [[40, 2, 44, 6], [10, 10, 30, 30]]


def test_mini_masks_are_of_what_is_left():
    """A hole in the left half: the box stays, the mask does not."""
    things = [[(1, 10, 10, 30, 50)], [(2, 14, 12, 26, 30)]]
    *_, boxes, mini = load(things, mini=True)
    assert boxes.tolist() == [[10, 10, 30, 50], [14, 12, 26, 30]]
    assert mini.shape == (28, 28, 2)
    assert mini[:, :, 1].all()
    assert abs(mini[:, :, 0].mean() - (1 - 12 * 18 / (20 * 40))) < 0.03
    assert mini[:, 15:, 0].all()
    assert not mini[8:20, 3:12, 0].any()


def test_crowds_are_not_pasted_but_are_covered():
    _, _, class_ids, boxes, _ = load([[(1, 10, 10, 30, 30)], [(-1, 10, 20, 30, 50), (2, 40, 2, 44, 6)]])
    assert class_ids.tolist() == [1, 2]
    assert boxes.tolist() == [[10, 10, 30, 30], [40, 2, 44, 6]]
    _, _, class_ids, boxes, _ = load([[(-1, 10, 10, 30, 30)], [(2, 10, 20, 30, 50)]])
    assert class_ids.tolist() == [-1, 2]
    assert boxes.tolist() == [[10, 10, 30, 20], [10, 20, 30, 50]]


@pytest.mark.parametrize("others", [[], [(-1, 10, 20, 30, 50)]])
def test_nothing_to_paste(others):
    _, _, class_ids, boxes, _ = load([[(1, 10, 10, 30, 30)], others])
    assert (class_ids.tolist(), boxes.tolist()) == ([1], [[10, 10, 30, 30]])


def test_an_image_without_objects_gets_some():
    _, _, class_ids, boxes, _ = load([[], [(2, 10, 20, 30, 50)]])
    assert (class_ids.tolist(), boxes.tolist()) == ([2], [[10, 20, 30, 50]])


def test_any_number_of_objects_from_one_to_all():
    things = [[], [(1, 4 * i, 4 * i, 4 * i + 4, 4 * i + 4) for i in range(4)]]
    counts = []
    for seed in range(40):
        loaded = load_image_gt(Boxes(things), Plain(), 0, augmentation=ALWAYS, rng=np.random.default_rng(seed))
        counts.append(len(loaded[2]))
        assert (np.diff(loaded[3][:, 0]) > 0).all()  # in their order
    assert set(counts) == {1, 2, 3, 4}


def test_both_images_move_each_by_itself():
    """Flips are drawn for each: all four pairs of them are seen."""
    change = Augmentation(flip_left_right=0.5, copy_paste=1.0)
    things = [[(1, 0, 0, 8, 8)], [(2, 20, 0, 28, 8)]]
    seen = set()
    for seed in range(30):
        boxes = load_image_gt(Boxes(things), Plain(), 0, augmentation=change, rng=np.random.default_rng(seed))[3]
        seen.add(tuple(boxes[:, 1].tolist()))
    assert seen == {(0, 0), (0, 56), (56, 0), (56, 56)}


def test_only_another_image_of_the_same_source():
    dataset = Boxes([[] for _ in range(4)])
    dataset.add_class("more", 1, "thing")
    dataset.image_info[1]["source"] = dataset.image_info[3]["source"] = "more"
    dataset.prepare()
    rng = np.random.default_rng(0)
    assert {another_image(dataset, 1, rng) for _ in range(20)} == {3}
    assert {another_image(dataset, 2, rng) for _ in range(20)} == {0}
    many = Boxes([[] for _ in range(4)])
    assert {another_image(many, 1, rng) for _ in range(60)} == {0, 2, 3}


def test_errors():
    with pytest.raises(ValueError, match="a second image of source 'boxes'"):
        load([[(1, 10, 10, 30, 30)]])
    dataset = Boxes(HALF_UNDER)
    sizes = dataset.load_image, dataset.load_mask
    dataset.load_image = lambda i: sizes[0](i)[: 48 - i]
    dataset.load_mask = lambda i: (sizes[1](i)[0][: 48 - i], sizes[1](i)[1])
    with pytest.raises(ValueError, match="'square' or 'crop'"):
        load_image_gt(dataset, Plain(), 0, augmentation=ALWAYS, rng=np.random.default_rng(0))


def test_the_loader_gives_the_same_for_a_seed_and_in_any_order():
    things = [[(1, 4, 4 + i, 20, 20 + i)] for i in range(8)]
    change = Augmentation(scale=(0.7, 1.4), rotate=20, copy_paste=0.5)
    batches = []
    for threads, first in ((1, 0), (3, 0), (2, 2)):
        with Loader(Boxes(things), SmallConfig(), augmentation=change, seed=5, threads=threads) as loader:
            batches.append([loader.fetch(number) for number in range(first, 4)])
    counts = [batch["gt_valid"].sum(axis=1).tolist() for batch in batches[0]]
    assert {count for pair in counts for count in pair} == {1, 2}
    for other, first in ((batches[1], 0), (batches[2], 2)):  # the last one as after a resume
        for batch, same in zip(batches[0][first:], other, strict=True):
            assert all(np.array_equal(batch[name], same[name]) for name in batch)


def test_spared_sources_and_the_old_generator():
    with Loader(
        Boxes(HALF_UNDER), FullSize(), augmentation=ALWAYS, no_augmentation_sources=["boxes"], shuffle=False, seed=0
    ) as loader:
        assert loader.batch(0)["gt_valid"].sum(axis=1).tolist() == [1, 1]
    inputs, _ = next(data_generator(Boxes(HALF_UNDER), SmallConfig(), False, augmentation=ALWAYS, batch_size=1))
    assert np.count_nonzero(inputs[4][0]) == 2


def test_a_broken_source_is_the_one_that_is_listed():
    """Image 1 is broken: the others, where they were to copy from it, come without."""
    dataset = Boxes([[(1, 4 + 9 * i, 10, 12 + 9 * i, 30)] for i in range(4)])
    whole = dataset.load_image

    def broken(image_id):
        if image_id == 1:
            raise ValueError("cut short")
        return whole(image_id)

    dataset.load_image = broken
    with Loader(dataset, SmallConfig(), augmentation=ALWAYS, seed=0, skip_broken=True) as loader:
        counts = [loader.sample(place)["gt_valid"].sum() for place in range(40) if loader._image_id(place) != 1]
    assert loader.skipped == {"image 1": "cut short"}
    assert set(counts) == {1, 2}
    loader = Loader(dataset, SmallConfig(), augmentation=ALWAYS, seed=0)
    with loader, pytest.raises(ValueError, match="cut short") as raised:
        for place in range(40):
            if loader._image_id(place) != 1:
                loader.sample(place)
    assert "in image 1" in raised.value.__notes__[0]
    assert len(raised.value.__notes__) == 2  # and which image it was to be pasted into
