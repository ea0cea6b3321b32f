"""What memory and devices this machine has, without loading any framework."""

import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

_QUERY = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader,nounits"]
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA card: memory in MiB, compute capability as a number (8.0: A100)."""

    name: str
    memory_mib: int
    free_mib: int
    capability: float


@dataclass(frozen=True)
class Machine:
    """cores: that this process may use.  memory_mib: available now, of the machine or of the container, if less."""

    cores: int
    memory_mib: int
    gpus: tuple[Gpu, ...] = ()

    def __str__(self) -> str:
        if self.gpus:
            gpu = self.gpus[0]
            more = f" and {len(self.gpus) - 1} more" if len(self.gpus) > 1 else ""
            return f"{gpu.name} with {gpu.memory_mib / 1024:.0f} GiB ({gpu.free_mib / 1024:.0f} free){more}"
        return f"no GPU, {self.cores} cores, {self.memory_mib / 1024:.1f} GiB of memory available"

    def to_dict(self) -> dict:
        return asdict(self)


def this_machine() -> Machine:
    """Look at /proc/meminfo, the container's limit, and nvidia-smi, each where it is there."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    known = [size for size in (_available_mib(), *(_limit_mib(path) for path in _CGROUP_LIMITS)) if size]
    return Machine(cores, min(known, default=4096), _gpus())


def machine_with_gpu(gib: float) -> Machine:
    """This machine, as if it had one GPU with so much memory."""
    here, mib = this_machine(), int(gib * 1024)
    return Machine(here.cores, here.memory_mib, (Gpu(f"A GPU of {gib:g} GB", mib, mib, 8.0),))


def _available_mib() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux
        pages = {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(os.sysconf_names) if hasattr(os, "sysconf_names") else False
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20 if pages else None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if len(line.split()) > 1}
    return kib.get("MemAvailable", 0) // 1024 or None


def _limit_mib(path) -> int | None:
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) // 2**20 if text.isdigit() else None  # "max": no limit


def _gpus() -> tuple[Gpu, ...]:
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, timeout=30, check=True)
        rows = [[cell.strip() for cell in line.split(",")] for line in answer.stdout.splitlines() if line.strip()]
        return tuple(Gpu(name, int(total), int(free), float(cap)) for name, total, free, cap in rows)
    except (OSError, subprocess.SubprocessError, ValueError):  # none, or one that does not say
        return ()
