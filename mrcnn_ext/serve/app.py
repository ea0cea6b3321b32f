"""The service: POST /detect and /detect/url, a page for people at /, and /docs, /health, /ready, /metrics, /reload."""

import asyncio
import contextlib
import logging
import time
from importlib.resources import files
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, File, Form, Query, Response, Security, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from mrcnn_ext.common.address import name_of
from mrcnn_ext.detection.detector import OVERLAP
from mrcnn_ext.detection.on_dataset import LEAST_SCORE
from mrcnn_ext.detection.tiles import tile_count
from mrcnn_ext.serve.addresses import Addresses
from mrcnn_ext.serve.answers import coco_document, overlay_png
from mrcnn_ext.serve.guard import Guard, routes
from mrcnn_ext.serve.limits import Limits, Refused, decode, image_size
from mrcnn_ext.serve.metrics import Counted, Metrics
from mrcnn_ext.serve.worker import Looking, Worker

AT_A_TIME = 4  # images that are decoded or drawn: bounds memory and threads
KEEP_NAME = 200  # characters of a file's name that come back
KEY = APIKeyHeader(name="X-API-Key", auto_error=False)  # for the description; `Guard` looks at it, before the body
log = logging.getLogger("mrcnn.serve")


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str


class State(BaseModel):
    """What is served."""

    run: str
    classes: list[str]


class Wanted(BaseModel):
    """What is asked about an image."""

    answer: Literal["json", "png"] = Field("json", description="COCO JSON, or the image drawn on.")
    min_score: float = Field(
        0.5, ge=0, le=1, allow_inf_nan=False, description=f"Least score; the network keeps from {LEAST_SCORE} on."
    )
    masks: Literal["polygon", "rle", "none"] = Field("polygon", description="rle is exact, and keeps holes.")
    tolerance: float = Field(
        1.0, ge=0, le=100, allow_inf_nan=False, description="Pixels a polygon may leave its outline by."
    )
    tile: int | None = Field(
        None,
        ge=32,
        description="Pixels: a larger image is looked at in tiles of this side, so that small objects of it are found.",
    )
    overlap: float = Field(
        OVERLAP,
        ge=0,
        le=0.5,
        allow_inf_nan=False,
        description="Share of a tile that its neighbour sees too; with 0 objects stay cut at the seams.",
    )
    across_classes: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="IoU of boxes above which the weaker of two objects of any class goes; default: both stay.",
    )

    def looking(self, height: int, width: int, most: int) -> Looking:
        """How to look at an image. Raises `Refused` when it would be cut into more than `most` tiles."""
        if self.tile is None or max(height, width) <= self.tile:
            return Looking(across_classes=self.across_classes)
        count = tile_count(height, width, self.tile, self.overlap)
        if count > most:
            raise Refused(413, f"The image would be cut into {count} tiles; {most} are allowed: ask for larger ones.")
        return Looking(self.tile, self.overlap, self.across_classes)


def _problems(*statuses):
    return {status: {"model": Problem} for status in statuses}


def create_app(load, limits=None, api_key=None, addresses=False):
    """The FastAPI application.

    load: function without arguments that returns a `Served`; called at the start and by POST /reload.
    limits: a Limits.  api_key: asked for in the header X-API-Key by /detect.. and /reload; None: nothing is asked.
    addresses: whether /detect/url fetches images from web addresses.
    """
    limits, metrics = limits or Limits(), Metrics()
    guard = Guard(limits, api_key)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.worker = Worker(await run_in_threadpool(load), limits, metrics)
        yield
        worker, app.state.worker = app.state.worker, None
        await run_in_threadpool(worker.close)

    app = FastAPIOffline(redoc_url=None, title="Mask R-CNN", description=__doc__, lifespan=lifespan)
    app.state.worker, app.state.metrics, app.state.guard = None, metrics, guard
    app.add_middleware(Counted, metrics=metrics)

    @app.exception_handler(Refused)
    async def refused(request, error):
        headers = {"Retry-After": "1"} if error.status == 503 else None
        return JSONResponse({"detail": error.message}, error.status, headers)

    def worker():
        if app.state.worker is None:
            raise Refused(503, "The model is not loaded.")
        if not app.state.worker.alive:
            raise Refused(503, "The network's thread has ended: start the service again.")
        return app.state.worker

    _add_state(app, worker, metrics)
    _add_reload(app, worker, guard, load, metrics)
    _add_detect(app, worker, guard, Addresses(addresses, limits), metrics)
    return app


def _add_state(app, worker, metrics):
    """What is asked by people and by monitoring. None of it waits for a thread: it answers under load too."""
    text = files("mrcnn_ext.serve").joinpath("page.html").read_text(encoding="utf-8")

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    async def page():
        return text

    @app.get("/health", response_model=None)
    async def health() -> dict[str, str]:
        """Answers as long as the service lives."""
        return {"status": "alive"}

    @app.get("/ready", responses=_problems(503))
    async def ready() -> State:
        """Answers 200 when a model is loaded, and can be asked."""
        return _state(worker().served)

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def numbers():
        """Numbers for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")


def _add_reload(app, worker, guard, load, metrics):
    api = APIRouter(route_class=routes(guard.checked), dependencies=[Security(KEY)])
    running = None

    async def load_anew():
        try:
            served = await run_in_threadpool(load)
        except Exception as error:
            log.exception("the run was not loaded anew")
            raise Refused(500, f"The old model stays: {error}") from error
        worker().served = served
        metrics.reloads.inc()
        return _state(served)

    @api.post("/reload", responses=_problems(401, 403, 500, 503))
    async def reload() -> State:
        """Loads the run anew, or the newest one; requests go on with the old model until the new one is there.

        Who asks while it loads gets the answer of this load.
        """
        nonlocal running
        if running is None or running.done():
            running = asyncio.create_task(load_anew())
        return await asyncio.shield(running)  # it goes on for the others when one client leaves

    app.include_router(api)


def _add_detect(app, worker, guard, addresses, metrics):
    api = APIRouter(route_class=routes(guard.bounded), dependencies=[Security(KEY)])
    limits, limiter = guard.limits, anyio.CapacityLimiter(AT_A_TIME)

    async def in_thread(function, *arguments):
        return await anyio.to_thread.run_sync(function, *arguments, limiter=limiter)

    async def answer(data, name, wanted, start):
        width, height = await in_thread(image_size, data, limits)
        looking = wanted.looking(height, width, limits.tiles)
        with guard.memory.taken(3 * width * height):
            image = await in_thread(decode, data, limits)
            del data
            found, served = await asyncio.wrap_future(worker().submit(image, looking))
            found = found.above(wanted.min_score)
            if wanted.answer == "png":
                content = await in_thread(overlay_png, image, found, served.class_names)
                response = Response(content, media_type="image/png")
            else:
                arguments = (found, name, served.class_names, wanted.masks, wanted.tolerance)
                response = JSONResponse(await in_thread(coco_document, *arguments))
        for class_id in found.class_ids:
            metrics.objects.labels(served.class_names[class_id]).inc()
        metrics.seconds.observe(time.perf_counter() - start)
        return response

    described = {
        200: {"content": {"application/json": {}, "image/png": {}}, "description": "COCO JSON, or a PNG."},
        **_problems(400, 401, 403, 408, 413, 415, 500, 503, 504),
    }

    @api.post("/detect", responses=described)
    async def detect(
        image: Annotated[UploadFile, File(description="An image file: JPEG, PNG, WebP, BMP, TIFF or GIF.")],
        wanted: Annotated[Wanted, Query()],
    ) -> Response:
        """Finds the objects in an image."""
        start = time.perf_counter()
        return await answer(await image.read(), _base_name(image.filename), wanted, start)

    @api.post("/detect/url", responses=described)
    async def detect_url(
        url: Annotated[str, Form(max_length=2000, description="An http or https address of an image file.")],
        wanted: Annotated[Wanted, Query()],
    ) -> Response:
        """Finds the objects in an image on the web. Refused unless the service was started with --addresses."""
        start = time.perf_counter()
        data = await addresses.get(url)
        with guard.memory.taken(len(data)):
            return await answer(data, name_of(url), wanted, start)

    app.include_router(api)


def _state(served):
    return State(run=served.run, classes=list(served.class_names[1:]))


def _base_name(name):
    """The last part of a file's name as the client gave it; only ever an answer's text, never a path here."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return last.encode("utf-8", "replace").decode("utf-8")[:KEEP_NAME]
