"""Where the files of a data set are; every command takes COCO files and TFRecords, or says what to do instead."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn_ext.check import check_data
from mrcnn_ext.commands.cli import app
from mrcnn_ext.common.machine import Machine
from mrcnn_ext.datasets import coco
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.layout import annotation_files, find_parts, kind_of, usual_image_dir
from mrcnn_ext.datasets.objects import fullest, gather_objects, image_side
from mrcnn_ext.datasets.open_data import open_data
from mrcnn_ext.datasets.parts import DataParts
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.datasets.split import split_data
from mrcnn_ext.datasets.tfrecord import write_tfrecords
from mrcnn_ext.evaluation import run as evaluation_run
from mrcnn_ext.labelstudio.images import read_images
from mrcnn_ext.notebook.data_choice import choose_data, chosen_data
from mrcnn_ext.training import overfit, train_run
from mrcnn_ext.training.suggest import suggest
from tests.support.toy_training import ToyRCNN

CPU = Machine(4, 8000)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """shapes/: COCO files; records/: the same as TFRecords."""
    folder = tmp_path_factory.mktemp("world")
    counts = {"train": 4, "validate": 2, "test": 2}
    make_shapes(folder / "shapes", counts=counts, size=(48, 70), progress=False)
    write_tfrecords(folder / "shapes", folder / "records", shards=2, progress=False)
    return folder


@pytest.fixture
def parsed(monkeypatch):
    """Names of the annotation files that are parsed, in their order."""
    names = []

    class Counting(coco.CocoFile):
        def __init__(self, path, **options):
            names.append(path.name.removeprefix("instances_shapes_").removesuffix("2018.json"))
            super().__init__(path, **options)

    monkeypatch.setattr(coco, "CocoFile", Counting)
    return names


def single_file(world):
    return world / "shapes" / "annotations" / "instances_shapes_train2018.json"


def test_what_a_path_is(world, tmp_path):
    assert kind_of(world / "shapes") == "coco"
    assert kind_of(single_file(world)) == "file"
    assert kind_of(world / "records") == "tfrecord"
    assert kind_of(next((world / "records").glob("*.tfrecord"))) == "tfrecord"
    with pytest.raises(ValueError, match="no such file or folder"):
        kind_of(tmp_path / "none")
    with pytest.raises(ValueError, match="no annotation file .* no TFRecord shard .* mrcnn convert"):
        kind_of(tmp_path)


def test_hidden_files_are_no_annotation_files(world, tmp_path):
    assert list((world / "records").glob(".*.json"))  # the notes of mrcnn tfrecord
    assert annotation_files(world / "records") == []
    for name in (".hidden.json", "mine.json"):
        (tmp_path / name).write_text("{}")
    assert find_parts(tmp_path) == [(tmp_path / "mine.json", tmp_path)]


def test_minival_has_the_images_of_val(tmp_path):
    (tmp_path / "val2014").mkdir()
    for part in ("minival2014", "valminusminival2014", "val2014"):
        assert usual_image_dir(tmp_path / "annotations" / f"instances_{part}.json") == tmp_path / "val2014"


@pytest.mark.parametrize("take", [check_data, read_images, lambda data: split_data(data, data.parent / "out")])
def test_commands_on_annotation_files_say_what_to_do_with_tfrecords(world, take):
    for data in (world / "records", next((world / "records").glob("*.tfrecord"))):
        with pytest.raises(ValueError, match="these are TFRecords, .* take the COCO data set that they were made from"):
            take(data)


@pytest.mark.parametrize(
    "words",
    [["check", "records"], ["split", "records", "out"], ["tfrecord", "records", "out"], ["detect", "last", "records"]],
)
def test_the_command_line_says_so_too(world, monkeypatch, words):
    monkeypatch.chdir(world)
    monkeypatch.setattr("mrcnn_ext.common.runs.find_run", lambda *_: None)
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, ValueError) and "these are TFRecords" in str(result.exception)


def test_an_annotation_file_is_no_image(world):
    from mrcnn_ext.detection.sources import sources_of

    (source,) = sources_of([single_file(world)])
    with pytest.raises(ValueError, match="name the folder of its images"):
        source.read()


def test_convert_makes_coco_of_tfrecords(world, tmp_path):
    words = ["convert", world / "records", tmp_path / "annotations.json", "--images", tmp_path / "images"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert len(open_data(tmp_path / "annotations.json").image_ids) == 8


def test_a_part_in_all_three_forms(world):
    forms = [
        open_data(world / "shapes", "train"),
        open_data(single_file(world)),
        open_data(world / "records", "train"),
    ]
    for dataset in forms:
        assert dataset.class_names == ["BG", "square", "circle", "triangle"]
        assert (image_side(dataset), fullest(dataset)) == (70, fullest(forms[0]))
        assert [dataset.image_size(i) for i in dataset.image_ids] == [(48, 70)] * 4
        counts = [len(dataset.load_mask(i)[1]) for i in dataset.image_ids]
        assert [dataset.object_count(i) for i in dataset.image_ids] == counts and max(counts) > 0
    areas = [np.sort(gather_objects(dataset)["areas_px"]).tolist() for dataset in forms]
    assert areas[0] == areas[1] == areas[2]


def test_masks_of_a_subclass_are_counted_as_they_are(world):
    class First(CocoDataset):
        def load_mask(self, image_id):
            masks, class_ids = super().load_mask(image_id)
            return masks[:, :, :1], class_ids[:1]

    dataset = First()
    dataset.load_coco(world / "shapes", "train")
    dataset.prepare()
    assert fullest(dataset) == 1 and not dataset.has_file_objects(0)


def test_a_record_file_of_a_set_is_not_a_data_set(world):
    with pytest.raises(ValueError, match="one TFRecord file of a set; name its folder"):
        open_data(next((world / "records").glob("*.tfrecord")))


def test_a_folder_with_one_annotation_file_beside_its_images_has_no_parts(tmp_path):
    (tmp_path / "annotations.json").write_text("{}")
    with pytest.raises(ValueError, match="mrcnn split .*annotations.json OUT; or name the file itself"):
        open_data(tmp_path, "train")


def test_each_part_is_opened_once(world, parsed):
    parts = DataParts(world / "shapes", subsets=("train", "validate", "validate"))
    assert parts.test is parts.validate and parts.train is parts.train
    assert parts.fullest() and parts.image_side() == 70
    assert parsed == ["validate", "train"]


def test_one_file_has_no_other_parts(world, parsed):
    parts = DataParts(single_file(world))
    assert parts.name == "shapes_train2018"
    for take in (lambda: parts.validate, parts.find):
        with pytest.raises(ValueError, match="one annotation file is one part, .* mrcnn split"):
            take()
    assert parsed == []
    assert len(parts.train.image_ids) == 4


def test_train_opens_each_file_once(world, tmp_path, monkeypatch, parsed):
    monkeypatch.setattr(train_run, "MaskRCNN", ToyRCNN)
    settings = tmp_path / "mine.yaml"
    settings.write_text(
        "STEPS_PER_EPOCH: 1\nVALIDATION_STEPS: 1\nIMAGES_PER_GPU: 2\nIMAGE_MIN_DIM: 64\nIMAGE_MAX_DIM: 64"
    )
    train_run.train_run(world / "shapes", settings, epochs=[1], ap_images=0, logs=tmp_path / "logs")
    assert parsed == ["validate", "train"]
    train_run.train_run(world / "records", settings, epochs=[1], ap_images=0, logs=tmp_path / "logs")
    assert parsed == ["validate", "train"]  # and a training from TFRecords runs
    with pytest.raises(ValueError, match="there is none to validate. mrcnn split"):
        train_run.train_run(single_file(world), settings, logs=tmp_path / "logs")
    assert parsed == ["validate", "train"]


def test_suggest_opens_each_file_once(world, parsed):
    values = suggest(world / "shapes", CPU).values
    assert parsed == ["train", "validate"]
    assert suggest(world / "records", CPU).values == values | {"NAME": "records"}
    alone = suggest(single_file(world), CPU).values
    assert parsed == ["train", "validate", "train"]
    assert alone["NAME"] == "shapes_train2018" and alone["NUM_CLASSES"] == 4


def test_overfit_takes_one_file(world, tmp_path, monkeypatch, parsed):
    class Stopped(Exception):
        pass

    def stop(*_):
        raise Stopped

    monkeypatch.setattr(overfit, "MaskRCNN", stop)
    with pytest.raises(Stopped):
        overfit.overfit(single_file(world), logs=tmp_path)
    assert parsed == ["train"]


def test_two_runs_are_compared_on_a_data_set_that_is_opened_once(world, monkeypatch, parsed):
    opened = []

    def measure(run, data, subset, **options):
        opened.append(options["dataset"])
        return SimpleNamespace(to_dict=lambda: {"run": run})

    monkeypatch.setattr(evaluation_run, "evaluate_run", measure)
    words = ["evaluate", "a", "--compare", "b", "--data", str(world / "shapes"), "--no-tensorboard", "--json"]
    result = CliRunner().invoke(app, words)
    assert json.loads(result.stdout) == {"runs": [{"run": "a"}, {"run": "b"}]}, result.output
    assert parsed == ["test"] and opened[0] is opened[1]


def test_the_notebooks_take_tfrecords(world, tmp_path, monkeypatch):
    for folder in ("notebooks", "data"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    choose_data(world / "records")
    data = chosen_data()
    assert data.name == "records" and data.fullest() >= 1 and data.image_side() == 70
    with pytest.raises(ValueError, match="expected one set of shards whose name ends with train2019"):
        choose_data(world / "records", year=2019)
    with pytest.raises(ValueError, match="one annotation file is one part"):
        choose_data(single_file(world))
