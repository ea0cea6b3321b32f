"""A copy of the project as a fresh clone would have it, for tests that start it."""

import shutil
import socket
import subprocess
from pathlib import Path

from launcher import env_file

ROOT = Path(__file__).resolve().parents[1]


def copy_project(folder: Path) -> None:
    """Copies what git knows or would add into `folder`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def write_env(folder: Path, *, uid: int, gid: int) -> None:
    """Writes .env for the CPU with two ports that are free now: the usual ones may be in use where the tests run."""
    env_file.write_once(folder / ".env", gpu="", uid=uid, gid=gid)
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], two.getsockname()[1]
    text = (folder / ".env").read_text().replace("=8888", f"={ports[0]}").replace("=6006", f"={ports[1]}")
    (folder / ".env").write_text(text)
