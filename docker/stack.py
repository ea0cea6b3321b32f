"""Starts and stops JupyterLab and TensorBoard: `python docker/stack.py up`.  The Makefile is the usual way in."""

import sys
from pathlib import Path


def python_problem(version: tuple = sys.version_info[:2]) -> str:
    """Empty for a Python that TensorFlow and Keras have packages for, else what to do."""
    if (3, 11) <= version <= (3, 13):
        return ""
    which = "old" if version < (3, 11) else "new"
    found = ".".join(map(str, version))
    return f"Stopped: Python {found} is too {which}: install 3.11, 3.12 or 3.13, then `make up PYTHON=python3.12`"


if __name__ == "__main__":
    if python_problem():
        sys.exit(python_problem())
    from launcher.cli import main  # only now: an old Python could not read it

    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parent.parent))
