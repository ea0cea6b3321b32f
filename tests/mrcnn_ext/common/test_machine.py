"""What the machine says of itself."""

import subprocess

import pytest

from mrcnn_ext.common import machine
from mrcnn_ext.common.machine import Gpu, this_machine


def test_this_machine_has_cores_and_memory():
    found = this_machine()
    assert found.cores >= 1 and 64 < found.memory_mib < 2**24
    assert str(found)


@pytest.mark.parametrize(("text", "limit"), [("2147483648\n", 2048), ("max\n", None)])
def test_the_limit_of_a_container(tmp_path, monkeypatch, text, limit):
    file = tmp_path / "memory.max"
    file.write_text(text)
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (file, tmp_path / "absent"))
    monkeypatch.setattr(machine, "_available_mib", lambda: 9000)
    assert this_machine().memory_mib == (limit or 9000)


def test_cards(monkeypatch):
    answer = "NVIDIA A100-SXM4-80GB, 81920, 80000, 8.0\nTesla T4, 15360, 15000, 7.5\n"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, answer, ""))
    first, second = this_machine().gpus
    assert first == Gpu("NVIDIA A100-SXM4-80GB", 81920, 80000, 8.0) and second.capability == 7.5
    assert str(this_machine()) == "NVIDIA A100-SXM4-80GB with 80 GiB (78 free) and 1 more"


@pytest.mark.parametrize("answer", ["No devices were found\n", "a, b, c, d\n"])
def test_an_answer_without_cards(monkeypatch, answer):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, answer, ""))
    assert this_machine().gpus == ()
