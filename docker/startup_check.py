"""Prints what the stack runs on and runs one training step; ends with 1 where a GPU variant has no usable GPU."""

import os
import sys

# TensorFlow's notes on instruction sets and missing CUDA libraries would bury the lines that matter.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> int:
    from mrcnn_ext.common.environment import check_device, environment_line

    print(environment_line(), flush=True)
    try:
        print(check_device(require_gpu=os.environ.get("STACK_VARIANT", "cpu") != "cpu"), flush=True)
    except RuntimeError as problem:
        print(f"start-up check failed: {problem}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
