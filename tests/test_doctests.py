"""The examples in docstrings give what they say."""

import doctest
from importlib import import_module

import pytest

MODULES = [
    "mrcnn.config",
    "mrcnn.data.anchors",
    "mrcnn.data.boxes",
    "mrcnn.data.dataset",
    "mrcnn.data.minimask",
    "mrcnn.data.resize",
    "mrcnn.metrics",
    "mrcnn.plots.masks",
    "mrcnn.plots.palette",
    "mrcnn_ext.masks.rle",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted and not result.failed
