"""Notebook 2 suggests what the command suggests."""

from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from typer.testing import CliRunner

from mrcnn.config import SETTINGS
from mrcnn.presets import TinyConfig
from mrcnn_ext import notebook as nb
from mrcnn_ext.commands.cli import app
from mrcnn_ext.datasets.shapes import make_shapes
from mrcnn_ext.training.settings_file import load_config
from tests.support import ROOT


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """The folder of a data set that is chosen for notebooks, which are where the tests stand now."""
    data = make_shapes(tmp_path / "data" / "shapes", counts={"train": 12, "validate": 4, "test": 1}, progress=False)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("MRCNN_QUICK", raising=False)
    nb.choose_data(data)
    return data


def code_until_my_config():
    """The notebook's code that makes the Config, without the line that sets up Keras."""
    cells = nbformat.read(ROOT / "notebooks" / "02_configure.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    last = next(i for i, source in enumerate(code) if "class MyConfig" in source)
    return "\n".join(code[: last + 1]).replace("nb.setup(seed=2018)", "")


def test_notebook_2_has_the_settings_of_the_command(chosen, tmp_path):
    names = {"display": print}
    exec(code_until_my_config(), names)
    written = CliRunner().invoke(
        app, ["suggest", str(chosen), "--preset", "TinyConfig", "--out", str(tmp_path / "m.yaml")]
    )
    assert written.exit_code == 0, written.output
    config, other = names["config"], load_config(tmp_path / "m.yaml", chosen)
    for name in SETTINGS:
        np.testing.assert_equal(getattr(config, name), getattr(other, name), err_msg=name)
    assert isinstance(config, TinyConfig)


def test_its_texts_are_those_of_the_table():
    cells = nbformat.read(ROOT / "notebooks" / "02_configure.ipynb", as_version=4).cells
    (code,) = (cell.source for cell in cells if "knobs = [" in cell.source)
    tables = []
    exec(code, {"nb": SimpleNamespace(display_table=tables.append), "SETTINGS": SETTINGS, "config": TinyConfig()})
    (_, *rows) = tables[0]
    assert len(rows) >= 10
    for name, value, text in rows:
        np.testing.assert_equal(value, getattr(TinyConfig, name))
        assert text == f"{SETTINGS[name].text} {SETTINGS[name].advice}".strip()
