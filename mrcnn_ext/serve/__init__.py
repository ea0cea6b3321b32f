"""A trained run as a web service: an image in, its objects as COCO JSON or drawn on it."""

# ruff: noqa: F401 (imported to see whether they are there)
from mrcnn.extras import needs

with needs("serve"):
    import fastapi
    import fastapi_offline
    import prometheus_client
    import python_multipart
    import uvicorn
