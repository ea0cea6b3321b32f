import re
import socket
from pathlib import Path

import pytest
from launcher import machine
from launcher.machine import Gpu
from launcher.messages import Problem


def test_a_port_in_use_is_named_with_its_setting():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            Problem, match=f"127.0.0.1 port {port} cannot be used .* set JUPYTER_PORT in .env to a free"
        ):
            machine.check_port("127.0.0.1", port, "JUPYTER_PORT")
    machine.check_port("127.0.0.1", port, "JUPYTER_PORT")


def test_an_address_of_another_machine_is_told():
    with pytest.raises(Problem, match="BIND_ADDRESS=192.0.2.1 in .env is no address of this machine"):
        machine.check_port("192.0.2.1", 8888, "JUPYTER_PORT")


def test_too_little_disk(tmp_path):
    machine.check_disk(tmp_path, 0.000001, "the image")
    with pytest.raises(Problem, match=r"the image needs 1e\+09 GB of disk and .* GB free: free some"):
        machine.check_disk(tmp_path, 1e9, "the image")


def test_disk_of_an_engine_elsewhere_is_not_judged():
    machine.check_disk(Path("/no/such/folder"), 1e9, "the image")


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo 'NVIDIA GeForce RTX 3090, 8.6'", Gpu("NVIDIA GeForce RTX 3090", 8.6)),
        ("echo 'Tesla P100, 6.0'; echo 'Tesla K80, 3.7'", Gpu("Tesla P100", 6.0)),
        ("echo 'NVIDIA-SMI has failed'; exit 9", None),
        ("echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2", None),
        ("exit 0", None),
    ],
)
def test_find_gpu(fake, script, found):
    fake("nvidia-smi", script)
    assert machine.find_gpu() == found


@pytest.mark.usefixtures("fake")
def test_no_driver_no_gpu():
    assert machine.find_gpu() is None


@pytest.mark.parametrize(
    ("gpu", "runtime", "variant", "why"),
    [
        (None, True, "", "No NVIDIA GPU"),
        (Gpu("RTX 3090", 8.6), True, "gpu", "RTX 3090"),
        (Gpu("H200", 9.0), True, "gpu", "TensorFlow"),
        (Gpu("RTX 3090", 8.6), False, "", "nvidia-ctk runtime configure"),
        (Gpu("RTX 5090", 12.0), True, "gpu-jax", "Blackwell.*JAX"),
        (Gpu("B200", 10.0), True, "gpu-jax", "Blackwell"),
        (Gpu("RTX 5090", 12.0), False, "", "nvidia-ctk runtime configure.*GPU=gpu-jax in .env"),
        (Gpu("P100", 6.0), True, "gpu", "TensorFlow"),
        (Gpu("Tesla K80", 3.7), True, "", "Tesla K80 .*3.7.* is older .* CPU variant"),
    ],
)
def test_choose_variant(monkeypatch, gpu, runtime, variant, why):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    chosen, sentence = machine.choose_variant(gpu, runtime=runtime)
    assert chosen == variant
    assert re.search(why, sentence)


def test_an_arm_machine_has_no_gpu_packages(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    variant, sentence = machine.choose_variant(Gpu("GH200", 9.0), runtime=True)
    assert variant == ""
    assert "x86_64 only" in sentence


def test_owner_is_the_person(monkeypatch, tmp_path):
    monkeypatch.setattr("os.getuid", lambda: 501)
    monkeypatch.setattr("os.getgid", lambda: 20)
    assert machine.owner(tmp_path) == (501, 20)
    assert machine.owner(tmp_path, rootless=True) == (0, 0)


def test_root_never_runs_the_services(monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert machine.owner(Path("/")) == (1000, 1000)
