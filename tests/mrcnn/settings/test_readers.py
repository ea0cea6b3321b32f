"""Who reads the Config: never `ops/` or `plots/`, and in `network/` only the two files whose work that is."""

import ast
from pathlib import Path

import pytest

from mrcnn.config import KNOWN_NAMES

ENGINE = Path(__file__).parents[3] / "mrcnn"
MODULES = sorted(path for folder in ("ops", "network", "plots") for path in (ENGINE / folder).rglob("*.py"))
READERS = [ENGINE / "network" / "graph.py", ENGINE / "network" / "old_names.py"]


def reads(source):
    """Settings that a module reads: attributes by their names, such names as text for getattr, or mrcnn.config."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in KNOWN_NAMES:
            found.append(node.attr)
        elif isinstance(node, ast.Constant) and node.value in KNOWN_NAMES:
            found.append(node.value)
        elif isinstance(node, ast.ImportFrom) and node.module in ("mrcnn.config", "mrcnn.presets"):
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in ("mrcnn.config", "mrcnn.presets")]
    return found


@pytest.mark.parametrize("path", sorted({*MODULES} - {*READERS}), ids=lambda path: str(path.relative_to(ENGINE)))
def test_plain_values_only(path):
    assert not reads(path.read_text(encoding="utf-8")), "take plain values; network/graph.py hands them on"


def test_the_two_that_read_the_config():
    assert all(reads(path.read_text(encoding="utf-8")) for path in READERS)
    assert len(MODULES) > 20


@pytest.mark.parametrize(
    "line",
    ["x = config.SEED", 'x = getattr(settings, "USE_MASK")', "from mrcnn.config import Config", "import mrcnn.config"],
)
def test_a_module_that_reads_one_is_found(line):
    assert reads(line)


def test_a_module_that_reads_none_is_not():
    assert not reads("from keras import ops\n\nSTRIDES = (4, 8)\nx = layer.get_config()\n'uses MEAN_PIXEL in words'")
