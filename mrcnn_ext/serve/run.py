"""Starts the service for a run."""

import os
import signal
import sys
import warnings

import numpy as np

from mrcnn_ext.common.runs import detection_settings, find_run
from mrcnn_ext.detection.on_dataset import LEAST_SCORE
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.limits import Limits
from mrcnn_ext.serve.worker import Served

LOCAL = ("127.0.0.1", "localhost", "::1")
SECONDS_TO_STOP = 30  # for requests that are in; with `Worker.close` less than stop_grace_period in docker-compose.yml


def load_served(run="last", logs="logs", batch=4):
    """The `Served` of a run, warmed up for one image and for a batch."""
    found = find_run(run, logs)
    # a run that keeps only better objects would leave a client's min_score without effect
    settings = detection_settings(found.config, min(found.config.DETECTION_MIN_CONFIDENCE, LEAST_SCORE), batch=batch)
    model = found.model(**settings)
    image = np.zeros((64, 64, 3), np.uint8)
    for count in sorted({1, 2, batch}):
        model.detect([image] * count, crops=True)
    return Served(model, found.class_names, found.name)


def serve(run="last", logs="logs", host="127.0.0.1", port=8000, api_key=None, limits=None, addresses=False):
    """Serves a run until SIGTERM or Ctrl-C; requests that are in are then still answered.

    addresses: see `create_app`.
    Ends the process with exit code 0 on SIGTERM. Raises ValueError or OSError when the run cannot be loaded.
    """
    import uvicorn

    # uvicorn ends by raising its signal once more, which without this would count as killed (143 in a container)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    # Pillow warns of what it mends in damaged files, and of sizes that are refused here anyway
    warnings.filterwarnings("ignore", module="PIL")
    limits = limits or Limits()
    if host not in LOCAL and not api_key:
        print(f"Everybody who reaches {host}:{port} can use this service: MRCNN_API_KEY is not set.", file=sys.stderr)
    loaded = [load_served(run, logs, limits.batch)]  # before the server is there: what is wrong is one line then

    def load():
        return loaded.pop() if loaded else load_served(run, logs, limits.batch)

    app = create_app(load, limits, api_key, addresses)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=SECONDS_TO_STOP,
        timeout_keep_alive=30,
        server_header=False,
    )


def api_key_from_environment():
    """MRCNN_API_KEY, or None when it is empty: a key on the command line would stand in the list of processes."""
    return os.environ.get("MRCNN_API_KEY") or None
