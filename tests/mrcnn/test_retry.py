"""Waits between attempts, and what a server may ask for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from mrcnn import retry
from mrcnn.retry import Failure, asked_wait, check_status, pause, repeated


def response(status=503, **headers):
    made = requests.Response()
    made.status_code = status
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


def test_asked_wait_in_seconds_or_as_a_date():
    assert asked_wait(response()) == 0
    assert asked_wait(response(Retry_After="7")) == 7
    assert asked_wait(response(Retry_After="soon")) == 0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 95 < asked_wait(response(Retry_After=later)) <= 100
    assert asked_wait(response(Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")) == 0  # long ago
    assert asked_wait(response(Retry_After="Wed, 21 Oct 2015 07:28:00 -0000")) == 0  # without a time zone


@pytest.mark.parametrize(("status", "again"), [(404, False), (429, True), (501, False), (503, True), (301, False)])
def test_status(status, again):
    with pytest.raises(Failure, match=f"answers {status}") as error:
        check_status(response(status))
    assert error.value.again is again


def test_pause_is_what_was_asked_for_within_bounds():
    assert [pause(Failure(""), failed, 20.0) for failed in (1, 2, 3)] == [20, 40, 60]
    assert pause(Failure("", wait=30), 1, 1.0) == 30
    assert pause(Failure("", wait=3600), 1, 1.0) == 60


def test_repeated_counts_anew_after_progress(monkeypatch):
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)
    calls, progress = [], iter([True, True, False])

    def attempt():
        calls.append(1)
        if len(calls) < 4:
            raise Failure("no")
        return "done"

    assert repeated(attempt, 2, 0.0, advanced=lambda: next(progress)) == "done"
    with pytest.raises(Failure):
        repeated(lambda: check_status(response(503)), 2, 0.0)
