"""When an environment counts as up to date, and what is put into it beside the locked packages."""

import json
import subprocess
import sys

import pytest
from launcher import environment


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """A project with two little locks; installing is noted, not done."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "mrcnn").write_text((root / "docker" / "mrcnn").read_text())
    for name in ("cpu", "dev", "gpu", "gpu-jax", "uv"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    (tmp_path / "installed").touch()

    def note(what, command, log, *, cwd, env=None):
        with (cwd / "installed").open("a") as file:
            file.write(f"{command[-1].removeprefix(str(cwd))}\n")
        for folder in (cwd / ".venv", cwd / ".venv-gpu-jax"):
            (folder / "bin").mkdir(parents=True, exist_ok=True)
            (folder / "lib" / "python3.12" / "site-packages").mkdir(parents=True, exist_ok=True)
            (folder / "bin" / "python").touch()

    monkeypatch.setattr(environment, "run_shown", note)
    monkeypatch.setattr(environment, "uv", lambda root: root / "uv")
    return tmp_path


def installed(project) -> list[str]:
    lines = (project / "installed").read_text().splitlines()
    (project / "installed").write_text("")
    return lines


def test_made_once(project):
    assert environment.ensure(project, "cpu") == project / ".venv" / "bin" / "python"
    assert installed(project) == ["/.venv", "requirements/cpu.txt"]
    environment.ensure(project, "cpu")
    assert installed(project) == []


def test_a_changed_lock_is_installed_again(project):
    environment.ensure(project, "cpu")
    installed(project)
    (project / "requirements" / "cpu.txt").write_text("cpu==2\n")
    environment.ensure(project, "cpu")
    assert installed(project) == ["requirements/cpu.txt"]


def test_the_environment_for_tests_serves_the_services_but_not_the_other_way_round(project):
    environment.ensure(project, "cpu")
    environment.ensure(project, "dev")
    assert installed(project)[-1] == "requirements/dev.txt"
    environment.ensure(project, "cpu")
    assert installed(project) == []


def test_a_gpu_environment_stands_beside_the_other(project):
    assert environment.ensure(project, "gpu-jax").parent.parent.name == ".venv-gpu-jax"


def test_an_interrupted_installation_starts_again(project):
    environment.ensure(project, "cpu")
    installed(project)
    (project / ".venv" / "lock.json").write_text("")
    environment.ensure(project, "cpu")
    assert installed(project) == ["requirements/cpu.txt"]


def test_the_packages_and_the_command_are_there(project):
    python = environment.ensure(project, "cpu")
    packages = project / ".venv/lib/python3.12/site-packages"
    assert (packages / "mrcnn_stack.pth").read_text() == f"{project}\n"
    assert [path.name for path in packages.iterdir()] == ["mrcnn_stack.pth"]  # nothing else at each start of Python
    assert (project / ".venv/bin/mrcnn").read_text().startswith(f"#!{python}\nimport os\n")
    assert json.loads((project / ".venv/lock.json").read_text())["lock"] == "cpu"


@pytest.mark.parametrize(("lock", "backend"), [("cpu", "tensorflow"), ("dev", "tensorflow"), ("gpu-jax", "jax")])
def test_the_command_runs_on_its_variants_backend_and_finds_the_weights(project, lock, backend):
    python = environment.ensure(project, lock)
    package = project / "mrcnn_ext" / "commands"  # in the place of the real one: it tells what it was called with
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    code = "import os\n\ndef main():\n    print(os.environ['KERAS_BACKEND'], os.environ['MRCNN_CACHE'])\n"
    (package / "cli.py").write_text(code)
    command = [sys.executable, str(python.parent / "mrcnn")]

    def printed(**more):
        return subprocess.run(command, env={"PYTHONPATH": str(project), **more}, capture_output=True, text=True).stdout

    assert printed() == f"{backend} {project / 'weights'}\n"
    assert printed(KERAS_BACKEND="torch", MRCNN_CACHE="/mine") == "torch /mine\n"
