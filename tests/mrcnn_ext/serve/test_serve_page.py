"""The page for people, in real headless Chromium, from a real server."""

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright
from real_server import running
from stand_in_model import API_KEY, encoded, served

from mrcnn_ext.serve.app import create_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000  # ms


@pytest.fixture(scope="module")
def page():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def test_a_person_drops_a_picture_and_sees_the_masks(page):
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    with running(create_app(served, api_key=API_KEY)) as address:
        page.goto(address)
        expect(page.locator("#run")).to_have_text("run 1")
        page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": encoded()})
        expect(page.locator("#message")).to_have_text("The header X-API-Key is missing or wrong.")

        page.fill("#key", API_KEY)
        page.press("#key", "Tab")
        expect(page.locator("#message")).to_have_text("1 object")
        expect(page.locator("#objects tr")).to_have_text(["bright0.9020 x 10 px"])
        assert page.locator("#result").evaluate("image => image.decode().then(() => image.naturalWidth)") >= 40

        drop = """name => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array([1, 2, 3])], name, {type: "image/png"}));
            document.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }"""
        page.evaluate(drop, "<img src=x onerror=alert(1)>.png")
        expect(page.locator("#message")).to_contain_text("no picture that can be read")
        expect(page.locator("#result")).to_be_hidden()
    assert problems == []
