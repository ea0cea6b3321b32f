"""Ten thousand odd requests and images: every one gets an answer, none a 500."""

import struct
import zlib

import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mrcnn_ext.serve.app import create_app
from mrcnn_ext.serve.limits import Limits, Refused, decode
from tests.support.stand_in_model import API_KEY, encoded, made_image, served

LIMITS = Limits(pixels=200_000, bytes=200_000)
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # as the service does: see mrcnn_ext.serve.run
KINDS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
WHOLE = [encoded(made_image(), kind) for kind in KINDS]
FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
SCHEMA_CASES, BYTE_CASES = 2000, 8000
schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(served, LIMITS, API_KEY))


def bomb(width, height):
    """A PNG whose head promises many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    chunks = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + chunks


@st.composite
def odd_images(draw):
    """Bytes: noise, or a whole image that is cut, has bytes changed, or goes on with something else; or a bomb."""
    way = draw(st.sampled_from(("noise", "cut", "changed", "joined", "bomb")))
    if way == "noise":
        return draw(st.binary(max_size=300))
    if way == "bomb":
        return bomb(draw(st.integers(0, 2**31 - 1)), draw(st.integers(0, 2**31 - 1)))
    data = bytearray(draw(st.sampled_from(WHOLE)))
    if way == "cut":
        return bytes(data[: draw(st.integers(0, len(data)))])
    if way == "joined":
        return bytes(data) + draw(st.binary(max_size=100))
    for _ in range(draw(st.integers(1, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def decodes_or_refuses(data):
    try:
        image = decode(data, LIMITS)
    except Refused as refused:
        assert refused.status in (400, 413, 415) and refused.message
    else:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        assert image.shape[0] * image.shape[1] <= LIMITS.pixels


@FEW
@given(odd_images())
def test_odd_bytes(data):
    decodes_or_refuses(data)


@pytest.mark.slow
@settings(FEW, max_examples=BYTE_CASES, phases=[Phase.generate])
@given(odd_images())
def test_thousands_of_odd_bytes(data):
    decodes_or_refuses(data)


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(served, LIMITS, API_KEY), raise_server_exceptions=False) as client:
        yield client


@FEW
@given(odd_images(), st.text(max_size=30))
def test_odd_images_over_http(client, data, name):
    files = {"image": (name, data)}
    answer = client.post("/detect", files=files, headers={"X-API-Key": API_KEY})
    assert answer.status_code in (200, 400, 413, 415, 422), answer.text


def no_server_error(case):
    answer = case.call(headers={"X-API-Key": API_KEY})
    assert answer.status_code < 500, f"{answer.status_code}: {answer.content[:300]}"


@schema.parametrize()
@settings(FEW, max_examples=25)
def test_requests_from_the_schema(case):
    no_server_error(case)


@pytest.mark.slow
@schema.include(path="/detect").parametrize()
@settings(FEW, max_examples=SCHEMA_CASES, phases=[Phase.generate])
def test_thousands_of_requests_from_the_schema(case):
    no_server_error(case)
