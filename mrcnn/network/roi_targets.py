"""What the heads should say: a sample of the ROIs, each with its class, its deltas and its mask.

Shapes: B images, R ROIs, G truth slots, T sampled ROIs of which the first P slots are for objects; boxes normalised.
"""

import keras
from keras import ops

from mrcnn.network.precision import ExactLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import replicas, sampling
from mrcnn.ops.roi_align import crop_and_resize

POSITIVE_IOU = 0.5
CROWD_IOU = 0.001


@keras.saving.register_keras_serializable("mrcnn")
class DetectionTargetLayer(ExactLayer):
    """Samples ROIs for the heads' losses.

    sample: T, ROIs an image.  positive_ratio: share of objects among them.  bbox_std_dev: the four factors of the
    deltas.  mask_shape: (height, width) of the mask targets, or None for no masks.  mini_mask: whether the truth masks
    are cut to their boxes.

    Call with [rois (B, R, 4), roi_valid (B, R), gt_class_ids (B, G), gt_boxes (B, G, 4), gt_valid (B, G), and gt_masks
    (B, G, h, w) unless mask_shape is None]; crowds have negative class ids. Returns a dict: `rois` (B, T, 4), `valid`
    (B, T), `class_ids` (B, T), for the first P slots `deltas` (B, P, 4), `masks` (B, P, *mask_shape) and
    `positive_valid` (B, P). As in the old engine, background ROIs are as many as the ratio leaves room for beside the
    objects found; an image in which no ROI hits an object (an empty one, say) fills all the room with background.
    """

    def __init__(self, *, sample, positive_ratio, bbox_std_dev, mask_shape, mini_mask, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.sample = sample
        self.positive_ratio = positive_ratio
        self.positive_slots = int(sample * positive_ratio)
        self.bbox_std_dev = [float(s) for s in bbox_std_dev]
        self.mask_shape = mask_shape and tuple(mask_shape)
        self.mini_mask = mini_mask
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        rois, roi_valid, gt_class_ids, gt_boxes, gt_valid = inputs[:5]
        rois = ops.stop_gradient(rois)
        positive, slot, background = self._match(rois, roi_valid, gt_class_ids, gt_boxes, gt_valid)
        noise = replicas.uniform(ops.shape(positive), self.generator)
        slots = min(self.positive_slots, rois.shape[1])
        index, valid = sampling.choose(positive, noise, slots)
        room = min(self.sample - self.positive_slots, rois.shape[1])
        negative_index, negative_valid = sampling.choose(background, noise, room)
        negative_valid = ops.logical_and(negative_valid, self._wanted(valid, room))

        boxes = pad(_where(valid, sampling.gather(rois, index)), self.positive_slots)  # (B, P, 4)
        truth = sampling.gather(slot, index)
        class_ids = pad(_where(valid, sampling.gather(gt_class_ids, truth)), self.positive_slots)
        deltas = pad(self._deltas(boxes[:, :slots], sampling.gather(gt_boxes, truth), valid), self.positive_slots)
        others = pad(_where(negative_valid, sampling.gather(rois, negative_index)), self.sample - self.positive_slots)
        targets = {
            "rois": ops.concatenate([boxes, others], axis=1),
            "class_ids": pad(class_ids, self.sample),
            "deltas": deltas,
        }
        if self.mask_shape:
            targets["masks"] = pad(
                self._masks(boxes[:, :slots], truth, valid, gt_boxes, inputs[5]), self.positive_slots
            )
        targets["positive_valid"] = pad(valid, self.positive_slots)
        targets["valid"] = ops.concatenate(
            [targets["positive_valid"], pad(negative_valid, self.sample - self.positive_slots)], axis=1
        )
        return targets

    def _match(self, rois, roi_valid, gt_class_ids, gt_boxes, gt_valid):
        """Which ROIs are objects (B, R), of which ground-truth slot (B, R), and which are background (B, R)."""
        iou = box_ops.iou(rois, gt_boxes)  # (B, R, G)
        crowd = gt_class_ids < 0
        in_crowd = ops.any(ops.logical_and(iou >= CROWD_IOU, crowd[:, None]), axis=2)
        real = ops.logical_and(gt_valid, ops.logical_not(crowd))[:, None]
        iou = ops.where(real, iou, -1.0)
        best, slot = ops.max(iou, axis=2), ops.cast(ops.argmax(iou, axis=2), "int32")
        positive = ops.logical_and(roi_valid, best >= POSITIVE_IOU)
        background = ops.logical_and(roi_valid, ops.logical_and(best < POSITIVE_IOU, ops.logical_not(in_crowd)))
        return positive, slot, background

    def _wanted(self, positive_valid, room):
        """Which of the `room` background slots (B, room) the ratio allows beside the objects found."""
        found = ops.sum(ops.cast(positive_valid, "int32"), axis=1, keepdims=True)  # (B, 1)
        beside = ops.cast(ops.cast(found, "float32") * (1.0 / self.positive_ratio), "int32") - found
        wanted = ops.where(found > 0, beside, room)
        return ops.arange(room, dtype="int32")[None] < wanted

    def _deltas(self, boxes, truth, valid):
        usable = ops.logical_and(valid, box_ops.area(truth) > 0.0)[..., None]
        unit = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0], "float32")
        deltas = box_ops.encode(ops.where(usable, boxes, unit), ops.where(usable, truth, unit))
        return deltas / ops.convert_to_tensor(self.bbox_std_dev, "float32")

    def _masks(self, boxes, truth, valid, gt_boxes, gt_masks):
        """Binary mask targets (B, S, h, w): the ground-truth mask, cut to the ROI."""
        masks = sampling.gather(gt_masks, truth)  # (B, S, h, w)
        if self.mini_mask:  # the ROI in the coordinates of its ground-truth box
            y1, x1, y2, x2 = ops.unstack(sampling.gather(gt_boxes, truth), 4, axis=-1)
            height, width = ops.maximum(y2 - y1, 1e-8), ops.maximum(x2 - x1, 1e-8)
            origin = ops.stack([y1, x1, y1, x1], axis=-1)
            boxes = (boxes - origin) / ops.stack([height, width, height, width], axis=-1)
        size = masks.shape[2:]
        slots = boxes.shape[1]
        crops = crop_and_resize(ops.reshape(masks, (-1, *size)), ops.reshape(boxes, (-1, 4)), self.mask_shape)
        crops = ops.reshape(crops, (-1, slots, *self.mask_shape))
        return _where(valid, ops.round(crops))

    def get_config(self):
        return super().get_config() | {
            "sample": self.sample,
            "positive_ratio": self.positive_ratio,
            "bbox_std_dev": self.bbox_std_dev,
            "mask_shape": self.mask_shape,
            "mini_mask": self.mini_mask,
        }


def _where(valid, values):
    """`values` (B, S, ...) with 0 where not valid (B, S)."""
    valid = ops.reshape(valid, ops.shape(valid) + (1,) * (len(values.shape) - 2))
    return ops.where(valid, values, ops.zeros_like(values))


def pad(values, slots):
    """`values` (B, S, ...) with zeros up to `slots` on axis 1."""
    extra = slots - values.shape[1]
    if not extra:
        return values
    padding = [[0, 0], [0, extra]] + [[0, 0]] * (len(values.shape) - 2)
    if values.dtype == "bool":
        return ops.cast(ops.pad(ops.cast(values, "int32"), padding), "bool")
    return ops.pad(values, padding)
