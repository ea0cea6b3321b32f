"""The old package's helpers on tensors, for custom code that calls them; on any Keras backend.

Keras is imported at the call, so that `mrcnn.utils` stays quick to import. New code uses `mrcnn.ops`.
"""


def batch_slice(inputs, graph_fn, batch_size, names=None):
    """Call `graph_fn` on one image at a time and stack what it returns.

    Args:
        inputs: a tensor (B, ...) or a list of them.
        graph_fn: takes a slice of each, returns a tensor or a list or tuple of them.
        batch_size: B.
        names: not used, as tensors have no names in Keras 3.

    Returns:
        A tensor (B, ...), or a list of them if graph_fn returns several.
    """
    from keras import ops

    inputs = inputs if isinstance(inputs, list | tuple) else [inputs]
    results = [graph_fn(*(tensor[i] for tensor in inputs)) for i in range(batch_size)]
    results = [result if isinstance(result, list | tuple) else [result] for result in results]
    stacked = [ops.stack(parts, axis=0) for parts in zip(*results, strict=True)]
    return stacked[0] if len(stacked) == 1 else stacked


def box_refinement_graph(box, gt_box):
    """Deltas that take boxes to ground-truth boxes: `utils.box_refinement` on tensors.

    Args:
        box: (N, 4), y1, x1, y2, x2; with an area.
        gt_box: (N, 4), the same.

    Returns:
        float32 (N, 4).
    """
    from keras import ops

    from mrcnn.ops import boxes as box_ops

    return box_ops.encode(ops.cast(box, "float32"), ops.cast(gt_box, "float32"))


def norm_boxes_graph(boxes, shape):
    """Pixel boxes (..., 4) -> normalised boxes (..., 4), float32, for an image of shape (H, W)."""
    from mrcnn.ops import boxes as box_ops

    return box_ops.norm(boxes, shape[0], shape[1])


def denorm_boxes_graph(boxes, shape):
    """Normalised boxes (..., 4) -> pixel boxes (..., 4), int32, for an image of shape (H, W)."""
    from keras import ops

    from mrcnn.ops import boxes as box_ops

    return ops.cast(ops.round(box_ops.denorm(boxes, shape[0], shape[1])), "int32")
