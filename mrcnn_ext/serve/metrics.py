"""What Prometheus reads at /metrics."""

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.responses import JSONResponse

log = logging.getLogger("mrcnn.serve")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The service's numbers, in a registry of their own."""

    def __init__(self):
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._make(Counter, "requests", "Answers by path and status.", ["path", "status"])
        self.seconds = self._make(Histogram, "request_seconds", "Time to the answer of /detect.", buckets=_SECONDS)
        self.network = self._make(Histogram, "network_seconds", "Time of a batch in the network.", buckets=_SECONDS)
        self.batch = self._make(Histogram, "batch_images", "Images in a batch.", buckets=(1, 2, 4, 8, 16, 32))
        self.waiting = self._make(Gauge, "waiting_images", "Images in the queue.")
        self.objects = self._make(Counter, "objects", "Objects in the answers, by class.", ["name"])
        self.reloads = self._make(Counter, "reloads", "Times that the model was loaded anew.")

    def text(self):
        return generate_latest(self.registry)

    def _make(self, kind, name, text, *arguments, **options):
        return kind(f"mrcnn_{name}", text, *arguments, registry=self.registry, **options)


class Counted:
    """ASGI middleware: counts every answer. An error that nobody caught is logged, and is an answer too."""

    def __init__(self, app, metrics):
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noted(message):
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                path = getattr(scope.get("route"), "path", "other")
                self.metrics.requests.labels(path, message["status"]).inc()
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:
            if started:
                raise
            log.exception("%s %r failed", scope["method"], scope["path"])
            problem = {"detail": "The service failed at this request; its log says why."}
            await JSONResponse(problem, 500)(scope, receive, noted)
