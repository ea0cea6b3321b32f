"""Starts the whole stack once, in a copy of the working tree on free ports, and stops it at the end."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from launcher import env_file, machine
from launcher.engine import Engine, find_engine, require_compose_v2
from launcher.messages import Problem

from tests.support import ROOT
from tests.support.chromium import PATIENCE, open_browser
from tests.support.project_copy import copy_project, write_env
from tests.support.promised import not_here

PROFILES = ("--profile", "label", "--profile", "detect")  # without them compose leaves their services out


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

    def save_logs(self) -> None:
        """Adds what the services have printed to build/stack/services.log, if anything."""
        with (ROOT / "build" / "stack" / "services.log").open("a") as file:
            file.write(self.run("docker", "compose", *PROFILES, "logs", "--no-color", check=False))

    def inside(self, service: str, *command: str) -> str:
        return self.run("docker", "compose", "exec", "-T", service, *command)

    def first_process(self, service: str) -> dict[str, str]:
        """User and rights of a service's first process, as the kernel names them."""
        lines = self.inside(service, "cat", "/proc/1/status").splitlines()
        return dict(line.split(":\t") for line in lines if ":\t" in line)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that answers."""
    found, reason = find_engine()
    try:
        if found:
            require_compose_v2()
            return found
    except Problem as problem:
        reason = str(problem)
    return not_here(reason)


@pytest.fixture(scope="session")
def stack(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack") / "mrcnn-stack-test"
    copy_project(folder)
    uid, gid = machine.owner(folder, rootless=engine.rootless)
    write_env(folder, uid=uid, gid=gid)
    images_and_logs = ROOT / "build" / "stack"
    images_and_logs.mkdir(parents=True, exist_ok=True)
    (images_and_logs / "services.log").unlink(missing_ok=True)
    running = Stack(folder, env_file.read(folder / ".env"), engine)
    try:
        print(running.make("up"))
        yield running
    finally:
        running.save_logs()
        running.run("docker", "compose", *PROFILES, "down", "--volumes", check=False)


@pytest.fixture(scope="module")
def browser():
    with open_browser() as running:
        yield running


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()
