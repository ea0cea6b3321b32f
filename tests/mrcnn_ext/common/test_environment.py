import os
import subprocess

import keras
import pytest

from mrcnn_ext.common import environment

SMI = "NVIDIA H200, 143771 MiB, 9.0, 570.86.15\n"


@pytest.fixture
def gpu_machine(monkeypatch):
    monkeypatch.setattr(environment, "gpus", lambda: ["gpu:0"])
    monkeypatch.setattr(environment, "_version", lambda *names: {"nvidia-cudnn-cu12": "9.28"}.get(names[0], "12.9"))
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, SMI, ""))


def test_the_line_names_versions_and_device():
    line = environment.environment_line()
    assert line.startswith(f"Keras {keras.__version__} on {keras.config.backend()} ")
    assert "Python 3." in line
    assert "CPU only" in line


@pytest.mark.usefixtures("gpu_machine")
def test_the_line_names_the_gpu():
    line = environment.environment_line()
    assert "CUDA 12.9, cuDNN 9.28" in line
    assert line.endswith("GPU NVIDIA H200, 143771 MiB, compute capability 9.0, driver 570.86.15")


def test_notes_are_held_back_unless_something_fails(capfd):
    with environment._notes_held_back():
        os.write(2, b"a note\n")
    assert capfd.readouterr().err == ""
    with pytest.raises(ValueError, match="broken"), environment._notes_held_back():
        os.write(2, b"a reason\n")
        raise ValueError("broken")
    assert capfd.readouterr().err == "a reason\n"


def test_a_training_step_runs():
    assert environment.check_device().startswith("One training step, compiled, ran on cpu in ")


def test_a_gpu_asked_for_and_not_there(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="a GPU was asked for, .* sees none: no NVIDIA driver .* set GPU= in .env"):
        environment.check_device(require_gpu=True)


def test_a_gpu_that_the_backend_cannot_use(monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "GPU 0: H200", "")
    )
    with pytest.raises(RuntimeError, match="nvidia-smi says 'GPU 0: H200', so the driver is probably too old"):
        environment.check_device(require_gpu=True)


@pytest.mark.usefixtures("gpu_machine")
def test_a_step_that_fails_on_the_gpu(monkeypatch):
    def fail():
        raise ValueError("CUDA_ERROR_INVALID_PTX\nlong tail")

    monkeypatch.setattr(environment, "_training_step", fail)
    with pytest.raises(
        RuntimeError, match=r"step on gpu:0 failed: ValueError: CUDA_ERROR_INVALID_PTX\. On an RTX 50xx"
    ):
        environment.check_device(require_gpu=True)


def test_a_device_that_computes_wrong(monkeypatch):
    monkeypatch.setattr(environment, "_training_step", lambda: float("nan"))
    with pytest.raises(RuntimeError, match="gave the loss nan"):
        environment.check_device()
