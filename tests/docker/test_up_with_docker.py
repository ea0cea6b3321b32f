"""`up` and `down` with a made-up `docker` that notes how it is called and remembers what is built and running."""

import json
import os
import re
import socket

import pytest
from launcher import cli, compose, env_file

from tests.support.project_copy import write_env

INFO = {"ServerVersion": "28.5.2", "Runtimes": {"runc": {}}, "DockerRootDir": "/no/such/folder", "SecurityOptions": []}
DOCKER = """
echo "$*" >> {notes}/calls
case "$*" in
  info*) echo '{info}' ;;
  "compose version --short") echo 2.40.3 ;;
  *"ps --status running --services") [ ! -e {notes}/running ] || echo lab ;;
  *"ps --all --quiet") [ ! -e {notes}/running ] || echo 0123 ;;
  *"config --images") echo mrcnn-stack:cpu ;;
  "image inspect"*) [ -e {notes}/built ] && echo sha256:abc ;;
  "compose build lab") echo "$GPU $NB_UID" > {notes}/built ;;
  *mrcnn_ext.datasets.shapes*) /bin/mkdir -p data/shapes/annotations ;;
  "compose up"*) {up} ;;
  "compose --profile label --profile detect down") /bin/rm {notes}/running ;;
  *"logs --no-color --no-log-prefix lab") printf 'noise\n\033[2KKeras 3.15.1 on tensorflow\nOne training step ran\n' ;;
  *"logs --no-color --tail 20") echo 'the end of the log' ;;
esac
"""


@pytest.fixture
def project(tmp_path, root):
    folder = tmp_path / "project"
    for name in ("docker", "requirements"):
        (folder / name).mkdir(parents=True)
    (folder / "docker" / "Dockerfile").write_text((root / "docker" / "Dockerfile").read_text())
    (folder / "requirements" / "cpu.txt").write_text("a==1\n")
    return folder


@pytest.fixture
def docker(fake, tmp_path, monkeypatch):
    """Installs the made-up docker; returns a function that gives the calls made since it was last asked."""
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.delenv("BASE_IMAGE", raising=False)

    def install(info: dict | None = None, up: str = f"/bin/touch {notes}/running"):
        fake("docker", DOCKER.format(notes=notes, info=json.dumps(info or INFO), up=up))

    def calls() -> list[str]:
        lines = (notes / "calls").read_text().splitlines()
        (notes / "calls").unlink()
        return lines

    install()
    calls.install = install
    return calls


def kinds(calls):
    names = ("build", "mrcnn_ext.datasets.shapes", "compose up", "--profile label --profile detect down")
    return [name for call in calls for name in names if name in call]


def test_up_builds_makes_data_starts_and_says_where(project, docker, capfd):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    assert cli.main(["up"], project) == 0
    assert kinds(docker()) == ["build", "mrcnn_ext.datasets.shapes", "compose up"]
    shown = capfd.readouterr().out
    values = env_file.read(project / ".env")
    assert f"http://127.0.0.1:{values['JUPYTER_PORT']}/?token={values['JUPYTER_TOKEN']}\n" in shown
    assert f"http://127.0.0.1:{values['TENSORBOARD_PORT']}/\n" in shown
    assert "make down" in shown
    assert "\nKeras 3.15.1 on tensorflow\nOne training step ran\n" in shown
    assert "noise" not in shown


def test_twice_is_harmless_and_builds_once(project, docker):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    assert cli.main(["up"], project) == 0
    before = (project / ".env").read_text()
    docker()
    assert cli.main(["up"], project) == 0
    assert kinds(docker()) == ["compose up"]
    assert (project / ".env").read_text() == before


def test_changed_requirements_are_built_anew(project, docker):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    cli.main(["up"], project)
    docker()
    (project / "requirements" / "cpu.txt").write_text("a==2\n")
    assert cli.main(["up"], project) == 0
    assert kinds(docker()) == ["build", "compose up"]


def test_the_settings_of_env_reach_compose_whatever_the_shell_says(project, docker, tmp_path, monkeypatch):
    monkeypatch.setenv("GPU", "0,1")
    write_env(project, uid=os.getuid(), gid=os.getgid())
    cli.main(["up"], project)
    assert (tmp_path / "notes" / "built").read_text() == f" {os.getuid()}\n"


def test_first_up_writes_env_for_the_gpu_it_finds(project, docker, fake, capfd):
    docker.install({**INFO, "Runtimes": {"nvidia": {}}})
    fake("nvidia-smi", "echo 'NVIDIA GeForce RTX 5090, 12.0'")
    cli.main(["up"], project)
    assert env_file.read(project / ".env")["GPU"] == "gpu-jax"
    assert "Blackwell" in capfd.readouterr().out


def test_gpu_asked_for_without_its_runtime(project, docker, capfd):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    (project / ".env").write_text((project / ".env").read_text().replace("GPU=\n", "GPU=gpu\n"))
    assert cli.main(["up"], project) == 1
    assert re.search("Stopped: .env asks for GPU=gpu, but Docker has no NVIDIA runtime: .*\n$", capfd.readouterr().err)
    assert kinds(docker()) == []


def test_port_in_use_stops_before_the_build(project, docker, capfd):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(env_file.read(project / ".env")["TENSORBOARD_PORT"])))
        other.listen()
        assert cli.main(["up"], project) == 1
    assert "set TENSORBOARD_PORT in .env to a free port" in capfd.readouterr().err
    assert kinds(docker()) == []


def test_services_that_do_not_start_show_their_log(project, docker, capfd):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    docker.install(up="echo 'container lab is unhealthy'; exit 1")
    assert cli.main(["up"], project) == 1
    shown = capfd.readouterr()
    assert "the end of the log" in shown.out
    assert shown.err.startswith("Stopped: Starting the services failed")


def test_down_stops_once(project, docker, capfd):
    write_env(project, uid=os.getuid(), gid=os.getgid())
    cli.main(["up"], project)
    docker()
    assert cli.main(["down"], project) == 0
    assert kinds(docker()) == ["--profile label --profile detect down"]  # what other commands started too
    assert cli.main(["down"], project) == 0
    assert kinds(docker()) == []
    assert capfd.readouterr().out.endswith("Nothing was running.\n")


def test_compose_v1_only_is_one_line(project, fake, capfd):
    fake("docker", f"case \"$*\" in info*) echo '{json.dumps(INFO)}' ;; *) exit 1 ;; esac")
    assert cli.main(["up"], project) == 1
    assert capfd.readouterr().err.count("\n") == 1
    assert not (project / ".env").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give folders to another user")
def test_roots_folders_are_given_to_the_services_user(project):
    (project / "logs" / "run").mkdir(parents=True)
    (project / "logs" / "run" / "events").touch()
    compose._give_folders(project, {"NB_UID": "1234", "NB_GID": "1235"})
    for path in (project / "notebooks", project / "logs" / "run" / "events"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)
