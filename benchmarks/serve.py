"""The service under load: `mrcnn serve` in a process of its own, and clients that ask again when they are answered.

    python benchmarks/serve.py last --clients 50 --seconds 600

Prints p50, p95 and p99 of the answers with objects (status 200), how many of these a second, answers by status,
requests lost (of another status, or without an answer), and the server's resident memory in the first and the
last tenth of the time. Ends with an error when the server does not end with exit code 0.
"""

import argparse
import collections
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

BOUNDARY = "a-boundary"


def main():
    arguments = _arguments()
    port = _free_port()
    command = [sys.executable, "-m", "mrcnn_ext.commands", "serve", arguments.run, "--port", str(port)]
    command += ["--batch", str(arguments.batch), "--max-waiting", str(2 * arguments.clients), "--logs", arguments.logs]
    server = subprocess.Popen(command)
    try:
        _wait_until_ready(port, server)
        figures = load(port, server.pid, arguments)
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
    for name, value in figures.items():
        print(f"{name}: {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if code:
        raise SystemExit(f"The server ended with {code}.")


def load(port, pid, arguments):
    """Figures of `clients` that ask for `seconds`."""
    bodies = [_body(_image(number, arguments.side)) for number in range(8)]
    memory, end = [], time.monotonic() + arguments.seconds
    answers = [[] for _ in range(arguments.clients)]  # a list for each thread: (status or error, seconds)

    def ask(number):
        while time.monotonic() < end:
            start = time.perf_counter()
            try:
                outcome = _post(port, bodies[(number + len(answers[number])) % len(bodies)])
            except (OSError, http.client.HTTPException) as error:
                outcome = repr(error)
            answers[number].append((outcome, time.perf_counter() - start))

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(arguments.clients)]
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        memory.append(_resident_mb(pid))
        time.sleep(max(arguments.seconds / 100, 0.1))
    tenth = max(len(memory) // 10, 1)
    early, late = statistics.mean(memory[:tenth]), statistics.mean(memory[-tenth:])
    return {
        "clients": arguments.clients,
        "seconds": arguments.seconds,
        **summary([answer for one in answers for answer in one], arguments.seconds),
        "memory, first and last tenth": f"{early:.0f}, {late:.0f} MB",
        "machine": f"{os.cpu_count()} cores, load before the end {os.getloadavg()[0]:.1f}",
    }


def summary(answers, seconds):
    """Figures of (status or error, seconds) of all requests: only those with status 200 were answered."""
    good = [took for outcome, took in answers if outcome == 200]
    lost = [outcome for outcome, _ in answers if outcome != 200]
    quantiles = np.quantile(good, [0.5, 0.95, 0.99]) if good else [float("nan")] * 3
    return {
        "answers": dict(collections.Counter(outcome for outcome, _ in answers if isinstance(outcome, int))),
        "lost": len(lost),
        "first losses": lost[:3],
        **{name: f"{value:.3f} s" for name, value in zip(("p50", "p95", "p99"), quantiles, strict=True)},
        "images a second": f"{len(good) / seconds:.1f}",
    }


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="last")
    parser.add_argument("--logs", default="logs")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=128, help="pixels of the images")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def _image(seed, side):
    from mrcnn_ext.datasets.shapes import random_image

    buffer = BytesIO()
    Image.fromarray(random_image(np.random.default_rng(seed), side, side)[0]).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _body(image):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    return head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()


def _post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", "/detect", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_until_ready(port, server, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.5)
        finally:
            connection.close()
    raise SystemExit("The server did not start.")


def _resident_mb(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
