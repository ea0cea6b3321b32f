"""GPU_COUNT: a step on two devices is the step of one. The devices are virtual ones, two of one CPU."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from mrcnn.ops import replicas
from mrcnn.training.devices import Devices
from tests.support import ROOT


def start(backend, devices, folder, *runs):
    """A process that trains on so many devices."""
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "",  # only the CPU's devices, also where there is a GPU
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiles in a third of the time
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # with it TensorFlow 2.21 crashes where two devices are one CPU
    }
    command = [sys.executable, "-m", "tests.support.device_runs", str(devices), str(folder), *runs]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def both(backend, folder, *runs):
    """What was printed on two devices; the results of both numbers are in `folder`."""
    done = [start(backend, devices, folder, *runs) for devices in (1, 2)]
    assert [process.returncode for process in done] == [0, 0], "\n".join(process.stderr[-3000:] for process in done)
    return done[1].stdout


def assert_same(folder, run, other, rtol=1e-5):
    """Of one device and of two: losses, gradients and weights."""
    one, two = np.load(folder / f"{run}1.npz"), np.load(folder / f"{other}2.npz")
    assert len(one.files) > 5 and set(one.files) == set(two.files)
    steps = len(two["losses"])  # a run that goes on has the last ones only
    np.testing.assert_allclose(two["losses"], one["losses"][-steps:], rtol)
    for name in set(one.files) - {"losses"}:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)])
def test_two_devices_train_as_one(backend, tmp_path):
    """Also when they stop and go on."""
    printed = both(backend, tmp_path, "sgd", "resumed")
    assert "GPU_COUNT = 2, devices found: 2. A step of 2 images runs on cpu:0, cpu:1, 1 on each." in printed
    assert "Stopped after step 2 of epoch 1" in printed and "epoch 1, step 3." in printed
    assert_same(tmp_path, "sgd", "sgd")
    assert_same(tmp_path, "sgd", "resumed")
    assert [len(np.load(tmp_path / f"{run}2.npz")["losses"]) for run in ("sgd", "resumed")] == [4, 2]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_averages_float16_and_accumulation(backend, tmp_path):
    runs = ["averages", "float16", "accumulated"]
    both(backend, tmp_path, *runs)
    for run in runs:
        assert_same(tmp_path, run, run)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_stop_and_one_goes_on(backend, tmp_path):
    both(backend, tmp_path, "sgd", "resumed_on_one")
    assert_same(tmp_path, "sgd", "resumed_on_one")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_whole_network_on_two_devices(backend, tmp_path):
    """Targets sampled at random, the five losses, batch statistics; and a detector in the middle of it."""
    both(backend, tmp_path, "network")
    assert_same(tmp_path, "network", "network", rtol=1e-3)  # a pixel of a mask target may fall on the other side of 0.5
    two = np.load(tmp_path / "network2.npz")
    assert (two["losses"] > 0).all() and two["detected"] == 3


@pytest.fixture
def found(monkeypatch):
    """found(names): as if Keras had found these devices."""
    return lambda *names: monkeypatch.setattr(keras.distribution, "list_devices", lambda: list(names))


def test_fewer_devices_than_asked_for(found):
    found("gpu:0")
    devices = Devices(4, 8)
    assert len(devices) == 1
    assert devices.text() == "GPU_COUNT = 4, devices found: 1. A step of 8 images runs on gpu:0."


def test_devices_that_do_not_divide_the_step(found):
    found("gpu:0", "gpu:1")
    assert Devices(3, 3).text() == "GPU_COUNT = 3, devices found: 2. A step of 3 images runs on gpu:0."


def test_one_asked_for_says_nothing_and_looks_for_none(found):
    devices = Devices(1, 8)
    assert (len(devices), devices.text(), devices.found) == (1, "", [])


def test_on_one_device_nothing_is_added():
    values = [keras.ops.ones(3), None]
    assert replicas.count() == 1
    assert replicas.total(values) == values
    noise = [replicas.uniform((2, 3), keras.random.SeedGenerator(5)) for _ in range(2)]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(noise[0]), keras.ops.convert_to_numpy(noise[1]))
