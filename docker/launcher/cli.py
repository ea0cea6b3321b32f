"""The commands: up, down, logs, and `environment LOCK` for the Makefile."""

import argparse
import os
import sys
from pathlib import Path

from launcher import compose, env_file, environment, machine, native
from launcher.engine import find_engine, require_compose_v2
from launcher.messages import Problem, say


def main(arguments: list[str], root: Path) -> int:
    """Runs one command in the project folder `root`; 1 and one line on stderr when it cannot be done."""
    parser = argparse.ArgumentParser(prog="stack.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start JupyterLab and TensorBoard")
    commands.add_parser("down", help="stop them")
    commands.add_parser("logs", help="follow what they print")
    commands.add_parser("environment", help="make .venv").add_argument("lock", choices=["cpu", "dev"])
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "environment":
            environment.ensure(root, chosen.lock)
        else:
            {"up": up, "down": down, "logs": logs}[chosen.command](root)
    except Problem as problem:
        print(f"Stopped: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; `make up` goes on where it was.", file=sys.stderr)
        return 130
    return 0


def up(root: Path) -> None:
    """Starts the services, in containers where a Docker engine answers, else as processes here; says where they are."""
    engine, sentence = find_engine()
    if engine:
        say(f"{sentence}, Compose {require_compose_v2()}.")
    else:
        say(f"{sentence}: running without it, in a Python environment here.")
    file = root / ".env"
    if not file.exists():
        variant, why = machine.choose_variant(machine.find_gpu(), runtime=engine is None or engine.nvidia_runtime)
        uid, gid = machine.owner(root, rootless=engine is not None and engine.rootless)
        say(why)
        env_file.write_once(file, gpu=variant, uid=uid, gid=gid)
    values = env_file.read(file)
    say(f"Settings from .env: {env_file.VARIANTS[values['GPU']]}.")
    if engine:
        compose.up(root, values, engine)
    else:
        native.up(root, values)
    _say_where(values)


def down(root: Path) -> None:
    """Stops the services of either kind."""
    stopped = native.down(root)
    if find_engine()[0]:
        stopped = compose.down(root, _known(root)) or stopped
    say("Stopped. Your notebooks, data, logs and weights are kept." if stopped else "Nothing was running.")


def logs(root: Path) -> None:
    """Follows the services' logs until Ctrl-C; this process becomes the one that shows them."""
    files = native.log_files(root)
    os.chdir(root)
    if files and (native.running(root) or not find_engine()[0]):
        os.execvp("tail", ["tail", "-n", "50", "-F", *map(str, files)])
    if not (root / ".env").exists() or not find_engine()[0]:
        raise Problem("nothing was started here yet: `make up` starts JupyterLab and TensorBoard")
    profiles = ["--profile", "label", "--profile", "detect"]
    os.execvp("docker", ["docker", "compose", *profiles, "logs", "--follow", "--tail", "50"])


def _known(root: Path) -> dict[str, str]:
    return env_file.read(root / ".env") if (root / ".env").exists() else {}


def _say_where(values: dict[str, str]) -> None:
    host = values["BIND_ADDRESS"]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    say("")
    say(f"  JupyterLab   http://{shown}:{values['JUPYTER_PORT']}/?token={values['JUPYTER_TOKEN']}")
    say(f"  TensorBoard  http://{shown}:{values['TENSORBOARD_PORT']}/")
    say("  Stop both    make down")
