"""Finds a Docker engine that answers and checks that its Compose is version 2."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from launcher.messages import Problem

_OLDEST_COMPOSE = (2, 17)  # the first with `up --wait-timeout`


@dataclass(frozen=True)
class Engine:
    """What the launcher needs to know about the engine."""

    version: str
    nvidia_runtime: bool
    rootless: bool
    storage: Path


def find_engine() -> tuple[Engine | None, str]:
    """The engine that answers, or None, and one sentence about it."""
    try:
        answer = subprocess.run(
            ["docker", "info", "--format", "{{json .}}"], capture_output=True, text=True, timeout=30
        )
    except FileNotFoundError:
        return None, "Docker is not installed"
    except subprocess.TimeoutExpired:
        return None, "Docker is installed, but its engine gave no answer in 30 seconds"
    try:
        info = json.loads(answer.stdout)
    except json.JSONDecodeError:
        info = {}
    if answer.returncode or not info.get("ServerVersion"):
        why = "; ".join(info.get("ServerErrors") or []) or answer.stderr.strip()
        if "permission denied" in why:
            return (
                None,
                "Docker is installed, but you may not use it (`sudo usermod -aG docker $USER`, then log in again)",
            )
        return None, "Docker is installed, but its engine does not answer (start Docker to use it)"
    engine = Engine(
        version=info["ServerVersion"],
        nvidia_runtime="nvidia" in (info.get("Runtimes") or {}),
        rootless=any("rootless" in option for option in info.get("SecurityOptions") or []),
        storage=Path(info.get("DockerRootDir", "")),
    )
    return engine, f"Docker {engine.version} answers"


def require_compose_v2() -> str:
    """The version of Compose, or a Problem when `docker compose` is missing or too old."""
    answer = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, timeout=30)
    version = answer.stdout.strip().removeprefix("v")
    found = re.match(r"(\d+)\.(\d+)", version)
    advice = "install the package docker-compose-plugin (Debian and Ubuntu: docker-compose-v2 or docker-compose)"
    if answer.returncode or not found:
        raise Problem(
            f"Docker answers, but it has no Compose v2 (`docker compose`; docker-compose v1 is too old): {advice}"
        )
    if tuple(map(int, found.groups())) < _OLDEST_COMPOSE:
        raise Problem(f"Compose {version} is too old, 2.17 is the oldest that works: {advice}")
    return version
