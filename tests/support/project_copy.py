"""A copy of the project as a fresh clone would have it, for tests that start it."""

import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

from launcher import env_file

from tests.support import ROOT


def copy_project(folder: Path) -> None:
    """Copies what git knows or would add into `folder`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def write_env(folder: Path, *, uid: int, gid: int) -> None:
    """Writes .env for the CPU with ports that are free now: the usual ones may be in use where the tests run."""
    env_file.write_once(folder / ".env", gpu="", uid=uid, gid=gid)
    text = (folder / ".env").read_text()
    with ExitStack() as held:  # all at once, so that none is given twice
        text = re.sub(r"(?<=_PORT=)\d+", lambda _: str(_free_port(held)), text)
    (folder / ".env").write_text(text)


def _free_port(held: ExitStack) -> int:
    probe = held.enter_context(socket.socket())
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]
