"""One thread that runs the network: images wait in a queue and go through it a few at a time."""

import contextlib
import logging
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

from mrcnn_ext.detection.detector import OVERLAP, Detector
from mrcnn_ext.serve.limits import Refused

log = logging.getLogger("mrcnn.serve")


@dataclass(frozen=True)
class Served:
    """A model with `detect(images, crops=True)`, its class names (0 is background), and the run's name."""

    model: object
    class_names: list
    run: str


class Looking(NamedTuple):
    """How to look at an image: tile, overlap, across_classes of a `Detector`."""

    tile: int | None = None
    overlap: float = OVERLAP
    across_classes: float | None = None


@dataclass
class _Task:
    held: list  # the image; nothing when nobody waits any more
    looking: Looking
    answer: Future = field(default_factory=Future)


class Worker:
    """Runs images through the model that is served, in batches, until it is closed.

    served: a Served; set anew to change the model between two batches.  metrics: of the service.
    """

    def __init__(self, served, limits, metrics):
        self.served = served
        self.limits = limits
        self.metrics = metrics
        self._queue = queue.Queue(maxsize=limits.waiting)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="detect", daemon=True)
        self._thread.start()

    @property
    def alive(self):
        """Whether its thread lives: without it nothing is answered."""
        return self._thread.is_alive()

    def submit(self, image, looking=Looking()):  # noqa: B008 (it cannot be changed)
        """A Future of (Detections of `image`, the Served that found them). Raises `Refused` when too many wait."""
        if self._closing.is_set():
            raise Refused(503, "The service is stopping.")
        held = [image]
        task = _Task(held, looking)
        task.answer.add_done_callback(lambda _: held.clear())  # also when it is given up before its turn comes
        try:
            self._queue.put_nowait(task)
        except queue.Full:
            raise Refused(503, f"{self.limits.waiting} images are waiting already; try again soon.") from None
        self.metrics.waiting.set(self._queue.qsize())
        return task.answer

    def close(self, timeout=5.0):
        """Finishes what waits, then ends the thread; goes without it after `timeout` seconds."""
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then it is awake anyway
            self._queue.put_nowait(None)
        self._thread.join(timeout)

    def _run(self):
        while not (self._closing.is_set() and self._queue.empty()):
            tasks = self._gather()
            self.metrics.waiting.set(self._queue.qsize())
            whole = [task for task in tasks if task.looking.tile is None]
            for some in (whole, *([task] for task in tasks if task.looking.tile is not None)):
                if some:
                    self._detect(some)

    def _gather(self):
        """The next tasks that somebody still waits for; none when nothing comes for a moment."""
        tasks, until = [], None
        while len(tasks) < self.limits.batch:
            try:
                wait = 0.1 if until is None else max(until - time.monotonic(), 0.0)
                task = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            except queue.Empty:
                break
            if task is None:
                break
            if task.answer.set_running_or_notify_cancel():
                tasks.append(task)
                until = until or time.monotonic() + self.limits.gather_seconds
        return tasks

    def _detect(self, tasks):
        served = self.served
        self.metrics.batch.observe(len(tasks))
        start = time.perf_counter()
        try:
            answers = list(zip(tasks, self._found(served.model, tasks), strict=True))
        except Exception:  # whatever it is, the thread must live on and the others be answered
            log.exception("detection failed for %d images", len(tasks))
            if len(tasks) > 1:
                for task in tasks:
                    self._detect([task])
            else:
                tasks[0].answer.set_exception(Refused(500, "The network failed at this image; the log says why."))
            return
        self.metrics.network.observe(time.perf_counter() - start)
        for task, found in answers:
            task.answer.set_result((found, served))

    def _found(self, model, tasks):
        """Detections of images that go through the network whole, together, or of one in tiles."""
        looking = tasks[0].looking
        size = 1 if looking.tile is None else self.limits.batch  # whole ones are not filled up to a batch
        found = Detector(model, looking.tile, looking.overlap, batch_size=size).batch([task.held[0] for task in tasks])
        return [
            one if task.looking.across_classes is None else one.across_classes(task.looking.across_classes)
            for task, one in zip(tasks, found, strict=True)
        ]
