"""The files in requirements/ are the lock: each holds what pyproject.toml asks for, once, with hashes, no server."""

import re
import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MACHINES = [
    {"sys_platform": "linux", "platform_machine": "x86_64", "python_full_version": python, "python_version": python[:4]}
    for python in ("3.11.2", "3.12.1", "3.13.5")
]


def pins(root, name: str, machine: dict[str, str]) -> dict[str, str]:
    """{package: version} of requirements/`name`.txt on that machine."""
    found = {}
    for line in (root / "requirements" / f"{name}.txt").read_text().splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate(machine):
                package = canonicalize_name(requirement.name)
                assert package not in found, f"{package} is pinned twice in {name}.txt"
                found[package] = str(requirement.specifier).removeprefix("==")
    return found


def asked(root, name: str) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    texts = list(project["project"]["dependencies"])
    for extra in {*extras} - {"cpu", "gpu", "gpu-jax"} | {"cpu" if name == "dev" else name}:
        texts += extras[extra]
    if name == "dev":
        texts += project["dependency-groups"]["dev"]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine["python_version"])
@pytest.mark.parametrize("name", ["cpu", "gpu", "gpu-jax", "dev"])
def test_everything_asked_for_is_pinned_within_its_range(root, name, machine):
    pinned = pins(root, name, machine)
    for requirement in asked(root, name):
        if requirement.marker is None or requirement.marker.evaluate(machine):
            found = pinned.get(canonicalize_name(requirement.name))
            assert found, f"{requirement.name} is not in requirements/{name}.txt: run `make lock`"
            assert requirement.specifier.contains(found), f"{requirement} but {found} in {name}.txt: run `make lock`"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine["python_version"])
def test_tests_run_on_the_versions_that_users_get(root, machine):
    dev, cpu = pins(root, "dev", machine), pins(root, "cpu", machine)
    assert cpu.items() <= dev.items()


@pytest.mark.parametrize("name", ["cpu", "gpu", "gpu-jax", "dev", "uv", "labelstudio"])
def test_every_pin_has_hashes_and_no_server_is_named(root, name):
    text = (root / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[\w.\-\[\],]+==\S+ ", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_this_environment_is_the_lock(root):
    for package in ("keras", "numpy", "jupyterlab", "pytest"):
        text = (root / "requirements" / "dev.txt").read_text()
        assert re.search(rf"^{package}=={re.escape(version(package))} ", text, re.M), f"{package}: run `make test`"
