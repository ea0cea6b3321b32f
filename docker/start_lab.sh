#!/bin/sh
# Starts JupyterLab once the start-up check has run a training step; a GPU variant without a usable GPU stops here.
set -e
python /opt/stack/startup_check.py
# With rootless Docker root in the container is you outside it, and JupyterLab wants to be told.
[ "$(id -u)" != 0 ] || set -- --allow-root
exec jupyter lab --ip=0.0.0.0 --port=8888 "$@"
