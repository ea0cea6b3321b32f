"""The commands check, split and suggest: exit codes, JSON, and errors in one line."""

import json
import re

import pytest
from typer.testing import CliRunner

from mrcnn.config import Config
from mrcnn_ext.commands.cli import app
from mrcnn_ext.datasets.shapes import make_shapes

RUN = CliRunner()


@pytest.fixture
def shapes(tmp_path):
    counts = {"train": 12, "validate": 4, "test": 4}
    return make_shapes(tmp_path / "shapes", counts=counts, progress=False)


def _break(shapes):
    file = shapes / "annotations" / "instances_shapes_train2018.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["bbox"] = [0, 0, 1, 1]
    content["annotations"][1]["segmentation"] = {"size": [128, 128], "counts": "###"}
    file.write_text(json.dumps(content))


def test_check_of_a_sound_set(shapes, tmp_path):
    page = tmp_path / "page.html"
    result = RUN.invoke(app, ["check", str(shapes), "--html", str(page)])
    assert result.exit_code == 0, result.output
    assert "ready to train" in result.output and "shapes_train2018" in result.output
    text = page.read_text(encoding="utf-8")
    assert "ready to train" in text and "http" not in text.replace("http-equiv", "")


def test_check_json_and_exit_code(shapes):
    _break(shapes)
    result = RUN.invoke(app, ["check", str(shapes), "--json"])
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert content["counts"] == {"mask-broken": 1, "box-disagrees": 1}


def test_check_fixes_a_copy(shapes, tmp_path):
    _break(shapes)
    result = RUN.invoke(
        app, ["check", str(shapes), "--fix", str(tmp_path / "fixed"), "--html", str(tmp_path / "p.html")]
    )
    assert result.exit_code == 0, result.output
    assert "2 repairs" in result.output and "object left out" in result.output
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2  # an overlay for each fault
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)  # nothing is loaded from elsewhere
    assert RUN.invoke(app, ["check", str(tmp_path / "fixed")]).exit_code == 0


def test_names_are_escaped_on_the_page(shapes, tmp_path):
    file = shapes / "annotations" / "instances_shapes_train2018.json"
    file.write_text(file.read_text().replace('"square"', '"<script>alert(1)</script>[red]"'))
    result = RUN.invoke(app, ["check", str(shapes), "--html", str(tmp_path / "p.html")])
    assert "<script>" not in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "[red]" in result.output  # rich takes it for text, too


def test_check_with_the_caps_of_a_run(shapes, tmp_path):
    class One(Config):
        MAX_GT_INSTANCES = 1

    One().to_json(tmp_path / "config.json")
    result = RUN.invoke(app, ["check", str(shapes), "--json", "--config", str(tmp_path / "config.json")])
    assert json.loads(result.stdout)["counts"].keys() == {"cap-truth"}


def test_split(shapes, tmp_path):
    file = shapes / "annotations" / "instances_shapes_train2018.json"
    out = tmp_path / "mine"
    arguments = ["split", str(file), str(out), "--test", "2", "--validate", "25%", "--link", "hard"]
    result = RUN.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    parts = json.loads(result.stdout)["trees"][""]
    assert {part: numbers["images"] for part, numbers in parts.items()} == {"train": 7, "validate": 3, "test": 2}
    assert RUN.invoke(app, ["check", str(out)]).exit_code == 0
    arguments[2] = str(tmp_path / "two")
    result = RUN.invoke(app, [*arguments[:3], "--test", "0"])
    assert "12 groups, seed 2018" in result.output
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "annotations",
        "two_train2018",
        "two_validate2018",
    ]
    result = RUN.invoke(app, ["split", str(file), str(tmp_path / "folds"), "--folds", "3"])
    assert result.exit_code == 0 and "fold3" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--test", "many"], "expected a fraction"), (["--folds", "3", "--train", "0.5"], "leave them out")],
)
def test_split_errors(shapes, tmp_path, arguments, words):
    file = shapes / "annotations" / "instances_shapes_train2018.json"
    result = RUN.invoke(app, ["split", str(file), str(tmp_path / "mine"), *arguments])
    assert isinstance(result.exception, ValueError) and words in str(result.exception)


def test_suggest(shapes, tmp_path):
    result = RUN.invoke(app, ["suggest", str(shapes), "--out", str(tmp_path / "config.json")])
    assert result.exit_code == 0 and "class ShapesConfig(" in result.output
    assert Config.from_json(tmp_path / "config.json").NUM_CLASSES == 4
    content = json.loads(RUN.invoke(app, ["suggest", str(shapes), "--json"]).stdout)
    assert {"name", "value", "reason"} == set(content["settings"][0])
