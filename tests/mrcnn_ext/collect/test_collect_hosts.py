"""How hosts are treated: pauses, one request at a time, private ones, no cookies."""

import threading
import time
from dataclasses import replace

import pytest
import urllib3

from mrcnn_ext.collect import collect_images
from mrcnn_ext.collect.hosts import HostQueue
from mrcnn_ext.common.web import Refused, fetch, new_session
from tests.support.collect_runs import QUICK, run
from tests.support.image_server import FILES, serving


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
        counts = collect_images(urls, tmp_path / "out", replace(QUICK, timeout=20.0), progress=False)
        assert counts["ok"] == 2 and counts["duplicate"] == 2
        assert one.times[0] < two.times[1] and two.times[0] < one.times[1]  # both slow ones were under way together


def test_a_host_that_wants_a_long_rest_is_left_alone(server, tmp_path):
    names = ["good.jpg", "rest.jpg", "there.jpg", "image.jpg"]
    counts, rows = run(server, tmp_path, names, replace(QUICK, delay=0.01))
    assert counts["ok"] == 1 and counts["failed"] == 3 and sum(server.asked.values()) == 2
    assert "left alone for 3600 s" in rows["there.jpg"]["error"]


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
    monkeypatch.setattr("mrcnn_ext.common.web._addresses", lambda host: {"93.184.215.14", "192.168.0.7"})
    with pytest.raises(Refused, match="192.168.0.7"):
        fetch(new_session(False), url, 100, 1.0, allow_private=False)


def test_a_private_host_is_asked_once_it_is_allowed(server, tmp_path):
    counts, _ = run(server, tmp_path, ["good.jpg", "page.jpg"], replace(QUICK, allow_private=False))
    assert counts["refused"] == 2 and not server.asked
    counts, rows = run(server, tmp_path, ["good.jpg", "page.jpg"])
    assert counts["ok"] == counts["refused"] == 1 and rows["page.jpg"]["error"].startswith("not an image")
    run(server, tmp_path, ["good.jpg", "page.jpg"])
    assert dict(server.asked) == {"good.jpg": 1, "page.jpg": 1}


def test_a_name_that_leads_elsewhere_the_second_time(server, monkeypatch):
    """The name is looked up once for the check and once more for the connection: the connection counts."""
    monkeypatch.setattr("mrcnn_ext.common.web._addresses", lambda host: {"93.184.215.14"})
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
    monkeypatch.setattr("mrcnn_ext.common.web._refuse_private", lambda url, session: seen.append(url))
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
    monkeypatch.setattr(
        "tests.support.image_server.Handler.log_request", lambda self, *a: sent.append(dict(self.headers))
    )
    run(server, tmp_path, ["good.jpg", "there.jpg"])
    assert len(sent) == 2 and not any({"Authorization", "Cookie"} & set(headers) for headers in sent)
    assert "noai" in sent[0]["User-Agent"]


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
