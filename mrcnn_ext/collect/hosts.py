"""Whose turn it is: jobs of many hosts, for several workers, one at a time for each host."""

import heapq
import threading
import time
from collections import deque
from typing import Any


class HostQueue:
    """Jobs by host. A host has one job under way at most, and rests after each as long as `release` says."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: dict[str, deque] = {}  # host -> its jobs
        self._free: list[
            tuple[float, str]
        ] = []  # heap of (time from which on, host) for the hosts that have jobs, but none under way
        self._busy: set[str] = set()
        self._rested: dict[str, float] = {}  # host -> time from which on it may be asked again
        self._stopped = False

    def put(self, host: str, job: Any, first: bool = False) -> None:
        """Add a job, behind the others of its host or before them."""
        with self._changed:
            jobs = self._jobs.setdefault(host, deque())
            if not jobs and host not in self._busy:
                heapq.heappush(self._free, (self._rested.get(host, 0.0), host))
            (jobs.appendleft if first else jobs.append)(job)
            self._changed.notify_all()

    def take(self) -> tuple[str, Any] | None:
        """The next (host, job), waiting for it; None when all are done. Call `release(host)` afterwards."""
        with self._changed:
            while not self._stopped and (self._free or self._busy):
                wait = self._free[0][0] - time.monotonic() if self._free else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, host = heapq.heappop(self._free)
                self._busy.add(host)
                return host, self._jobs[host].popleft()
            self._changed.notify_all()
            return None

    def release(self, host: str, rest: float) -> None:
        """The host's job is done; its next one comes after `rest` seconds."""
        with self._changed:
            self._busy.remove(host)
            self._rested[host] = time.monotonic() + rest
            if self._jobs[host]:
                heapq.heappush(self._free, (self._rested[host], host))
            self._changed.notify_all()

    def stop(self) -> None:
        """Let no further job be taken."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
