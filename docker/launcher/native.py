"""The same two services without Docker: background processes in an environment made from the same lock."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from healthcheck import healthy

from launcher import environment, machine
from launcher.messages import Problem, run_logged, run_shown, say

_SERVICES = {"lab": ("jupyter-lab", "/api"), "tensorboard": ("tensorboard", "/data/environment")}
_SECONDS_TO_START = 300
_SIGNALS = {  # what ends the start-up check without a word
    signal.SIGILL: "this processor lacks instructions (AVX) that TensorFlow's packages need: use another machine",
    signal.SIGKILL: "most likely there was too little memory: close other programs, then `make up` again",
}


def up(root: Path, values: dict[str, str]) -> None:
    """Brings both services up and waits until they answer; harmless when they do and .env is as it was."""
    for name in _SERVICES:
        file = _digest_file(root, name)
        if _running(root, name) and not (file.exists() and file.read_text() == _digest(name, values)):
            say(f"Stopping {name}, as .env has changed")
            _stop_and_forget(root, name)
    missing = [name for name in _SERVICES if not _running(root, name)]
    for name in missing:
        setting = "JUPYTER_PORT" if name == "lab" else "TENSORBOARD_PORT"
        machine.check_port(values["BIND_ADDRESS"], int(values[setting]), setting)
    python = environment.ensure(root, values["GPU"] or "cpu")
    env = {
        **os.environ,
        **environment.settings(root, values["GPU"]),
        "STACK_VARIANT": values["GPU"] or "cpu",
        "JUPYTER_TOKEN": values["JUPYTER_TOKEN"],
        "TENSORBOARD_PORT": values["TENSORBOARD_PORT"],  # for the notebooks' links
        "MRCNN_WEIGHTS_FROM": values.get("MRCNN_WEIGHTS_FROM", ""),
        "PYTHONPATH": str(root),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    if not (root / "data/shapes/annotations").exists():
        command = [str(python), "-m", "mrcnn_ext.datasets.shapes", "data/shapes"]
        run_shown("Making the shapes data", command, root / "build/shapes.log", cwd=root, env=env)
    if "lab" in missing:
        _copy_settings(root, python.parent.parent)
        _check_start(root, python, env)
    for name in missing:
        _start(root, name, values, env)
    for name in _SERVICES:
        _wait(root, name, values)


def _check_start(root: Path, python: Path, env: dict[str, str]) -> None:
    log = root / "build/check.log"
    code, lines = run_logged("Start-up check", [str(python), "docker/startup_check.py"], log, cwd=root, env=env)
    for line in lines:
        if line.startswith(("Keras ", "One training step")):
            say(line)
    if code < 0:
        advice = _SIGNALS.get(-code, f"see {log}")
        raise Problem(f"start-up check ended with signal {-code} ({signal.strsignal(-code)}): {advice}")
    if code:
        told = [line for line in lines if line.startswith("start-up check failed: ")]
        raise Problem(told[-1] if told else f"start-up check failed, see {log}")


def down(root: Path) -> bool:
    """Stops what `up` started; False when nothing runs."""
    stopped = False
    for name in _SERVICES:
        if _running(root, name):
            say(f"Stopping {name}")
            stopped = True
        _stop_and_forget(root, name)
    return stopped


def running(root: Path) -> bool:
    """Whether any service that `up` started runs."""
    return any(_running(root, name) for name in _SERVICES)


def log_files(root: Path) -> list[Path]:
    """The logs of services that were started and not stopped since."""
    return [path for name in _SERVICES if (path := root / ".run" / f"{name}.log").exists()]


def _command(name: str, values: dict[str, str]) -> list[str]:
    address = values["BIND_ADDRESS"]
    if name == "lab":
        return [
            "jupyter-lab",
            "--no-browser",
            f"--ip={address}",
            f"--port={values['JUPYTER_PORT']}",
            "--port-retries=0",
        ] + (["--allow-root"] if os.getuid() == 0 else [])
    command = ["tensorboard", "--logdir", "logs", "--host", address, "--port", values["TENSORBOARD_PORT"]]
    return [*command, "--reload_interval", "2"]


def _digest(name: str, values: dict[str, str]) -> str:
    """Of all in .env that a service was started with; a digest, as the token is among it."""
    used = [_command(name, values), values["GPU"]]
    if name == "lab":
        used += [values["JUPYTER_TOKEN"], values["TENSORBOARD_PORT"]]
    return hashlib.sha256(repr(used).encode()).hexdigest()


def _start(root: Path, name: str, values: dict[str, str], env: dict[str, str]) -> None:
    say(f"Starting {name}")
    file, command = _pid_file(root, name), _command(name, values)
    file.parent.mkdir(exist_ok=True)
    _digest_file(root, name).write_text(_digest(name, values))
    program = shutil.which(command[0], path=env["PATH"])
    with file.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(
            [program, *command[1:]],
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it outlives this terminal, and stops together with its kernels
        )
    file.write_text(str(process.pid))
    process.returncode = 0  # tells Popen that nobody will wait for it: it goes on when this program ends


def _wait(root: Path, name: str, values: dict[str, str]) -> None:
    path = _SERVICES[name][1]
    port = int(values["JUPYTER_PORT" if name == "lab" else "TENSORBOARD_PORT"])
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(values["BIND_ADDRESS"], values["BIND_ADDRESS"])
    log = _pid_file(root, name).with_suffix(".log")
    end = time.monotonic() + _SECONDS_TO_START
    while reason := healthy(port, path, address):
        died = not _alive(int(_pid_file(root, name).read_text()))
        if died or time.monotonic() > end:
            print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
            raise Problem(
                f"{name} {'stopped at once' if died else f'does not answer ({reason})'}: see the lines above or {log}"
            )
        time.sleep(0.5)


def _running(root: Path, name: str) -> int:
    """The process number of a service that `up` started and that still runs, else 0."""
    try:
        pid = int(_pid_file(root, name).read_text())
    except (FileNotFoundError, ValueError):
        return 0
    # Another program may have got the number since.
    return pid if _alive(pid) and _SERVICES[name][0] in _process(pid, "cmdline", "command") else 0


def _alive(pid: int) -> bool:
    """False also for a process that has ended and that nobody has collected yet (state Z)."""
    return _process(pid, "stat", "stat").rpartition(")")[2].strip()[:1] not in ("", "Z", "X")


def _process(pid: int, file: str, column: str) -> str:
    """What the system tells about a process, from /proc or by ps; empty when there is none."""
    if not Path("/proc/self").exists():
        return subprocess.run(["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True).stdout
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stop_and_forget(root: Path, name: str) -> None:
    if pid := _running(root, name):
        _stop(pid)
    for file in (_pid_file(root, name), _digest_file(root, name), _pid_file(root, name).with_suffix(".log")):
        file.unlink(missing_ok=True)


def _stop(pid: int) -> None:
    for sign, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        try:
            os.killpg(pid, sign)
        except ProcessLookupError:
            return
        end = time.monotonic() + seconds
        while _alive(pid):
            if time.monotonic() > end:
                break
            time.sleep(0.2)
        else:
            return


def _copy_settings(root: Path, environment_folder: Path) -> None:
    """JupyterLab's settings, at the two places where the image has them too."""
    for file, place in (("jupyter_lab_config.json", "etc/jupyter"), ("overrides.json", "share/jupyter/lab/settings")):
        folder = environment_folder / place
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "docker/jupyter" / file, folder)


def _pid_file(root: Path, name: str) -> Path:
    return root / ".run" / f"{name}.pid"


def _digest_file(root: Path, name: str) -> Path:
    return root / ".run" / f"{name}.settings"
