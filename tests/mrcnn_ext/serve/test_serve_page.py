"""The page for people, in real headless Chromium, from a real server."""

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from mrcnn_ext.serve.app import create_app
from tests.support.real_server import running
from tests.support.stand_in_model import API_KEY, encoded, served

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


def test_the_docs_ask_nobody_else(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with running(create_app(served)) as address:
        page.goto(f"{address}/docs")
        expect(page.locator(".opblock-summary-path").last).to_have_text("/detect/url")
    assert asked and all(url.startswith(address) for url in asked)


PIXEL = """([x, y]) => {
    const canvas = document.getElementById("result"), scale = canvas.width / 40;
    return [...canvas.getContext("2d").getImageData((x + 0.5) * scale, (y + 0.5) * scale, 1, 1).data];
}"""
DROP = """name => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array([1, 2, 3])], name, {type: "image/png"}));
    document.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def test_a_person_drops_an_image_and_sees_the_masks(page):
    problems, asked = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    with running(create_app(served, api_key=API_KEY)) as address:
        page.goto(address)
        expect(page.locator("#run")).to_have_text("run 1")
        page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": encoded()})
        expect(page.locator("#message")).to_have_text("The header X-API-Key is missing or wrong.")

        page.fill("#key", API_KEY)
        page.press("#key", "Tab")
        expect(page.locator("#message")).to_have_text("1 object")
        expect(page.locator("#objects tr")).to_have_text(["bright0.9020 x 10 px"])
        assert page.evaluate(PIXEL, [35, 25]) == [40, 40, 40, 255]  # the image, outside of the object
        red, green, blue, _ = page.evaluate(PIXEL, [25, 12])  # 250, 250, 250 under a mask in its class's colour
        assert green > red + 50 and green > blue + 20
        assert page.locator("#result").evaluate("canvas => [canvas.width, canvas.height]") == [320, 240]
        assert len(asked) == 2

        page.locator("#score").fill("0.95")
        expect(page.locator("#message")).to_have_text("0 objects")
        assert page.evaluate(PIXEL, [25, 12]) == [250, 250, 250, 255]
        page.locator("#score").fill("0.9")
        expect(page.locator("#message")).to_have_text("1 object")
        assert len(asked) == 2  # the slider asks for nothing

        page.evaluate(DROP, "<img src=x onerror=alert(1)>.png")
        expect(page.locator("#message")).to_contain_text("no image that can be read")
        expect(page.locator("#result")).to_be_hidden()
    assert problems == []


def test_a_kind_that_no_browser_shows_still_has_its_masks(page):
    with running(create_app(served)) as address:
        page.goto(address)
        page.set_input_files("#file", {"name": "a.tif", "mimeType": "image/tiff", "buffer": encoded(kind="TIFF")})
        expect(page.locator("#message")).to_have_text("1 object")
        assert page.evaluate(PIXEL, [35, 25]) == [0, 0, 0, 0] and page.evaluate(PIXEL, [25, 12])[3] > 90


def test_the_keyboard_reaches_the_image_chooser(page):
    with running(create_app(served)) as address:
        with page.expect_file_chooser() as chooser:  # from the start: it takes Chromium a while to hand choosers over
            page.goto(address)
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.id") == "file"
            page.keyboard.press("Enter")
        chooser.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": encoded()})
        expect(page.locator("#message")).to_have_text("1 object")


def test_a_service_that_is_not_ready_says_so(page):
    app = create_app(served)
    with running(app) as address:
        app.state.worker.close()
        page.goto(address)
        expect(page.locator("#message")).to_contain_text("start the service again")
