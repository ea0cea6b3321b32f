"""An image file from a web address: within bytes and seconds, a few redirects on."""

import re
import time
from pathlib import PurePosixPath
from urllib.parse import unquote

from mrcnn.retry import Failure
from mrcnn_ext.common.web import fetch, host_of, new_session

MAX_REDIRECTS = 8
MAX_NAME = 200  # characters


def content_of(url: str, max_bytes: int, seconds: float, allow_private=False, proxies=True) -> bytes:
    """What an http or https address gives.

    max_bytes: no more is read.  seconds: for all of it, redirects included.
    allow_private: also ask hosts of this network; otherwise each redirect is looked at anew.
    proxies: those of the environment are used. A proxy looks names up itself, so that a name may lead into its network.
    Raises Refused or Failure of `mrcnn_ext.common.web`.
    """
    end = time.monotonic() + seconds
    with new_session(allow_private) as session:
        if not proxies:
            session.verify = session.merge_environment_settings("https://", {}, None, None, None)["verify"]
            session.trust_env = False
        for _ in range(MAX_REDIRECTS):
            host_of(url)
            left = end - time.monotonic()
            if left <= 0:
                break
            answer = fetch(session, url, max_bytes, left, allow_private)
            if not answer.redirect:
                return answer.content
            url = answer.redirect
        else:
            raise Failure("it leads on to other addresses again and again", again=False)
    raise Failure("too slow: it did not come in time", again=False)


def name_of(url: str) -> str:
    """The last part of an address's path, fit for a file name; "image" where there is none."""
    path = re.sub(r"(?i)^https?://[^/?#]*|[?#].*", "", url)
    last = PurePosixPath(unquote(path)).name[-MAX_NAME:]
    return "".join(c if c.isalnum() or c in "._- " else "_" for c in last).strip(". ") or "image"
