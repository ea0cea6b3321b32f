"""torchvision's and detectron2's weights, their numbers: every stage against the golden files (tests/golden/torch/).

Rows are matched, not compared by place: where two scores differ by less than rounding, they change places. At its end
the module prints the largest deviation of each stage, the table of mrcnn/README.md.
"""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.conventions import conventions_of
from mrcnn.data.anchors import anchors_for
from mrcnn.data.boxes import norm_boxes
from mrcnn.data.molding import mold
from mrcnn.data.pasting import full_masks, mask_crops
from mrcnn.data.unmolding import unmold
from mrcnn.network.class_detections import ClassDetectionLayer
from mrcnn.network.level_proposals import LevelProposalLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.roi_align import pyramid_roi_align, roi_levels
from tests.golden.torch import recipe_torch
from tests.support.golden import Deviations
from tests.support.torch_golden import PRESETS, Golden, golden_config, golden_model, of_ratios

STD = np.array([0.1, 0.1, 0.2, 0.2])
STAGES = {"C2": "res2c_out", "C3": "res3d_out", "C4": "res4f_out", "C5": "res5c_out"} | {
    f"P{level}": f"fpn_p{level}" for level in (2, 3, 4, 5, 6)
}
BOX_PX, SCORE, MASK_PIXELS = 0.05, 1e-3, 1e-3
TIES = (
    2e-3 if keras.backend.backend() == "jax" else 1e-3
)  # its convolutions round otherwise: of d2_3x 2 of 1000 are lost


@pytest.fixture(scope="module")
def deviations(request):
    found = Deviations()
    yield found
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n\nAgainst torchvision and detectron2, with {keras.backend.backend()}:\n{found.table()}\n")


@pytest.fixture(scope="module", params=PRESETS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def golden(kind):
    return Golden(kind)


@functools.cache
def config_of(kind):
    return golden_config(kind)


@pytest.fixture(scope="module")
def outputs(kind, golden, tmp_path_factory):
    """What the network with the golden weights makes of the golden image, by name; boxes in px of its input."""
    model = golden_model(kind, tmp_path_factory.mktemp(kind))
    molded, meta, window = mold(golden["image"], model.config)
    network = model.keras_model
    names = ("rpn_class_logits", *STAGES.values())
    wanted = [*network.outputs, *(network.get_layer(name).output for name in names)]
    values = keras.Model(network.inputs, wanted).predict_on_batch(model._network_inputs(molded[None], meta[None]))
    labels = ("detections", "probabilities", "deltas", "masks", "rois", "rpn_class", "rpn_bbox", *names)
    found = {name: np.asarray(value[0]) for name, value in zip(labels, values, strict=True)}
    shape, sides = golden["image"].shape, np.tile(molded.shape[:2], 2)
    conventions = conventions_of(model.config)
    unmolded = unmold(found["detections"], found["masks"], shape, molded.shape, window, conventions)
    found["detections"][:, :4] *= sides
    return found | {"rois": found["rois"] * sides, "unmolded": unmolded}


def nearest(boxes, expected, alike=True):
    """For each expected box the row of `boxes` that is nearest to it among those alike, and how far it is in px."""
    distance = np.where(alike, np.abs(boxes[None] - expected[:, None]).max(axis=2), np.inf)
    return distance.argmin(axis=1), distance.min(axis=1)


# --- stages alone -----------------------------------------------------------------------------------------------------


def test_images_of_all_sizes_are_molded(kind, golden, deviations):
    config = config_of(kind)
    molded, _, window = mold(golden["image"], config)
    assert (*window[2:], *molded.shape[:2]) == tuple(golden["size"])
    deviations.check("molded image", golden.thinned("molded", golden.image_as_molded(molded)), golden["molded"], 2e-5)
    cases = sorted(name for name in golden.arrays if name.startswith("resize/") and name.count("/") == 1)
    assert len(cases) > 3
    for name in cases:
        height, width, seed, low, high, *sizes = (int(n) for n in golden[name])
        image = recipe_torch.picture(height, width, seed)
        molded, _, window = mold(image, golden_config(kind, IMAGE_MIN_DIM=low, IMAGE_MAX_DIM=high))
        assert [*window[2:], *molded.shape[:2]] == sizes
        ours = golden.image_as_molded(molded)[::7, ::5]
        deviations.check("other images, molded", ours, golden[f"{name}/molded"], 2e-5)


def anchors_px(kind, golden):
    return anchors_for(config_of(kind), golden["size"][2:])


def test_anchors(kind, golden, deviations):
    ours = golden.thinned("anchors", of_ratios(anchors_px(kind, golden)))
    deviations.check("anchors", ours, golden["anchors"], 1e-6)


@pytest.mark.parametrize(("name", "std"), [("decoded_rpn", np.ones(4)), ("decoded_box", STD)])
def test_deltas_are_cut_and_applied(kind, golden, deviations, name, std):
    boxes, deltas = recipe_torch.test_deltas(int(golden["seed"]))
    deltas = deltas[:, [1, 0, 3, 2]] * std
    limit = conventions_of(config_of(kind)).delta_limit
    found = box_ops.decode(
        ops.convert_to_tensor(boxes[:, [1, 0, 3, 2]]), ops.convert_to_tensor(deltas, "float32"), limit
    )
    deviations.check("deltas applied", ops.convert_to_numpy(found), golden[name], 1e-6)


@pytest.mark.parametrize("bins", [7, 14])
def test_pooling(kind, golden, deviations, bins):
    height, width, padded_height, padded_width = (int(n) for n in golden["size"])
    boxes = recipe_torch.test_boxes(height, width, 200 + int(golden["seed"]))[:, [1, 0, 3, 2]]
    sides = [(padded_height // 2**level, padded_width // 2**level) for level in (2, 3, 4, 5)]
    maps = [recipe_torch.test_map(*side, 2, int(golden["map_seed"]) + i)[None] for i, side in enumerate(sides)]
    rois = norm_boxes(boxes, (padded_height, padded_width), 0)[None]
    pooling = conventions_of(config_of(kind)).pooling
    area = padded_height * padded_width
    levels = ops.convert_to_numpy(roi_levels(ops.convert_to_tensor(rois), area, pooling.level))[0]
    np.testing.assert_array_equal(levels, golden["test_levels"])
    maps = [ops.convert_to_tensor(m) for m in maps]
    pooled = pyramid_roi_align(maps, ops.convert_to_tensor(rois), area, (bins, bins), pooling=pooling)
    name = f"map_pool{bins}"
    deviations.check("pooling", golden.thinned(name, ops.convert_to_numpy(pooled)[0]), golden[name], 1e-5)


def test_proposals_of_their_logits(kind, golden, deviations):
    config, conventions = config_of(kind), conventions_of(config_of(kind))
    height, width = (int(n) for n in golden["size"][2:])
    logits = of_ratios(golden["rpn_logits"])
    deltas = of_ratios(golden["rpn_deltas"][:, [1, 0, 3, 2]] / STD)
    anchors = norm_boxes(anchors_px(kind, golden), (height, width), 0)
    maps = [np.zeros((1, -(-height // stride), -(-width // stride), 1)) for stride in config.BACKBONE_STRIDES]
    layer = LevelProposalLayer(
        anchors_in_cell=3,
        anchor_stride=1,
        least_side_px=conventions.least_proposal_px,
        delta_limit=conventions.delta_limit,
        proposal_count=1000,
        nms_threshold=0.7,
        pre_nms_limit=1000,
        bbox_std_dev=STD,
    )
    window = norm_boxes(np.array([0, 0, *golden["size"][:2]]), (height, width), 0)
    inputs = [
        np.stack([0 * logits, logits], axis=-1)[None],
        deltas[None],
        anchors[None],
        np.zeros((1, height, width, 3)),
    ]
    found = layer([ops.convert_to_tensor(x, "float32") for x in [*inputs, *maps]], window=window[None])
    check_proposals(ops.convert_to_numpy(found["rois"])[0] * ([height, width] * 2), golden, "their logits", deviations)


def test_detections_of_few_rois(kind, golden, deviations):
    config, conventions = config_of(kind), conventions_of(config_of(kind))
    height, width = (int(n) for n in golden["size"][2:])
    sides = np.array([height, width] * 2)
    logits, deltas = golden["class_logits"][::4], golden["box_deltas"][::4][..., [1, 0, 3, 2]]
    deltas = deltas.reshape(16, -1, 4)
    if not golden.torchvision:  # background is last, and has no deltas
        logits, deltas = np.roll(logits, 1, axis=1), np.concatenate([np.zeros_like(deltas[:, :1]), deltas], axis=1)
    layer = ClassDetectionLayer(
        least_side_px=conventions.least_detection_px,
        delta_limit=conventions.delta_limit,
        max_instances=100,
        min_confidence=config.DETECTION_MIN_CONFIDENCE,
        nms_threshold=config.DETECTION_NMS_THRESHOLD,
        bbox_std_dev=STD,
    )
    rois = golden["proposals"][golden["some"][::4]] / sides
    window = np.array([0, 0, *golden["size"][:2]]) / sides
    probabilities = ops.softmax(ops.convert_to_tensor(logits[None], "float32"))
    others = [deltas[None], window[None], np.zeros((1, height, width, 3))]
    deltas, window, image = (ops.convert_to_tensor(x, "float32") for x in others)
    rois = ops.convert_to_tensor(rois[None], "float32")
    found = ops.convert_to_numpy(layer([rois, ops.ones((1, 16), "bool"), probabilities, deltas, window, image]))[0]
    found[:, :4] *= sides
    assert (found[:, 4] > 0).sum() == len(golden["some_det_scores"])
    check_detections(found, golden, "some_det", deviations)


def test_masks_in_the_image(kind, golden, deviations):
    shape = golden["image"].shape[:2]
    masks = golden["det_masks"][golden["final_rows"]].astype(np.float32)
    crops, corners = mask_crops(masks, golden["final_boxes"], shape, conventions_of(config_of(kind)).pasting)
    wrong = np.moveaxis(full_masks(crops, corners, shape), 2, 0) != golden.final_masks()
    deviations.add("mask pixels, of their masks", wrong.sum(), golden.final_masks().sum(), MASK_PIXELS)


# --- the network from the image on ------------------------------------------------------------------------------------


def test_maps(outputs, golden, deviations):
    for name, layer in STAGES.items():
        ours = golden.thinned(name, outputs[layer])
        stage = "C2 to C5" if name[0] == "C" else "P2 to P6"
        deviations.check(stage, ours, golden[name], 2e-4)


def test_region_proposal_network(outputs, golden, deviations):
    logits = outputs["rpn_class_logits"][:, 1] - outputs["rpn_class_logits"][:, 0]
    deviations.check("RPN logits", of_ratios(logits), golden["rpn_logits"], 2e-4)
    deltas = of_ratios(outputs["rpn_bbox"] * STD)[:, [1, 0, 3, 2]]
    deviations.check("RPN deltas", deltas, golden["rpn_deltas"], 2e-4)


def test_proposals(outputs, golden, deviations):
    check_proposals(outputs["rois"], golden, "end to end", deviations)


def test_detections(outputs, golden, deviations):
    check_detections(outputs["detections"], golden, "det", deviations)


def test_boxes_and_masks_of_the_image(outputs, golden, deviations):
    found = outputs["unmolded"]
    labels = golden.labels("det_labels")[golden["final_rows"]]
    rows, distance = nearest(found.boxes, golden["final_boxes"], labels[:, None] == found.class_ids)
    deviations.add("boxes in the image, px", distance.max(), 1, BOX_PX)
    masks = np.moveaxis(full_masks(found.crops, found.corners, golden["image"].shape), 2, 0)
    wrong = masks[rows] != golden.final_masks()
    deviations.add("mask pixels, end to end", wrong.sum(), golden.final_masks().sum(), MASK_PIXELS)


def check_proposals(rois, golden, which, deviations):
    real = rois[rois.any(axis=1)]
    expected = golden["proposals"]
    assert abs(len(real) - len(expected)) <= TIES * len(expected)
    distance = nearest(real, expected)[1]
    lost = distance > BOX_PX
    deviations.add(f"proposals lost, {which}", lost.sum(), len(expected), TIES)
    deviations.add(f"proposals, {which}, px", distance[~lost].max(), 1, BOX_PX)


def check_detections(rows, golden, name, deviations):
    boxes, scores, labels = golden[f"{name}_boxes"], golden[f"{name}_scores"], golden.labels(f"{name}_labels")
    found, distance = nearest(rows[:, :4], boxes, labels[:, None] == rows[:, 4])
    which = "of few ROIs" if name == "some_det" else "end to end"
    deviations.add(f"detections, {which}, px", distance.max(), 1, BOX_PX)
    deviations.add(f"scores, {which}", np.abs(rows[found, 5] - scores).max(), 1, SCORE)
