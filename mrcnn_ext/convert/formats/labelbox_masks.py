"""The mask images of Labelbox exports: from a folder, or fetched from their addresses into that folder."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

import numpy as np

from mrcnn.whole_file import whole_file
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Options
from mrcnn_ext.convert.images import clean
from mrcnn_ext.convert.reading import foreground, mapping, naming, read_bitmap, sequence, text, whole

if TYPE_CHECKING:
    import requests

KEY = "LABELBOX_API_KEY"  # environment variable
KEY_HOSTS = ("labelbox.com",)  # who is shown the key, with their sub-domains
MAX_BYTES = 50_000_000
MAX_REDIRECTS = 8
TIMEOUT = 60.0  # seconds for one mask
RETRIES = 3  # further attempts after 429, 5xx or a lost connection
BACKOFF = 2.0  # seconds before the first of them, then twice as long each time, or what the server asks for


class MaskFiles:
    """Mask images by the object that they belong to.  A file that was fetched is not asked for again."""

    def __init__(self, options: Options, account: Account):
        self.folder, self.fetches, self.allow_private = options.masks, options.fetch_masks, options.allow_private
        if self.fetches and self.folder is None:
            raise ValueError("masks can be fetched, but to where? Name a folder that keeps them with --masks.")
        self.account = account
        self._last: tuple[Path | None, np.ndarray] = None, np.zeros((0, 0))  # the last file, and its pixels
        self._sessions: dict[bool, requests.Session] = {}  # shows the key -> session

    def mask(self, item: dict, where: str) -> np.ndarray | None:
        """Mask bool (H, W) of an object: all that is not black, or all of one colour of a composite mask.

        None, and an entry in the account, when the object has no shape at all.  Raises ValueError when its file is not
        there, or cannot be fetched.
        """
        composite = item.get("composite_mask")
        source = mapping(composite or item.get("mask") or {}, where)
        address = source.get("url") or item.get("instanceURI")
        if address is None:
            self.account.drop("object without a shape", where)
            return None
        address = text(address, f"{where}: address of the mask")
        identity = item.get("feature_id") or item.get("featureId")
        if self.folder is not None and self.fetches:
            path = self._fetched(self.folder, address, where)
        else:
            path = self._in_folder(address, identity, composite, where)
        if self._last[0] != path:  # a composite mask serves all objects of its image
            with naming(path):
                self._last = path, read_bitmap(path, path)
        pixels = self._last[1]
        if not composite:
            return foreground(pixels)
        colour = [
            whole(value, f"{where}: color_rgb") for value in sequence(composite.get("color_rgb"), f"{where}: color_rgb")
        ]
        if len(colour) != 3 or pixels.ndim != 3:
            raise ValueError(
                f"{where}: a composite mask needs a colour of three numbers and an image in colour ({path})"
            )
        return (pixels[:, :, :3] == colour).all(axis=2)

    def _in_folder(self, address: str, identity, composite, where: str) -> Path:
        """The file <feature id>.png, or with the name at the end of the mask's address."""
        end = clean(address).rpartition("/")[2]
        if self.folder is None:
            raise ValueError(
                f"{where}: its mask is an image on Labelbox's server ({end}). Let them be fetched with --fetch-masks "
                f"--masks DIR ({KEY} holds the key; addresses end after 30 days), or, when you have them, say where "
                "with --masks DIR."
            )
        names = [end, f"{end}.png"] if composite else [f"{identity}.png", end, f"{end}.png"]
        found = (self.folder / name for name in names if name and "\0" not in name)
        path = next((path for path in found if path.is_file()), None)
        if path is None:
            raise ValueError(
                f"{where}: its mask is not in {self.folder}; looked for {' and '.join(sorted(set(names)))}"
            )
        return path

    def _fetched(self, folder: Path, address: str, where: str) -> Path:
        """The file of an address, fetched if it is not in the folder; its name is made of the address."""
        bare = urldefrag(address)[0].partition("?")[0]  # tokens behind the question mark change with each export
        path = folder / f"{hashlib.sha256(bare.encode()).hexdigest()[:24]}.png"
        if path.is_file():
            return path
        content = self._content(address, where)
        read_bitmap(content, f"{where}: {bare}")  # raises ValueError for a page, or a damaged image
        with whole_file(path) as part:
            part.write_bytes(content)
        self.account.keep("masks fetched")
        return path

    def _content(self, address: str, where: str) -> bytes:
        from mrcnn.retry import Failure, repeated
        from mrcnn_ext.common.web import Refused, fetch, host_of

        url = address
        try:
            for _ in range(MAX_REDIRECTS + 1):
                session = self._session(host_of(url))
                answer = repeated(
                    lambda url=url, session=session: fetch(session, url, MAX_BYTES, TIMEOUT, self.allow_private),
                    RETRIES,
                    BACKOFF,
                )
                if not answer.redirect:
                    return answer.content
                url = answer.redirect
            raise Refused(f"more than {MAX_REDIRECTS} redirects")
        except (Refused, Failure) as error:
            refused = "answers 401" in str(error) or "answers 403" in str(error)
            hint = f". Labelbox wants the key of its API, in {KEY}" if refused else ""
            raise ValueError(
                f"{where}: its mask cannot be fetched from {url.partition('?')[0]}: {error}{hint}."
            ) from error

    def _session(self, host: str) -> "requests.Session":
        """A session for a host; with the key only for Labelbox itself, never for where it redirects to."""
        from mrcnn_ext.common.web import new_session

        key = os.environ.get(KEY)
        knows = bool(key) and any(host == name or host.endswith(f".{name}") for name in KEY_HOSTS)
        if knows not in self._sessions:
            session = self._sessions[knows] = new_session(self.allow_private)
            if knows:
                session.headers["Authorization"] = f"Bearer {key}"
        return self._sessions[knows]
