"""One request for an image: who may be asked, and how much is taken."""
# By hand: the library for this, advocate, is no longer maintained.

import contextlib
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, requote_uri, select_proxy
from urllib3.util import parse_url

from mrcnn.retry import Failure, check_status, failure_of

CHUNK = 1 << 16  # bytes
USER_AGENT = "mrcnn-collect (images for a training set; honours noai)"
NO_AI = ("noai", "noimageai")
PRIVATE = "an address in this network"
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv6 for an IPv4 address, the last 32 bits (RFC 6052)


class Refused(ValueError):
    """This address gives nothing that we take, now or later."""


class Private(Refused):
    """This address leads into our own network."""


@dataclass(frozen=True)
class Answer:
    """What came: the whole content and its declared type, or the address to go on to."""

    content: bytes = b""
    content_type: str = ""
    redirect: str = ""


def new_session(allow_private: bool) -> requests.Session:
    """A session for all workers: no cookies, no passwords from .netrc, one connection kept for each host."""
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.auth = lambda request: request
    session.cookies.set_policy(_NoCookies())
    for scheme in ("http://", "https://"):
        session.mount(scheme, (HTTPAdapter if allow_private else _PublicAdapter)(pool_connections=64, pool_maxsize=1))
    return session


def host_of(url: str) -> str:
    """The host of an http or https address, in small letters. Raises Refused for any other text.

    Read as requests reads it (urllib3's parser), so that the host looked at is the host asked.
    """
    try:
        parts = parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise Refused(f"not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise Refused("not an http or https address")
    return parts.host.strip("[]").lower()


def fetch(session: requests.Session, url: str, max_bytes: int, timeout: float, allow_private: bool) -> Answer:
    """One request, without going on to another address.

    max_bytes: no more is read. timeout: seconds, for the whole.
    Raises Refused (wrong for good) or Failure (may go well another time).
    """
    deadline = time.monotonic() + timeout
    if not allow_private:
        _refuse_private(url, session)
    try:
        with session.get(url, stream=True, allow_redirects=False, timeout=timeout) as response:
            _must_be_in_time(deadline)
            _refuse_noai(response)
            target = session.get_redirect_target(response)
            if target is not None:
                return Answer(redirect=urljoin(url, requote_uri(target)))
            _refuse_missing(response)
            check_status(response)
            return Answer(_content(response, max_bytes, deadline), response.headers.get("Content-Type", ""))
    except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError, UnicodeError) as error:
        raise Refused(f"not an address: {error}") from error
    except requests.RequestException as error:
        raise failure_of(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise Failure("the connection was lost") from error


def _content(response: requests.Response, max_bytes: int, deadline: float) -> bytes:
    declared = response.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise Refused(f"too large: {int(declared):,} bytes, more than {max_bytes:,}")
    content = bytearray()
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        content += chunk
        if len(content) > max_bytes:
            raise Refused(f"too large: more than {max_bytes:,} bytes")
        _must_be_in_time(deadline)
    return bytes(content)


def _must_be_in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Failure("too slow: it did not come in time", again=False)


def _refuse_noai(response: requests.Response) -> None:
    words = response.headers.get("X-Robots-Tag", "").lower().replace(":", ",").split(",")
    if any(word.strip() in NO_AI for word in words):
        raise Refused("the server does not allow use for machine learning (X-Robots-Tag)")


def _refuse_missing(response: requests.Response) -> None:
    try:
        check_status(response)
    except Failure as failure:
        if not failure.again and response.status_code < 500:
            raise Refused(str(failure)) from None
        raise


def _refuse_private(url: str, session: requests.Session) -> None:
    """Raises Private for a host inside this network. Behind a proxy, which looks names up itself, by its name only."""
    host = host_of(url)
    try:
        addresses = {host} if ipaddress.ip_address(host) else set()
    except ValueError:
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise Private(f"{PRIVATE}, which is not asked unless allowed") from None
        proxy = session.trust_env and select_proxy(url, get_environ_proxies(url))
        addresses = set() if proxy else _addresses(host)
    for address in addresses:
        _refuse_address(address)


def _refuse_address(text: str) -> None:
    address = ipaddress.ip_address(text.partition("%")[0])
    if address in NAT64:
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    address = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    if not address.is_global or address.is_multicast:
        raise Private(f"{PRIVATE} ({address}), which is not asked unless allowed")


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise Failure(f"the host {host} is not known", again=False) from error
    except UnicodeError as error:
        raise Refused(f"not an address: {error}") from error


class _PublicAdapter(HTTPAdapter):
    """Looks at the address that is really connected to, before it is asked: a name may have led elsewhere before."""

    def init_poolmanager(self, *args, **options):
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicPoolTLS}


class _Careful:
    """A connection to public addresses only. A server has `timeout` seconds for its whole head, not for each byte."""

    def connect(self):
        super().connect()
        _refuse_address(self.sock.getpeername()[0])

    def getresponse(self):
        hang_up = threading.Timer(self.timeout, self._hang_up)
        hang_up.daemon = True
        hang_up.start()
        try:
            return super().getresponse()
        finally:
            hang_up.cancel()

    def _hang_up(self):
        with contextlib.suppress(OSError):  # it may be closed by now
            # the plain socket's way: that of TLS would take the connection away from under its reader
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _PublicConnection(_Careful, urllib3.connection.HTTPConnection):
    pass


class _PublicConnectionTLS(_Careful, urllib3.connection.HTTPSConnection):
    pass


class _PublicPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicPoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PublicConnectionTLS


class _NoCookies(DefaultCookiePolicy):
    """Takes no cookies and sends none."""

    def set_ok(self, cookie, request):
        return False

    def return_ok(self, cookie, request):
        return False
