"""Starts the service for a run."""

import os
import sys

import numpy as np

from mrcnn_ext.runs import load_run
from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.limits import Limits
from mrcnn_ext.serve.worker import Served

LOCAL = ("127.0.0.1", "localhost", "::1")
SECONDS_TO_STOP = 30


def load_served(run="last", logs="logs", batch=4):
    """The `Served` of a run, warmed up for one picture and for a batch."""
    model, names, folder = load_run(run, logs=logs, IMAGES_PER_GPU=batch, GPU_COUNT=1)
    picture = np.zeros((64, 64, 3), np.uint8)
    for count in sorted({1, 2, batch}):
        model.detect([picture] * count, crops=True)
    return Served(model, names, folder.name)


def serve(run="last", logs="logs", host="127.0.0.1", port=8000, api_key=None, limits=None):
    """Serves a run until SIGTERM or Ctrl-C; requests that are in are then still answered."""
    import uvicorn

    limits = limits or Limits()
    if host not in LOCAL and not api_key:
        print(f"Everybody who reaches {host}:{port} can use this service: MRCNN_API_KEY is not set.", file=sys.stderr)
    app = create_app(lambda: load_served(run, logs, limits.batch), limits, api_key)
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
