"""Endless batches in the arrays of the old package, for code that reads them. The engine itself trains from
`mrcnn.data.loader`, which makes no targets on the CPU."""

import numpy as np

from mrcnn.data.anchors import anchors_for
from mrcnn.data.molding import load_image_gt, mold_image
from mrcnn.data.targets import build_detection_targets, build_rpn_targets, generate_random_rois


def data_generator(
    dataset,
    config,
    shuffle=True,
    augment=False,
    augmentation=None,
    random_rois=0,
    batch_size=1,
    detection_targets=False,
    no_augmentation_sources=None,
    rng=None,
):
    """Yield (inputs, outputs) for ever, B = batch_size images at a time; images without objects are left out.

    augment, augmentation: as in `load_image_gt`; not for images of the sources in `no_augmentation_sources`.
    random_rois: make so many ROIs an image in place of proposals; with detection_targets also the heads' targets.
    rng: np.random.Generator for every random choice; None: numpy's global state.

    inputs: images (B, H, W, C) float32 molded; image metas (B, 12 + K); rpn_match (B, A, 1); rpn_bbox (B, anchors that
    count, 4); gt_class_ids (B, MAX_GT_INSTANCES); gt_boxes (B, MAX_GT_INSTANCES, 4) px; gt_masks (B, h, w,
    MAX_GT_INSTANCES); then with random_rois: rois (B, random_rois, 4) px; then with detection_targets: sampled rois
    (B, R, 4). outputs: empty, or with detection_targets: class ids (B, R, 1), deltas (B, R, K, 4), masks
    (B, R, 28, 28, K).
    Raises ValueError that names the image for one that cannot be used, and if no image has an object.
    """
    anchors = anchors_for(config, config.IMAGE_SHAPE)
    samples = []
    idle = 0
    for image_id in _endless_ids(dataset, shuffle, rng):
        spared = dataset.image_info[image_id]["source"] in (no_augmentation_sources or ())
        loaded = load_image_gt(
            dataset,
            config,
            image_id,
            augment=augment,
            augmentation=None if spared else augmentation,
            use_mini_mask=config.USE_MINI_MASK,
            rng=rng,
        )
        idle = 0 if np.any(loaded[2] > 0) else idle + 1
        if idle:
            if idle >= dataset.num_images:
                raise ValueError("data_generator: no image of the data set has an object; check load_mask.")
            continue
        samples.append(_sample(loaded, anchors, config, random_rois, detection_targets, rng))
        if len(samples) == batch_size:
            inputs, outputs = zip(*samples, strict=True)
            samples = []
            yield _stack(inputs), _stack(outputs)


def _endless_ids(dataset, shuffle, rng):
    """The image ids, pass after pass, each in a new order if shuffled."""
    image_ids = np.copy(dataset.image_ids)
    if len(image_ids) == 0:
        raise ValueError("data_generator: the data set has no images; was prepare() called?")
    while True:
        if shuffle:
            (np.random if rng is None else rng).shuffle(image_ids)
        yield from image_ids


def _sample(loaded, anchors, config, random_rois, detection_targets, rng):
    """The inputs and the outputs of one image, as lists of arrays without the batch axis."""
    image, image_meta, class_ids, boxes, masks = loaded
    rpn_match, rpn_bbox = build_rpn_targets(image.shape, anchors, class_ids, boxes, config, rng)
    roi_inputs, outputs = [], []
    if random_rois:
        rois = generate_random_rois(image.shape, random_rois, class_ids, boxes, rng)
        roi_inputs.append(rois)
        if detection_targets:
            sampled, *outputs = build_detection_targets(rois, class_ids, boxes, masks, config, rng)
            roi_inputs.append(sampled)
            outputs[0] = outputs[0][:, np.newaxis]
    if len(boxes) > config.MAX_GT_INSTANCES:
        chosen = (np.random if rng is None else rng).choice(len(boxes), config.MAX_GT_INSTANCES, replace=False)
        class_ids, boxes, masks = class_ids[chosen], boxes[chosen], masks[:, :, chosen]
    slots = (0, config.MAX_GT_INSTANCES - len(boxes))
    inputs = [
        mold_image(image, config),
        image_meta,
        rpn_match[:, np.newaxis],
        rpn_bbox,
        np.pad(class_ids, slots),
        np.pad(boxes, (slots, (0, 0))),
        np.pad(masks, ((0, 0), (0, 0), slots)),
    ]
    return inputs + roi_inputs, outputs


def _stack(samples):
    """Lists of arrays, one an image -> a list of arrays with the batch axis in front."""
    return [np.stack(parts) for parts in zip(*samples, strict=True)]
