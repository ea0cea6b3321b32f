"""Molding, meta vectors and load_image_gt on images that are not square."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mrcnn.config import Config
from mrcnn.data.dataset import Dataset
from mrcnn.data.molding import compose_image_meta, load_image_gt, mold, mold_image, parse_image_meta, unmold_image
from mrcnn.data.transforms import Augmentation
from tests.support.golden import GoldenConfig


class Files(Dataset):
    """Images in files, without objects."""

    def __init__(self, *paths):
        super().__init__()
        for path in paths:
            self.add_image("here", path.name, path)
        self.add_class("here", 1, "one")
        self.prepare()


def test_a_network_of_four_channels_reads_four_from_the_file(tmp_path):
    rgba = (np.arange(64 * 64 * 4) % 251).astype(np.uint8).reshape(64, 64, 4)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    config = type("Four", (SmallConfig,), {"IMAGE_CHANNEL_COUNT": 4, "IMAGE_MAX_DIM": 64})()
    dataset = Files(tmp_path / "a.png")
    assert dataset.load_image(0).shape == (64, 64, 3)
    assert np.array_equal(load_image_gt(dataset, config, 0)[0], rgba)


def test_pixels_as_they_are_stored_or_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    dataset = Files(tmp_path / "a.png")
    assert np.array_equal(dataset.load_image(0), pixels)
    dataset.upright = True
    assert np.array_equal(dataset.load_image(0), np.rot90(pixels, -1))


@pytest.mark.parametrize("none", [False, [], None])
def test_an_augmentation_that_is_empty_is_none(none):
    dataset, config = Rectangles((1, 4, 6, 24, 30)), SmallConfig()
    found, plain = load_image_gt(dataset, config, 0, augmentation=none), load_image_gt(dataset, config, 0)
    assert all(np.array_equal(a, b) for a, b in zip(found, plain, strict=True))


class Rectangles(Dataset):
    """One image of 40 x 60 px with objects given as (class id, y1, x1, y2, x2)."""

    def __init__(self, *objects):
        super().__init__()
        self.objects = objects
        self.add_class("here", 1, "one")
        self.add_class("there", 1, "other")
        self.add_class("here", 2, "two")
        self.add_image("here", "image", "nowhere.png")
        self.prepare()

    def load_image(self, image_id):
        image = np.zeros((40, 60, 3), np.uint8)
        for _, y1, x1, y2, x2 in self.objects:
            image[y1:y2, x1:x2] = 255
        return image

    def load_mask(self, image_id):
        masks = np.zeros((40, 60, len(self.objects)), bool)
        for i, (_, y1, x1, y2, x2) in enumerate(self.objects):
            masks[y1:y2, x1:x2, i] = True
        return masks, np.array([class_id for class_id, *_ in self.objects], np.int32)


class SmallConfig(GoldenConfig):
    IMAGE_MIN_DIM = 0
    IMAGE_MAX_DIM = 64


TWO = (1, 4, 8, 20, 28), (3, 10, 40, 14, 60)


@settings(deadline=None)
@given(st.integers(0, 255))
def test_mold_and_back(level):
    image = np.full((3, 5, 3), level, np.uint8)
    molded = mold_image(image, Config())
    assert molded.dtype == np.float32
    np.testing.assert_allclose(molded[1, 2], level - Config.MEAN_PIXEL, atol=1e-5)
    assert np.array_equal(unmold_image(molded, Config()), image)


@pytest.mark.parametrize(
    ("mean", "channels", "expected"),
    [([10, 20, 30], 3, [10, 20, 30]), ([10, 20, 30], 1, [20]), ([10, 20, 30], 5, [10, 20, 30, 20, 20]), (7, 2, [7, 7])],
)
def test_mean_for_any_number_of_channels(mean, channels, expected):
    config = Config()
    config.MEAN_PIXEL = np.array(mean)
    image = np.full((2, 3, channels), 100, np.uint8)
    molded = mold_image(image, config)
    assert (100 - molded[0, 0]).tolist() == expected
    assert np.array_equal(unmold_image(molded, config), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_get_the_channels_of_the_network(channels):
    dataset = Rectangles(*TWO)
    rgb = dataset.load_image(0)
    dataset.load_image = lambda image_id: np.dstack([rgb, rgb[:, :, :1]])  # RGBA

    class ChannelConfig(SmallConfig):
        IMAGE_CHANNEL_COUNT = channels

    image, meta, *_ = load_image_gt(dataset, ChannelConfig(), 0)
    assert image.shape == (64, 64, channels)
    assert image.dtype == np.uint8
    assert meta[6] == channels


def test_meta_there_and_back():
    meta = compose_image_meta(5, (10, 20, 3), (64, 128, 3), (1, 2, 3, 4), 1.5, [1, 0, 1])
    assert meta.tolist() == [5, 10, 20, 3, 64, 128, 3, 1, 2, 3, 4, 1.5, 1, 0, 1]
    parts = parse_image_meta(np.stack([meta, meta * 2]))
    assert parts["image_id"].tolist() == [5, 10]
    assert parts["original_image_shape"].tolist() == [[10, 20, 3], [20, 40, 6]]
    assert parts["image_shape"][0].tolist() == [64, 128, 3]
    assert parts["window"][1].tolist() == [2, 4, 6, 8]
    assert parts["scale"].tolist() == [1.5, 3]
    assert parts["active_class_ids"][0].tolist() == [1, 0, 1]


class FineStripes(Dataset):
    """One image, height x width px, of columns a pixel wide, and an object in its middle fifth."""

    def __init__(self, height, width):
        super().__init__()
        self.size = height, width
        self.add_class("here", 1, "one")
        self.add_image("here", "image", "nowhere.png")
        self.prepare()

    def load_image(self, image_id):
        height, width = self.size
        return np.tile(np.array([0, 255], np.uint8)[np.newaxis, :, np.newaxis], (height, width // 2, 3))

    def load_mask(self, image_id):
        height, width = self.size
        mask = np.zeros((height, width, 1), bool)
        mask[2 * height // 5 : 3 * height // 5, 2 * width // 5 : 3 * width // 5] = True
        return mask, np.array([1], np.int32)


def test_what_augmentation_enlarges_shows_what_the_file_has():
    dataset, config = FineStripes(160, 320), SmallConfig()  # 5 times the network's 64 px
    plain, plain_meta, *_ = load_image_gt(dataset, config, 0)
    assert np.ptp(plain[25:39, 8:56].astype(int)) < 10  # too fine for 64 px
    enlarge = Augmentation(flip_left_right=0.0, scale=(5.0, 5.0))
    seen, meta, _, boxes, masks = load_image_gt(dataset, config, 0, augmentation=enlarge)
    assert seen.shape == plain.shape
    assert np.array_equal(seen, dataset.load_image(0)[48:112, 128:192])  # its middle, pixel by pixel
    assert boxes.tolist() == [[16, 0, 48, 64]]
    assert masks.shape == (64, 64, 1)
    np.testing.assert_allclose(meta, plain_meta, rtol=1e-9)


def test_no_more_is_enlarged_from_the_file_than_it_has():
    seen, *_ = load_image_gt(FineStripes(40, 60), SmallConfig(), 0, augmentation=Augmentation(scale=(2.0, 2.0)))
    assert seen.shape == (64, 64, 3)


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(20, 150),
    width=st.integers(10, 75).map(lambda half: 2 * half),
    scale=st.floats(0.3, 3),
    seed=st.integers(0, 10**6),
)
def test_a_changed_image_has_the_size_of_the_network_and_its_boxes_in_it(height, width, scale, seed):
    change = Augmentation(scale=(scale, scale), random_crop=True, rotate=20)
    rng = np.random.default_rng(seed)
    seen, _, class_ids, boxes, masks = load_image_gt(
        FineStripes(height, width), SmallConfig(), 0, augmentation=change, rng=rng
    )
    assert seen.shape == (64, 64, 3)
    assert masks.shape == (64, 64, len(class_ids)) == (64, 64, len(boxes))
    assert np.all(boxes[:, :2] < boxes[:, 2:])
    assert np.all(boxes >= 0)
    assert np.all(boxes <= 64)


def test_boxes_and_masks_are_padded_with_the_image():
    image, meta, class_ids, boxes, masks = load_image_gt(Rectangles(*TWO), SmallConfig(), 0)
    assert class_ids.tolist() == [1, 3]
    assert boxes.tolist() == [[16, 10, 32, 30], [22, 42, 26, 62]]  # 12 rows above, 2 columns to the left
    assert masks.sum(axis=(0, 1)).tolist() == [16 * 20, 4 * 20]
    assert np.array_equal(image[:, :, 0] == 255, masks.any(axis=2))
    parts = parse_image_meta(meta[np.newaxis])
    assert parts["window"].tolist() == [[12, 2, 52, 62]]
    assert parts["original_image_shape"].tolist() == [[40, 60, 3]]
    assert parts["active_class_ids"].tolist() == [[1, 1, 0, 1]]  # "other" is of another source


def test_mini_masks():
    *_, masks = load_image_gt(Rectangles(*TWO), SmallConfig(), 0, use_mini_mask=True)
    assert masks.shape == (56, 56, 2)
    assert masks.all()


def test_no_objects_and_lost_objects():
    image, _, class_ids, boxes, masks = load_image_gt(Rectangles(), SmallConfig(), 0, use_mini_mask=True)
    assert (image.shape, class_ids.shape, boxes.shape, masks.shape) == ((64, 64, 3), (0,), (0, 4), (56, 56, 0))

    tiny = SmallConfig()
    tiny.IMAGE_MAX_DIM = 6  # no network could take it
    thin = (2, 1, 1, 2, 2), (1, 4, 8, 40, 60)  # the first one has a single pixel, which a tenth of the size skips
    _, _, class_ids, boxes, _ = load_image_gt(Rectangles(*thin), tiny, 0)
    assert class_ids.tolist() == [1]
    assert len(boxes) == 1


def test_flip_turns_image_boxes_and_masks():
    plain = load_image_gt(Rectangles(*TWO), SmallConfig(), 0)
    flips = 0
    for seed in range(8):
        random.seed(seed)
        coin = random.randint(0, 1)
        random.seed(seed)
        image, _, _, boxes, masks = load_image_gt(Rectangles(*TWO), SmallConfig(), 0, augment=True)
        flips += coin
        expected = [array[:, ::-1] if coin else array for array in (plain[0], plain[4])]
        assert np.array_equal(image, expected[0])
        assert np.array_equal(masks, expected[1])
        assert boxes[0].tolist() == ([16, 34, 32, 54] if coin else [16, 10, 32, 30])
    assert 0 < flips < 8


def test_flip_and_crop_follow_their_generator():
    crops = SmallConfig()
    crops.IMAGE_RESIZE_MODE, crops.IMAGE_MIN_DIM = "crop", 32  # no network could take them

    def load(seed):
        rng = np.random.default_rng(seed)
        return load_image_gt(Rectangles(*TWO), crops, 0, augment=True, rng=rng)[0]

    assert np.array_equal(load(3), load(3))
    assert len({load(seed).tobytes() for seed in range(9)}) > 2


def test_detection_sees_the_whole_image_of_a_network_of_crops():
    config = type("Crops", (SmallConfig,), {"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 64})()
    molded, _, window = mold(np.full((32, 128, 3), 200, np.uint8), config)
    assert molded.shape == (64, 64, 3) and window == (24, 0, 40, 64)
    smaller = np.full((64, 48, 3), 200, np.uint8)
    assert mold(smaller, config)[2] == (0, 8, 64, 56)


def test_masks_that_do_not_fit_are_named():
    dataset = Rectangles(*TWO)
    dataset.load_mask = lambda image_id: (np.ones((41, 60, 2), bool), np.array([1, 2]))
    with pytest.raises(ValueError, match=r"nowhere.png: masks of shape \(41, 60, 2\)"):
        load_image_gt(dataset, SmallConfig(), 0)
    dataset.load_mask = lambda image_id: (np.ones((40, 60, 2), bool), np.array([1]))
    with pytest.raises(ValueError, match="1 class ids do not fit"):
        load_image_gt(dataset, SmallConfig(), 0)


def test_an_error_of_the_users_loader_carries_the_image():
    dataset = Rectangles(*TWO)
    dataset.load_mask = lambda image_id: {}["annotations"]
    with pytest.raises(KeyError) as raised:
        load_image_gt(dataset, SmallConfig(), 0)
    assert raised.value.__notes__ == ["in image 0 (source 'here', id 'image', path 'nowhere.png')"]
