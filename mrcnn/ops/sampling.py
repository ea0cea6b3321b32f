"""Random choice of a fixed number of items, as fixed shapes. Shapes: B images, N items, S chosen."""

from keras import ops


def choose(mask, noise, number):
    """Up to `number` random items of `mask`.

    mask: (B, N) bool.  noise: (B, N) uniform in [0, 1).  number: S, at most N.
    Returns indices (B, S) int32 and which of them are real, (B, S) bool; the real ones come first, in random order.
    """
    score, index = ops.top_k(ops.where(mask, noise, -1.0), number)
    return ops.cast(index, "int32"), score >= 0.0


def gather(values, index):
    """values (B, N, ...) at index (B, S) -> (B, S, ...)."""
    shape = ops.shape(values)
    flat = ops.reshape(values, (-1,) + tuple(values.shape[2:]))
    offset = ops.arange(shape[0], dtype="int32")[:, None] * shape[1]
    return ops.take(flat, index + offset, axis=0)
