"""The file .env: written once, never overwritten, read by `make up` and by `docker compose`."""

import ipaddress
import itertools
import os
import re
import secrets
from pathlib import Path

from launcher.messages import Problem

VARIANTS = {"": "CPU", "gpu": "GPU, TensorFlow", "gpu-jax": "GPU, JAX"}
VARIANT_SETTINGS = {  # environment variables, the same as in docker/Dockerfile
    "": {"KERAS_BACKEND": "tensorflow"},
    "gpu": {"KERAS_BACKEND": "tensorflow", "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
    "gpu-jax": {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
}

_TEXT = """\
# Written once by `make up`; yours to edit, never overwritten.  `docker compose` reads it too.

# Opens JupyterLab; never empty.
JUPYTER_TOKEN={JUPYTER_TOKEN}

# Empty: CPU.  gpu: NVIDIA GPU with TensorFlow.  gpu-jax: NVIDIA GPU with JAX (Blackwell cards: RTX 50xx, B200).
GPU={GPU}

JUPYTER_PORT=8888
TENSORBOARD_PORT=6006
LABEL_STUDIO_PORT=8080
DETECT_PORT=8000

# What `docker compose --profile detect up -d detect` serves, a folder in logs/ or last; and, if not empty, its API key.
DETECT_RUN=last
DETECT_API_KEY=
# true: it also fetches images from web addresses.
DETECT_ADDRESSES=

# Pretrained weights from elsewhere than their authors' pages: a mirror's address, or a folder with the files.
MRCNN_WEIGHTS_FROM=

# Who logs in to Label Studio (`docker compose --profile label up`), and its token for programs; never empty.
LABEL_STUDIO_USERNAME=you@localhost
LABEL_STUDIO_PASSWORD={LABEL_STUDIO_PASSWORD}
LABEL_STUDIO_TOKEN={LABEL_STUDIO_TOKEN}

# Who can reach the pages.  127.0.0.1: only this machine.  TensorBoard has no password, so think before 0.0.0.0.
BIND_ADDRESS=127.0.0.1

# The user that owns what the containers write.
NB_UID={NB_UID}
NB_GID={NB_GID}
"""
_PORTS = {"JUPYTER_PORT": "8888", "TENSORBOARD_PORT": "6006", "LABEL_STUDIO_PORT": "8080", "DETECT_PORT": "8000"}
_DEFAULTS = {"GPU": "", **_PORTS, "BIND_ADDRESS": "127.0.0.1"}
_SECRETS = ("JUPYTER_TOKEN", "LABEL_STUDIO_USERNAME", "LABEL_STUDIO_PASSWORD", "LABEL_STUDIO_TOKEN")


def write_once(path: Path, *, gpu: str, uid: int, gid: int) -> bool:
    """Writes `path` with new random secrets, readable by its owner alone; False when there already is one."""
    # 40 digits are the length of Label Studio's own tokens
    label_studio = {"LABEL_STUDIO_PASSWORD": secrets.token_hex(8), "LABEL_STUDIO_TOKEN": secrets.token_hex(20)}
    text = _TEXT.format(JUPYTER_TOKEN=secrets.token_hex(24), GPU=gpu, NB_UID=uid, NB_GID=gid, **label_studio)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def read(path: Path) -> dict[str, str]:
    """The checked settings, defaults filled in.  A setting that cannot work is a Problem that names it."""
    written = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise Problem(f"{path.name} line {number} is not NAME=value: {line!r}; mend or delete it")
        written[name.strip()] = _value(value.strip())
    values = _DEFAULTS | written
    _check(values, written, path.name)
    return values


def _value(text: str) -> str:
    """As Compose reads it: what is in quotes, else all up to a comment."""
    quoted = re.match(r"""(['"])(.*?)\1""", text)
    return quoted[2] if quoted else text.partition(" #")[0].rstrip()


def _check(values: dict[str, str], written: dict[str, str], file: str) -> None:
    for name in _SECRETS:  # a file from before Label Studio lacks the others; its service then tells what to do
        if not values.get(name, "" if name == "JUPYTER_TOKEN" else "not there"):
            advice = f"give it a value, or delete {file} and `make up` writes a new one"
            raise Problem(f"{name} is empty in {file}: {advice}")
    if values["GPU"] not in VARIANTS:
        raise Problem(f"GPU={values['GPU']} in {file} is unknown: leave it empty for the CPU, or write gpu or gpu-jax")
    for name in _PORTS:
        if not (values[name].isdecimal() and 0 < int(values[name]) < 65536):
            raise Problem(f"{name}={values[name]} in {file} is not a port: write a number from 1 to 65535")
    for one, other in itertools.combinations(_PORTS, 2):
        if int(values[one]) == int(values[other]):
            usual = " (not there, so it is the usual)"
            both = " and ".join(name + ("" if name in written else usual) for name in (one, other))
            raise Problem(f"{both} are the same in {file}, {values[one]}: give each its own")
    try:
        ipaddress.ip_address(values["BIND_ADDRESS"])
    except ValueError:
        advice = "write 127.0.0.1 for this machine only, 0.0.0.0 for all, or an address of this machine"
        raise Problem(f"BIND_ADDRESS={values['BIND_ADDRESS']} in {file} is no IP address: {advice}") from None
