"""Searching: a stand-in for Openverse on this machine, plug-ins, the command line."""

import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from typer.testing import CliRunner

from mrcnn_ext.collect import openverse, search
from mrcnn_ext.collect.tables import read_addresses
from mrcnn_ext.commands.cli import app
from tests.support.collect_runs import manifest
from tests.support.image_server import photo, serving


class Openverse(BaseHTTPRequestHandler):
    """Forty-five hits for peach on pages of 20, after one 429."""

    def do_GET(self):
        parts, query = urlsplit(self.path), parse_qs(urlsplit(self.path).query)
        page, size = int(query["page"][0]), int(query["page_size"][0])
        self.server.asked[page] += 1
        self.server.times.append(query)
        hits = [self.hit(i) for i in range(45)][(page - 1) * size : page * size] if query["q"] == ["peach"] else []
        answer = {"result_count": 45, "page_count": 3, "page_size": size, "page": page, "results": hits}
        busy = page == 2 and self.server.asked[page] == 1
        body = b"[1]" if query["q"] == ["odd"] else json.dumps(answer).encode()
        self.send_response(429 if busy else 401 if size > 20 or parts.path != "/v1/images/" else 200)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hit(self, i):
        return {
            "id": str(i),
            "title": f"Peach, no {i}",
            "url": f"{self.server.images}/photo{i}.jpg",
            "foreign_landing_url": f"https://photos.example/{i}",
            "creator": "Ana" if i else None,
            "license": ("by-sa", "cc0")[i % 2],
            "license_version": ("2.0", "1.0")[i % 2],
            "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
            "attribution": f'"Peach, no {i}" by Ana is licensed under CC BY-SA 2.0.' if i != 1 else None,
        }

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def api(server, monkeypatch):
    with serving(Openverse) as running:
        running.images = server.url
        monkeypatch.setattr(openverse, "API", f"{running.url}/v1")
        monkeypatch.setattr(openverse, "DELAY", 0.01)
        yield running


def test_openverse_pages_and_licences(api, tmp_path):
    urls = tmp_path / "new" / "urls.csv"
    assert search("peach", urls, 25) == 25
    assert [query["page_size"] for query in api.times] == [["20"]] * 3  # page 2 twice: it was told to wait
    rows = read_addresses(urls)
    assert rows[0] == {
        "url": f"{api.images}/photo0.jpg",
        "source": "https://photos.example/0",
        "licence": "CC BY-SA 2.0 https://creativecommons.org/licenses/by-sa/2.0/",
        "attribution": '"Peach, no 0" by Ana is licensed under CC BY-SA 2.0.',
    }
    assert rows[1]["licence"].startswith("CC0 1.0 ") and rows[1]["attribution"] == "Peach, no 1 by Ana, CC0 1.0"
    assert search("peach", urls, 200) == 20  # all there are, behind the others
    assert read_addresses(urls)[:25] == rows
    assert search("nothing", urls) == 0


def test_openverse_errors(api, tmp_path, monkeypatch):
    urls = tmp_path / "urls.csv"
    with pytest.raises(OSError, match="Openverse, page 1 of 'odd': the answer has no results"):
        search("odd", urls)
    monkeypatch.setattr(openverse, "PAGE_SIZE", 50)
    with pytest.raises(OSError, match="Openverse, page 1 of 'peach': the server answers 401"):
        search("peach", urls)
    assert not urls.exists()
    with pytest.raises(ValueError, match="count must be 1 or more"):
        search("peach", urls, 0)


def own_search(query, count):
    """The plug-in of the test below; never asked for more than count."""
    while True:
        yield {"url": f"http://a/{query}/{(count := count - 1)}", "licence": "mine"}


def bad_search(query, count):
    yield "http://a/"


def test_plug_in(tmp_path):
    urls = tmp_path / "urls.csv"
    assert search("plum", urls, 3, source=f"{__name__}:own_search") == 3
    assert read_addresses(urls)[2] == {"url": "http://a/plum/0", "source": "", "licence": "mine", "attribution": ""}
    for source, message in [
        ("bing", "there are openverse, and module:function"),
        ("no_such:thing", "cannot be loaded"),
        (f"{__name__}:thing", "cannot be loaded"),
        (f"{__name__}:bad_search", "must yield dicts with a url"),
    ]:
        with pytest.raises(ValueError, match=message):
            search("plum", urls, 3, source=source)


def test_command_line(api, tmp_path):
    call = CliRunner().invoke
    urls, out = tmp_path / "urls.csv", tmp_path / "out"
    result = call(app, ["collect", str(urls), "--query", "peach", "--count", "3"])
    assert result.exit_code == 0 and "3 new addresses" in result.output
    options = ["--allow-private", "--delay", "0", "--near", "4"]
    result = call(app, ["collect", str(urls), str(out), *options, "--json"])
    answer = json.loads(result.stdout)
    assert answer["statuses"]["ok"] == 3 and answer["manifest"] == str(out / "manifest.csv")
    result = call(app, ["collect", str(urls), str(out), *options])
    assert "3 ok" in result.output and "What happened to each address" in result.output
    assert manifest(out)["photo2.jpg"]["licence"].startswith("CC BY-SA 2.0")
    assert call(app, ["collect", str(urls)]).exit_code == 2
    assert "openly licensed" in call(app, ["collect", "--help"]).output
    for path in out.glob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == photo(0).size
