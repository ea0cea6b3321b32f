"""Openverse: a search over openly licensed images, through its public API, without a key."""

import time
from collections.abc import Iterator

import requests

from mrcnn.retry import Failure, check_status, failure_of, repeated
from mrcnn_ext.common.web import USER_AGENT

API = "https://api.openverse.org/v1"
PAGE_SIZE = 20  # the most that is answered without a key
DELAY = 3.0  # seconds between two pages: 20 requests a minute are allowed without a key
TIMEOUT = 60.0
RETRIES = 3
PUBLIC_DOMAIN = {"cc0": "CC0", "pdm": "Public Domain Mark"}


def search_openverse(query: str, count: int) -> Iterator[dict]:
    """Up to `count` images as {"url", "source" (its page), "licence" (name and link), "attribution"}.

    Without a key Openverse shows some hundreds of results of a query and no more, by design.
    Raises OSError where it does not answer.
    """
    sent = 0
    page = 1
    while True:
        answer = _page(query, page)
        for hit in answer["results"]:
            if sent < count and hit.get("url"):
                sent += 1
                yield _row(hit)
        if sent >= count or not answer["results"] or page >= answer.get("page_count", page):
            return
        page += 1
        time.sleep(DELAY)


def _page(query: str, page: int) -> dict:
    parameters: dict[str, str | int] = {"q": query, "page": page, "page_size": PAGE_SIZE}

    def attempt() -> dict:
        try:
            with requests.get(
                f"{API}/images/", params=parameters, headers={"User-Agent": USER_AGENT}, timeout=TIMEOUT
            ) as response:
                check_status(response)
                return response.json()
        except requests.RequestException as error:
            raise failure_of(error) from error

    try:
        answer = repeated(attempt, RETRIES, backoff=DELAY)
    except Failure as failure:
        raise OSError(f"Openverse, page {page} of {query!r}: {failure}.") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise OSError(f"Openverse, page {page} of {query!r}: the answer has no results: {str(answer)[:80]}")
    return answer


def _row(hit: dict) -> dict:
    code, version = hit.get("license") or "", hit.get("license_version") or ""
    name = " ".join(part for part in (PUBLIC_DOMAIN.get(code, f"CC {code.upper()}" if code else ""), version) if part)
    link = hit.get("license_url") or ""
    by = f"{hit.get('title') or 'Untitled'} by {hit.get('creator') or 'unknown'}, {name}"
    return {
        "url": hit["url"],
        "source": hit.get("foreign_landing_url") or "",
        "licence": f"{name} {link}".strip(),
        "attribution": hit.get("attribution") or by,
    }
