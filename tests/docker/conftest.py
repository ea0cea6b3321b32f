"""`fake` puts made-up programs where real ones would be."""

from pathlib import Path

import pytest

from tests.support import ROOT


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake(name, script)` makes a program of shell lines; nothing but fakes and /bin is on the PATH then."""
    folder = tmp_path / "fake-bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")

    def write(name: str, script: str) -> None:
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return write
