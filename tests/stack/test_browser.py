"""Both pages as a person sees them, in headless Chromium; images go to build/stack/."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import IMAGES, PATIENCE

pytestmark = pytest.mark.stack

ALL_CELLS_HAVE_RUN = """() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(one => one.textContent);
    return prompts.length > 0 && prompts.every(prompt => /^\\[\\d+\\]:$/.test(prompt));
}"""


def log_in(page: Page, stack) -> None:
    page.goto(f"{stack.lab}/login")
    page.fill("input[name=password]", stack.values["JUPYTER_TOKEN"])
    page.click("#login_submit")


def test_the_first_notebook_opens_and_runs(stack, page):
    log_in(page, stack)
    page.wait_for_url("**/lab/tree/notebooks/01_explore_dataset.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    expect(page.locator("#jp-main-statusbar")).to_contain_text(re.compile(r"\| Idle"), timeout=PATIENCE)
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Mem:", timeout=PATIENCE)
    page.screenshot(path=IMAGES / "lab-opened.png")

    page.click("text=Run >> nth=0")
    page.click('.lm-Menu-item[data-command="runmenu:run-all"]')
    page.wait_for_function(ALL_CELLS_HAVE_RUN)
    assert page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    assert page.locator(".jp-OutputArea-output").count() > 0
    page.screenshot(path=IMAGES / "lab-run.png")


def test_no_pop_up_asks_for_news(stack, page):
    log_in(page, stack)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_timeout(3000)
    assert "news" not in page.locator("body").inner_text().lower()


def test_tensorboard_draws_the_run(stack, page):
    source = 'with w.as_default(): [tf.summary.scalar("loss", 1 / (1 + n), step=n) for n in range(20)]'
    code = f"import tensorflow as tf; w = tf.summary.create_file_writer('logs/browser-test')\n{source}\nw.flush()"
    stack.inside("lab", "python", "-c", code)
    page.goto(f"{stack.tensorboard}/#timeseries")
    page.wait_for_selector("text=browser-test")
    page.wait_for_selector("text=loss")
    page.wait_for_timeout(4000)
    page.screenshot(path=IMAGES / "tensorboard.png")
