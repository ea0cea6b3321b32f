"""push, label, pull against the fake server."""

import json

import numpy as np
import pytest

from mrcnn_ext.datasets.layout import find_parts
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.labelstudio import Studio, pull, push
from mrcnn_ext.labelstudio.access import PROJECT
from tests.support.fake_label_studio import TOKEN
from tests.support.label_loop import BoxModel, Labeller, masks_of, run_loop


@pytest.mark.parametrize("base", ["/workspace/data", "here", None])
def test_the_whole_loop(fake, data, tmp_path, base):
    """With images from data/ in a container, from data/ on this machine, and sent."""
    url, state = fake
    if base:
        state.serves = {base.replace("here", str(tmp_path / "data")): tmp_path / "data"}
    run_loop(url, TOKEN, data, tmp_path / "data", served=base is not None)
    assert len(state.storages) == (base is not None)
    assert all(storage["regex_filter"] == "(?!)" for storage in state.storages)
    assert len(state.uploads) == (0 if base else 5)
    assert len(state.tasks) == len(state.predictions) == 5


def test_another_image_under_the_same_name_is_not_served(fake, data, tmp_path):
    url, state = fake
    (tmp_path / "other" / "raw").mkdir(parents=True)
    (tmp_path / "other" / "raw" / "sub").mkdir()
    (tmp_path / "other" / "raw" / "sub" / "ü #1.jpg").write_bytes(b"not the same")
    state.serves = {"/workspace/data": tmp_path / "other"}
    assert not push(data, studio=Studio(url=url, token=TOKEN), data_dir=tmp_path / "data", progress=False).served


def test_a_folder_without_labels_needs_classes(fake, data):
    url, state = fake
    (data / "annotations.json").unlink()
    with pytest.raises(ValueError, match="--classes peach,leaf"):
        push(data, studio=Studio(url=url, token=TOKEN), progress=False)
    pushed = push(data, classes=["<peach> & 'co\""], studio=Studio(url=url, token=TOKEN), progress=False)
    assert (pushed.new, pushed.from_labels, pushed.from_model) == (5, 0, 0)
    assert not state.predictions
    assert (
        push(data, studio=Studio(url=url, token=TOKEN), progress=False).there == 5
    )  # now the project knows the classes
    pulled = pull(data, data / "annotations.json", studio=Studio(url=url, token=TOKEN))
    assert (pulled.labelled, pulled.unlabelled) == (0, 5)
    content = json.loads((data / "annotations.json").read_text())
    assert content["images"] == content["annotations"] == []
    assert content["categories"] == [{"id": 1, "name": "<peach> & 'co\""}]


def test_runs_are_those_of_the_project_wherever_it_is_called_from(fake, data, tmp_path, monkeypatch):
    def find(run, logs):
        raise ValueError(f"looked for {run} in {logs}")

    monkeypatch.setattr("mrcnn_ext.common.runs.find_run", find)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"looked for last in {PROJECT / 'logs'}$"):
        push(data, model="last", studio=Studio(url=fake[0], token=TOKEN))
    with pytest.raises(ValueError, match="looked for last in mine$"):
        push(data, model="last", logs="mine", studio=Studio(url=fake[0], token=TOKEN))


def test_labelled_as_empty_is_a_label(fake, data):
    url, _ = fake
    project = push(data, studio=Studio(url=url, token=TOKEN), progress=False).project
    Labeller(url, TOKEN, project).submit("a b.png", [])
    pulled = pull(data, data / "new.json", studio=Studio(url=url, token=TOKEN))
    assert (pulled.labelled, pulled.kept, pulled.unlabelled) == (1, 1, 3)
    assert masks_of(data / "new.json")["a b.png"] == []


def test_a_new_class_and_a_new_image_come_along(fake, data):
    url, _ = fake
    project = push(data, studio=Studio(url=url, token=TOKEN), progress=False).project
    (data / "f.png").write_bytes((data / "e.png").read_bytes())
    pushed = push(data, classes=["stone"], studio=Studio(url=url, token=TOKEN), progress=False)
    assert (pushed.new, pushed.there) == (1, 5)
    shape = {"type": "rectanglelabels", "original_width": 90, "original_height": 64, "id": "r", "from_name": "polygon"}
    value = {"x": 0, "y": 0, "width": 50, "height": 50, "rectanglelabels": ["stone"]}
    Labeller(url, TOKEN, project).submit("f.png", [{**shape, "value": value}])
    pull(data, data / "new.json", studio=Studio(url=url, token=TOKEN))
    content = json.loads((data / "new.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["leaf", "peach", "stone"]
    ((name, mask),) = masks_of(data / "new.json")["f.png"]
    assert name == "stone" and mask[:32, :45].all() and mask.sum() == 32 * 45


def test_a_better_model_takes_the_place_of_the_last_one(fake, data):
    url, state = fake
    model = BoxModel()
    push(data, model=(model, model.class_names), studio=Studio(url=url, token=TOKEN), progress=False)
    old = set(state.predictions)
    nothing = {"rois": np.zeros((0, 4)), "class_ids": [], "scores": [], "masks": []}
    model.detect = lambda images, crops: [nothing for _ in images]
    push(data, model=(model, model.class_names), studio=Studio(url=url, token=TOKEN), progress=False)
    assert len(state.predictions) == 5
    assert len(old & set(state.predictions)) == 2  # those from labels, which are the same
    assert sum(not p["result"] for p in state.predictions.values()) == 3


def test_a_tree_of_three_files_comes_back_as_three_files(fake, tmp_path):
    url, state = fake
    shapes = make_shapes(tmp_path / "shapes", counts={"train": 3, "validate": 2, "test": 2}, progress=False)
    pushed = push(shapes, studio=Studio(url=url, token=TOKEN), progress=False)
    assert (pushed.new, pushed.from_labels) == (7, 7)
    task = next(task for task in state.tasks.values() if task["data"]["file_name"].startswith("shapes_test2018/"))
    state.add_annotation(task["id"], [])
    pulled = pull(shapes, tmp_path / "out", studio=Studio(url=url, token=TOKEN))
    assert (pulled.labelled, pulled.kept, len(pulled.files)) == (1, 6, 3)
    empty = 0
    for (file, folder), new in zip(find_parts(shapes), sorted(pulled.files), strict=True):
        assert file.name in new
        before, after = masks_of(file), masks_of(new)
        assert list(before) == list(after) and folder.is_dir()
        empty += sum(not objects for objects in after.values())
    assert empty == 1
    with pytest.raises(ValueError, match="3 annotation files; name a folder"):
        pull(shapes, tmp_path / "one.json", studio=Studio(url=url, token=TOKEN))
