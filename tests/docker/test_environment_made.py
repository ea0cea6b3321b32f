"""When an environment counts as up to date, and what is put into it beside the locked packages."""

import json

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
    monkeypatch.setattr(environment, "_uv", lambda root: root / "uv")
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
    assert (project / ".venv/lib/python3.12/site-packages/mrcnn_stack.pth").read_text() == f"{project}\n"
    assert (project / ".venv/bin/mrcnn").read_text().startswith(f"#!{python}\nimport sys\n")
    assert json.loads((project / ".venv/lock.json").read_text())["lock"] == "cpu"
