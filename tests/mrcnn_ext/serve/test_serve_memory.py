"""Images that were answered do not stay in memory, whatever the answer was."""

import os
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from mrcnn_ext.serve.app import create_app
from tests.support.stand_in_model import encoded, made_image, served

HEIGHT, WIDTH = 600, 800  # 1.4 MB each in memory
ROUNDS, MOST_MB = 40, 25  # a kept image of each round would be 58 MB


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_memory_is_flat():
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    found, cut = encoded(made_image(HEIGHT, WIDTH), "JPEG"), encoded(noise, "JPEG")[:-5000]

    def load():
        return served(fails=lambda image: image.shape[0] == 31)

    with TestClient(create_app(load), raise_server_exceptions=False) as client:

        def one_round():
            asked = [(found, {}), (found, {"answer": "png"}), (cut, {}), (encoded(made_image(31)), {})]
            return [client.post("/detect", params=how, files={"image": data}).status_code for data, how in asked]

        for _ in range(8):
            assert one_round() == [200, 200, 400, 500]
        before = resident_mb()
        for number in range(ROUNDS):
            one_round()
            if number % 10 == 0:
                assert client.post("/reload").status_code == 200
        assert resident_mb() - before < MOST_MB
