"""What a person sees: steps, progress of long commands, and problems in one line that says what to do."""

import re
import subprocess
import sys
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
    say(f"{what} ...")
    log.parent.mkdir(parents=True, exist_ok=True)
    start, lines = time.monotonic(), []
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        progress = _Progress(start)
        for line in process.stdout:
            file.write(line)
            lines.append(line.rstrip())
            progress.show(line)
        progress.clear()
    if process.returncode:
        reason = explain("\n".join(lines))
        if not reason:
            reason = "see the lines above"
            for line in lines[-15:]:
                say(f"    {line}")
        raise Problem(f"{what} failed, {reason}. Full output: {log}")
    say(f"{what}: done in {_duration(time.monotonic() - start)}")


class _Progress:
    """The last line of a running command: rewritten in place on a terminal, every 20 seconds elsewhere."""

    def __init__(self, start: float):
        self.start, self.shown, self.terminal = start, start, sys.stdout.isatty()

    def show(self, line: str) -> None:
        now = time.monotonic()
        if now - self.shown < (0.2 if self.terminal else 20) or not line.strip():
            return
        self.shown = now
        text = f"  {_duration(now - self.start):>10}  {line.strip()[:90]}"
        print(f"\r\033[K{text}" if self.terminal else text, end="" if self.terminal else "\n", flush=True)

    def clear(self) -> None:
        if self.terminal:
            print("\r\033[K", end="", flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
