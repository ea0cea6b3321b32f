"""What a request must pass before its body is read: key, origin and room; then its bytes and its time are limited."""

import contextlib
import functools
import secrets

import anyio
from fastapi import HTTPException, Request
from fastapi.routing import APIRoute

from mrcnn_ext.serve.limits import Refused


def routes(wrap):
    """A class of routes that answer with `await wrap(handler, request)`; `handler(request)` reads the body."""

    class Wrapped(APIRoute):
        def get_route_handler(self):
            return functools.partial(wrap, super().get_route_handler())

    return Wrapped


class Room:
    """So much may be taken at a time; who asks for more is `Refused` with a sentence. For one event loop."""

    def __init__(self, size, sentence):
        self.left = size
        self._sentence = sentence

    @contextlib.contextmanager
    def taken(self, size):
        if size > self.left:
            raise Refused(503, self._sentence)
        self.left -= size
        try:
            yield
        finally:
            self.left += size


class Guard:
    """limits: a Limits.  api_key: what the header X-API-Key must be; None: anything.

    requests, memory: a `Room` each, for requests and for the bytes of their bodies and images.
    """

    def __init__(self, limits, api_key):
        self.limits = limits
        self.requests = Room(limits.waiting, f"{limits.waiting} requests are waiting already; try again soon.")
        self.memory = Room(limits.memory, "The images that wait fill the memory already; try again soon.")
        self._api_key = api_key

    async def checked(self, handler, request):
        """For `routes`: key and origin."""
        self._check(request.headers)
        return await handler(request)

    async def bounded(self, handler, request):
        """For `routes`: these, and room, bytes and time."""
        self._check(request.headers)
        body = _Body(request, self.limits.bytes)
        # twice: a body is in a temporary file (in memory, where /tmp is) before it is read
        with self.requests.taken(1), self.memory.taken(2 * body.length):
            with anyio.move_on_after(self.limits.seconds):
                return await handler(Request(request.scope, body.receive))
            if body.ended:
                raise Refused(504, f"No answer within {self.limits.seconds:g} seconds.")
            raise Refused(408, f"The request took more than {self.limits.seconds:g} seconds.")

    def _check(self, headers):
        # headers come as Latin-1, whatever the client wrote
        key = headers.get("x-api-key", "").encode("latin-1")
        if self._api_key and not secrets.compare_digest(key, self._api_key.encode()):
            raise Refused(401, "The header X-API-Key is missing or wrong.")
        if _from_another_site(headers):
            raise Refused(403, "The request comes from a page of another site.")


class _Body:
    """A request's body, counted while it comes in."""

    def __init__(self, request, most):
        length = request.headers.get("content-length", "")
        self.length = int(length) if length.isdecimal() else most
        self.ended = False
        self._request = request
        self._most = most
        self._seen = 0
        if self.length > most:
            raise Refused(413, self._too_large())

    async def receive(self):
        message = await self._request.receive()
        self._seen += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        if self._seen > self._most:
            raise HTTPException(413, self._too_large())  # the one kind that FastAPI lets through here
        return message

    def _too_large(self):
        return f"The request has more than {self._most} bytes."


def _from_another_site(headers):
    """Whether a browser asks for a page of another site (or port); programs send neither header."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and origin.partition("://")[2] != headers.get("host")
