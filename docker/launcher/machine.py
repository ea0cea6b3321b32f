"""Looks at the machine before anything is started: ports, disk, user, NVIDIA GPU."""

import errno
import os
import platform
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from launcher.messages import Problem

OLDEST = 6.0  # compute capability that TensorFlow 2.21's wheels have code for
BLACKWELL = 10.0  # compute capability from which TensorFlow 2.21's wheels have no code
NVIDIA_RUNTIME_ADVICE = (
    "install the NVIDIA Container Toolkit, run `sudo nvidia-ctk runtime configure --runtime=docker`, restart Docker"
)


@dataclass(frozen=True)
class Gpu:
    """The first NVIDIA GPU as its driver names it."""

    name: str
    capability: float


def check_port(address: str, port: int, setting: str) -> None:
    """A Problem when another program listens on the port."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            raise Problem(f"port {port} needs root: set {setting} in .env to a number above 1023") from None
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                advice = "write 127.0.0.1, or an address that this machine has"
                raise Problem(f"BIND_ADDRESS={address} in .env is no address of this machine: {advice}") from None
            raise Problem(
                f"{address} port {port} cannot be used ({error.strerror}): stop what uses it, "
                f"or set {setting} in .env to a free port, then `make up` again"
            ) from None


def check_disk(path: Path, gigabytes: float, what: str) -> None:
    """A Problem when the disk that holds `path` has less room than `what` needs.  A path not on this machine passes."""
    if not path.exists():
        return
    free = shutil.disk_usage(path).free / 1e9
    if free < gigabytes:
        raise Problem(
            f"{what} needs {gigabytes:g} GB of disk and {path} has {free:.1f} GB free: free some, then `make up` again"
        )


def find_gpu() -> Gpu | None:
    """The first NVIDIA GPU, or None where the driver's tool is missing, fails, or is too old to tell the capability."""
    query = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30)
        name, capability = answer.stdout.splitlines()[0].rsplit(",", 1)
        return Gpu(name.strip(), float(capability))
    except (OSError, subprocess.TimeoutExpired, IndexError, ValueError):
        return None


def choose_variant(gpu: Gpu | None, *, runtime: bool) -> tuple[str, str]:
    """The value of GPU in .env and a sentence why; `runtime` tells whether the services could be given the GPU."""
    if gpu is None:
        return "", "No NVIDIA GPU answers here: the CPU variant."
    card = f"{gpu.name} (compute capability {gpu.capability:g})"
    if platform.machine() != "x86_64":
        return "", f"{card} is here, but the GPU variants' packages are for x86_64 only, so this is the CPU variant."
    if gpu.capability < OLDEST:
        return "", f"{card} is older than TensorFlow 2.21's packages, which begin at 6.0, so this is the CPU variant."
    variant, why = "gpu", f"{card}: the GPU variant, on TensorFlow."
    if gpu.capability >= BLACKWELL:
        variant, why = (
            "gpu-jax",
            f"{card}, Blackwell, is newer than TensorFlow 2.21's packages, so Keras runs on JAX.",
        )
    if not runtime:
        return "", (
            f"{gpu.name} is here, but Docker has no NVIDIA runtime, so this is the CPU variant. "
            f"To use the GPU: {NVIDIA_RUNTIME_ADVICE}; then write GPU={variant} in .env."
        )
    return variant, why


def owner(root: Path, *, rootless: bool = False) -> tuple[int, int]:
    """The user and group the services write as: you; for root the owner of the folder, else 1000.

    Rootless Docker shows you as root inside the container, so there it is 0.
    """
    if rootless:
        return 0, 0
    if os.getuid():
        return os.getuid(), os.getgid()
    folder = root.stat()
    return (folder.st_uid, folder.st_gid) if folder.st_uid else (1000, 1000)
