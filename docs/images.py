"""The images of the README, from the last run of the notebooks: python docs/images.py

Needs Debian's chromium for the screenshot of TensorBoard.
"""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from playwright.sync_api import sync_playwright

from mrcnn.config import Config
from mrcnn.model import MaskRCNN
from mrcnn.visualize import display_instances
from mrcnn_ext.notebook.data_choice import chosen_data

HERE = Path(__file__).resolve().parent
PORT = 6123
IMAGES = 4


def detections(path):
    """The last run on the test images with most objects, side by side."""
    os.chdir(HERE.parent / "notebooks")
    data = chosen_data()
    model = MaskRCNN("inference", Config.from_json(data.config_path), "../logs")
    model.load_weights("last")
    counts = [len(data.test.load_mask(i)[1]) for i in data.test.image_ids]
    chosen = sorted(data.test.image_ids, key=lambda i: -counts[i])[:IMAGES]
    images = [data.test.load_image(i) for i in chosen]
    figure, axes = plt.subplots(1, IMAGES, figsize=(4 * IMAGES, 4.2))
    for axis, image, found in zip(axes, images, model.detect(images), strict=True):
        good = found["scores"] >= 0.7
        display_instances(
            image,
            found["rois"][good],
            found["masks"][:, :, good],
            found["class_ids"][good],
            data.class_names,
            found["scores"][good],
            ax=axis,
        )
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def tensorboard(path):
    """The time series of the last run, the most telling ones on top."""
    run = max((HERE.parent / "logs").glob("*/step")).parent
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(run), "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cards = [{"plugin": "scalars", "tag": tag} for tag in ("epoch_loss", "epoch_mask_AP")]
    for tag in ("truth_and_prediction/1", "curves", "confusion", "truth_and_prediction/2"):
        cards.append({"plugin": "images", "tag": tag, "runId": "defaultExperimentId/evaluation", "sample": 0})
    query = urllib.parse.urlencode({"smoothing": 0, "pinnedCards": json.dumps(cards, separators=(",", ":"))})
    try:
        _wait_for(f"http://127.0.0.1:{PORT}/data/environment")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 1010})
            page.goto(f"http://127.0.0.1:{PORT}/?{query}#timeseries")
            page.get_by_text("box_AP").first.wait_for(timeout=120_000)
            page.get_by_text("Ignore outliers in chart scaling").click()  # else the first epochs are cut off
            page.get_by_role("button", name="Settings").first.click()  # closes the pane
            page.wait_for_timeout(8000)
            page.screenshot(path=path)
            browser.close()
    finally:
        server.terminate()
        server.wait()


def _wait_for(url, seconds=120):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


if __name__ == "__main__":
    detections(HERE / "detection.png")
    tensorboard(HERE / "tensorboard.png")
