"""The package used as the samples and notebooks of the old one use it: the same calls, small data, a narrow network."""
# Old code joins paths with os.path, and so do these tests.
# ruff: noqa: PTH118, PTH119, PTH120, PTH123, PTH208

import datetime
import json
import os
import random

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
from imgaug import augmenters as iaa

import mrcnn.model as modellib
from mrcnn import utils, visualize
from mrcnn.model import log
from tests.support.old_style_data import (
    BalloonDataset,
    InferenceConfig,
    NucleusDataset,
    ShapesConfig,
    shapes,
    write_balloons,
    write_nuclei,
)


@pytest.fixture(autouse=True)
def seeds_and_figures():
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002 (what old code did)
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder of runs with one run of one epoch of the heads, and its model."""
    folder = tmp_path_factory.mktemp("logs")
    train, val = shapes(6, 1), shapes(2, 2)
    config = ShapesConfig()
    config.display()
    model = modellib.MaskRCNN(mode="training", config=config, model_dir=str(folder))
    assert model.epoch == 0
    model.train(train, val, learning_rate=config.LEARNING_RATE, epochs=1, layers="heads")
    assert model.train(train, val, learning_rate=config.LEARNING_RATE / 10, epochs=1, layers="all") is None
    assert model.epoch == 1
    model.keras_model.save_weights(os.path.join(folder, "mask_rcnn_shapes.h5"))
    return str(folder), model


@pytest.fixture(scope="module")
def detector(run):
    model = modellib.MaskRCNN(mode="inference", config=InferenceConfig(), model_dir=run[0])
    model.load_weights(model.find_last(), by_name=True)
    return model


# --- train_shapes ----------------------------------------------------------------------------------------------------


def test_runs_are_named_as_before(run):
    folder, model = run
    day = datetime.datetime.now().strftime("%Y")
    assert os.path.basename(model.log_dir).startswith("shapes" + day)
    assert [f for f in os.listdir(model.log_dir) if f.endswith(".h5")] == ["mask_rcnn_shapes_0001.h5"]
    assert model.find_last() == os.path.join(model.log_dir, "mask_rcnn_shapes_0001.h5")
    assert model.config.BATCH_SIZE == 2
    assert list(model.config.IMAGE_SHAPE) == [64, 64, 3]


def test_weights_saved_by_the_keras_model_are_those_of_the_checkpoint(run, detector):
    folder, trained = run
    again = modellib.MaskRCNN("inference", InferenceConfig(), folder)
    report = again.load_weights(os.path.join(folder, "mask_rcnn_shapes.h5"), by_name=True)
    assert report.complete
    for mine, its in zip(again.keras_model.get_weights(), detector.keras_model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    again.keras_model.load_weights(trained.find_last(), by_name=True)  # the call of some forks


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 itself, on numpy 2
def test_keras_callbacks_save_in_its_own_format(run):
    folder, trained = run
    keras_file = os.path.join(folder, "state.weights.h5")
    trained.keras_model.save_weights(keras_file)
    trained.keras_model.load_weights(keras_file)


def test_shapes_notebook(detector, capsys):
    dataset, config = shapes(3, 4), InferenceConfig()
    for image_id in np.random.choice(dataset.image_ids, 2):  # noqa: NPY002
        mask, class_ids = dataset.load_mask(image_id)
        visualize.display_top_masks(dataset.load_image(image_id), mask, class_ids, dataset.class_names)
    image_id = random.choice(dataset.image_ids)
    original_image, image_meta, gt_class_id, gt_bbox, gt_mask = modellib.load_image_gt(
        dataset, config, image_id, use_mini_mask=False
    )
    log("original_image", original_image)
    log("image_meta", image_meta)
    log("gt_bbox", gt_bbox)
    assert "original_image           shape: (64, 64, 3)" in capsys.readouterr().out
    visualize.display_instances(original_image, gt_bbox, gt_mask, gt_class_id, dataset.class_names, figsize=(4, 4))
    r = detector.detect([original_image], verbose=1)[0]
    _, ax = plt.subplots(1, 1, figsize=(4, 4))
    visualize.display_instances(
        original_image, r["rois"], r["masks"], r["class_ids"], dataset.class_names, r["scores"], ax=ax
    )
    AP, precisions, recalls, overlaps = utils.compute_ap(
        gt_bbox, gt_class_id, gt_mask, r["rois"], r["class_ids"], r["scores"], r["masks"]
    )
    assert 0 <= AP <= 1
    assert overlaps.shape == (len(r["scores"]), len(gt_class_id))
    visualize.plot_precision_recall(AP, precisions, recalls)
    visualize.plot_overlaps(gt_class_id, r["class_ids"], r["scores"], overlaps, dataset.class_names)
    visualize.display_differences(
        original_image, gt_bbox, gt_class_id, gt_mask, r["rois"], r["class_ids"], r["scores"], r["masks"],
        dataset.class_names, ax=ax, show_box=False, show_mask=False, iou_threshold=0.5, score_threshold=0.5,
    )  # fmt: skip


# --- balloon ---------------------------------------------------------------------------------------------------------


class BalloonConfig(ShapesConfig):
    NAME = "balloon"
    NUM_CLASSES = 1 + 1
    DETECTION_MIN_CONFIDENCE = 0.9


@pytest.mark.parametrize("via_version", [1, 2])
def test_balloon_data(tmp_path, via_version):
    write_balloons(tmp_path / "train", via_version)
    dataset = BalloonDataset()
    dataset.load_balloon(str(tmp_path), "train")
    dataset.prepare()
    assert dataset.class_names == ["BG", "balloon"]
    assert dataset.source_image_link(0) == dataset.image_reference(0) == str(tmp_path / "train" / "one.jpg")
    image, meta, class_ids, bbox, mask = modellib.load_image_gt(dataset, BalloonConfig(), 0)
    assert class_ids.tolist() == [1, 1]
    assert mask.shape == (64, 64, 2)
    np.testing.assert_array_equal(bbox, utils.extract_bboxes(mask))


def test_balloon_starts_from_other_classes_and_splashes_colour(run, tmp_path):
    folder, trained = run
    weights = trained.find_last()
    model = modellib.MaskRCNN(mode="training", config=BalloonConfig(), model_dir=str(tmp_path))
    heads = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]
    report = model.load_weights(weights, by_name=True, exclude=heads)
    assert set(report.skipped) == {"mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask"}
    assert model.epoch == 1  # as before: counted on from a run's file

    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60, 2), bool)
    mask[5:10, 5:10, 0] = True
    splash = np.where(np.sum(mask, -1, keepdims=True) >= 1, image, 255 - image).astype(np.uint8)
    assert splash[7, 7, 0] == 0 and splash[20, 20, 0] == 255


# --- nucleus ---------------------------------------------------------------------------------------------------------


class NucleusConfig(ShapesConfig):
    NAME = "nucleus"
    NUM_CLASSES = 1 + 1
    IMAGE_RESIZE_MODE = "crop"
    IMAGE_MIN_SCALE = 2.0
    MEAN_PIXEL = np.array([43.53, 39.56, 48.22])
    MINI_MASK_SHAPE = (28, 28)
    STEPS_PER_EPOCH = 6 // ShapesConfig.IMAGES_PER_GPU


class NucleusInferenceConfig(NucleusConfig):
    IMAGES_PER_GPU = 1
    IMAGE_RESIZE_MODE = "pad64"
    RPN_NMS_THRESHOLD = 0.7


def test_nucleus_data_with_imgaug(tmp_path):
    write_nuclei(tmp_path / "stage1_train")
    dataset = NucleusDataset()
    dataset.load_nucleus(str(tmp_path), "stage1_train")
    dataset.prepare()
    config = NucleusConfig()
    assert config.STEPS_PER_EPOCH == 3
    turned = iaa.OneOf([iaa.Affine(rotate=angle) for angle in (90, 180, 270)])
    some = iaa.SomeOf((0, 2), [iaa.Fliplr(0.5), iaa.Flipud(0.5), turned, iaa.Multiply((0.8, 1.5)), iaa.GaussianBlur(5)])
    image, _, class_ids, _, masks = modellib.load_image_gt(dataset, config, 0, augmentation=some)
    assert image.shape == (64, 64, 3) and masks.shape[:2] == (64, 64) and len(class_ids) == masks.shape[2] > 0
    config.IMAGE_RESIZE_MODE = "none"
    plain = modellib.load_image_gt(dataset, config, 0)
    flipped = modellib.load_image_gt(dataset, config, 0, augmentation=iaa.Fliplr(1.0))
    np.testing.assert_array_equal(flipped[0], plain[0][:, ::-1])
    np.testing.assert_array_equal(flipped[4], plain[4][:, ::-1])


def test_nucleus_detection_in_images_of_any_size(tmp_path):
    write_nuclei(tmp_path / "stage1_test")
    dataset = NucleusDataset()
    dataset.load_nucleus(str(tmp_path), "stage1_test")
    dataset.prepare()
    model = modellib.MaskRCNN(mode="inference", config=NucleusInferenceConfig(), model_dir=str(tmp_path))
    submission = []
    for image_id in dataset.image_ids:
        image = dataset.load_image(image_id)
        r = model.detect([image], verbose=0)[0]
        assert r["masks"].shape[:2] == image.shape[:2] == ((30, 44), (50, 36))[image_id]
        order = np.argsort(r["scores"])[::-1] + 1
        assert len(order) == r["masks"].shape[-1] == len(r["rois"])
        source_id = dataset.image_info[image_id]["id"]
        visualize.display_instances(
            image, r["rois"], r["masks"], r["class_ids"], dataset.class_names, r["scores"],
            show_bbox=False, show_mask=False, title="Predictions",
        )  # fmt: skip
        plt.savefig(tmp_path / f"{source_id}.png")
        submission.append(source_id)
    assert submission == ["aa", "bb"]


# --- coco, demo ------------------------------------------------------------------------------------------------------


def test_coco_evaluation_loop(detector):
    from pycocotools import mask as maskUtils

    dataset = shapes(2, 5)
    results = []
    for image_id in dataset.image_ids:
        image = dataset.load_image(image_id)
        r = detector.detect([image], verbose=0)[0]
        masks = r["masks"].astype(np.uint8)
        for i in range(r["rois"].shape[0]):
            results.append(
                {
                    "image_id": dataset.image_info[image_id]["id"],
                    "category_id": dataset.get_source_class_id(r["class_ids"][i], "shapes"),
                    "bbox": [
                        r["rois"][i][1],
                        r["rois"][i][0],
                        r["rois"][i][3] - r["rois"][i][1],
                        r["rois"][i][2] - r["rois"][i][0],
                    ],
                    "score": r["scores"][i],
                    "segmentation": maskUtils.encode(np.asfortranarray(masks[:, :, i])),
                }
            )
    assert results
    for result in results:
        y1_x1 = result["bbox"][:2]
        inside = maskUtils.toBbox(result["segmentation"])
        assert not inside[2] or (inside[:2] >= np.array(y1_x1) - 1e-6).all()


def test_demo(detector):
    class_names = ["BG", "square", "circle", "triangle"]
    image = cv2.resize(shapes(1, 6).load_image(0), (90, 70))
    results = detector.detect([image], verbose=1)
    r = results[0]
    assert r["rois"].dtype == np.int32 and r["masks"].shape == (70, 90, len(r["rois"]))
    visualize.display_instances(image, r["rois"], r["masks"], r["class_ids"], class_names, r["scores"])
    json.dumps({"class_ids": r["class_ids"].tolist(), "scores": r["scores"].tolist()})


# --- inspect_data, inspect_model, inspect_weights --------------------------------------------------------------------


def test_inspect_data():
    dataset, config = shapes(4, 7), ShapesConfig()
    assert [info["name"] for info in dataset.class_info] == ["BG", "square", "circle", "triangle"]
    image, (mask, class_ids) = dataset.load_image(0), dataset.load_mask(0)
    bbox = utils.extract_bboxes(mask)
    visualize.display_instances(image, bbox, mask, class_ids, dataset.class_names)
    resized, window, scale, padding, _ = utils.resize_image(
        image, min_dim=config.IMAGE_MIN_DIM, max_dim=config.IMAGE_MAX_DIM, mode=config.IMAGE_RESIZE_MODE
    )
    assert utils.resize_mask(mask, scale, padding).shape[:2] == resized.shape[:2]
    image, meta, class_ids, bbox, mini = modellib.load_image_gt(dataset, config, 0, augment=True, use_mini_mask=True)
    visualize.display_images([image] + [mini[:, :, i] for i in range(min(mini.shape[-1], 7))])
    mask = utils.expand_mask(bbox, mini, image.shape)
    assert mask.shape == image.shape[:2] + (len(class_ids),)

    shapes_of_maps = modellib.compute_backbone_shapes(config, config.IMAGE_SHAPE)
    anchors = utils.generate_pyramid_anchors(
        config.RPN_ANCHOR_SCALES, config.RPN_ANCHOR_RATIOS, shapes_of_maps, config.BACKBONE_STRIDES,
        config.RPN_ANCHOR_STRIDE,
    )  # fmt: skip
    g = modellib.data_generator(dataset, config, shuffle=True, random_rois=4, batch_size=4, detection_targets=True)
    [images, metas, match, rpn_bbox, gt_ids, gt_boxes, gt_masks, rpn_rois, rois], [ids, deltas, masks] = next(g)
    assert images.shape == (4, 64, 64, 3) and match.shape == (4, len(anchors), 1)
    positive = np.where(match[0] == 1)[0]
    refined = utils.apply_box_deltas(anchors[positive], rpn_bbox[0, : len(positive)] * config.RPN_BBOX_STD_DEV)
    sample = modellib.unmold_image(images[0], config)
    assert sample.dtype == np.uint8
    visualize.draw_boxes(sample, boxes=anchors[positive], refined_boxes=refined)
    of_class = ids[0, :, 0]
    rows = np.arange(len(of_class))
    refined = utils.apply_box_deltas(rois[0].astype(np.float32), deltas[0, rows, of_class] * config.BBOX_STD_DEV)
    visualize.draw_rois(sample, rois[0], refined, masks[0, rows, :, :, of_class], of_class, dataset.class_names)
    assert dataset.image_reference(int(metas[0, 0])) == dataset.image_info[int(metas[0, 0])]["shapes"]


def test_inspect_model(detector):
    dataset, model = shapes(2, 8), detector
    config = model.config
    image, image_meta, gt_class_id, gt_bbox, gt_mask = modellib.load_image_gt(dataset, config, 0, use_mini_mask=False)
    r = model.detect_molded(np.expand_dims(image, 0), np.expand_dims(image_meta, 0), verbose=1)[0]
    assert r["masks"].shape[:2] == image.shape[:2]
    match, deltas = modellib.build_rpn_targets(image.shape, model.anchors, gt_class_id, gt_bbox, model.config)
    positive = np.where(match[:] == 1)[0]
    moved = utils.apply_box_deltas(model.anchors[positive], deltas[: len(positive)] * config.RPN_BBOX_STD_DEV)
    assert utils.compute_overlaps(moved, gt_bbox).max(axis=0).min() > 0.95

    pillar = model.keras_model.get_layer("ROI").output
    nms_node = model.ancestor(pillar, "ROI/rpn_non_max_suppression:0")
    if nms_node is None:
        nms_node = model.ancestor(pillar, "ROI/rpn_non_max_suppression/NonMaxSuppressionV3:0")
    rpn = model.run_graph(
        [image],
        [
            ("rpn_class", model.keras_model.get_layer("rpn_class").output),
            ("pre_nms_anchors", model.ancestor(pillar, "ROI/pre_nms_anchors:0")),
            ("refined_anchors", model.ancestor(pillar, "ROI/refined_anchors:0")),
            ("refined_anchors_clipped", model.ancestor(pillar, "ROI/refined_anchors_clipped:0")),
            ("post_nms_anchor_ix", nms_node),
            ("proposals", model.keras_model.get_layer("ROI").output),
        ],
    )
    best = np.argsort(rpn["rpn_class"][:, :, 1].flatten())[::-1]
    visualize.draw_boxes(image, boxes=model.anchors[best[:20]])
    ixs = rpn["post_nms_anchor_ix"][:10]
    kept = utils.denorm_boxes(rpn["refined_anchors_clipped"][0, ixs], image.shape[:2])
    visualize.draw_boxes(image, refined_boxes=kept)
    np.testing.assert_allclose(rpn["proposals"][0, :3], rpn["refined_anchors_clipped"][0, ixs[:3]])

    layer = model.keras_model.get_layer
    names = ["mrcnn_class", "mrcnn_bbox", "mrcnn_mask", "mrcnn_detection"]
    found = model.run_graph([image], [("proposals", layer("ROI").output), *((n, layer(n).output) for n in names)])
    det_class_ids = found["mrcnn_detection"][0, :, 4].astype(np.int32)
    det_class_ids = det_class_ids[det_class_ids > 0]
    boxes = utils.denorm_boxes(found["mrcnn_detection"][0, : len(det_class_ids), :4], image.shape[:2])
    masks = np.array([found["mrcnn_mask"][0, i, :, :, c] for i, c in enumerate(det_class_ids)])
    full = np.array([utils.unmold_mask(m, boxes[i], image.shape) for i, m in enumerate(masks)])
    assert full.shape == (len(det_class_ids), *image.shape[:2])
    rois = utils.denorm_boxes(found["proposals"][0], image.shape[:2])
    class_ids = np.argmax(found["mrcnn_class"][0], axis=1)
    specific = found["mrcnn_bbox"][0, np.arange(len(rois)), class_ids]
    real = utils.trim_zeros(found["proposals"][0])
    refined = utils.apply_box_deltas(rois[: len(real)], specific[: len(real)] * config.BBOX_STD_DEV).astype(np.int32)
    assert len(utils.non_max_suppression(refined, np.arange(len(refined)), 0.3)) >= 1

    activations = model.run_graph(
        [image],
        [
            ("input_image", layer("input_image").output),
            ("res4b_out", layer("res4b_out").output),
            ("rpn_bbox", layer("rpn_bbox").output),
        ],
    )
    assert modellib.unmold_image(activations["input_image"][0], config).shape == image.shape
    visualize.display_images(np.transpose(activations["res4b_out"][0, :, :, :4], [2, 0, 1]), cols=4)
    every = model.run_graph(image[np.newaxis], image_metas=image_meta[np.newaxis])
    assert {"res2", "fpn_p2", "rpn_class", "kept", "ROI", "roi_levels", "mrcnn_mask"} <= every.keys()
    assert set(np.unique(every["roi_levels"])) <= {2, 3, 4, 5}
    assert model.ancestor(pillar, "no such thing") is None
    assert model.ancestor(pillar, "no such thing/Relu:0") is None
    assert model.ancestor(pillar, "res4b_out/Relu:0") is layer("res4b_out").output
    inner = ("mrcnn_class_conv1", "pool_squeeze", "mrcnn_class_logits", "mrcnn_bbox_fc", "roi_align_mask")
    names = (*inner, "mrcnn_mask_conv1", "mrcnn_mask_deconv")
    values = model.run_graph([image, image[::-1]], [(name, layer(name).output) for name in names])
    rois, slots = config.POST_NMS_ROIS_INFERENCE, config.DETECTION_MAX_INSTANCES
    for name, value in values.items():
        assert value.shape[:2] == (2, rois if name in inner[:4] else slots), name
    alone = model.run_graph([image[::-1]], [("logits", layer("mrcnn_class_logits").output)])["logits"]
    np.testing.assert_allclose(values["mrcnn_class_logits"][1], alone[0], rtol=1e-3, atol=1e-4)


def test_inspect_weights(detector, capsys):
    visualize.display_weight_stats(detector)
    assert visualize.utils is modellib.utils is utils
    layers = [layer for layer in detector.get_trainable_layers() if layer.__class__.__name__ in ["Conv2D"]]
    assert {"conv1", "rpn_conv_shared", "fpn_p2"} <= {layer.name for layer in layers}
    for layer in layers:
        weights, tensors = layer.get_weights(), layer.weights
        assert len(weights) == len(tensors) == 2
    assert detector.find_trainable_layer(layers[0]) is layers[0]
