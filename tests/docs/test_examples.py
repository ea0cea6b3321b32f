"""The examples of the pages "how to add": they run as they stand there."""

import re
import textwrap

import keras
import typer
from typer.testing import CliRunner

from mrcnn_ext import make_shapes
from mrcnn_ext.convert import Options
from tests.support import ROOT
from tests.support.converted import summary
from tests.support.label_samples import made_images


def names_of_example(page, wanted):
    """The names that the first block of Python with `wanted` in it defines."""
    text = (ROOT / "docs/maintain" / page).read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"^ *```python\n(.*?)^ *```", text, re.S | re.M)]
    names = {"__name__": "example"}
    exec(next(block for block in blocks if wanted in block), names)
    return names


def test_the_label_format_reads_a_file(tmp_path):
    example = names_of_example("add-a-label-format.md", "def read(")
    made_images(tmp_path)
    path = tmp_path / "boxes.csv"
    path.write_text("image,class,x,y,width,height\na.png,car,2,3,10,6\n", encoding="utf-8")
    assert "columns" in example["detect"](path)
    builder = example["read"](path, Options())
    assert summary(builder) == [("a.png", "car", 60, [2, 3, 10, 6])]
    assert builder.account.notes == {"box taken as the mask of its object": ["a.png: line 2"]}


def test_the_command_prints_the_classes(tmp_path):
    make_shapes(tmp_path, counts={"train": 3, "validate": 1, "test": 1}, progress=False)
    app = typer.Typer()
    app.command()(names_of_example("add-a-command.md", "def classes(")["classes"])
    assert CliRunner().invoke(app, [str(tmp_path)]).stdout.split() == ["square", "circle", "triangle"]


def test_the_backbone_has_five_maps():
    text = (ROOT / "docs/maintain/add-a-backbone.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", text, re.S)[1].split('model = MaskRCNN("training"')[0]
    names = {"__name__": "example"}
    exec(block, names)
    maps = names["PlainConfig"].BACKBONE(keras.Input((64, 128, 3)))
    assert [tuple(m.shape[1:3]) for m in maps] == [(32, 64), (16, 32), (8, 16), (4, 8), (2, 4)]
