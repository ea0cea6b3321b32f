"""Stages of the network take plain values: the Config is read where they are wired, and nowhere else."""

import ast
from pathlib import Path

import mrcnn

WIRING = {"graph.py", "precision.py"}  # reads the settings for all stages; which number types they have
OLD_API = {"old_names.py"}  # the old functions are given a Config


def reads_config(path: Path) -> bool:
    """Whether a module reads a setting: an UPPERCASE attribute of something called config."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr.isupper()
        and isinstance(node.value, ast.Name | ast.Attribute)
        and ast.unparse(node.value).split(".")[-1] == "config"
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_only_the_wiring_reads_the_config():
    engine = Path(mrcnn.__file__).parent
    readers = {
        path.name for folder in ("ops", "network") for path in (engine / folder).glob("*.py") if reads_config(path)
    }
    assert readers == WIRING | OLD_API
