"""Starts and stops JupyterLab and TensorBoard: `python docker/stack.py up`.  The Makefile is the usual way in."""

import sys
from pathlib import Path

from launcher.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parent.parent))
