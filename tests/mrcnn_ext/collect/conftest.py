"""A server with faults for each test, reached without a proxy."""

import pytest

from tests.support.image_server import serving


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server():
    with serving() as running:
        yield running
