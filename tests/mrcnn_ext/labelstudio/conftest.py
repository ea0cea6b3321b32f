"""A made-up Label Studio for each test, and no account that lies about on this machine."""

import pytest

from mrcnn_ext.labelstudio import access
from tests.support.fake_label_studio import serving
from tests.support.label_loop import make_data


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_TOKEN", "LABEL_STUDIO_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(access, "ENV_FILE", tmp_path / ".env")


@pytest.fixture
def fake():
    with serving() as running:
        yield running


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path / "data" / "raw")
