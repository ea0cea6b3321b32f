"""What CI promises to have: its absence is a failure there, and elsewhere a reason to skip."""

import os

import pytest


def not_here(reason: str):
    """Skips a test that lacks something on this machine, and fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"cannot be tested: {reason}")
    pytest.skip(f"cannot be tested: {reason}")
