"""What concerns the whole batch, where TensorFlow spreads a step over devices and each sees only its own images.

A replica is the network on one of these devices. On JAX and on one device a step sees all its images: `count` is 1,
and nothing here does anything.
"""

import keras


def count():
    """Number of replicas that share the running step."""
    context = _context()
    return context.num_replicas_in_sync if context else 1


def total(tensors):
    """Sum over the replicas of each tensor of a list; what is None (no gradient) stays so."""
    context = _context()
    if context is None:
        return list(tensors)
    known = [tensor for tensor in tensors if tensor is not None]
    sums = iter(context.all_reduce("SUM", known))
    return [None if tensor is None else next(sums) for tensor in tensors]


def uniform(shape, seed):
    """Random numbers (B, N) in [0, 1): of B images those that one device with the whole batch would give them."""
    context = _context()
    if context is None:
        return keras.random.uniform(shape, seed=seed)
    rows, columns = shape
    first = rows * context.replica_id_in_sync_group
    return keras.random.uniform((rows * count(), columns), seed=seed)[first : first + rows]


def _context():
    """TensorFlow's replica context in a step that is spread over devices, else None."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context if context and context.num_replicas_in_sync > 1 else None
