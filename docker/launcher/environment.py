"""Makes a Python environment from one of the hashed lock files in requirements/, and knows when it is up to date."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from launcher import env_file, machine
from launcher.messages import Problem, run_shown

_FOLDERS = {"cpu": ".venv", "dev": ".venv", "gpu": ".venv-gpu", "gpu-jax": ".venv-gpu-jax"}
_FOLDERS["labelstudio"] = ".venv-labelstudio"  # for the tests
_GIGABYTES = {"cpu": 3, "dev": 4, "gpu": 9, "gpu-jax": 9, "labelstudio": 2}


def ensure(root: Path, lock: str) -> Path:
    """The Python of the environment that holds exactly requirements/`lock`.txt; made or renewed when it does not yet.

    `dev` is `cpu` and the tools for tests, so an environment made for `dev` serves `cpu` too.
    """
    folder = root / _FOLDERS[lock]
    python = folder / "bin" / "python"
    if _is_current(root, folder, lock) and python.exists():
        _link_packages(root, python, lock)
        return python
    machine.check_disk(root, _GIGABYTES[lock], f"the Python environment {folder.name}")
    program, env = uv(root), uv_settings()
    log = root / "build" / f"environment-{lock}.log"
    if not python.exists():
        command = [str(program), "venv", "--allow-existing", "--python", sys.executable, str(folder)]
        run_shown(f"Making {folder.name}", command, log, cwd=root, env=env)
    requirements = f"requirements/{lock}.txt"
    command = [str(program), "pip", "sync", "--python", str(python), "--require-hashes", requirements]
    run_shown(f"Installing {requirements} into {folder.name}", command, log, cwd=root, env=env)
    _link_packages(root, python, lock)
    (folder / "lock.json").write_text(json.dumps({"lock": lock, "sha256": _digest(root, lock)}))
    return python


def _is_current(root: Path, folder: Path, lock: str) -> bool:
    try:
        stamp = json.loads((folder / "lock.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    serves = stamp["lock"] == lock or (stamp["lock"] == "dev" and lock == "cpu")
    return serves and stamp["sha256"] == _digest(root, stamp["lock"])


def _digest(root: Path, lock: str) -> str:
    return hashlib.sha256((root / "requirements" / f"{lock}.txt").read_bytes()).hexdigest()


def uv(root: Path) -> Path:
    """The pinned uv, in an environment of its own so that installing from a lock cannot remove it."""
    tools = root / "build" / "tools"
    program, stamp = tools / "bin" / "uv", tools / "lock.json"
    wanted = _digest(root, "uv")
    if program.exists() and stamp.exists() and stamp.read_text() == wanted:
        return program
    log = root / "build" / "tools.log"
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(tools)], capture_output=True, text=True)
    if made.returncode:
        raise Problem(f"`{sys.executable} -m venv` does not work: on Debian and Ubuntu `sudo apt install python3-venv`")
    command = [str(tools / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
    run_shown("Installing uv", [*command, "-r", "requirements/uv.txt"], log, cwd=root)
    stamp.write_text(wanted)
    return program


def uv_settings() -> dict[str, str]:
    """What it runs with."""
    # The machine's own certificates, so that it also works behind a proxy with its own; no Python is downloaded.
    return {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", **os.environ}


def settings(root: Path, lock: str) -> dict[str, str]:
    """Environment variables that the packages of a lock run with here, as the image sets them there."""
    variant = lock if lock in env_file.VARIANTS else ""
    return {**env_file.VARIANT_SETTINGS[variant], "MRCNN_CACHE": str(root / "weights")}


def _link_packages(root: Path, python: Path, lock: str) -> None:
    """Makes mrcnn and mrcnn_ext importable from anywhere, from the working tree; adds the command `mrcnn`."""
    for packages in python.parent.parent.glob("lib/python3.*/site-packages"):
        (packages / "mrcnn_stack.pth").write_text(f"{root}\n")
    command = python.parent / "mrcnn"
    set_up = "import os\n" + "".join(
        f"os.environ.setdefault({name!r}, {value!r})\n" for name, value in settings(root, lock).items()
    )
    program = (root / "docker" / "mrcnn").read_text()
    command.write_text(program.replace("#!/usr/bin/env python\n", f"#!{python}\n{set_up}"))
    command.chmod(0o755)
