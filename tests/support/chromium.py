"""Headless Chromium for the tests; images go to build/stack/."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

from tests.support import ROOT
from tests.support.promised import not_here

IMAGES = ROOT / "build" / "stack"
PATIENCE = 240_000  # ms; a loaded machine of two cores needs minutes for what an idle one does in seconds
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def open_browser():
    """A browser until the end of the block; without Chromium there is no test."""
    if CHROMIUM is None:
        not_here("no Chromium is installed")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()
