"""The examples in docstrings give what they say."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["mrcnn.data.boxes", "mrcnn_ext.masks.rle"])
def test_examples(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted and not result.failed
