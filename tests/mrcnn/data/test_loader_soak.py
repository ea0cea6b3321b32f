"""The loader's memory stays flat; a leak of one small image a sample would be found."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

LIMIT = 8  # MiB; 4000 batches of 2 images of 9 KiB, leaked, are 70


def growth(*words):
    """MiB by which the loading process grows over 4000 batches."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("the memory of a process is read from /proc, which only Linux has")
    command = [sys.executable, "-m", "tests.support.soak", *words]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()[-1])


@pytest.mark.slow
def test_memory_is_flat():
    assert growth() < LIMIT


@pytest.mark.slow
def test_a_leak_is_found():
    assert growth("leaking") > 4 * LIMIT
