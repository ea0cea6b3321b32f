"""Run by `test_loader_soak.py`: the memory of a process that does nothing but load.

    python -m tests.support.soak [leaking]

prints the growth of the resident memory, MiB, from the end of the warm-up to the end.
"""

import ctypes
import gc
import sys
from pathlib import Path

from mrcnn.data.loader import Loader
from mrcnn.data.transforms import Augmentation
from tests.support.engine_data import Boxes, SmallConfig

WARM_UP, BATCHES = 1000, 5000


class Leaking(Boxes):
    """Keeps every image that it ever gave."""

    def __init__(self, objects):
        super().__init__(objects)
        self.kept = []

    def load_image(self, image_id):
        self.kept.append(super().load_image(image_id))
        return self.kept[-1]


def resident_mib():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free, and only not given back, is no leak
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main():
    things = [[(1, 2 + i, 4, 22 + i, 30), (2, 26, 34 - i, 44, 60)] for i in range(12)]
    dataset = (Leaking if "leaking" in sys.argv else Boxes)(things)
    change = Augmentation(scale=(0.8, 1.25), rotate=10, colour=0.1, copy_paste=0.5)
    with Loader(dataset, SmallConfig(), augmentation=change, seed=0) as loader:
        for _ in range(WARM_UP):
            next(loader)
        before = resident_mib()
        for _ in range(BATCHES - WARM_UP):
            next(loader)
        print(resident_mib() - before)


if __name__ == "__main__":
    main()
