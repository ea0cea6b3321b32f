"""How a side of a comparison talks to `duel.py`: one timed call for each line it is sent. Runs on Python 3.7 too."""

import resource
import sys
import time


def serve(call, note=""):
    """A call that does not count, then one for each line of stdin, answered by its seconds.

    note: what `call` worked on, for the table, or a function that gives it after the first call.
    """
    call()
    _say(f"ready {note() if callable(note) else note}")
    for _ in sys.stdin:
        start = time.perf_counter()
        call()
        _say(repr(time.perf_counter() - start))
    _say(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def _say(text):
    sys.stdout.write(f"@@ {text}\n")  # libraries print to stdout too
    sys.stdout.flush()
