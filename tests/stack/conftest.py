"""Starts the whole stack once, in a copy of the working tree on free ports, and stops it at the end."""

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docker"))

from launcher import env_file, machine  # noqa: E402  (found through the line above)
from launcher.engine import Engine, find_engine, require_compose_v2  # noqa: E402
from launcher.messages import Problem  # noqa: E402


@dataclass(frozen=True)
class Stack:
    """A running stack: its project folder, its settings (.env) and its engine."""

    folder: Path
    values: dict[str, str]
    engine: Engine

    @property
    def lab(self) -> str:
        return f"http://127.0.0.1:{self.values['JUPYTER_PORT']}"

    @property
    def tensorboard(self) -> str:
        return f"http://127.0.0.1:{self.values['TENSORBOARD_PORT']}"

    def run(self, *command: str, check: bool = True, **env: str) -> str:
        """What a command prints, run in the project folder."""
        answer = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if check and answer.returncode:
            pytest.fail(f"{' '.join(command)} ended with {answer.returncode}:\n{answer.stdout[-4000:]}")
        return answer.stdout

    def make(self, target: str) -> str:
        return self.run("make", "--no-print-directory", target, f"PYTHON={sys.executable}")

    def inside(self, service: str, *command: str) -> str:
        return self.run("docker", "compose", "exec", "-T", service, *command)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that answers.  Without one these tests are skipped, but not in CI, where one is promised."""
    found, reason = find_engine()
    try:
        if found:
            require_compose_v2()
            return found
    except Problem as problem:
        reason = str(problem)
    if os.environ.get("CI"):
        pytest.fail(f"the stack cannot be tested: {reason}")
    pytest.skip(f"the stack cannot be tested: {reason}")


@pytest.fixture(scope="session")
def stack(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack") / "mrcnn-stack-test"
    _copy_working_tree(folder)
    _write_env(folder, engine)
    running = Stack(folder, env_file.read(folder / ".env"), engine)
    try:
        print(running.make("up"))
        yield running
    finally:
        log = ROOT / "build" / "stack" / "services.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(running.run("docker", "compose", "logs", "--no-color", check=False))
        running.run("docker", "compose", "down", "--volumes", check=False)


def _copy_working_tree(folder: Path) -> None:
    """What git knows or would add: the same that a fresh clone holds."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def _write_env(folder: Path, engine: Engine) -> None:
    uid, gid = machine.owner(folder, rootless=engine.rootless)
    env_file.write_once(folder / ".env", gpu="", uid=uid, gid=gid)
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], two.getsockname()[1]
    text = (folder / ".env").read_text().replace("8888", str(ports[0])).replace("6006", str(ports[1]))
    (folder / ".env").write_text(text)
