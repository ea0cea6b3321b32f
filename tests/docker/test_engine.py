import json

import pytest
from launcher.engine import Engine, find_engine, require_compose_v2
from launcher.messages import Problem

INFO = {"ServerVersion": "28.5.2", "Runtimes": {"runc": {}, "nvidia": {}}, "DockerRootDir": "/var/lib/docker"}


def says(answer: dict, code: int = 0) -> str:
    return f"echo '{json.dumps(answer)}'; exit {code}"


def test_an_engine_that_answers(fake):
    fake("docker", says({**INFO, "SecurityOptions": ["name=seccomp", "name=rootless"]}))
    engine, sentence = find_engine()
    assert (engine.version, engine.nvidia_runtime, engine.rootless) == ("28.5.2", True, True)
    assert sentence == "Docker 28.5.2 answers"


def test_an_engine_without_nvidia(fake):
    fake("docker", says({**INFO, "Runtimes": {"runc": {}}, "SecurityOptions": None}))
    engine = find_engine()[0]
    assert isinstance(engine, Engine)
    assert (engine.nvidia_runtime, engine.rootless, str(engine.storage)) == (False, False, "/var/lib/docker")


@pytest.mark.usefixtures("fake")
def test_no_docker():
    assert find_engine() == (None, "Docker is not installed")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (says({"ServerErrors": ["Cannot connect to the Docker daemon. Is it running?"]}, 1), "does not answer"),
        (says({"ServerErrors": ["permission denied while trying to connect"]}, 1), "usermod -aG docker"),
        ("echo 'permission denied' >&2; exit 1", "usermod -aG docker"),
        ("echo 'Cannot connect' >&2; exit 1", "start Docker"),
    ],
)
def test_an_engine_that_does_not_answer(fake, script, told):
    fake("docker", script)
    engine, sentence = find_engine()
    assert engine is None
    assert told in sentence


@pytest.mark.parametrize("version", ["2.17.0", "v2.40.3", "2.26.1-4", "5.0.0-desktop.1"])
def test_compose_that_works(fake, version):
    fake("docker", f"echo {version}")
    assert require_compose_v2() == version.removeprefix("v")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo \"docker: 'compose' is not a docker command.\" >&2; exit 1", "has no Compose v2"),
        ("echo 1.29.2", "Compose 1.29.2 is too old"),
        ("echo 2.2.3", "Compose 2.2.3 is too old, 2.17 is the oldest"),
    ],
)
def test_compose_v1_only(fake, script, told):
    fake("docker", script)
    with pytest.raises(Problem, match=f"{told}.*install the package"):
        require_compose_v2()
