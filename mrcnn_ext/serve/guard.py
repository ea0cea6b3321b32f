"""Keeps a request within its bytes and its time while its body comes in, and counts every answer."""

import asyncio
import time

from fastapi import HTTPException
from starlette.responses import JSONResponse


class Guard:
    """ASGI middleware. limits: a Limits.  metrics: a Metrics."""

    def __init__(self, app, limits, metrics):
        self.app = app
        self.limits = limits
        self.metrics = metrics

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        end, seen = time.monotonic() + self.limits.seconds, 0

        async def counted():
            nonlocal seen
            try:
                message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0.0))
            except TimeoutError:
                raise HTTPException(408, f"The request took more than {self.limits.seconds:g} seconds.") from None
            seen += len(message.get("body", b""))
            if seen > self.limits.bytes:
                raise HTTPException(413, self._too_large())
            return message

        async def noted(message):
            if message["type"] == "http.response.start":
                route = scope.get("route")
                path = getattr(route, "path", "other")
                self.metrics.requests.labels(path, message["status"]).inc()
            await send(message)

        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > self.limits.bytes:
            await JSONResponse({"detail": self._too_large()}, 413)(scope, receive, noted)
        else:
            await self.app(scope, counted, noted)

    def _too_large(self):
        return f"The request has more than {self.limits.bytes} bytes."
