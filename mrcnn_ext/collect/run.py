"""`collect`: the images behind a list of addresses, each fetched once, checked, and written down."""

import hashlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from mrcnn.retry import LONGEST_WAIT, Failure, pause
from mrcnn.whole_file import whole_file
from mrcnn_ext.collect.hosts import HostQueue
from mrcnn_ext.collect.image import Checked, Known, check_image
from mrcnn_ext.collect.tables import Manifest, read_addresses
from mrcnn_ext.common.web import PRIVATE, Answer, Refused, fetch, host_of, new_session

MANIFEST = "manifest.csv"
MAX_REDIRECTS = 8


@dataclass(frozen=True)
class Rules:
    """What is taken, and how politely it is asked for.

    Attributes:
        near: bits of 64 in which near-duplicates may differ, 4 is a good number; None: all are kept.
        min_side: pixels.
        max_pixels: width times height.
        max_bytes: of the file.
        delay: seconds between two requests to one host, which has one connection at a time.
        timeout: seconds for one image.
        retries: further attempts after 429, 5xx or a lost connection.
        backoff: seconds before the first of them, then twice as long each time, or what the server asks for.
        workers: threads, each for another host.
        allow_private: also ask hosts in this network.
    """

    near: int | None = None
    min_side: int = 64
    max_pixels: int = 64_000_000
    max_bytes: int = 50_000_000
    delay: float = 1.0
    timeout: float = 60.0
    retries: int = 3
    backoff: float = 2.0
    workers: int = 8
    allow_private: bool = False


DEFAULT = Rules()


@dataclass
class _Job:
    """An address on its way: where it leads by now, how many redirects it took, how many attempts failed."""

    row: dict
    url: str
    hops: int = 0
    failed: int = 0


def collect_images(
    urls_csv: str | Path, out_dir: str | Path, rules: Rules = DEFAULT, progress: bool = True
) -> dict[str, int]:
    """Download the images of a CSV of addresses (`url`; optional `source`, `licence`, `attribution`) into a folder.

    A file is named after the first 16 hex digits of its SHA-256 and its real format, and stays as it came.
    OUT/manifest.csv has a line for each address: url, status, error, file, sha256, size (bytes), width, height (pixels,
    upright), phash, source, licence, attribution. The statuses:
        ok              kept
        duplicate       the same file as `file`, byte for byte
        near-duplicate  looks like `file`
        refused         nothing to have here: no image, damaged, too small, too large, missing, noai, a private host
        failed          the server or the network failed; the next run asks again
    A run that was interrupted goes on when it is called again; what has another status than `failed` is not asked for
    twice, even if you delete its image.

    Args:
        urls_csv: the CSV.
        out_dir: folder for images and manifest.
        rules: what is taken, and how politely it is asked for.
        progress: show a bar.

    Returns:
        How many addresses have which status.

    Raises:
        ValueError: the CSV or an earlier manifest is none.
    """
    rows = read_addresses(urls_csv)
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(folder, rules)
    try:
        run.all(rows, progress)
    finally:
        run.manifest.close()
    found = Counter(run.manifest.rows[row["url"]]["status"] for row in rows)
    return {status: found[status] for status in ("ok", "duplicate", "near-duplicate", "refused", "failed")}


class _Run:
    """One call of `collect`."""

    def __init__(self, folder: Path, rules: Rules):
        self.folder = folder
        self.rules = rules
        self.manifest = Manifest(folder / MANIFEST)
        self.known = Known(folder, rules.near)
        for row in self.manifest.rows.values():
            if row["status"] == "ok":
                self._recall(row)
        self.queue = HostQueue()
        self.session = new_session(rules.allow_private)
        self.closed: dict[str, str] = {}  # host -> why it is not asked any more in this run
        self.lock = threading.Lock()  # of manifest, known and the bar

    def _recall(self, row: dict) -> None:
        try:
            self.known.add(row["sha256"], row["phash"], row["file"])
        except ValueError:
            self.manifest.close()
            raise ValueError(
                f"{self.manifest.path}: the phash {row['phash']!r} of {row['file']} is not 16 hex digits; a "
                "spreadsheet may have changed it. Delete that line, and the image is fetched again."
            ) from None

    def all(self, rows: list[dict], progress: bool) -> None:
        """Fetch what is not in the manifest yet."""
        done = {url for url, row in self.manifest.rows.items() if self._is_settled(row)}
        rows = [row for row in rows if row["url"] not in done]
        with self.session, tqdm(total=len(rows), unit="image", disable=not progress) as self.bar:
            for row in rows:
                self._start(_Job(row, row["url"]))
            with ThreadPoolExecutor(self.rules.workers) as pool:
                try:
                    for worker in [pool.submit(self._work) for _ in range(self.rules.workers)]:
                        worker.result()
                except BaseException:  # also Ctrl-C: what is under way is finished, then we stop
                    self.queue.stop()
                    raise

    def _is_settled(self, row: dict) -> bool:
        """False for what failed, and for hosts in this network, refused before, that are allowed now."""
        return row["status"] != "failed" and not (self.rules.allow_private and PRIVATE in row["error"])

    def _start(self, job: _Job) -> None:
        try:
            self.queue.put(host_of(job.url), job)
        except Refused as error:
            self._finish(job, status="refused", error=error)

    def _work(self) -> None:
        while (taken := self.queue.take()) is not None:
            host, job = taken
            rest = self.rules.delay
            try:
                rest = max(rest, self._step(host, job)) if host not in self.closed else self._give_up(host, job)
            except BaseException:
                self.queue.stop()
                raise
            finally:
                self.queue.release(host, rest)

    def _step(self, host: str, job: _Job) -> float:
        """One request; returns the seconds for which its host is to be left alone."""
        rules = self.rules
        try:
            answer = fetch(self.session, job.url, rules.max_bytes, rules.timeout, rules.allow_private)
            if answer.redirect:
                self._go_on(job, answer.redirect)
            else:
                self._keep(job, answer)
        except Refused as error:
            self._finish(job, status="refused", error=error)
        except Failure as failure:
            job.failed += 1
            if failure.wait > LONGEST_WAIT:
                self.closed[host] = f"{failure}, and wants to be left alone for {failure.wait:.0f} s"
                failure = Failure(self.closed[host], again=False)
            if failure.again and job.failed <= rules.retries:
                self.queue.put(host, job, first=True)
                return pause(failure, job.failed, rules.backoff)
            self._finish(job, status="failed", error=failure)
        return 0.0

    def _give_up(self, host: str, job: _Job) -> float:
        """Write the job down without a request; returns the seconds for which its host is to be left alone: none."""
        self._finish(job, status="failed", error=self.closed[host])
        return 0.0

    def _go_on(self, job: _Job, url: str) -> None:
        if job.hops == MAX_REDIRECTS:
            raise Refused(f"more than {MAX_REDIRECTS} redirects")
        job.url, job.hops = url, job.hops + 1
        self._start(job)

    def _keep(self, job: _Job, answer: Answer) -> None:
        content = answer.content
        image = check_image(content, answer.content_type, self.rules.min_side, self.rules.max_pixels)
        sha256 = hashlib.sha256(content).hexdigest()
        found = {
            "sha256": sha256,
            "size": len(content),
            "width": image.width,
            "height": image.height,
            "phash": image.phash,
        }
        with self.lock:
            status, file = "duplicate", self.known.duplicate(sha256)
            if not file:
                status, file = self._store(content, image, sha256)
            self._write(job, {"status": status, "file": file, **found})

    def _store(self, content: bytes, image: Checked, sha256: str) -> tuple[str, str]:
        """Write a new image, unless one looks like it; its status, and the file that is there now."""
        twin = self.known.near_duplicate(image.phash, content)
        if twin:
            return "near-duplicate", twin
        name = f"{sha256[:16]}.{image.extension}"
        with whole_file(self.folder / name) as part:
            part.write_bytes(content)
        self.known.add(sha256, image.phash, name)
        return "ok", name

    def _finish(self, job: _Job, **found: Any) -> None:
        with self.lock:
            self._write(job, found)

    def _write(self, job: _Job, found: dict) -> None:
        self.manifest.add(job.row | found)
        self.bar.update()
