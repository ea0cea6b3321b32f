"""AP by hand, against pycocotools' own COCOeval, and on data sets of every kind; detection over a data set."""

import contextlib
import io
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.detection.coco_results import result_to_coco
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.on_dataset import detect_dataset
from mrcnn_ext.evaluation.coco_ap import evaluate
from mrcnn_ext.masks.rle import encode_mask, encode_masks, rle_to_json
from tests.support import ROOT

NUCLEI = ROOT.parent / "shared" / "data" / "nuclei"
HEIGHT, WIDTH = 120, 160


class Boxes(Dataset):
    """Rectangles in memory: images is a list of lists of (class id, y1, x1, y2, x2)."""

    def __init__(self, images, classes=("cat", "dog"), ids=None):
        super().__init__()
        for i, name in enumerate(classes, 1):
            self.add_class("boxes", i, name)
        for i, objects in enumerate(images):
            self.add_image("boxes", ids[i] if ids else i, None, objects=objects)
        self.prepare()

    def load_image(self, image_id):
        return np.full((HEIGHT, WIDTH, 3), image_id, np.uint8)

    def load_mask(self, image_id):
        objects = self.image_info[image_id]["objects"]
        masks = rectangles(objects)
        return masks, np.array([o[0] for o in objects], np.int32)


def rectangles(objects):
    masks = np.zeros((HEIGHT, WIDTH, len(objects)), bool)
    for i, (_, y1, x1, y2, x2) in enumerate(objects):
        masks[y1:y2, x1:x2, i] = True
    return masks


def found(image_id, *objects):
    """Detections of one image from (class id, score, y1, x1, y2, x2)."""
    return Detections.of(answer(*objects), HEIGHT, WIDTH, image_id=image_id)


def answer(*objects):
    """As of `MaskRCNN.detect`."""
    return {
        "class_ids": np.array([o[0] for o in objects], np.int32),
        "scores": np.array([o[1] for o in objects], np.float32),
        "rois": np.array([o[2:] for o in objects], np.int32).reshape(-1, 4),
        "masks": rectangles([(o[0], *o[2:]) for o in objects]),
    }


def test_average_precision_by_hand():
    dataset = Boxes([[(1, 10, 10, 50, 60), (1, 70, 80, 110, 150)]])
    detections = [found(0, (1, 0.9, 10, 10, 50, 60), (1, 0.8, 0, 100, 20, 120), (1, 0.7, 70, 80, 110, 150))]
    result = evaluate(dataset, detections)
    # precision 1 up to recall 0.5 (51 of the 101 places 0, 0.01, .. 1), then 2 of 3 detections are right
    expected = (51 * 1 + 50 * 2 / 3) / 101
    for kind in ("bbox", "segm"):
        for key in ("AP", "AP50", "AP75"):
            assert result[kind][key] == pytest.approx(expected, abs=1e-12)
            assert result[kind]["classes"]["cat"][key] == pytest.approx(expected, abs=1e-12)
        assert result[kind]["AR100"] == result[kind]["AR"] == 1
        assert result[kind]["AR1"] == 0.5
        assert math.isnan(result[kind]["AP_small"])
        assert result[kind]["AP_medium"] == 1  # truth of 2000 and 2800 pixels; the wrong one, of 400, does not count
        assert math.isnan(result[kind]["classes"]["dog"]["AP"])
    assert (result["images"], result["objects"]) == (1, 2)
    assert result["bbox"]["classes"]["cat"]["detections"] == 3
    assert result["bbox"]["classes"]["dog"]["objects"] == 0


def test_iou_thresholds_by_hand():
    dataset = Boxes([[(2, 0, 0, 100, 100)]])
    detections = [found(0, (2, 0.9, 0, 0, 100, 76))]  # IoU 0.76: right at 0.50, 0.55, .. 0.75, which are 6 of 10
    result = evaluate(dataset, detections)
    for kind in ("bbox", "segm"):
        assert result[kind]["AP"] == pytest.approx(0.6, abs=1e-12)
        assert (result[kind]["AP50"], result[kind]["AP75"]) == (1, 1)


def test_masks_and_boxes_are_judged_apart():
    dataset = Boxes([[(1, 0, 0, 40, 40)]])
    detection = found(0, (1, 0.9, 0, 0, 40, 40))
    detection.rles = encode_masks(rectangles([(1, 0, 0, 40, 10)]))  # a quarter of the mask
    result = evaluate(dataset, [detection])
    assert result["bbox"]["AP"] == 1 and result["segm"]["AP"] == 0


def test_detections_on_a_crowd_are_neither_right_nor_wrong():
    crowd = Boxes([[(1, 0, 0, 30, 30), (-1, 50, 0, 120, 160)]])
    detections = [found(0, (1, 0.9, 60, 5, 80, 25), (1, 0.8, 60, 60, 80, 80), (1, 0.7, 0, 0, 30, 30))]
    result = evaluate(crowd, detections)
    assert result["objects"] == 1
    for kind in ("bbox", "segm"):
        assert result[kind]["AP"] == 1


def test_nothing_detected_and_nothing_there():
    dataset = Boxes([[(1, 0, 0, 30, 30)], []])
    nothing = evaluate(dataset, [found(0), found(1)])
    assert nothing["bbox"]["AP"] == nothing["segm"]["AR"] == 0
    assert nothing["segm"]["classes"]["cat"]["AP50"] == 0 and math.isnan(nothing["segm"]["classes"]["dog"]["AP50"])
    empty = evaluate(Boxes([[], []]), [found(0, (1, 0.5, 1, 1, 9, 9)), found(1)])
    assert math.isnan(empty["bbox"]["AP"]) and empty["objects"] == 0
    assert "-" in str(empty)


def test_empty_masks_are_wrong_but_no_error():
    detection = found(0, (1, 0.9, 0, 0, 30, 30))
    detection.rles = encode_masks(np.zeros((HEIGHT, WIDTH, 1)))
    assert evaluate(Boxes([[(1, 0, 0, 30, 30)]]), [detection])["segm"]["AP"] == 0


def test_some_images_only():
    dataset = Boxes([[(1, 0, 0, 30, 30)], [(1, 0, 0, 30, 30)], [(2, 0, 0, 30, 30)]])
    detections = [found(0, (1, 0.9, 0, 0, 30, 30)), found(2, (2, 0.9, 60, 60, 90, 90))]
    with pytest.raises(ValueError, match="1 of 3 images have no entry.* first is 1"):
        evaluate(dataset, detections)
    assert evaluate(dataset, detections, image_ids=[0])["bbox"]["AP"] == 1
    assert evaluate(dataset, detections, image_ids=[0, 2])["bbox"]["AP"] == 0.5
    with pytest.raises(ValueError, match="no image"):
        evaluate(dataset, detections, image_ids=[])


def test_more_than_a_hundred_objects():
    objects = [(1, 10 * (i // 16), 10 * (i % 16), 10 * (i // 16) + 8, 10 * (i % 16) + 8) for i in range(150)]
    dataset = Boxes([objects])
    detections = [found(0, *((1, 1 - i / 1000, *o[1:]) for i, o in enumerate(objects)))]
    assert evaluate(dataset, detections)["segm"]["AR"] == pytest.approx(100 / 150)
    result = evaluate(dataset, detections, max_detections=150)
    assert result["segm"]["AP"] == 1
    assert result["segm"]["AR150"] == 1 and result["segm"]["AR10"] == pytest.approx(10 / 150)
    few = evaluate(dataset, detections, max_detections=5)["segm"]
    assert few["AR"] == few["AR5"] == pytest.approx(5 / 150) and "AR10" not in few


def random_content(rng, images=12):
    """COCO content of rectangles and discs with crowds, three classes, ids with gaps; and noisy results for it."""
    content = {"images": [], "annotations": [], "categories": [{"id": i, "name": f"c{i}"} for i in (3, 8, 20, 21)]}
    results = []
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for image_id in rng.permutation(1000)[:images].tolist():
        content["images"].append({"id": image_id, "file_name": "x.png", "height": HEIGHT, "width": WIDTH})
        for _ in range(rng.integers(0, 9)):
            cy, cx, ry, rx = rng.uniform([0, 0, 4, 4], [HEIGHT, WIDTH, 60, 60])
            category = int(rng.choice([3, 8, 20]))
            for kind in ("truth", *["result"] * rng.integers(0, 3)):
                if kind == "result":
                    cy, cx, ry, rx = np.array([cy, cx, ry, rx]) * rng.uniform(0.85, 1.15, 4)
                mask = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
                box = [max(cx - rx, 0), max(cy - ry, 0), 2 * rx, 2 * ry]
                item = {"image_id": image_id, "category_id": category, "bbox": box}
                item["segmentation"] = rle_to_json(encode_mask(mask))
                if kind == "truth":
                    crowd = int(rng.random() < 0.15)
                    item |= {"id": len(content["annotations"]) + 1, "iscrowd": crowd, "area": float(mask.sum()) + 0.5}
                    content["annotations"].append(item)
                else:
                    item["category_id"] = category if rng.random() < 0.9 else 21
                    results.append({**item, "score": float(rng.choice([0.1, 0.5, rng.random()]))})
    return content, results


def pycocotools_numbers(content, results, kind):
    """The twelve numbers of COCOeval.summarize and, per category, AP."""
    unwanted = {"bbox": "segmentation", "segm": "bbox"}[kind]
    results = [{k: v for k, v in result.items() if k != unwanted} for result in results]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {**json.loads(json.dumps(content)), "info": {}}
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(results), kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    per_class = {}
    for k, category_id in enumerate(run.params.catIds):
        values = run.eval["precision"][:, :, k, 0, -1]
        per_class[int(category_id)] = values[values > -1].mean() if (values > -1).any() else np.nan
    return np.where(run.stats < 0, np.nan, run.stats), per_class


SIZES = ["small", "medium", "large"]
KEYS = ["AP", "AP50", "AP75", *(f"AP_{s}" for s in SIZES), "AR1", "AR10", "AR100", *(f"AR_{s}" for s in SIZES)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_same_numbers_as_pycocotools(tmp_path, seed, kind):
    content, results = random_content(np.random.default_rng(seed))
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "x.png")
    (tmp_path / "a.json").write_text(json.dumps(content))
    dataset = CocoDataset()
    dataset.load_coco_files(tmp_path / "a.json", tmp_path)
    dataset.prepare()
    ours = evaluate(dataset, results, kind)
    stats, per_class = pycocotools_numbers(content, results, kind)
    assert 0.05 < stats[0] < 0.95
    np.testing.assert_allclose([ours[kind][key] for key in KEYS], stats, rtol=0, atol=1e-9)
    for numbers in ours[kind]["classes"].values():
        np.testing.assert_allclose(numbers["AP"], per_class[numbers["id"]], rtol=0, atol=1e-9)


def test_masks_of_the_data_set_or_of_the_file_give_the_same():
    class Own(CocoDataset):  # a subclass with its own load_mask is asked for its masks
        def load_mask(self, image_id):
            masks, class_ids = super().load_mask(image_id)
            return masks[:, ::-1], class_ids

    if not NUCLEI.is_dir():
        pytest.skip(f"the real nuclei images are not there: {NUCLEI}")
    numbers = []
    for kind in (CocoDataset, Own):
        dataset = kind()
        dataset.load_coco(NUCLEI, "validate")
        dataset.prepare()
        detections = []
        for image_id in range(5):
            masks, class_ids = dataset.load_mask(image_id)
            rois = [rle_roi(mask) for mask in np.moveaxis(masks, 2, 0)]
            scores = np.linspace(0.9, 0.1, len(rois))
            one = {"rois": rois, "class_ids": class_ids, "scores": scores, "masks": masks}
            detections.append(Detections.of(one, *masks.shape[:2], image_id=image_id))
        result = evaluate(dataset, detections, image_ids=range(5), max_detections=300)
        assert result["segm"]["AP"] == result["bbox"]["AP"] == 1
        numbers.append(result["objects"])
    assert numbers[0] == numbers[1] > 20


def rle_roi(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


class Model:
    """Finds one dog in every image, whose column is the image's grey value, and wants full batches."""

    config = SimpleNamespace(BATCH_SIZE=4)

    def __init__(self, masks=True):
        self.masks, self.calls = masks, []

    def detect(self, images, crops):
        assert crops  # never masks as large as the image
        self.calls.append(len(images))
        results = []
        for image in images:
            left = int(image[0, 0, 0])
            result = answer((2, 0.75, 10, left, 30, 90))
            result["masks"] = [result["masks"][10:30, left:90, 0]] if self.masks else None
            results.append(result)
        return results


def test_detect_dataset_keeps_order_fills_batches_and_packs_masks(capsys):
    dataset = Boxes([[(2, 10, i, 30, 90)] for i in range(6)])
    model = Model()
    detections = detect_dataset(model, dataset)
    assert "6/6" in capsys.readouterr().err  # the progress bar
    assert model.calls == [4, 4]
    assert [item.image_id for item in detections] == list(range(6))
    assert [item.boxes[0, 1] for item in detections] == list(range(6))
    np.testing.assert_array_equal(detections[3].masks(), rectangles([(2, 10, 3, 30, 90)]))
    assert evaluate(dataset, detections)["segm"]["AP"] == 1
    some = detect_dataset(model, dataset, image_ids=[5, 2], batch_size=1, progress=False)
    assert [(item.image_id, item.boxes[0, 1]) for item in some] == [(5, 5), (2, 2)]
    assert capsys.readouterr().err == ""


def test_detector_without_masks():
    dataset = Boxes([[(2, 10, 0, 30, 90)]])
    detections = detect_dataset(Model(masks=False), dataset, progress=False)
    assert evaluate(dataset, detections, "bbox")["bbox"]["AP"] == 1
    with pytest.raises(ValueError, match='no masks.*iou_types="bbox"'):
        evaluate(dataset, detections)


def test_coco_results_may_be_given_too():
    dataset = Boxes([[(2, 10, 0, 30, 90)], []])
    results = result_to_coco(dataset, [found(0, (2, 0.5, 10, 0, 30, 90)), found(1)])
    assert evaluate(dataset, results)["segm"]["AP"] == 1
    with pytest.raises(ValueError, match="image_id 77"):
        evaluate(dataset, [{**results[0], "image_id": 77}])
    with pytest.raises(ValueError, match="category_id 77"):
        evaluate(dataset, [{**results[0], "category_id": 77}])


def test_mask_of_another_size_is_an_error():
    detection = found(0, (1, 0.9, 0, 0, 30, 30))
    detection.rles = encode_masks(np.ones((50, WIDTH, 1)))
    with pytest.raises(ValueError, match="50 x 160 pixels .*120 x 160"):
        evaluate(Boxes([[(1, 0, 0, 30, 30)]]), [detection])


@pytest.mark.parametrize("wrong", [{"iou_types": ()}, {"iou_types": "boxes"}, {"max_detections": 0}])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        evaluate(Boxes([[]]), [found(0)], **wrong)


def test_table_as_text_and_html():
    dataset = Boxes([[(1, 10, 10, 50, 60)]], classes=("<cat>", "dog"))
    result = evaluate(dataset, [found(0, (1, 0.9, 10, 10, 50, 60))])
    lines = str(result).splitlines()
    assert lines[0].startswith("1 image, 1 object;")
    assert [line.split()[:2] for line in lines if line.startswith(("box", "mask"))] == [
        ["box", "1.000"],
        ["mask", "1.000"],
    ]
    assert next(line for line in lines if line.startswith("dog")).split() == ["dog", "0", "0"] + ["-"] * 6
    page = result._repr_html_()
    assert "&lt;cat&gt;" in page and "<cat>" not in page and page.count("<tr>") == 6
    assert json.loads(json.dumps(result))["segm"]["AP"] == 1  # a plain dict of plain numbers


def test_classes_of_two_sources_with_one_name():
    dataset = Boxes([[(1, 0, 0, 9, 9), (3, 20, 20, 40, 40)]])
    dataset.add_class("others", 1, "cat")
    dataset.prepare()
    detections = [found(0, (1, 0.9, 0, 0, 9, 9), (3, 0.9, 20, 20, 40, 48))]
    classes = evaluate(dataset, detections)["bbox"]["classes"]
    assert list(classes) == ["cat (boxes.1)", "dog", "cat (others.1)"]
    assert classes["cat (boxes.1)"]["AP"] == 1 and classes["cat (others.1)"]["AP"] < 1
