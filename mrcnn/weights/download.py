"""Getting pretrained weights once: into a cache folder, with resume, retry and a check of what arrived."""

import hashlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
from tqdm.auto import tqdm

from mrcnn.retry import Failure, check_status, failure_of, repeated

CHUNK = 1 << 16  # bytes


class DownloadError(OSError):
    """A file could not be had; the message says which file to put where."""


@dataclass(frozen=True)
class Asset:
    """A file of pretrained weights.

    Attributes:
        name: Of the file.
        url: Where its authors have it.
        size: Bytes; None where they do not say.
        md5, sha256: Hexadecimal digits of its hash, all of them or the first few, as many as are published.
    """

    name: str
    url: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None


# For neither file is a SHA-256 published. The MD5 of the first is that of NVIDIA's TensorRT samples and others; the
# second's is the one Keras itself checked. The sizes are those the servers report.
COCO = Asset(
    "mask_rcnn_coco.h5",
    "https://github.com/matterport/Mask_RCNN/releases/download/v2.0/mask_rcnn_coco.h5",
    257557808,
    "e98aaff6f99e307b5e2a8a3ff741a518",
)
IMAGENET = Asset(
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "https://github.com/fchollet/deep-learning-models/releases/download/v0.2/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    94653016,
    "a268eb855778b3df3c7506639542a6af",
)


def cache_folder() -> Path:
    """Where downloads are kept: the folder in MRCNN_CACHE, else ~/.cache/mrcnn."""
    return Path(os.environ.get("MRCNN_CACHE") or "~/.cache/mrcnn").expanduser()


def file_hash(path, kind: str = "sha256") -> str:
    """Hash of a file's bytes, in hexadecimal digits. kind: "sha256" or "md5"."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.new, kind, usedforsecurity=False)).hexdigest()


def get_asset(asset: Asset, path=None, progress: bool = True) -> Path:
    """The path of a file of weights, fetched where it is not there yet and checked.

    MRCNN_WEIGHTS_FROM says where else than from its authors it comes: the address of a mirror (http:// or https://)
    that has it under its name, or a folder, whose file is used in its place.

    Args:
        asset: What file.
        path: Where it is to be; None: in `cache_folder`.
        progress: Whether a bar is shown.

    Raises:
        DownloadError: Where it cannot be had; says what to put where.
        ValueError: Where a file that is there is not the right one.
    """
    path = Path(path) if path else cache_folder() / asset.name
    fetch_it = partial(fetch, md5=asset.md5, sha256=asset.sha256, size=asset.size, progress=progress)
    source = os.environ.get("MRCNN_WEIGHTS_FROM") or ""
    if not source or path.exists():
        return fetch_it(asset.url, path)
    if source.startswith(("http://", "https://")):
        return fetch_it(f"{source.rstrip('/')}/{asset.name}", path)
    file = Path(source).expanduser() / asset.name
    if not file.is_file():
        raise DownloadError(
            f"{file} is not there, and MRCNN_WEIGHTS_FROM names this folder: put the file of {asset.url} into it, or "
            "leave the setting empty to fetch it."
        )
    return fetch_it(asset.url, file)


def coco_weights(path=None, progress: bool = True) -> Path:
    """The path of mask_rcnn_coco.h5 (ResNet-101, 81 classes), downloaded where it is not there yet."""
    return get_asset(COCO, path, progress)


def imagenet_weights(path=None, progress: bool = True) -> Path:
    """The path of ResNet-50's ImageNet weights without the top, downloaded where they are not there yet."""
    return get_asset(IMAGENET, path, progress)


def fetch(
    url: str,
    path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    retries: int = 5,
    backoff: float = 1.0,
    timeout: float = 30.0,
    progress: bool = True,
) -> Path:
    """Download `url` to `path` unless it is there, and return the path.

    An interrupted download goes on where it stopped, in this call or the next (`<path>.part`). The file appears under
    its name only when it is complete and its size (bytes) and hashes (or their first digits), where given, are right.
    retries: further attempts after a dropped connection or status 408, 425, 429, 5xx, with waits of backoff, 2 backoff,
    4 backoff ... seconds or what the server asks for. timeout: seconds without an answer.

    Raises DownloadError, with what to put where, or ValueError where a file that is there is not the right one.
    """
    path = Path(path)
    check = Check(size, {"sha256": sha256, "md5": md5})
    if path.exists():
        complaint = check.complaint(path, quick=True)
        if complaint:
            raise ValueError(f"{path} is not the expected file ({complaint}): delete it to download it anew")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    resumed = part.exists()
    try:
        _download(url, part, retries, backoff, timeout, progress)
        complaint = check.complaint(part)
        if complaint and resumed:  # its beginning may be of another file: once more from the start
            part.unlink()
            _download(url, part, retries, backoff, timeout, progress)
            complaint = check.complaint(part)
        if complaint:
            part.unlink()
            raise Failure(f"what arrived is not the expected file ({complaint})")
    except Failure as failure:
        length = f", {size:,} bytes" if size else ""
        raise DownloadError(
            f"{url} could not be downloaded: {failure}. "
            f"Get the file on a machine that can, and put it at {path}{length}."
        ) from None
    part.replace(path)
    return path


@dataclass(frozen=True)
class Check:
    """What a file must be: its size in bytes and its hashes, where known."""

    size: int | None
    hashes: dict[str, str | None]

    def complaint(self, path: Path, quick: bool = False) -> str:
        """What is wrong with the file; empty where nothing is. `quick`: no hashes where the size is known."""
        if self.size is not None:
            size = path.stat().st_size
            if size != self.size:
                return f"{size:,} bytes, not {self.size:,}"
            if quick:
                return ""
        for kind, expected in self.hashes.items():
            if expected is None:
                continue
            found = file_hash(path, kind)
            if not found.startswith(expected.lower()):
                some = "" if len(expected) == len(found) else " at its beginning"
                return f"its {kind} is {found}, not {expected}{some}"
        return ""


def _download(url: str, part: Path, retries: int, backoff: float, timeout: float, progress: bool) -> None:
    """Fill `part`, in as many attempts as it takes while each brings something, else `retries` more."""
    size = _size(part)

    def advanced() -> bool:
        nonlocal size
        before, size = size, _size(part)
        return size > before

    def say(line: str) -> None:
        if progress:
            print(f"{part.stem}: {line}")

    repeated(lambda: _attempt(url, part, timeout, progress), retries, backoff, advanced=advanced, say=say)


def _attempt(url: str, part: Path, timeout: float, progress: bool) -> None:
    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            if start and response.headers.get("Content-Range") == f"bytes */{start}":
                return  # there is no more: only the renaming was missing
            start = _first_byte(response, start, part)
            length = response.headers.get("Content-Length")
            total = start + int(length) if length else None
            _store(response, part, start, total, progress)
    except requests.RequestException as error:
        raise failure_of(error) from error


def _store(response: requests.Response, part: Path, start: int, total: int | None, progress: bool) -> None:
    with (
        part.open("r+b" if start else "wb") as file,
        tqdm(
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            desc=part.stem,
            disable=not progress,
        ) as bar,
    ):
        file.seek(start)
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
        file.truncate()


def _first_byte(response: requests.Response, start: int, part: Path) -> int:
    """The place in the file of the first byte of the response, which may not be what was asked for."""
    if response.status_code == 416:
        part.unlink()
        raise Failure("the part that was there is longer than the file")
    check_status(response)
    return start if response.headers.get("Content-Range", "").startswith(f"bytes {start}-") else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
