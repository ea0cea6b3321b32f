"""Collecting pictures from a server on this machine that has every fault of the web. Nothing here needs a network."""

import csv
import hashlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from picture_server import FILES, photo, serving
from PIL import Image
from typer.testing import CliRunner

from mrcnn_ext.cli import app
from mrcnn_ext.collect import Rules, collect, openverse, search
from mrcnn_ext.collect import run as run_module
from mrcnn_ext.collect.fetch import Refused, fetch, new_session
from mrcnn_ext.collect.hosts import HostQueue
from mrcnn_ext.collect.tables import COLUMNS, read_addresses

QUICK = Rules(delay=0.0, backoff=0.01, timeout=1.0, max_bytes=200_000, allow_private=True)
QUICK_NEAR = replace(QUICK, near=4)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server():
    with serving() as running:
        yield running


def addresses(path, server, names, **columns):
    """Write a CSV of addresses; a name without a dot is taken as the whole text of the address."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["url", *columns])
        writer.writeheader()
        for name in names:
            writer.writerow({"url": f"{server.url}/{name}" if "." in name and ":" not in name else name} | columns)
    return path


def manifest(folder):
    """{last part of the url: row} of a manifest, which has each address once."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["url"] for row in rows}) == len(rows)
    return {row["url"].rpartition("/")[2]: row for row in rows}


def run(server, tmp_path, names, rules=QUICK, **columns):
    out = tmp_path / "out"
    counts = collect(addresses(tmp_path / "urls.csv", server, names, **columns), out, rules, progress=False)
    rows = manifest(out) if (out / "manifest.csv").exists() else {}
    files = {path.name for path in out.iterdir()} - {"manifest.csv"}
    assert files == {row["file"] for row in rows.values() if row["status"] == "ok"}  # no leftovers, nothing missing
    return counts, rows


def test_a_good_picture_and_its_row(server, tmp_path):
    counts, rows = run(server, tmp_path, ["good.jpg"], source="http://a/page", license="CC BY 2.0")
    sha256 = hashlib.sha256(FILES["good.jpg"]).hexdigest()
    assert counts == {"ok": 1, "duplicate": 0, "near-duplicate": 0, "refused": 0, "failed": 0}
    row = rows["good.jpg"]
    assert (tmp_path / "out" / f"{sha256[:16]}.jpg").read_bytes() == FILES["good.jpg"]
    assert tuple(row) == COLUMNS and len(row["phash"]) == 16
    assert [row[name] for name in ("status", "error", "file", "sha256", "size", "width", "height")] == [
        *("ok", "", f"{sha256[:16]}.jpg", sha256, str(len(FILES["good.jpg"])), "160", "120")
    ]
    assert (row["source"], row["licence"], row["attribution"]) == ("http://a/page", "CC BY 2.0", "")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("page.jpg", "not a picture of a known format: the server sent text/html"),
        ("cut.jpg", "a damaged picture"),
        ("empty.jpg", "not a picture"),
        ("loop.jpg", "more than 8 redirects"),
        ("ftp.jpg", "not an http or https address"),
        ("tiny.png", "too small: 20 x 10 pixels"),
        ("noai.jpg", "does not allow use for machine learning"),
        ("gone.jpg", "the server answers 404 Not Found"),
        ("declared.jpg", "too large: 300,000 bytes, more than 200,000"),
        ("undeclared.jpg", "too large: more than 200,000 bytes"),
        ("bomb.png", "too large: "),
        ("no address", "not an address"),
        ("ftp://a/b", "not an http or https address"),
        ("http://", "not an http or https address"),
        ("http://[::1", "not an address"),
        ("http://a:99999/", "not an address"),
        ("http://exa mple.org/", "not an address"),
        ("http://" + "a" * 70 + ".org/", "not an address"),
    ],
)
def test_refused(server, tmp_path, name, error):
    counts, rows = run(server, tmp_path, [name])
    (row,) = rows.values()
    assert row["status"] == "refused" and re.search(error, row["error"]) and not row["file"]
    assert sum(counts.values()) == 1


def test_fifteen_kinds_together(server, tmp_path):
    """The list of faults on one server, in one run, then a second run that asks for nothing but what failed."""
    kept = ["good.jpg", "picture.jpg", "turned.jpg", "busy.jpg", "later.jpg", "moved.jpg", "noindex.jpg", "gzip.jpg"]
    refused = ["page.jpg", "cut.jpg", "loop.jpg", "tiny.png", "noai.jpg", "gone.jpg", "bomb.png", "no address"]
    failed = ["slow.jpg", "drop.jpg", "down.jpg"]
    server.pace = 0.05
    began = time.monotonic()
    counts, rows = run(server, tmp_path, [*kept, "same.jpg", "near.jpg", *refused, *failed], QUICK_NEAR)
    assert 1.0 <= time.monotonic() - began < 15  # the 429 wanted a second
    assert {name: rows[name]["status"] for name in kept if name != "good.jpg"} == dict.fromkeys(kept[1:], "ok")
    twins = [rows[name]["status"] for name in ("good.jpg", "same.jpg", "near.jpg")]
    assert twins == ["ok", "duplicate", "near-duplicate"]  # one host: in the order of the CSV
    assert rows["near.jpg"]["file"] == rows["same.jpg"]["file"] == rows["good.jpg"]["file"]
    assert {rows[name]["status"] for name in refused} == {"refused"}
    assert {name: rows[name]["error"] for name in failed} == {
        "slow.jpg": "too slow: it did not come in time",
        "drop.jpg": "the connection was lost",
        "down.jpg": "the server answers 503 Service Unavailable",
    }
    assert counts == {"ok": 8, "duplicate": 1, "near-duplicate": 1, "refused": 8, "failed": 3}
    assert (rows["picture.jpg"]["file"][-4:], rows["good.jpg"]["file"][-4:]) == (".png", ".jpg")
    assert (rows["turned.jpg"]["width"], rows["turned.jpg"]["height"]) == ("120", "160")  # upright
    assert server.asked["busy.jpg"] == 3 and server.asked["later.jpg"] == 2 and server.asked["down.jpg"] == 4

    before = server.asked.copy()
    again, _ = run(server, tmp_path, [*kept, "same.jpg", "near.jpg", *refused, *failed], QUICK_NEAR)
    assert again == counts
    assert set(server.asked - before) == set(failed)


def test_near_duplicates_are_kept_unless_asked_and_found_across_runs(server, tmp_path):
    counts, _ = run(server, tmp_path, ["good.jpg"])
    assert counts["ok"] == 1
    counts, rows = run(server, tmp_path, ["good.jpg", "near.jpg", "there.jpg"], QUICK_NEAR)
    assert counts["ok"] == 2 and rows["near.jpg"]["status"] == "near-duplicate"
    (tmp_path / "other").mkdir()
    counts, _ = run(server, tmp_path / "other", ["good.jpg", "near.jpg"])
    assert counts["ok"] == 2


def test_a_host_has_its_delay(server, tmp_path):
    rules = replace(QUICK, delay=0.15)
    run(server, tmp_path, [f"photo{i}.jpg" for i in range(4)], rules)
    gaps = [b - a for a, b in zip(server.times, server.times[1:], strict=False)]
    assert len(gaps) == 3 and min(gaps) >= 0.14


def test_a_host_has_one_request_at_a_time(server, tmp_path):
    counts, _ = run(server, tmp_path, [f"photo{i}.jpg" for i in range(20)])
    assert counts["ok"] == 20 and server.most_open == 1


def test_hosts_are_asked_side_by_side(tmp_path):
    with serving() as one, serving() as two:
        one.pace = two.pace = 0.01
        urls = tmp_path / "urls.csv"
        local = two.url.replace("127.0.0.1", "localhost")
        urls.write_text(f"{one.url}/slow.jpg\n{one.url}/good.jpg\n{local}/slow.jpg\n{local}/good.jpg\n")
        counts = collect(urls, tmp_path / "out", replace(QUICK, timeout=20.0), progress=False)
        assert counts["ok"] == 2 and counts["duplicate"] == 2
        assert one.times[0] < two.times[1] and two.times[0] < one.times[1]  # both slow ones were under way together


def test_a_host_that_wants_a_long_rest_is_left_alone(server, tmp_path):
    names = ["good.jpg", "rest.jpg", "there.jpg", "picture.jpg"]
    counts, rows = run(server, tmp_path, names, replace(QUICK, delay=0.01))
    assert counts["ok"] == 1 and counts["failed"] == 3 and sum(server.asked.values()) == 2
    assert "left alone for 3600 s" in rows["there.jpg"]["error"]


def test_interrupted_at_any_place(server, tmp_path, monkeypatch):
    """A run that dies in the middle, with its manifest cut at every place: the next one ends as if nothing had been."""
    names = [f"photo{i}.jpg" for i in range(6)]
    keep = run_module._Run._keep

    def dies(self, job, answer):
        if len(self.manifest.rows) == 3:
            raise KeyboardInterrupt
        keep(self, job, answer)

    monkeypatch.setattr(run_module._Run, "_keep", dies)
    with pytest.raises(KeyboardInterrupt):
        run(server, tmp_path, names)
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "*")
    counts, rows = run(server, tmp_path, names)
    assert counts["ok"] == 6
    assert [server.asked[name] for name in names] == [1, 1, 1, 2, 1, 1]  # only the one under way was lost

    path = tmp_path / "out" / "manifest.csv"
    whole = path.read_bytes()
    last = whole.rfind(b"\r\n", 0, -2) + 2
    for end in (*range(last, len(whole), 7), len(whole) - 1, 100, 50, 5, 0):
        path.write_bytes(whole[:end])
        server.asked.clear()
        counts, _ = run(server, tmp_path, names)
        assert counts["ok"] == 6
        assert sum(server.asked.values()) == (1 if end >= last else 6)
        assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_killed_process(server, tmp_path):
    """A process that is killed leaves a manifest with whole lines for whole files."""
    names = [f"photo{i}.jpg" for i in range(12)]
    urls = addresses(tmp_path / "urls.csv", server, names)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "mrcnn_ext", "collect", str(urls), str(out), "--allow-private", "--delay", "0.2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(server.times) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    asked = dict(server.asked)
    assert 4 <= len(asked) < 12
    counts, rows = run(server, tmp_path, names)
    assert counts["ok"] == 12
    assert sum(server.asked.values()) <= 13  # what was under way, at most


def test_files_you_delete_stay_away(server, tmp_path):
    _, rows = run(server, tmp_path, ["good.jpg"])
    (tmp_path / "out" / rows["good.jpg"]["file"]).unlink()
    assert collect(tmp_path / "urls.csv", tmp_path / "out", QUICK, progress=False)["ok"] == 1
    assert server.asked["good.jpg"] == 1


def test_private_hosts_are_not_asked_unless_allowed(server, tmp_path, monkeypatch):
    careful = replace(QUICK, allow_private=False)
    other_names = ["http://localhost:1/a", "http://[::1]:1/a", "http://[::ffff:10.0.0.1]/a", "http://2130706433/a"]
    other_names += [
        r"http://127.0.0.1\@a.example/a",
        "http://127.0.0.%31/a",
        "http://0/a",
        "http://user:word@127.0.0.1/a",
    ]
    others = ["http://169.254.169.254/latest", "http://10.1.2.3/a.jpg", "http://printer.local/a", "http://224.0.0.1/a"]
    counts, rows = run(server, tmp_path, ["good.jpg", *other_names, *others], careful)
    assert counts["refused"] == 13 and not server.asked
    assert all("address in this network" in row["error"] for row in rows.values())

    url = server.url.replace("127.0.0.1", "name.example") + "/good.jpg"
    monkeypatch.setattr("mrcnn_ext.collect.fetch._addresses", lambda host: {"93.184.215.14", "192.168.0.7"})
    with pytest.raises(Refused, match="192.168.0.7"):
        fetch(new_session(False), url, 100, 1.0, allow_private=False)


def test_a_name_that_leads_elsewhere_the_second_time(server, monkeypatch):
    """The name is looked up once for the check and once more for the connection: the connection counts."""
    monkeypatch.setattr("mrcnn_ext.collect.fetch._addresses", lambda host: {"93.184.215.14"})
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("127.0.0.1", server.server_port))])
    url = server.url.replace("127.0.0.1", "name.example") + "/good.jpg"
    with pytest.raises(Refused, match="127.0.0.1"):
        fetch(new_session(False), url, 100_000, 5.0, allow_private=False)
    monkeypatch.setattr(
        "urllib3.connection.HTTPSConnection.connect", urllib3.connection.HTTPConnection.connect
    )  # no TLS
    with pytest.raises(Refused, match="127.0.0.1"):
        fetch(new_session(False), url.replace("http:", "https:"), 100_000, 5.0, allow_private=False)
    assert not server.asked
    assert fetch(new_session(True), url, 100_000, 5.0, allow_private=True).content == FILES["good.jpg"]


def test_redirects_are_looked_at_too(server, tmp_path, monkeypatch):
    """A public host that leads to a private one."""
    seen = []
    monkeypatch.setattr("mrcnn_ext.collect.fetch._refuse_private", seen.append)
    monkeypatch.setattr("mrcnn_ext.collect.run.new_session", lambda allow_private: new_session(True))
    run(server, tmp_path, ["inside.jpg", "moved.jpg"], replace(QUICK, allow_private=False))
    assert set(seen) == {
        *(f"{server.url}/{name}" for name in ("inside.jpg", "moved.jpg", "there.jpg")),
        "http://127.0.0.1:1/x.jpg",
    }


def test_no_cookies_and_no_passwords(server, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent = []
    monkeypatch.setattr("picture_server.Handler.log_request", lambda self, *a: sent.append(dict(self.headers)))
    run(server, tmp_path, ["good.jpg", "there.jpg"])
    assert len(sent) == 2 and not any({"Authorization", "Cookie"} & set(headers) for headers in sent)
    assert "noai" in sent[0]["User-Agent"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,size\na,1\n", "names no column 'url'"),
        ("", "names no column 'url'"),
        (b"url\n\xff\xfe", "not a text file in UTF-8"),
        ('url\n"' + "x" * 140_000 + '"\n', "not a CSV file"),
    ],
)
def test_no_csv_of_addresses(tmp_path, content, message):
    path = tmp_path / "urls.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"urls.csv: .*{message}"):
        collect(path, tmp_path / "out")
    with pytest.raises(ValueError, match="none.csv: there is no such"):
        collect(tmp_path / "none.csv", tmp_path / "out")


def test_kinds_of_csv(tmp_path):
    path = tmp_path / "urls.csv"
    path.write_bytes("\ufeffName,URL,License\r\nx,http://a/ü,CC0\r\n\r\ny,http://a/ü,twice\r\nz\r\n".encode())
    assert read_addresses(path) == [{"url": "http://a/ü", "source": "", "licence": "CC0", "attribution": ""}]
    path.write_text("http://a/x,y.jpg\n\nhttps://b/\n")
    assert [row["url"] for row in read_addresses(path)] == ["http://a/x,y.jpg", "https://b/"]


def test_a_foreign_manifest_is_left_alone(server, tmp_path):
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "manifest.csv"
    path.write_text("file,label\na,b\n")
    with pytest.raises(ValueError, match="not a manifest of mrcnn collect"):
        run(server, tmp_path, ["good.jpg"])
    assert path.read_text() == "file,label\na,b\n"


def test_a_spreadsheet_changed_the_manifest(server, tmp_path):
    _, rows = run(server, tmp_path, ["good.jpg"])
    path = tmp_path / "out" / "manifest.csv"
    text = path.read_text()
    path.write_text("\ufeff" + text.replace(rows["good.jpg"]["phash"], "1.2E+15"), newline="\n")
    with pytest.raises(ValueError, match="manifest.csv: the phash '1.2E.15' of .*Delete that line"):
        run(server, tmp_path, ["good.jpg"])


def test_turns_of_hosts():
    queue = HostQueue()
    for host, job in [("a", 1), ("a", 2), ("b", 3)]:
        queue.put(host, job)
    taken = [queue.take(), queue.take()]
    assert sorted(taken) == [("a", 1), ("b", 3)]  # not a's second
    queue.put("a", 0, first=True)
    queue.release("b", 0)
    got = []
    waiting = threading.Thread(target=lambda: got.append(queue.take()))
    waiting.start()
    began = time.monotonic()
    queue.release("a", 0.1)
    waiting.join()
    assert got == [("a", 0)] and time.monotonic() - began >= 0.1
    queue.release("a", 0)
    assert queue.take() == ("a", 2)
    queue.release("a", 0)
    assert queue.take() is None


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
            "url": f"{self.server.pictures}/photo{i}.jpg",
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
        running.pictures = server.url
        monkeypatch.setattr(openverse, "API", f"{running.url}/v1")
        monkeypatch.setattr(openverse, "DELAY", 0.01)
        yield running


def test_openverse_pages_and_licences(api, tmp_path):
    urls = tmp_path / "new" / "urls.csv"
    assert search("peach", urls, 25) == 25
    assert [query["page_size"] for query in api.times] == [["20"]] * 3  # page 2 twice: it was told to wait
    rows = read_addresses(urls)
    assert rows[0] == {
        "url": f"{api.pictures}/photo0.jpg",
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
    assert search("plum", urls, 3, source="test_collect:own_search") == 3
    assert read_addresses(urls)[2] == {"url": "http://a/plum/0", "source": "", "licence": "mine", "attribution": ""}
    for source, message in [
        ("bing", "there are openverse, and module:function"),
        ("no_such:thing", "cannot be loaded"),
        ("test_collect:thing", "cannot be loaded"),
        ("test_collect:bad_search", "must yield dicts with a url"),
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
    assert "3 ok" in result.output and "What became of each address" in result.output
    assert manifest(out)["photo2.jpg"]["licence"].startswith("CC BY-SA 2.0")
    assert call(app, ["collect", str(urls)]).exit_code == 2
    assert "openly licensed" in call(app, ["collect", "--help"]).output
    for path in out.glob("*.jpg"):
        with Image.open(path) as picture:
            assert picture.size == photo(0).size
