"""The shapes data set: its tree, its truth against the drawn pixels, its seed, and that it is whole or not there."""

import json

import numpy as np
import pytest
from PIL import Image

from mrcnn_ext.datasets import shapes
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.masks.rle import decode_masks

COUNTS = {"train": 12, "validate": 3, "test": 5}
SIZE = (64, 96)  # height and width differ


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return shapes.make_shapes(tmp_path_factory.mktemp("data") / "shapes", COUNTS, SIZE, seed=7, progress=False)


def annotation_files(folder):
    return sorted((folder / "annotations").iterdir())


def test_tree_is_the_old_one(folder):
    assert [path.name for path in annotation_files(folder)] == [
        "instances_shapes_test2018.json",
        "instances_shapes_train2018.json",
        "instances_shapes_validate2018.json",
    ]
    for subset, count in COUNTS.items():
        names = [path.suffix for path in (folder / f"shapes_{subset}2018").iterdir()]
        assert names == [".jpeg"] * count
    assert len(list(folder.parent.iterdir())) == 1  # no temporary folder is left


def test_every_object_is_visible_and_its_numbers_fit_its_mask(folder):
    classes = set()
    for path in annotation_files(folder):
        content, file = json.loads(path.read_text()), CocoFile(path)
        assert file.categories == {1: "square", 2: "circle", 3: "triangle"}
        for row in range(len(file.images)):
            assert 1 <= len(file.objects(row)) <= shapes.MAX_OBJECTS
            masks = decode_masks([file.rle(row, i) for i in file.objects(row)], *SIZE)
            assert masks.sum(2).max() == 1  # occlusion: no pixel has two owners
            for mask, i in zip(np.moveaxis(masks, 2, 0), file.objects(row), strict=True):
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                box = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
                assert file.boxes[i].tolist() == box
                assert file.areas[i] == mask.sum() >= shapes.MIN_PIXELS
                assert not file.crowd[i]
                classes.add(int(file.category_ids[i]))
        assert len({a["id"] for a in content["annotations"]}) == len(content["annotations"])
    assert classes == {1, 2, 3}


def test_truth_is_what_was_drawn(folder):
    for subset in COUNTS:
        file = CocoFile(folder / "annotations" / f"instances_shapes_{subset}2018.json")
        for row, image in enumerate(file.images):
            given = np.array(Image.open(folder / f"shapes_{subset}2018" / image["file_name"])).astype(float)
            assert given.shape == (*SIZE, 3)
            for i in file.objects(row):
                mask = decode_masks([file.rle(row, i)], *SIZE)[:, :, 0]
                inner = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
                if inner.any():
                    assert given[inner].std(0).max() < 12  # one colour inside, but for JPEG's ripples


def test_colours_stand_out_from_the_background(folder):
    for seed in range(40):
        image, objects = shapes.random_image(np.random.default_rng(seed), 128, 128)
        free = ~np.any([mask for _, mask in objects], axis=0)
        for _, mask in objects:
            distance = np.linalg.norm(np.median(image[mask], 0) - np.median(image[free], 0))
            assert distance > shapes.FROM_BACKGROUND - 30  # the background fades a little


def test_areas_are_those_of_the_figures():
    rng = np.random.default_rng(0)
    for name, factor in (("square", 4), ("circle", np.pi), ("triangle", 2 / np.sin(np.pi / 3))):
        areas = [shapes._random_coverage(rng, name, 200, 200).sum() for _ in range(300)]
        assert factor * 45**2 < max(areas) <= factor * 50**2 * 1.02  # radius 16 .. 50 of 200 pixels


def test_hidden_objects_are_left_out_and_what_hid_only_them_too_late_stays():
    back, front = np.zeros((50, 60)), np.zeros((50, 60))
    back[10:30, 10:30] = 1  # 400 pixels
    front[10:30, 10:27] = 1  # hides 340 of them: 15 % are left
    assert shapes.seen([(1, back), (2, front)]) == [1]
    front[:, 25:] = 0  # hides 300: 25 % are left
    assert shapes.seen([(1, back), (2, front)]) == [0, 1]
    visible = shapes.visible_masks([back, front])
    assert [mask.sum() for mask in visible] == [100, 300]


def test_hidden_object_does_not_hide_others():
    first, second, third = (np.zeros((40, 40)) for _ in range(3))
    first[0:20, 0:20] = 1
    second[0:20, 0:18] = 1  # alone it would leave 10 % of the first
    third[0:20, 0:19] = 1  # and this one hides the second wholly, the first to 5 %
    assert shapes.seen([(1, first), (1, second), (1, third)]) == [2]


def test_same_seed_same_set_and_counts_do_not_matter(tmp_path, folder):
    again = shapes.make_shapes(tmp_path / "again", COUNTS, SIZE, seed=7, progress=False)
    for path in sorted(folder.rglob("*.jpeg")):
        assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes()
    fewer = shapes.make_shapes(tmp_path / "fewer", {**COUNTS, "train": 2}, SIZE, seed=7, progress=False)
    images = [sorted((f / "shapes_test2018").iterdir())[-1].read_bytes() for f in (folder, fewer)]
    assert images[0] == images[1]
    other = shapes.make_shapes(tmp_path / "other", {**COUNTS, "train": 2}, SIZE, seed=8, progress=False)
    assert sorted((other / "shapes_test2018").iterdir())[-1].read_bytes() != images[0]


def test_complete_set_is_left_alone_and_partial_one_made_again(tmp_path):
    counts = {"train": 2, "validate": 1, "test": 1}
    folder = shapes.make_shapes(tmp_path / "deep" / "shapes", counts, progress=False)
    file = folder / "annotations" / "instances_shapes_train2018.json"
    image = folder / "shapes_train2018" / "000002.jpeg"
    before = (file.stat().st_mtime_ns, image.read_bytes())
    shapes.make_shapes(folder, counts, progress=False)
    assert file.stat().st_mtime_ns == before[0]
    for damage in (
        image.unlink,
        lambda: image.write_bytes(b""),
        lambda: file.write_text(file.read_text()[:50]),
        file.unlink,
    ):
        damage()
        shapes.make_shapes(folder, counts, progress=False)
        assert image.read_bytes() == before[1]
        assert [path.name for path in folder.parent.iterdir()] == ["shapes"]


def test_interrupted_making_leaves_nothing(tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(shapes, "random_image", stop)
    with pytest.raises(KeyboardInterrupt):
        shapes.make_shapes(tmp_path / "shapes", COUNTS, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_foreign_folders_and_other_settings_are_not_touched(tmp_path, folder):
    (tmp_path / "holiday.jpg").write_text("mine")
    with pytest.raises(ValueError, match="holiday.jpg"):
        shapes.make_shapes(tmp_path, COUNTS, progress=False)
    with pytest.raises(ValueError, match="other settings"):
        shapes.make_shapes(folder, COUNTS, SIZE, seed=8, progress=False)


@pytest.mark.parametrize("wrong", [{"counts": {"train": 1}}, {"counts": {**COUNTS, "test": -1}}, {"size": (20, 128)}])
def test_wrong_arguments(tmp_path, wrong):
    with pytest.raises(ValueError, match="counts|size"):
        shapes.make_shapes(tmp_path / "shapes", **wrong)


def test_command(tmp_path, capsys):
    arguments = [str(tmp_path / "shapes"), "--train", "1", "--validate", "0", "--test", "1", "--size", "48", "50"]
    shapes.main(arguments)
    assert "2 images" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        shapes.main([*arguments, "--seed", "1"])
    assert stopped.value.code == 1
    assert "other settings" in capsys.readouterr().err


def test_smallest_images_still_have_objects():
    for seed in range(200):
        _, objects = shapes.random_image(np.random.default_rng(seed), shapes.MIN_SIDE, shapes.MIN_SIDE)
        assert objects
