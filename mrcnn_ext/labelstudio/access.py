"""Where Label Studio is and with which token it may be asked: as told, from the environment, or from the file .env."""

import os
from dataclasses import dataclass
from pathlib import Path

from mrcnn_ext.labelstudio.server import Server

PROJECT = Path(__file__).resolve().parents[2]  # where docker-compose.yml, .env and data/ are
ENV_FILE = PROJECT / ".env"  # written by `make up`; in the containers its values are in the environment


@dataclass(frozen=True)
class Studio:
    """Which project of which Label Studio; what is None is found.

    Attributes:
        project: Its title or number; None: the data set's folder below data/, or its name.
        url: Address of Label Studio; None: see `find_access`.
        token: Its token; None: likewise.
    """

    project: str | None = None
    url: str | None = None
    token: str | None = None


FOUND = Studio()  # all of it is found


@dataclass(frozen=True)
class Access:
    """The address to ask, the token, and the address for a person's browser, which may be another."""

    url: str
    token: str
    browser: str

    def connect(self) -> Server:
        """The server, after a first question.  Raises ValueError or OSError that says what to do."""
        server = Server(self.url, self.token)
        server.check()
        return server


def find_access(url=None, token=None) -> Access | None:
    """The access, or None when nobody has said where Label Studio is.

    What is not given is LABEL_STUDIO_URL and LABEL_STUDIO_TOKEN of the environment; else the file .env has the token,
    and the port, LABEL_STUDIO_PORT, of the server on this machine.
    """
    ours, told = _env_file(), os.environ
    port = told.get("LABEL_STUDIO_PORT") or ours.get("LABEL_STUDIO_PORT")
    local = f"http://127.0.0.1:{port}" if port else None
    found = url or told.get("LABEL_STUDIO_URL") or local
    if not found:
        return None
    found = found.rstrip("/")
    token = token or told.get("LABEL_STUDIO_TOKEN")
    if not token and found == local:  # the token of our own server is for no other
        token = ours.get("LABEL_STUDIO_TOKEN")
    inside = found == "http://labelstudio:8080"  # its name among the containers, which a browser does not know
    return Access(found, token or "", local if inside and local else found)


def need_access(url=None, token=None) -> Access:
    """As `find_access`.  Raises ValueError where it finds no address or no token."""
    access = find_access(url, token)
    if access is None:
        raise ValueError(
            "Where is Label Studio? `make up` and `docker compose --profile label up` start one that is found by "
            "itself; name another with --url and --token, or LABEL_STUDIO_URL and LABEL_STUDIO_TOKEN."
        )
    if not access.token:
        raise ValueError(
            f"{access.url}: a token is needed: --token or LABEL_STUDIO_TOKEN. Label Studio shows it under "
            "Account & Settings, Access Token."
        )
    return access


def answering_access() -> Access | None:
    """The access where a Label Studio answers and takes the token; else None, after printing why and what to do."""
    try:
        access = need_access()
        access.connect()
    except (ValueError, OSError) as error:
        print(error)
        return None
    return access


def _env_file() -> dict[str, str]:
    try:
        lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if line.startswith("LABEL_STUDIO_"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs if value.strip()}
