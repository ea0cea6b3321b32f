"""The data set that the notebooks share: chosen once, remembered, read lazily."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.notebook.data_choice import choose_data, chosen_data

TREE = "data/shapes"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with five images of shapes, seen from its notebooks' folder."""
    make_shapes(tmp_path / TREE, counts={"train": 3, "validate": 1, "test": 1}, size=(48, 70), progress=False)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("MRCNN_QUICK", raising=False)
    return tmp_path


def test_what_is_chosen_is_remembered(project, capsys):
    chosen = choose_data("../data/shapes", year=2018)
    line = "Data set shapes: images 3 to train, 1 to validate, 1 to test; 3 classes: square, circle, triangle\n"
    assert capsys.readouterr().out == line
    again = chosen_data()
    assert capsys.readouterr().out == line
    for data in (chosen, again):
        assert data.name == "shapes"
        assert [len(part.image_ids) for part in data.parts.values()] == [3, 1, 1]
        assert data.class_names == ["BG", "square", "circle", "triangle"]
        assert data.image_side() == 70
        assert data.train.load_image(0).shape == (48, 70, 3)
    assert again.train is again.train  # read once
    assert [path.name for path in (project / "data").iterdir()].count("chosen.json") == 1
    assert len(list((project / "data").iterdir())) == 2  # no half-written file is left


def test_nothing_is_read_before_it_is_used(project, monkeypatch):
    choose_data("../data/shapes")
    for file in (project / TREE / "annotations").iterdir():
        file.write_text("broken")
    data = chosen_data()
    with pytest.raises(ValueError, match="instances_shapes_train2018.json"):
        _ = data.train


def test_the_choice_moves_with_the_project(project, monkeypatch, tmp_path_factory):
    choose_data("../data/shapes")
    moved = tmp_path_factory.mktemp("elsewhere") / "project"
    os.rename(project, moved)  # noqa: PTH104
    monkeypatch.chdir(moved / "notebooks")
    assert len(chosen_data().test.image_ids) == 1


def test_a_folder_outside_of_the_project(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("my images (2)")
    (project / TREE).rename(outside / "shapes")
    choose_data(outside / "shapes")
    assert len(chosen_data().train.image_ids) == 3


def test_names_fit_for_files(project):
    (project / TREE).rename(project / "data" / "my shapes, v2")
    assert choose_data("../data/my shapes, v2").run_name == "my_shapes_v2"


def test_quick_runs_have_a_name_of_their_own(project, monkeypatch):
    data = choose_data("../data/shapes")
    assert (data.run_name, str(data.config_path)) == ("shapes", "../logs/shapes_config.json")
    monkeypatch.setenv("MRCNN_QUICK", "1")
    assert (data.run_name, str(data.config_path)) == ("shapes_quick", "../logs/shapes_quick_config.json")


def test_the_fullest_image(project):
    data = choose_data("../data/shapes")
    counts = [len(part.load_mask(i)[1]) for part in (data.train, data.validate) for i in part.image_ids]
    assert data.fullest() == max(counts)


def test_before_a_choice(project):
    with pytest.raises(ValueError, match="run notebook 01_explore_dataset first"):
        chosen_data()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"folder": "shapes"}'])
def test_a_broken_choice(project, content):
    (project / "data" / "chosen.json").write_text(content)
    with pytest.raises(ValueError, match="run notebook 01_explore_dataset first"):
        chosen_data()


def test_no_data_set_there(project):
    with pytest.raises(ValueError) as error:
        choose_data("../data/birds", year=2020)
    text = str(error.value)
    assert str(project / "data" / "birds") in text
    assert "../data/birds/annotations/instances_birds_train2020.json" in text
    assert "../data/birds/birds_train2020/*" in text
    assert not (project / "data" / "chosen.json").exists()


def test_no_images_there(project):
    (project / TREE / "shapes_test2018").rename(project / "away")
    with pytest.raises(ValueError, match=r"(?s)there is no folder \S*shapes_test2018.*Expected"):
        choose_data("../data/shapes")


def coco_tree(folder, categories):
    """COCO's own tree with one image in each of train2017 and val2017; categories: {subset: list}."""
    for subset, listed in categories.items():
        (folder / f"{subset}2017").mkdir(parents=True)
        (folder / "annotations").mkdir(exist_ok=True)
        Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(folder / f"{subset}2017" / "a.png")
        images = [{"id": 1, "file_name": "a.png", "width": 9, "height": 8}]
        content = {"images": images, "annotations": [], "categories": listed}
        (folder / "annotations" / f"instances_{subset}2017.json").write_text(json.dumps(content))


CAT, DOG = {"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}


def test_other_names_of_the_parts(project, capsys):
    coco_tree(project / "data" / "coco", {"train": [CAT], "val": [CAT]})
    choose_data("../data/coco", year=2017, subsets=("train", "val", "val"))
    data = chosen_data()
    assert [len(part.image_ids) for part in data.parts.values()] == [1, 1, 1]
    assert "1 class: cat" in capsys.readouterr().out
    assert data.fullest() == 1  # no object at all: room for one
    with pytest.raises(ValueError, match="subsets names the parts"):
        choose_data("../data/coco", year=2017, subsets=("train", "val"))


def test_class_numbers_must_mean_the_same_in_all_parts(project):
    coco_tree(project / "data" / "coco", {"train": [CAT, DOG], "val": [DOG]})
    with pytest.raises(ValueError, match="Write the same list of categories"):
        choose_data("../data/coco", year=2017, subsets=("train", "val", "val"))
