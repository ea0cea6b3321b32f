"""What this machine runs on: one line of versions and devices, and one training step as a proof that it works."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time

import numpy as np


@contextlib.contextmanager
def _notes_held_back():
    """Holds back what is written to stderr, also by compiled code; shows it when the block fails."""
    screen = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            if failed:
                notes.seek(0)
                sys.stderr.write(notes.read().decode(errors="replace"))


with _notes_held_back():  # TensorFlow's notes on instruction sets obey no setting and would bury the first result
    import keras

_BACKEND_PACKAGES = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax",), "torch": ("torch",)}


def environment_line() -> str:
    """Versions of Keras, its backend, Python, CUDA and cuDNN, and the device with its memory and compute capability."""
    backend = keras.config.backend()
    parts = [f"Keras {keras.__version__} on {backend} {_version(*_BACKEND_PACKAGES[backend])}"]
    parts.append(f"Python {platform.python_version()}")
    if gpus():
        cuda = _version("nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime")
        cudnn = _version("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")
        parts += [f"CUDA {cuda}", f"cuDNN {cudnn}", _gpu_details()]
    else:
        parts.append(
            f"CPU only, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"
        )
    return ", ".join(parts)


def check_device(require_gpu: bool = False) -> str:
    """One compiled training step of a tiny model on the default device; a line that says where and how long.

    Raises RuntimeError, which says why, when `require_gpu` is set and the backend sees no GPU, and when the step fails.
    """
    found = gpus()
    if require_gpu and not found:
        raise RuntimeError(f"a GPU was asked for, but {keras.config.backend()} sees none: {_why_no_gpu()}")
    device = found[0] if found else "cpu"
    start = time.perf_counter()
    try:
        loss = _training_step()
    except Exception as error:  # each backend has errors of its own kind for a device that does not work
        advice = " On an RTX 50xx or B200 set GPU=gpu-jax in .env." if found and keras.config.backend() != "jax" else ""
        first = str(error).strip().splitlines()[:1]
        raise RuntimeError(
            f"a training step on {device} failed: {type(error).__name__}: {' '.join(first)}.{advice}"
        ) from error
    if not np.isfinite(loss):
        raise RuntimeError(
            f"a training step on {device} gave the loss {loss}: the driver or the card does not compute right"
        )
    return f"One training step, compiled, ran on {device} in {time.perf_counter() - start:.1f} s."


def gpus() -> list[str]:
    """The GPUs the backend can use, as it names them ("gpu:0", ...); empty on a CPU."""
    try:
        return keras.distribution.list_devices("gpu")
    except RuntimeError:  # JAX's way to say that it has no such device
        return []


def _training_step() -> float:
    """The loss of one step on eight random 16x16 images: a convolution (cuDNN), a dense layer, their gradients."""
    random = np.random.default_rng(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer="sgd", loss="mse", jit_compile=True)
    images, answers = random.random((8, 16, 16, 3), dtype=np.float32), random.random((8, 1), dtype=np.float32)
    return float(np.ravel(model.train_on_batch(images, answers))[0])


def _version(*packages: str) -> str:
    for package in packages:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


def _gpu_details() -> str:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,compute_cap,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
        name, memory, capability, driver = answer.stdout.splitlines()[0].split(", ")
    except (OSError, subprocess.SubprocessError, IndexError, ValueError) as error:
        return f"GPU (nvidia-smi does not say which: {error})"
    return f"GPU {name}, {memory}, compute capability {capability}, driver {driver}"


def _why_no_gpu() -> str:
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return (
            "no NVIDIA driver reaches this place (nvidia-smi does not run). Check `nvidia-smi` on the machine itself "
            "and the NVIDIA Container Toolkit, or set GPU= in .env for the CPU"
        )
    said = (answer.stdout or answer.stderr).strip().splitlines()[:1]
    return (
        f"nvidia-smi says {' '.join(said)!r}, so the driver is probably too old for these CUDA libraries (560 or later "
        "for GPU=gpu, 580 or later for GPU=gpu-jax), or another variant fits the card"
    )
