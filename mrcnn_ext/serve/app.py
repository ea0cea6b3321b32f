"""The service: POST /detect, a page for people at /, its description at /docs, /health, /ready, /metrics, /reload."""

import asyncio
import contextlib
import secrets
import threading
import time
from importlib.resources import files
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, File, Header, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from mrcnn_ext.serve.answers import above, coco_document, overlay_png
from mrcnn_ext.serve.guard import Guard
from mrcnn_ext.serve.limits import Limits, Refused, decode
from mrcnn_ext.serve.metrics import Metrics
from mrcnn_ext.serve.worker import Worker

DECODERS = 4  # pictures that are decoded or drawn at a time: bounds the memory
KEEP_NAME = 200  # characters of a file's name that come back


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str


class State(BaseModel):
    """What is served."""

    run: str
    classes: list[str]


def _problems(*statuses):
    return {status: {"model": Problem} for status in statuses}


def create_app(load, limits=None, api_key=None):
    """The FastAPI application.

    load: function without arguments that returns a `Served`; called at the start and by POST /reload.
    limits: a Limits.  api_key: asked for in the header X-API-Key by /detect and /reload; None: nothing is asked.
    """
    limits, metrics = limits or Limits(), Metrics()
    decoding = threading.BoundedSemaphore(DECODERS)
    loading = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        app.state.worker = Worker(await run_in_threadpool(load), limits, metrics)
        yield
        worker, app.state.worker = app.state.worker, None
        await run_in_threadpool(worker.close)

    app = FastAPI(title="Mask R-CNN", description=__doc__, lifespan=lifespan)
    app.state.worker, app.state.metrics = None, metrics
    app.add_middleware(Guard, limits=limits, metrics=metrics)

    @app.exception_handler(Refused)
    async def refused(request, error):
        headers = {"Retry-After": "1"} if error.status == 503 else None
        return JSONResponse({"detail": error.message}, error.status, headers)

    def worker():
        if app.state.worker is None:
            raise Refused(503, "The model is not loaded.")
        return app.state.worker

    def authorised(x_api_key: Annotated[str | None, Header()] = None):
        if api_key and not secrets.compare_digest((x_api_key or "").encode(), api_key.encode()):
            raise HTTPException(401, "The header X-API-Key is missing or wrong.")

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def page():
        return files("mrcnn_ext.serve").joinpath("page.html").read_text(encoding="utf-8")

    @app.get("/health", response_model=None)
    def health() -> dict[str, str]:
        """Answers as long as the service lives."""
        return {"status": "alive"}

    @app.get("/ready", responses=_problems(503))
    def ready() -> State:
        """Answers 200 when a model is loaded."""
        return _state(worker().served)

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def numbers():
        """Numbers for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.post("/reload", dependencies=[Depends(authorised)], responses=_problems(401, 408, 413, 500, 503))
    async def reload() -> State:
        """Loads the run anew, or the newest one; requests go on with the old model until the new one is there."""
        async with loading:
            try:
                served = await run_in_threadpool(load)
            except (ValueError, OSError) as error:
                raise HTTPException(500, f"The old model stays: {error}") from error
            worker().served = served
            metrics.reloads.inc()
        return _state(served)

    @app.post(
        "/detect",
        dependencies=[Depends(authorised)],
        responses={
            200: {"content": {"application/json": {}, "image/png": {}}, "description": "COCO JSON, or a PNG."},
            **_problems(400, 401, 408, 413, 415, 500, 503, 504),
        },
    )
    async def detect(
        request: Request,
        picture: Annotated[UploadFile, File(description="A picture file: JPEG, PNG, WebP, BMP, TIFF or GIF.")],
        answer: Annotated[Literal["json", "png"], Query(description="COCO JSON, or the picture drawn on.")] = "json",
        min_score: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False, description="Least score.")] = 0.5,
        masks: Annotated[Literal["polygon", "rle", "none"], Query(description="rle is exact, and keeps holes.")] = (
            "polygon"
        ),
        tolerance: Annotated[
            float, Query(ge=0, le=100, allow_inf_nan=False, description="Pixels a polygon may leave its outline by.")
        ] = 1.0,
    ) -> Response:
        """Finds the objects in a picture."""
        start = time.perf_counter()
        data = await picture.read()
        image = await run_in_threadpool(_with, decoding, decode, data, limits)
        future = worker().submit(image)
        left = limits.seconds - (time.perf_counter() - start)
        try:
            found, served = await asyncio.wait_for(asyncio.wrap_future(future), max(left, 0.0))
        except TimeoutError:
            raise Refused(504, f"No answer within {limits.seconds:g} seconds.") from None
        found = above(found, min_score)
        for class_id in found["class_ids"]:
            metrics.objects.labels(served.class_names[class_id]).inc()
        if answer == "png":
            content = await run_in_threadpool(_with, decoding, overlay_png, image, found, served.class_names)
            response = Response(content, media_type="image/png")
        else:
            arguments = (found, image.shape[:2], _base_name(picture.filename), served.class_names, masks, tolerance)
            response = JSONResponse(await run_in_threadpool(_with, decoding, coco_document, *arguments))
        metrics.seconds.observe(time.perf_counter() - start)
        return response

    return app


def _with(semaphore, function, *arguments):
    with semaphore:
        return function(*arguments)


def _state(served):
    return State(run=served.run, classes=list(served.class_names[1:]))


def _base_name(name):
    """The last part of a file's name as the client gave it; only ever an answer's text, never a path here."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return last.encode("utf-8", "replace").decode("utf-8")[:KEEP_NAME]
