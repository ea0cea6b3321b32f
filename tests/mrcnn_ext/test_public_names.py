"""`mrcnn_ext` hands on its public names, each imported at its first use."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mrcnn_ext

WINGS = {path.name for path in Path(mrcnn_ext.__file__).parent.iterdir() if path.is_dir()}


@pytest.mark.parametrize("name", mrcnn_ext.__all__)
def test_every_name_is_there(name):
    assert getattr(mrcnn_ext, name) is getattr(import_module(mrcnn_ext._MODULE_OF[name]), name)
    assert name in dir(mrcnn_ext)


def test_type_checkers_see_the_same_names_in_the_same_modules():
    tree = ast.parse(Path(mrcnn_ext.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: line.module for line in block.body for alias in line.names}
    assert seen == mrcnn_ext._MODULE_OF
    assert sorted(seen) == sorted(mrcnn_ext.__all__)


def test_no_name_is_that_of_a_wing_which_would_take_its_place():
    assert not WINGS & set(mrcnn_ext.__all__)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'convert_label'"):
        mrcnn_ext.convert_label  # noqa: B018


def test_importing_it_imports_nothing_large():
    large = ("tensorflow", "keras", "jax", "numpy", "cv2")
    code = f"import sys, mrcnn, mrcnn_ext; print([module for module in {large} if module in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
