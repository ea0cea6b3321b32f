"""The services in containers: builds the image when it is not current, makes the data, starts, stops."""

import hashlib
import os
import subprocess
from pathlib import Path

from launcher import machine
from launcher.engine import Engine
from launcher.messages import Problem, run_shown, say

MOUNTED = ("notebooks", "data", "logs", "weights")  # what the containers may write
_ALL = ("--profile", "label", "--profile", "detect")  # so that what other commands have started is stopped too
_GIGABYTES = {"": 6, "gpu": 18, "gpu-jax": 18}  # image and build cache together
_INPUTS = (
    "docker/Dockerfile",
    "docker/*.py",
    "docker/*.sh",
    "docker/mrcnn",
    "docker/jupyter/*",
    "docker/labelstudio/*",
    "docker-compose.yml",
    "requirements/*.txt",
)


def up(root: Path, values: dict[str, str], engine: Engine) -> None:
    """Brings both services up and waits until they are healthy; harmless when they are."""
    if values["GPU"] and not engine.nvidia_runtime:
        raise Problem(
            f".env asks for GPU={values['GPU']}, but Docker has no NVIDIA runtime: {machine.NVIDIA_RUNTIME_ADVICE}; "
            "or set GPU= in .env for the CPU"
        )
    env = {**os.environ, **values}
    if not _compose(root, env, "ps", "--status", "running", "--services").stdout.split():
        machine.check_port(values["BIND_ADDRESS"], int(values["JUPYTER_PORT"]), "JUPYTER_PORT")
        machine.check_port(values["BIND_ADDRESS"], int(values["TENSORBOARD_PORT"]), "TENSORBOARD_PORT")
    _build(root, env, values, engine)
    _give_folders(root, values)
    if not (root / "data/shapes/annotations").exists():
        command = ["docker", "compose", "run", "--rm", "--no-deps", "-T", "lab"]
        command += ["python", "-m", "mrcnn_ext.datasets.shapes", "data/shapes"]
        run_shown("Making the shapes data", command, root / "build/shapes.log", cwd=root, env=env)
    try:
        command = ["docker", "compose", "up", "--detach", "--wait", "--wait-timeout", "600"]
        run_shown("Starting the services", command, root / "build/up.log", cwd=root, env=env)
    except Problem:
        say(_compose(root, env, "logs", "--no-color", "--tail", "20").stdout)
        raise
    for line in _compose(root, env, "logs", "--no-color", "--no-log-prefix", "lab").stdout.splitlines():
        line = line.removeprefix("\033[2K")  # Compose 2.26 puts "clear the line" before each, whatever it is asked
        if line.startswith(("Keras ", "One training step")):
            say(line)


def down(root: Path, env: dict[str, str]) -> bool:
    """Stops and removes the containers, keeps the volume; False when there were none."""
    env = {"JUPYTER_TOKEN": "only-to-read-the-compose-file", **os.environ, **env}
    if not _compose(root, env, *_ALL, "ps", "--all", "--quiet").stdout.strip():
        return False
    run_shown("Stopping the services", ["docker", "compose", *_ALL, "down"], root / "build/down.log", cwd=root, env=env)
    return True


def _build(root: Path, env: dict[str, str], values: dict[str, str], engine: Engine) -> None:
    """Builds when anything the image is made from has changed, so that a second `make up` needs no network."""
    stamp = root / ".run" / f"image-{values['GPU'] or 'cpu'}"
    image = _compose(root, env, "config", "--images").stdout.split()[0]
    inputs = hashlib.sha256()
    for pattern in _INPUTS:
        for path in sorted(root.glob(pattern)):
            inputs.update(path.read_bytes())
    inputs.update(repr([env.get(name) for name in ("GPU", "NB_UID", "NB_GID", "BASE_IMAGE")]).encode())
    if stamp.exists() and stamp.read_text() == f"{inputs.hexdigest()} {_image_id(image)}":
        return
    if not _image_id(image):
        machine.check_disk(engine.storage, _GIGABYTES[values["GPU"]], "the image")
    command = ["docker", "compose", "build", "lab"]
    run_shown(f"Building the image {image}", command, root / "build/image.log", cwd=root, env=env)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(f"{inputs.hexdigest()} {_image_id(image)}")


def _give_folders(root: Path, values: dict[str, str]) -> None:
    """Makes the mounted folders; run by root, gives them to the user the services run as."""
    uid, gid = int(values.get("NB_UID", 1000)), int(values.get("NB_GID", 1000))
    for name in MOUNTED:
        folder = root / name
        folder.mkdir(exist_ok=True)
        if os.getuid() or folder.stat().st_uid == uid:
            continue
        say(f"You are root, the services are user {uid}: {name}/ now belongs to {uid}.")
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, uid, gid, follow_symlinks=False)


def _image_id(image: str) -> str:
    answer = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", image], capture_output=True, text=True
    )
    return answer.stdout.strip()


def _compose(root: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    answer = subprocess.run(
        ["docker", "compose", "--ansi", "never", *arguments], cwd=root, env=env, capture_output=True, text=True
    )
    if answer.returncode:
        raise Problem(f"`docker compose {' '.join(arguments)}` failed: {answer.stderr.strip()}")
    return answer
