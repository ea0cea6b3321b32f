"""The quick mode, in which the tests run the notebooks."""

import os

SUFFIX = "_quick"  # at the end of the NAME of such runs


def quick() -> bool:
    """True where the environment variable MRCNN_QUICK is "1": few steps and few images, the same cells."""
    return os.environ.get("MRCNN_QUICK") == "1"
