"""Greedy non-maximum suppression with fixed shapes, for a whole batch at once.

Shapes: B images, N candidates, M kept, T candidates in a tile.

The exact greedy result, tile by tile: a tile of candidates is first held against everything kept so far, then against
itself. Within the tile the rule "kept unless a kept, better one overlaps" is iterated to its fixed point, which is
unique because a candidate depends on better ones only; it takes as many rounds as the longest chain of suppressions.
Memory is T x M instead of N x N, and the loop ends as soon as M are kept.
"""

from keras import ops

from mrcnn.ops import boxes as box_ops

TILE = 128


def nms(boxes, valid, *, iou_threshold, max_output, groups=None):
    """Indices of the boxes that survive.

    boxes: (B, N, 4), best first.  valid: (B, N) bool, candidates to look at.  groups: (B, N) int or None; boxes of
    different groups (classes) do not suppress each other.  A box goes when its IoU with a kept one is > iou_threshold.

    Returns indices (B, M) int32 into N, best first, 0 where not used, and which are used, (B, M) bool; M = max_output.
    """
    count = boxes.shape[1]
    tile = min(TILE, count)
    tiles = -(-count // tile)
    grouped = groups is not None
    # One row a candidate: box, group, index. Float32 holds each exactly (N is far below 2 ** 24).
    index = ops.broadcast_to(ops.arange(count, dtype="float32"), ops.shape(boxes)[:2])
    group = ops.cast(groups, "float32") if grouped else ops.zeros_like(index)
    rows = ops.concatenate([ops.cast(boxes, "float32"), ops.stack([group, index], axis=-1)], axis=-1)  # (B, N, 6)
    padding = tiles * tile - count
    rows = _tiles(ops.pad(rows, [[0, 0], [0, padding], [0, 0]]), tiles, tile)  # (tiles, B, T, 6)
    valid = _tiles(ops.pad(valid, [[0, 0], [0, padding]]), tiles, tile)  # (tiles, B, T)

    batch = ops.shape(boxes)[0]
    image = ops.broadcast_to(ops.arange(batch, dtype="int32")[:, None], (batch, tile))
    kept = ops.zeros((batch, max_output + 1, 6), dtype="float32")  # the last row takes what is not chosen, as zeros
    number = ops.zeros((batch,), dtype="int32")

    def more(step, kept, number):
        return ops.logical_and(step < tiles, ops.any(number < max_output))

    def one_tile(step, kept, number):
        candidates = ops.take(rows, step, axis=0)  # (B, T, 6)
        alive = ops.take(valid, step, axis=0)  # (B, T)
        # Unused rows of `kept` are empty boxes, which overlap nothing.
        beaten = ops.any(_overlap(candidates, kept, iou_threshold, grouped), axis=-1)
        chosen = _suppress_within(candidates, ops.logical_and(alive, ops.logical_not(beaten)), iou_threshold, grouped)
        slot = number[:, None] + ops.cumsum(ops.cast(chosen, "int32"), axis=1) - 1  # (B, T)
        chosen = ops.logical_and(chosen, slot < max_output)
        place = ops.stack([image, ops.where(chosen, slot, max_output)], axis=-1)  # (B, T, 2)
        candidates = ops.where(chosen[..., None], candidates, 0.0)
        kept = ops.scatter_update(kept, ops.reshape(place, (-1, 2)), ops.reshape(candidates, (-1, 6)))
        return step + 1, kept, number + ops.sum(ops.cast(chosen, "int32"), axis=1)

    _, kept, number = ops.while_loop(more, one_tile, (ops.convert_to_tensor(0, "int32"), kept, number))
    used = ops.arange(max_output, dtype="int32")[None] < number[:, None]
    return ops.cast(kept[:, :max_output, 5] + 0.5, "int32"), used  # (B, M)


def _suppress_within(candidates, alive, iou_threshold, grouped):
    """Greedy NMS of one tile (B, T, 6), best first: which of those alive (B, T) are kept."""
    size = candidates.shape[1]
    order = ops.arange(size)
    better = order[:, None] < order[None, :]  # (T, T): the row's box comes before the column's
    beats = ops.logical_and(_overlap(candidates, candidates, iou_threshold, grouped), better)  # (B, T, T)

    def changing(kept, before):
        return ops.any(ops.not_equal(kept, before))

    def again(kept, before):
        return _survivors(kept, beats, alive), kept

    kept, _ = ops.while_loop(changing, again, (_survivors(alive, beats, alive), alive), maximum_iterations=size)
    return kept


def _survivors(kept, beats, alive):
    beaten = ops.any(ops.logical_and(kept[:, :, None], beats), axis=1)
    return ops.logical_and(alive, ops.logical_not(beaten))


def _overlap(rows1, rows2, iou_threshold, grouped):
    """Which pairs (of the same group) overlap by more than the threshold, (B, T, 6) and (B, M, 6) -> (B, T, M)."""
    overlap = box_ops.overlap(rows1[..., :4], rows2[..., :4], iou_threshold)
    if grouped:
        overlap = ops.logical_and(overlap, ops.equal(rows1[:, :, None, 4], rows2[:, None, :, 4]))
    return overlap


def _tiles(x, tiles, tile):
    """(B, tiles * T, ...) -> (tiles, B, T, ...)."""
    x = ops.reshape(x, (-1, tiles, tile) + tuple(x.shape[2:]))
    return ops.moveaxis(x, 1, 0)
