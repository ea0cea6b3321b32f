"""The network, one file per stage in the paper's order; `graph` wires them."""

from mrcnn.extras import needs_backend

with needs_backend():
    import keras  # noqa: F401
