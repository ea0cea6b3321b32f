"""The report in all its forms, on rectangles; a real run measured on COCO files and on TFRecords."""

import csv
import dataclasses
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from mrcnn.model import MaskRCNN
from mrcnn.presets import TinyConfig
from mrcnn_ext.commands.cli import app
from mrcnn_ext.common.files import json_text
from mrcnn_ext.common.runs import Run
from mrcnn_ext.datasets.open_data import open_data
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.datasets.tfrecord import write_tfrecords
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.evaluation import analyse
from mrcnn_ext.evaluation import run as run_module
from mrcnn_ext.evaluation.coco_ap import evaluate
from mrcnn_ext.evaluation.output import classes_by_size, print_results, write_csv
from mrcnn_ext.evaluation.page import html_page
from mrcnn_ext.evaluation.result import RunResult
from mrcnn_ext.evaluation.run import evaluate_run
from mrcnn_ext.evaluation.tensorboard import write_tensorboard
from tests.support.html_reading import ReadPage
from tests.support.rectangles import HEIGHT, WIDTH, Rectangles, masks_of


def result_of(name, images, found, masks=True):
    dataset = Rectangles(images, class_names=("<cat>", "dog"))
    detections = []
    for image_id, objects in enumerate(found):
        answer = {
            "class_ids": [o[0] for o in objects],
            "scores": [o[1] for o in objects],
            "rois": np.array([o[2:] for o in objects], np.int32),
            "masks": masks_of([(o[0], *o[2:]) for o in objects]) if masks else None,
        }
        detections.append(Detections.of(answer, HEIGHT, WIDTH, image_id=image_id))
    evaluation = evaluate(dataset, detections, ("bbox", "segm") if masks else "bbox")
    folder = Path(f"{name}20260101T0000")
    analysis = analyse(dataset, detections)
    names = (folder.name, "mask_rcnn_x_0007", folder, "made", "test")
    return RunResult(*names, dataset, detections, evaluation, analysis)


IMAGES = [[(1, 0, 0, 20, 30), (2, 30, 40, 60, 90)], []]
GOOD = [[(1, 0.9, 0, 0, 20, 30), (2, 0.8, 30, 40, 60, 90)], []]
BAD = [[(2, 0.9, 0, 0, 20, 30)], [(1, 0.7, 5, 5, 25, 25)]]


@pytest.fixture
def two():
    return [result_of("good", IMAGES, GOOD), result_of("bad", IMAGES, BAD)]


def printed(results):
    console = Console(file=io.StringIO(), width=250)
    print_results(results, console)
    return console.file.getvalue()


def test_one_run_in_the_terminal(two):
    text = printed(two[:1])
    assert "made, test: 2 images, 2 objects" in text
    assert re.search(r"│ mask +│ 1.000 │ 1.000", text) and "<cat>" in text
    assert text.rstrip().splitlines()[-2] == "worst images: none"


def test_two_runs_side_by_side(two):
    text = printed(two)
    assert "A: good20260101T0000, mask_rcnn_x_0007" in text and re.search(r"B - A: mask +│ -1.000", text)
    assert re.search(r"A: dog +│ +1 │ +1.000", text) and re.search(r"B: dog +│ +1 │ +0.000", text)
    assert "0.png (2 missed, 1 wrong), 1.png (0 missed, 1 wrong)" in text
    assert printed([two[0], two[0]]).count("+0.000") > 4


def test_scores_and_confused_classes_in_a_line(two):
    # one object of two found, as another class with 0.9; and a wrong detection with 0.7: off by 0.8 in the mean
    assert "calibration error (ECE): 0.800; classes taken for others: <cat> as dog (1)" in printed(two[1:])
    assert "calibration error (ECE): 0.150; classes taken for others: none" in printed(two[:1])
    more = [[(2, 0.9, 0, 0, 20, 30), (1, 0.9, 30, 40, 60, 90)], [(2, 0.9, 0, 0, 20, 30)]]
    confused = result_of("more", [IMAGES[0], IMAGES[0][:1]], more).analysis.confused()
    assert confused == [("<cat>", "dog", 2), ("dog", "<cat>", 1)]


@pytest.mark.parametrize("masks", [(True, False), (False, True)])
def test_a_run_with_masks_beside_one_without(masks):
    results = [result_of(name, IMAGES, GOOD, has) for name, has in zip(("one", "two"), masks, strict=True)]
    with_masks = results[masks.index(True)]
    text = printed(results)
    assert "box AP" in text and "mask" not in text.replace("mask_rcnn", "")
    page = html_page(results)
    assert "box AP" in page and "mask AP" not in page
    assert with_masks.analysis.kind == "segm" and "segm" in with_masks.evaluation  # for JSON, CSV and TensorBoard


def test_classes_by_size(two):
    head, rows = classes_by_size(two)
    assert head == ["class", "AP", "AP75", "AP small", "AP medium", "AP large", "AR"]
    # 20 x 30 = 600 pixels are small (below 32**2), 30 x 50 = 1500 medium
    assert rows[0] == ["A: <cat>", "1.000", "1.000", "1.000", "-", "-", "1.000"]
    assert rows[2] == ["A: dog", "1.000", "1.000", "-", "1.000", "-", "1.000"]
    assert rows[3][:2] == ["B: dog", "0.000"]


def test_page_is_whole_and_needs_nothing_else(two):
    page = html_page(two)
    assert page.count("data:image/png") == 8  # four figures of each run
    assert page.count("data:image/jpeg") == 2  # the worst images of the bad one
    assert "http" not in page and "<cat>" not in page and "&lt;cat&gt;" in page
    assert "<h2>Classes by size</h2>" in page
    boxes = html_page([result_of("plain", IMAGES, BAD, masks=False)])
    assert "box AP" in boxes and "mask AP" not in boxes


def test_no_name_is_markup_on_the_page():
    """Of the run, its weights, the data, the part, the classes and the image files."""
    first, second = (result_of(name, IMAGES, BAD) for name in ("<i>\"'&run", "other"))
    for result in (first, second):
        result.dataset.class_info[2]["name"] = "<i>\"'&dog"
        for info in result.dataset.image_info:
            info["path"] = f"<i>\"'&{info['path']}"
        result.dataset.prepare()
    evaluation = evaluate(first.dataset, first.detections)
    analysis = analyse(first.dataset, first.detections)
    names = {name: f"<i>\"'&{name}" for name in ("weights", "data", "subset")}
    results = [dataclasses.replace(one, evaluation=evaluation, analysis=analysis, **names) for one in (first, second)]
    for page in (ReadPage(html_page(results)), ReadPage(html_page(results[:1]))):
        assert "i" not in page.tags and "figure" in page.tags
        assert all(page.shows(name) for name in names.values())
        shown = [first.run, "dog", "0.png: 2 missed, 1 wrong", "1.png: 0 missed, 1 wrong"]
        assert all(page.shows(name if "<i>" in name else f"<i>\"'&{name}") for name in shown)
    assert "i" not in ReadPage(evaluation._repr_html_()).tags
    assert ReadPage(evaluation._repr_html_()).shows("<i>\"'&dog")


def test_page_of_nothing():
    assert "<p>none</p>" in html_page([result_of("empty", [[], []], [[], []])])


def test_classes_of_one_name():
    result = result_of("twins", IMAGES, GOOD)
    result.dataset.class_info[2]["name"] = "<cat>"
    result.dataset.prepare()
    names = analyse(result.dataset, result.detections).class_names
    assert names == ["BG", "<cat> (1)", "<cat> (2)"]


def test_csv_and_json(two, tmp_path):
    write_csv(tmp_path / "new" / "a.csv", two)
    rows = list(csv.DictReader((tmp_path / "new" / "a.csv").read_text().splitlines()))
    assert [(row["run"][:3], row["kind"], row["class"]) for row in rows[3:6]] == [
        ("goo", "mask", "all"), ("goo", "mask", "<cat>"), ("goo", "mask", "dog"),
    ]  # fmt: skip
    assert (rows[4]["AP"], rows[4]["best_score"], rows[4]["AP_large"]) == ("1.0", "0.9", "")
    content = json.loads(json_text(two[1].to_dict()))
    assert content["segm"]["AP"] == 0 and content["segm"]["AP_large"] is None
    assert content["analysis"]["confusion"]["counts"] == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert content["analysis"]["mistakes"][0]["image"] == "0.png"


def test_tensorboard(two, tmp_path):
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    bad = two[1]
    bad.folder = tmp_path / bad.folder
    bad.epoch = 7
    folder = write_tensorboard(bad)
    assert folder.name == "evaluation_test"
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    tags = events.Tags()["tensors"]
    assert {"mask_AP", "error_cost/missed", "confusion", "curves", "worst/1", "worst/2"} <= set(tags)
    assert events.Tensors("mask_AP")[0].step == 7
    (error,) = events.Tensors("calibration_error")
    assert tf.make_ndarray(error.tensor_proto) == pytest.approx(0.8)


def test_a_folder_that_cannot_be_written(two, tmp_path):
    two[0].folder = tmp_path
    (tmp_path / "evaluation_test").touch()  # a file where the folder should be
    with pytest.raises(OSError, match="evaluation_test"):
        write_tensorboard(two[0])


class ShapesConfig(TinyConfig):
    NAME = "shapes"
    NUM_CLASSES = 4
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    IMAGES_PER_GPU = 2
    DETECTION_MIN_CONFIDENCE = 0.7


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with data/, records/ and logs/ that holds a run with random weights."""
    root = tmp_path_factory.mktemp("world")
    make_shapes(root / "data", {"train": 1, "validate": 1, "test": 3}, (64, 80), progress=False)
    write_tfrecords(root / "data", root / "records", shards=2)
    folder = root / "logs" / "shapes20260101T0000"
    folder.mkdir(parents=True)
    ShapesConfig().to_json(folder / "config.json")
    (folder / "classes.json").write_text(json.dumps(["BG", "square", "circle", "triangle"]))
    MaskRCNN("inference", ShapesConfig(), root / "logs").save_weights(folder / "mask_rcnn_shapes_0001.h5")
    return root


def test_a_run_on_coco_files_and_on_records(world):
    results = world / "inference"
    one = evaluate_run("last", world / "data", logs=world / "logs", results=results, progress=False)
    other = evaluate_run("last", world / "records", logs=world / "logs", results=world / "more", progress=False)
    assert one.evaluation["images"] == other.evaluation["images"] == 3
    assert one.evaluation["objects"] == other.evaluation["objects"] > 0
    assert one.evaluation["segm"]["AP"] == pytest.approx(other.evaluation["segm"]["AP"], abs=1e-9, nan_ok=True)
    name = "shapes20260101T0000_0001_test"  # run, epoch and part: another run's stay beside them
    contents = [json.loads((folder / f"{name}_detections.json").read_text()) for folder in (results, world / "more")]
    assert [sorted(i["file_name"] for i in c["images"]) for c in contents][0][0].endswith(".jpeg")
    assert len({str(sorted(Path(i["file_name"]).name for i in c["images"])) for c in contents}) == 1
    assert json.loads((results / f"{name}_results.json").read_text()) is not None


class FindsNothing:
    """Remembers the sizes of the images that it sees."""

    config = SimpleNamespace(BATCH_SIZE=1, DETECTION_MAX_INSTANCES=5, USE_MASK=False)
    epoch = 1
    seconds = {}

    def __init__(self):
        self.sizes = set()

    def detect(self, images, crops):
        self.sizes |= {image.shape[:2] for image in images}
        nothing = {"rois": np.zeros((0, 4)), "class_ids": np.zeros(0, int), "scores": np.zeros(0), "masks": None}
        return [nothing for _ in images]


def test_a_run_trained_on_crops_is_measured_on_tiles(world, monkeypatch):
    config = type("Crops", (ShapesConfig,), {"IMAGE_RESIZE_MODE": "crop"})()
    folder = world / "logs" / "crops20260101T0000"
    run = Run(folder, config, folder / "mask_rcnn_crops_0001.h5", ["BG", "square", "circle", "triangle"])
    model, used = FindsNothing(), {}
    model.config = config
    monkeypatch.setattr(run_module, "find_run", lambda *_: run)
    monkeypatch.setattr(Run, "model", lambda self, **settings: used.update(settings) or model)
    result = evaluate_run("last", world / "data", progress=False)
    assert used == {"DETECTION_MIN_CONFIDENCE": 0.05, "GPU_COUNT": 1, "SEED": None}
    assert model.sizes == {(64, 64)}  # of images of 64 x 80
    assert result.evaluation["images"] == 3 and result.evaluation["bbox"]["AP"] == 0


def test_classes_must_be_those_of_the_run(world, tmp_path):
    folder = tmp_path / "shapes20260102T0000"
    folder.mkdir()
    for name in ("config.json", "mask_rcnn_shapes_0001.h5"):
        (folder / name).write_bytes((world / "logs" / "shapes20260101T0000" / name).read_bytes())
    (folder / "classes.json").write_text(json.dumps(["BG", "circle", "square", "triangle"]))
    with pytest.raises(ValueError, match="same classes in the same order"):
        evaluate_run(folder, world / "data", progress=False)


def test_command(world, tmp_path):
    arguments = ["evaluate", "last", "--logs", world / "logs", "--data", world / "data", "--limit", "2", "--json"]
    arguments += ["--html", tmp_path / "a.html", "--csv", tmp_path / "a.csv"]
    answer = CliRunner().invoke(app, [str(a) for a in arguments])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["runs"][0]["images"] == 2
    assert (tmp_path / "a.html").is_file() and (tmp_path / "a.csv").is_file()
    assert "Not written to TensorBoard: numbers of some images" in answer.stderr
    assert not list((world / "logs").rglob("evaluation_*"))


def test_results_come_before_tensorboard(two, tmp_path, monkeypatch):
    two[0].folder = tmp_path
    (tmp_path / "evaluation_test").touch()
    monkeypatch.setattr("mrcnn_ext.evaluation.run.evaluate_runs", lambda *_, **__: two[:1])
    arguments = ["evaluate", "last", "--data", ".", "--csv", str(tmp_path / "a.csv")]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 0, answer.output
    assert "made, test: 2 images, 2 objects" in answer.stdout and (tmp_path / "a.csv").is_file()
    assert "Not written to TensorBoard: " in answer.stderr


def test_the_folder_one_is_in_has_a_name(world, monkeypatch):
    monkeypatch.chdir(world / "data")
    assert evaluate_run("last", ".", logs=world / "logs", limit=1, progress=False).data == "data"


def test_data_that_is_not_there(tmp_path, world):
    with pytest.raises(ValueError, match="there is no annotation file .* and no TFRecord shard"):
        open_data(tmp_path)
    with pytest.raises(ValueError, match="one set of shards whose name ends with test2019"):
        open_data(world / "records", "test", "2019")
