"""/docs needs nothing from the network."""

import re

from fastapi.testclient import TestClient

from mrcnn_ext.serve.app import create_app
from tests.support.stand_in_model import served


def test_script_and_style_of_the_docs_come_from_the_service():
    with TestClient(create_app(served)) as client:
        page = client.get("/docs")
        assert page.status_code == 200
        assert re.findall(r"https?:", page.text) == []
        parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(parts) == 3  # script, style, icon
        for part in parts:
            answer = client.get(part)
            assert answer.status_code == 200 and len(answer.content) > 1000
        assert "SwaggerUIBundle" in client.get(next(part for part in parts if part.endswith(".js"))).text
        assert client.get("/redoc").status_code == 404
        assert set(client.get("/openapi.json").json()["paths"]) == {
            *("/health", "/ready", "/metrics", "/reload", "/detect", "/detect/url")
        }
