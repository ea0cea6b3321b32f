"""The documentation builds without a warning, and a browser that reads it asks no other host for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

import mrcnn_ext
from tests.support.chromium import open_browser
from tests.support.project_copy import ROOT

ELSEWHERE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
LOADED = {"src", "srcset", "poster", "data", "xlink:href"}  # attributes that a browser fetches; href only of <link>
IN_STYLES = re.compile(r"(?:url\(\s*|@import\s+)[\"']?\s*((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built pages."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    settings = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


class Resources(HTMLParser):
    """Addresses on other hosts that a page makes a browser load."""

    def __init__(self):
        super().__init__()
        self.elsewhere = []
        self.text = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if value and (name in LOADED or (tag == "link" and name == "href")):
                self.elsewhere += [value] if ELSEWHERE.match(value) else []
            if value and name == "style":
                self.elsewhere += IN_STYLES.findall(value)


def loaded_from_elsewhere(html):
    """Addresses on other hosts that this page loads."""
    page = Resources()
    page.feed(html)
    return page.elsewhere + [
        found for style in re.findall(r"<style.*?</style>", html, re.S) for found in IN_STYLES.findall(style)
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://a.example/x.js"></script>',
        '<link rel="stylesheet" href="//a.example/x.css">',
        '<img src="http://a.example/x.png">',
        '<style>@import "https://a.example/x.css";</style>',
        '<p style="background: url(https://a.example/x.png)">',
    ],
)
def test_a_resource_from_elsewhere_is_seen(html):
    assert len(loaded_from_elsewhere(html)) == 1


def test_a_link_is_no_resource():
    assert loaded_from_elsewhere('<a href="https://a.example/">there</a><img src="detection.png">') == []


def test_pages_load_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 15
    found = {p.name: loaded_from_elsewhere(p.read_text(encoding="utf-8")) for p in pages}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def test_styles_load_nothing_from_elsewhere(site):
    styles = sorted(site.rglob("*.css"))
    assert styles
    assert {p.name: found for p in styles if (found := IN_STYLES.findall(p.read_text(encoding="utf-8")))} == {}


def test_no_page_uses_what_the_theme_would_fetch(site):
    """The theme's script fetches Mermaid for a diagram, and stars and versions for a `repo_url`."""
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert 'class="mermaid"' not in html, page
        assert 'data-md-component="source"' not in html, page


def test_every_public_name_is_on_the_api_page(site):
    html = (site / "reference/api.html").read_text(encoding="utf-8")
    headings = set(re.findall(r'<span class="doc doc-object-name[^"]*">(\w+)</span>', html))
    assert set(mrcnn_ext.__all__) - headings == {"LEAST_SCORE"}  # a number, in a sentence
    assert "LEAST_SCORE" in html and str(mrcnn_ext.LEAST_SCORE) in html


def test_a_browser_asks_no_other_host(site):
    with open_browser() as browser:
        page = browser.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        for name in ("index.html", "maintain/architecture.html", "reference/api.html"):
            page.goto((site / name).as_uri(), wait_until="networkidle")
        assert asked
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_pages_of_the_project_link_to_files_that_are_there():
    """README and the other Markdown files outside the site; mkdocs itself checks those within."""
    missing = []
    for page in [
        *ROOT.glob("*.md"),
        *(ROOT / f"{name}/README.md" for name in ("data", "docker", "mrcnn", "notebooks")),
    ]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists():
                missing.append(f"{page.relative_to(ROOT)}: {target}")
    assert missing == []
