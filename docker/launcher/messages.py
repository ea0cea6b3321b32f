"""What a person sees: steps, progress of long commands, and problems in one line that says what to do."""

import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

_SIGNS = (  # (what a tool prints, what is wrong and what to do); the first that fits is told
    (
        r"No space left on device|no space left",
        "the disk is full: free some space (`docker system prune` drops unused images), then `make up` again",
    ),
    (
        r"port is already allocated|[Aa]ddress already in use",
        "a port is in use: change JUPYTER_PORT or TENSORBOARD_PORT in .env, then `make up` again",
    ),
    (
        r"UnknownIssuer|CERTIFICATE_VERIFY_FAILED|certificate signed by unknown authority",
        "a certificate is not trusted: behind a company proxy, make a base image that holds its certificate and name "
        "it as BASE_IMAGE in .env (docker/README.md says how)",
    ),
    (
        r"[Cc]ould not resolve|Temporary failure (in name resolution|resolving)|dns error|failed to lookup address"
        r"|no such host|[Nn]etwork is unreachable|[Cc]onnection refused|i/o timeout|TLS handshake timeout"
        r"|error sending request|NewConnectionError|NameResolutionError|failed to do request|Could not connect to",
        "no network: the first `make up` downloads its packages; connect (or set HTTPS_PROXY), then `make up` again",
    ),
)

_SECONDS, _SECONDS_WITHOUT_TERMINAL = 1, 20  # between two looks at a running command


class Problem(Exception):
    """Stops the program with one line: what is wrong and what to do."""


def say(text: str) -> None:
    """Prints one line at once, also into a pipe."""
    print(text, flush=True)


def explain(output: str) -> str:
    """What is wrong and what to do, when the output of a failed command shows a known reason; else empty."""
    return next((advice for sign, advice in _SIGNS if re.search(sign, output)), "")


def run_shown(what: str, command: list[str], log: Path, *, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Runs a long command and shows its progress; its whole output goes to `log`.  A failure is a Problem."""
    start = time.monotonic()
    code, lines = run_logged(what, command, log, cwd=cwd, env=env)
    if code:
        reason = explain("\n".join(lines))
        if not reason:
            reason = "see the lines above"
            for line in lines[-15:]:
                say(f"    {line}")
        raise Problem(f"{what} failed, {reason}. Full output: {log}")
    say(f"{what}: done in {_duration(time.monotonic() - start)}")


def run_logged(
    what: str, command: list[str], log: Path, *, cwd: Path, env: dict[str, str] | None = None
) -> tuple[int, list[str]]:
    """Runs a long command, shows its progress, and gives its exit code and its lines, which also go to `log`."""
    say(f"{what} ...")
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
        _Progress() as progress,
    ):
        for line in process.stdout:
            file.write(line)
            lines.append(line.rstrip())
            progress.line = line.strip() or progress.line
    return process.returncode, lines


class _Progress:
    """The time so far and the last line of a running command, also of a silent one, from a thread of its own.

    Rewritten in place on a terminal, a line now and then elsewhere.
    """

    def __init__(self):
        self.start, self.line, self.terminal = time.monotonic(), "", sys.stdout.isatty()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        if self.terminal:
            print("\r\033[K", end="", flush=True)

    def _show(self) -> None:
        while not self.ended.wait(_SECONDS if self.terminal else _SECONDS_WITHOUT_TERMINAL):
            text = f"  {_duration(time.monotonic() - self.start):>10}  {self.line[:90]}".rstrip()
            text = text[: shutil.get_terminal_size().columns - 1] if self.terminal else text  # a second line would stay
            print(f"\r\033[K{text}" if self.terminal else text, end="" if self.terminal else "\n", flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
