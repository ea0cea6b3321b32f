"""benchmarks/serve.py: what it calls answered, and what lost."""

import importlib.util
import os
from types import SimpleNamespace

import pytest

from mrcnn_ext.serve.app import create_app
from tests.support import ROOT
from tests.support.real_server import running
from tests.support.stand_in_model import served


@pytest.fixture(scope="module")
def benchmark():
    path = ROOT / "benchmarks" / "serve.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_the_service", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_answers_with_objects_count(benchmark):
    answers = [(200, 1.0), (200, 2.0), (200, 3.0), (503, 0.001), (503, 0.001), (504, 30.0), ("refused", 0.0)]
    assert benchmark.summary(answers, 10) == {
        "answers": {200: 3, 503: 2, 504: 1},
        "lost": 4,
        "first losses": [503, 503, 504],
        "p50": "2.000 s",
        "p95": "2.900 s",
        "p99": "2.980 s",
        "images a second": "0.3",
    }
    nothing = benchmark.summary([(503, 0.1)], 10)
    assert (nothing["lost"], nothing["p50"], nothing["images a second"]) == (1, "nan s", "0.0")


@pytest.mark.parametrize("key, status", [(None, 200), ("a key that it does not send", 401)])
def test_every_request_is_counted_once(benchmark, key, status):
    app = create_app(served, api_key=key)
    with running(app) as address:
        arguments = SimpleNamespace(clients=3, seconds=0.3, side=32)
        figures = benchmark.load(int(address.rsplit(":", 1)[1]), os.getpid(), arguments)
    (counted,) = app.state.metrics.requests.collect()[0].samples[:1]
    assert figures["answers"] == {status: counted.value} and counted.value >= 3
    assert figures["lost"] == (0 if status == 200 else counted.value)
