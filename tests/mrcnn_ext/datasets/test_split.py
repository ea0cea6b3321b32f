"""Splits on disk: complete, disjoint, whole, and read by CocoDataset."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from mrcnn_ext.check import check_data
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.split import SplitRules, split_data

IMAGES = 20


@pytest.fixture
def raw(tmp_path):
    """An annotation file over 20 images in 5 sub-folders, two classes in turn; image 19 has no object."""
    images, annotations = [], []
    for i in range(IMAGES):
        name = f"tree{i % 5}/{i}.png"
        path = tmp_path / "raw" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(i).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((30, 20), Image.Resampling.BICUBIC).save(path)
        images.append({"id": i + 1, "file_name": name, "width": 30, "height": 20, "patient": i // 4, "kept": True})
        if i < IMAGES - 1:
            shape = {"segmentation": [[2, 2, 9, 2, 9, 9, 2, 9]], "bbox": [2, 2, 7, 7], "area": 49, "iscrowd": 0}
            annotations.append({"id": i + 1, "image_id": i + 1, "category_id": 1 + i % 2, "note": "ö"} | shape)
    file = tmp_path / "raw" / "labels.json"
    categories = [{"id": 1, "name": "leaf"}, {"id": 2, "name": "flower"}]
    content = {"info": {"by": "me"}, "images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _content(out, part, tree=""):
    return json.loads((out / tree / "annotations" / f"instances_mine_{part}2018.json").read_text(encoding="utf-8"))


def _split(raw, tmp_path, shares=None, **options):
    out = tmp_path / options.pop("out", "mine")
    return split_data(raw, out, SplitRules(shares, **options), progress=False)


def test_three_parts_complete_and_disjoint(raw, tmp_path):
    result = _split(raw, tmp_path)
    parts = {part: _content(result.out, part) for part in ("train", "validate", "test")}
    assert {part: len(content["images"]) for part, content in parts.items()} == {"train": 14, "validate": 3, "test": 3}
    whole = json.loads(raw.read_text())
    for key in ("images", "annotations"):
        together = [item for content in parts.values() for item in content[key]]
        assert sorted(together, key=lambda item: item["id"]) == whole[key]  # every field, each once
    assert all(content["categories"] == whole["categories"] for content in parts.values())
    assert parts["train"]["info"] == {"by": "me", "split": {"from": "labels.json", "seed": 2018}}
    numbers = result.trees[""]["validate"]
    assert numbers["images"] == 3 and numbers["classes"]["leaf"] in (1, 2) and numbers["classes"]["flower"] in (1, 2)


def test_the_tree_is_read_and_sound(raw, tmp_path):
    result = _split(raw, tmp_path)
    assert not check_data(result.out, progress=False).total("error")
    dataset = CocoDataset()
    dataset.load_coco(result.out, "validate")
    dataset.prepare()
    assert dataset.class_names == ["BG", "leaf", "flower"] and len(dataset.image_ids) == 3
    assert dataset.load_image(0).shape == (20, 30, 3)


@pytest.mark.parametrize(("by", "key"), [("folder", lambda image: image["file_name"][:5]), ("patient", None)])
def test_groups_stay_whole(raw, tmp_path, by, key):
    key = key or (lambda image: image["patient"])
    result = _split(raw, tmp_path, {"train": None, "validate": 0.2, "test": 0.2}, by=by)
    assert result.groups == 5
    seen = [{key(image) for image in _content(result.out, part)["images"]} for part in ("train", "validate", "test")]
    assert [len(groups) for groups in seen] == [3, 1, 1]
    assert len(set.union(*seen)) == 5


def test_alike_images_stay_together(raw, tmp_path):
    folder = raw.parent / "images"
    with Image.open(folder / "tree0" / "0.png") as image:
        for name in ("tree1/1.png", "tree2/2.png", "tree3/3.png"):
            image.save(folder / name, format="JPEG", quality=92)
    result = _split(raw, tmp_path, {"train": 0.5, "validate": 0.5}, by=["duplicates"])
    assert result.groups == IMAGES - 3
    ids = [{image["id"] for image in _content(result.out, part)["images"]} for part in ("train", "validate")]
    assert any({1, 2, 3, 4} <= members for members in ids)


def test_two_ways_to_belong_together(raw, tmp_path):
    # Folders link i and i + 5, patients link neighbours: everything hangs together.
    with pytest.raises(ValueError, match="got no images"):
        _split(raw, tmp_path, by=["folder", "patient"])
    assert not (tmp_path / "mine").exists()


def test_images_without_the_field_stand_alone(raw, tmp_path):
    content = json.loads(raw.read_text())
    for image in content["images"][:4]:
        del image["patient"]
    raw.write_text(json.dumps(content))
    result = _split(raw, tmp_path, by="patient")
    assert result.groups == 8
    assert result.notes == ["4 images have no 'patient'; each of them stands alone"]


def test_the_same_seed_gives_the_same_files(raw, tmp_path):
    first, again, other = (
        _split(raw, tmp_path, out=f"{seed}_{i}", name="mine", seed=seed) for i, seed in enumerate((1, 1, 2))
    )
    assert _content(first.out, "test") == _content(again.out, "test")
    assert _content(first.out, "test")["images"] != _content(other.out, "test")["images"]


def test_folds(raw, tmp_path):
    result = _split(raw, tmp_path, {"test": 4}, folds=4)
    assert list(result.trees) == ["fold1", "fold2", "fold3", "fold4"]
    test = {image["id"] for image in _content(result.out, "test", "fold1")["images"]}
    validated = []
    for tree in result.trees:
        train, validate = (
            {i["id"] for i in _content(result.out, part, tree)["images"]} for part in ("train", "validate")
        )
        assert not train & validate and train | validate | test == set(range(1, IMAGES + 1))
        assert {i["id"] for i in _content(result.out, "test", tree)["images"]} == test
        validated += validate
    assert sorted([*validated, *test]) == list(range(1, IMAGES + 1))


@pytest.mark.parametrize("link", ["copy", "hard", "symbolic"])
def test_links(raw, tmp_path, link):
    result = _split(raw, tmp_path, link=link)
    name = _content(result.out, "test")["images"][0]["file_name"]
    copy, original = result.out / "mine_test2018" / name, raw.parent / "images" / name
    assert copy.read_bytes() == original.read_bytes()
    assert copy.is_symlink() == (link == "symbolic")
    assert os.path.samefile(copy, original) == (link != "copy")  # noqa: PTH121


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "camera"}, "'camera' is in none"),
        ({"by": "kept"}, "same for all"),
        ({"link": "move"}, "one of copy, hard, symbolic"),
        ({"folds": 1}, "from 2"),
        ({"folds": 3, "shares": {"train": 0.5}}, "only 'test'"),
    ],
)
def test_what_cannot_be_done(raw, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        _split(raw, tmp_path, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]  # nothing is left behind


def test_data_that_is_not_sound(raw, tmp_path):
    (raw.parent / "images" / "tree0" / "0.png").unlink()
    with pytest.raises(ValueError, match="1 images are not in .*tree0/0.png"):
        _split(raw, tmp_path)
    (raw.parent / "other.json").write_text(raw.read_text())
    with pytest.raises(ValueError, match="several annotation files"):
        split_data(raw.parent, tmp_path / "mine", progress=False)
    with pytest.raises(ValueError, match="not empty"):
        split_data(raw, raw.parent, progress=False)


def test_a_class_that_a_part_lacks_is_named(raw, tmp_path):
    content = json.loads(raw.read_text())
    content["categories"].append({"id": 3, "name": "fruit"})
    content["annotations"][0]["category_id"] = 3
    raw.write_text(json.dumps(content))
    result = _split(raw, tmp_path)
    assert len(result.notes) == 1 and "class 'fruit' has no object in" in result.notes[0]


def test_a_name_that_leads_outside_is_refused(raw, tmp_path):
    content = json.loads(raw.read_text())
    content["images"][0]["file_name"] = "../images/tree0/0.png"
    raw.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="leads out"):
        _split(raw, tmp_path)
