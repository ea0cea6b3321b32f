"""Dataset: ids, sources, classes, and its messages."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.data.dataset import Dataset


def two_sources():
    dataset = Dataset()
    dataset.add_class("pets", 7, "cat,kitten")
    dataset.add_class("cars", 7, "van")
    dataset.add_class("pets", 3, "dog")
    dataset.add_class("pets", 7, "cat again")
    dataset.add_image("pets", "a", "a.png", width=4)
    dataset.add_image("cars", 12, "b.png")
    return dataset


def test_classes_are_numbered_in_order_behind_the_background():
    dataset = two_sources()
    dataset.prepare()
    assert dataset.num_classes == 4
    assert dataset.class_ids.tolist() == [0, 1, 2, 3]
    assert dataset.class_names == ["BG", "cat", "van", "dog"]
    assert dataset.sources == ["", "pets", "cars"]
    assert dataset.source_class_ids == {"": [0], "pets": [0, 1, 3], "cars": [0, 2]}
    assert dataset.map_source_class_id("pets.3") == 3
    assert dataset.get_source_class_id(3, "pets") == 3
    assert dataset.class_info[2] == {"source": "cars", "id": 7, "name": "van"}
    with pytest.raises(ValueError, match="class 2 .van. is of source 'cars'"):
        dataset.get_source_class_id(2, "pets")


def test_images_are_numbered_and_keep_their_keywords():
    dataset = two_sources()
    dataset.prepare()
    assert dataset.num_images == 2
    assert dataset.image_ids.tolist() == [0, 1]
    assert dataset.image_info[0] == {"id": "a", "source": "pets", "path": "a.png", "width": 4}
    assert dataset.image_from_source_map == {"pets.a": 0, "cars.12": 1}
    assert dataset.source_image_link(1) == "b.png"
    assert dataset.image_reference(0) == ""


def test_an_empty_data_set_can_be_prepared():
    dataset = Dataset()
    dataset.prepare()
    assert (dataset.num_images, dataset.num_classes) == (0, 1)


def test_a_dot_in_a_source_is_refused():
    with pytest.raises(ValueError, match=r"source 'a\.b'"):
        Dataset().add_class("a.b", 1, "x")


def test_append_data_takes_over_another_data_set():
    other, dataset = two_sources(), Dataset()
    dataset.add_class("cars", 7, "van")
    dataset.append_data(other.class_info, other.image_info)
    dataset.prepare()
    assert dataset.class_names == ["BG", "van", "cat", "dog"]
    assert dataset.num_images == 2


def test_load_image_and_default_mask(tmp_path):
    Image.new("L", (5, 3), 9).save(tmp_path / "gray.png")
    dataset = Dataset()
    dataset.add_image("x", 1, tmp_path / "gray.png")
    dataset.add_image("x", 2, tmp_path / "lost.png")
    dataset.prepare()
    assert dataset.load_image(0).tolist() == np.full((3, 5, 3), 9).tolist()
    mask, class_ids = dataset.load_mask(0)
    assert (mask.shape, class_ids.shape) == ((0, 0, 0), (0,))
    with pytest.raises(FileNotFoundError, match=r"lost\.png"):
        dataset.load_image(1)
