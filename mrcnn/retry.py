"""What can go wrong when a web server is asked for a file, and when it is worth asking again."""
# By hand: a download goes on where it stopped, and what came counts as progress, which tenacity and urllib3 do not see.

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

LONGEST_WAIT = 60.0  # seconds between two attempts
RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)


class Failure(Exception):
    """An attempt failed. `again`: another may go well, after `wait` seconds that the server asked for."""

    def __init__(self, reason: str, again: bool = True, wait: float = 0.0):
        super().__init__(reason)
        self.again = again
        self.wait = wait


def check_status(response: requests.Response) -> None:
    """Raises Failure unless the response brings what was asked for (200 or 206)."""
    status = response.status_code
    if status in (200, 206):
        return
    reason = f"the server answers {status} {response.reason}"
    if status in RETRY_STATUS:
        raise Failure(reason, wait=asked_wait(response))
    raise Failure(reason, again=False)


def asked_wait(response: requests.Response) -> float:
    """Seconds that the server wants us to wait: its Retry-After, in seconds or as a date; 0 without one."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def failure_of(error: Exception) -> Failure:
    """What an exception of requests or urllib3 means to the user, and whether to try again."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return Failure(str(error), again=False)
    never_connected = bool(error.args) and hasattr(error.args[0], "reason")  # urllib3's MaxRetryError
    if never_connected or isinstance(error, requests.ConnectTimeout):
        return Failure("the server cannot be reached (no network, or a proxy is needed: HTTPS_PROXY)", again=False)
    if isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError):
        return Failure("the connection was lost")
    return Failure(str(error), again=False)


def pause(failure: Failure, failed: int, backoff: float) -> float:
    """Seconds to wait after the `failed`th failure in a row: backoff, 2 backoff, 4 backoff .., or what was asked."""
    return min(LONGEST_WAIT, max(failure.wait, backoff * 2 ** (failed - 1)))


def repeated(
    attempt: Callable, retries: int, backoff: float, *, advanced=lambda: False, say: Callable = lambda line: None
):
    """What `attempt()` returns, in up to `retries` further attempts after a Failure that allows them.

    advanced: told after a failure whether the attempt brought something all the same; then the count starts anew.
    say: is given a line of text before each wait. Raises the last Failure.
    """
    failed = 0
    while True:
        try:
            return attempt()
        except Failure as failure:
            failed = 1 if advanced() else failed + 1
            if not failure.again or failed > retries:
                raise
            wait = pause(failure, failed, backoff)
            say(f"{failure}; again in {wait:.0f} s")
            time.sleep(wait)
