"""COCO files as a Dataset: every kind of mask, odd ids and names, both trees, and errors that name what is wrong."""

import copy
import functools
import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

from mrcnn.config import Config
from mrcnn.data.dataset import Dataset
from mrcnn.data.molding import load_image_gt
from mrcnn.data.transforms import Augmentation
from mrcnn_ext.datasets.coco import CocoDataset
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.datasets.layout import find_subset
from mrcnn_ext.masks.rle import encode_mask, rle_to_json
from tests.support import ROOT

NUCLEI = ROOT.parent / "shared" / "data" / "nuclei"
HEIGHT, WIDTH = 20, 30
NAMES = ["a.png", "sub/grün.png", "日本/b.png", "empty.png"]


def square_ring():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:12, 3:15] = True
    mask[5:8, 6:9] = False
    return mask  # 120 - 9 pixels


def crowd_counts():
    """Uncompressed RLE of the right half: columns 15 .. 29."""
    return {"size": [HEIGHT, WIDTH], "counts": [15 * HEIGHT, 15 * HEIGHT]}


def content():
    def annotation(number, image_id, category_id, segmentation, iscrowd=0):
        return {
            "id": number,
            "image_id": image_id,
            "category_id": category_id,
            "segmentation": segmentation,
            "iscrowd": iscrowd,
            "bbox": [1, 2, 3, 4],
            "area": 5.5,
        }

    return {
        "images": [
            {"id": image_id, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for image_id, name in zip((17, 99, 42, 43), NAMES, strict=True)
        ],
        "categories": [{"id": 7, "name": "leaf"}, {"id": 1, "name": "ring"}, {"id": 90, "name": "tree"}],
        "annotations": [  # not in the order of the images
            annotation(5, 42, 90, crowd_counts(), iscrowd=1),
            annotation(1, 17, 7, [[4, 3, 10, 3, 10, 8, 4, 8]]),  # 6 wide, 5 high
            annotation(2, 17, 1, rle_to_json(encode_mask(square_ring()))),
            annotation(3, 99, 7, [[0, 0, 4, 0, 4, 4, 0, 4], [20, 10, 24, 10, 24, 14, 20, 14]]),  # two parts
            annotation(4, 42, 7, [[1, 1, 5, 1, 5, 5, 1, 5]]),
        ],
    }


@pytest.fixture
def write(tmp_path):
    """write(content) -> annotation file; the images lie in tmp_path / "images"."""
    for i, name in enumerate(NAMES):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 10 * i, np.uint8)).save(path)

    def write(content):
        file = tmp_path / "annotations.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return file

    return write


def load(file, kind=CocoDataset, **kwargs):
    dataset = kind()
    dataset.load_coco_files(file, file.parent / "images", **kwargs)
    dataset.prepare()
    return dataset


def test_classes_images_and_masks(write):
    dataset = load(write(content()))
    assert dataset.class_names == ["BG", "ring", "leaf", "tree"]  # by category id
    assert [info["id"] for info in dataset.image_info] == [17, 99, 42, 43]
    assert dataset.num_images == 4

    masks, class_ids = dataset.load_mask(0)
    assert masks.shape == (HEIGHT, WIDTH, 2) and masks.dtype == bool and class_ids.dtype == np.int32
    assert class_ids.tolist() == [2, 1]
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[3:8, 4:10] = True
    np.testing.assert_array_equal(masks[:, :, 0], expected)
    np.testing.assert_array_equal(masks[:, :, 1], square_ring())  # the hole is still there

    masks, class_ids = dataset.load_mask(1)
    assert masks.sum() == 32 and masks[0, 0, 0] and masks[13, 23, 0]  # both parts are one object

    masks, class_ids = dataset.load_mask(2)
    assert class_ids.tolist() == [-3, 2]  # the crowd is negative
    assert masks[:, 15:, 0].all() and not masks[:, :15, 0].any()

    masks, class_ids = dataset.load_mask(3)
    assert masks.shape == (HEIGHT, WIDTH, 0) and class_ids.shape == (0,)


def test_images_in_sub_folders_with_any_letters(write):
    dataset = load(write(content()))
    assert [int(dataset.load_image(i)[0, 0, 0]) for i in dataset.image_ids] == [0, 10, 20, 30]
    assert dataset.image_reference(1).endswith("grün.png")


def test_names_written_with_separate_accents_are_found(write):
    data = content()
    data["images"][1]["file_name"] = unicodedata.normalize("NFD", NAMES[1])
    assert data["images"][1]["file_name"] != NAMES[1]
    assert load(write(data)).load_image(1)[0, 0, 0] == 10


def test_truth_has_the_numbers_of_the_file_or_of_the_mask(write):
    data = content()
    del data["annotations"][1]["bbox"], data["annotations"][1]["area"]
    dataset = load(write(data))
    polygon, ring = dataset.load_truth(0)
    assert (polygon["bbox"], polygon["area"]) == ([4, 3, 6, 5], 30)
    assert (ring["bbox"], ring["area"]) == ([1, 2, 3, 4], 5.5)
    assert [(o["class_id"], o["iscrowd"]) for o in dataset.load_truth(2)] == [(3, 1), (2, 0)]


def test_class_ids_choose_classes_and_images(write):
    dataset = load(write(content()), class_ids=[90, 1])
    assert dataset.class_names == ["BG", "tree", "ring"]
    assert [info["id"] for info in dataset.image_info] == [17, 42]
    assert dataset.load_mask(0)[1].tolist() == [2]
    assert dataset.load_mask(1)[1].tolist() == [-1]
    with pytest.raises(ValueError, match=r"class_ids \[2\].*1 ring"):
        load(write(content()), class_ids=[2])


def test_class_map_renames_and_merges(write):
    dataset = load(write(content()), class_map={"leaf": "plant", 90: "plant"})
    assert dataset.class_names == ["BG", "ring", "plant"]
    assert dataset.get_source_class_id(2, "coco") == 7
    assert dataset.load_mask(2)[1].tolist() == [-2, 2]
    with pytest.raises(ValueError, match="class_map names.*stone"):
        load(write(content()), class_map={"stone": "rock"})


def test_return_coco_is_pycocotools_interface(write, capsys):
    coco = CocoDataset().load_coco_files(file := write(content()), file.parent / "images", return_coco=True)
    assert sorted(coco.getImgIds()) == [17, 42, 43, 99]
    assert len(coco.getAnnIds(imgIds=[17])) == 2
    assert capsys.readouterr().out == ""


def test_two_files_in_one_data_set(write, tmp_path):
    file = write(content())
    other = {
        "images": [{"id": 17, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "nucleus"}],
        "annotations": [{"id": 1, "image_id": 17, "category_id": 1, "segmentation": [[0, 0, 9, 0, 9, 9]]}],
    }
    second = tmp_path / "second.json"
    second.write_text(json.dumps(other))
    dataset = CocoDataset()
    dataset.load_coco_files(file, tmp_path / "images")
    with pytest.raises(ValueError, match="second.json.*'nucleus'.*'ring' already"):
        dataset.load_coco_files(second, tmp_path / "images")
    dataset.load_coco_files(second, tmp_path / "images", source="cells")
    dataset.prepare()
    assert dataset.class_names == ["BG", "ring", "leaf", "tree", "nucleus"]
    assert dataset.load_mask(4)[1].tolist() == [4]
    merged = CocoDataset()
    merged.append_data(dataset.class_info, dataset.image_info)
    merged.prepare()
    assert merged.load_mask(4)[1].tolist() == [4]


def test_objects_without_a_pixel_are_not_shown(write):
    data = content()
    data["annotations"][4]["segmentation"] = [[3.1, 3.1, 3.2, 3.1, 3.2, 3.2]]
    masks, class_ids = load(write(data)).load_mask(2)
    assert class_ids.tolist() == [-3] and masks.shape[2] == 1


def test_polygons_of_two_points_are_left_out_and_told(write):
    data = content()
    data["annotations"][1]["segmentation"] = [[1, 2, 3, 4]]
    with pytest.warns(UserWarning, match="annotations.json: 1 annotations were left out.* 1$"):
        file = CocoFile(write(data))
    assert file.left_out == [1]
    assert [len(file.objects(row)) for row in range(4)] == [1, 1, 2, 0]


def test_boxes_as_masks_only_when_asked_for(write):
    data = content()
    data["annotations"][1].update(segmentation=[], bbox=[2, 3, 10, 4])
    with pytest.raises(ValueError, match=r"annotation 1: image 17 \(a.png\).*box_masks"):
        load(write(data))
    masks, _ = load(write(data), box_masks=True).load_mask(0)
    assert masks[3:7, 2:12, 0].all() and masks[:, :, 0].sum() == 40


def test_ids_as_text_and_whole_floats(write):
    data = content()
    data["images"][0]["id"] = "17"
    data["annotations"][1].update(image_id="17", category_id=7.0)
    data["categories"][0]["id"] = "7"
    assert load(write(data)).load_mask(0)[1].tolist() == [2, 1]


def test_both_trees(write, tmp_path):
    file = write(content())
    (tmp_path / "annotations").mkdir()
    for name in ("instances_my_set_train2018.json", "instances_val2014.json", "instances_minival2014.json"):
        (tmp_path / "annotations" / name).write_text(file.read_text())
    images = tmp_path / "images"
    for folder in ("my_set_train2018", "val2014"):
        (tmp_path / folder).symlink_to(images)
    for arguments in (("train",), ("train", 2018), ("val", "2014"), ("minival", 2014)):
        dataset = CocoDataset()
        dataset.load_coco(tmp_path, *arguments)
        dataset.prepare()
        assert dataset.load_mask(0)[1].tolist() == [2, 1]
    assert find_subset(tmp_path, "train", name="my_set")[1].name == "my_set_train2018"
    with pytest.raises(ValueError, match="no instances_NAME_test2018.json.*Annotation files there: instances_m"):
        find_subset(tmp_path, "test")
    (tmp_path / "annotations" / "instances_train2018.json").write_text("{}")
    with pytest.raises(ValueError, match="several files fit.*name="):
        find_subset(tmp_path, "train")


def test_missing_images_are_counted_and_named(write):
    data = content()
    data["images"][0]["file_name"] = "nowhere/x.png"
    with pytest.raises(ValueError, match=r"annotations.json: 1 of 4 images are not in .*images: nowhere/x.png"):
        load(write(data))


def test_image_of_another_size(write, tmp_path):
    dataset = load(write(content()))
    Image.fromarray(np.zeros((WIDTH, HEIGHT, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    with pytest.raises(ValueError, match=r"a.png: the image is 20 x 30 pixels, but image 17 in .*EXIF"):
        dataset.load_image(0)


def test_images_are_upright(write, tmp_path):
    dataset = load(write(content()))
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "images" / "a.png", exif=exif)
    assert np.array_equal(dataset.load_image(0), pixels)


def change(path, value):
    """The good content with one place changed, for example ("annotations", 1, "image_id")."""
    data = copy.deepcopy(content())
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("annotations", 1, "image_id"), 5, "annotation 1: its image_id 5 is not among the 'images'"),
        (("annotations", 1, "image_id"), KeyError, "annotation 1: its image_id must be a whole number"),
        (("annotations", 1, "image_id"), [], "annotation 1: its image_id must be a whole number"),
        (("annotations", 1, "category_id"), 2, "annotation 1: its category_id 2 is not among"),
        (("annotations", 1, "segmentation"), [[1, 2, 3]], r"annotation 1 \(image 17\): a polygon has 3 numbers"),
        (("annotations", 1, "segmentation"), [1, 2, 3, 4, 5, 6], r"annotation 1 \(image 17\): .*flat lists"),
        (("annotations", 1, "segmentation"), [[1, 2, 3, 4, 5, None]], r"annotation 1 \(image 17\): "),
        (("annotations", 1, "segmentation"), "mask.png", r"annotation 1: image 17 \(a.png\): .*neither polygons"),
        (("annotations", 1, "segmentation"), KeyError, r"annotation 1: image 17 \(a.png\): it has no segmentation"),
        (("annotations", 2, "segmentation", "counts"), "AAAA", "annotation 2: image 17 .*broken RLE"),
        (("annotations", 2, "segmentation", "size"), [30, 20], r"annotation 2: .*RLE has the size \[30, 20\]"),
        (("annotations", 0, "segmentation", "counts"), [3, 4], "annotation 5: image 42 .*add up to 20 x 30 = 600"),
        (("annotations", 1, "bbox"), [1, 2, 3], "annotation 1: bbox must be 4 finite numbers"),
        (("annotations", 1, "area"), "large", "annotation 1: area must be 1 finite numbers"),
        (("annotations", 1), 7, "an annotation: an entry of 'annotations' is not an object"),
        (("images", 0, "id"), 99, "image 99 .*twice"),
        (("images", 0, "id"), "a7", "the id of image a.png must be a whole number, but is 'a7'"),
        (("images", 0, "width"), KeyError, r"image 17 \(a.png\): width must be a whole number"),
        (("images", 0, "width"), 0, r"image 17 \(a.png\): its size is 0 x 20"),
        (("images", 0, "file_name"), KeyError, "no id or no file_name"),
        (("categories", 0, "id"), 1, "category id 1 is there twice: 'leaf', 'ring'"),
        (("categories", 0, "name"), KeyError, "no id or no name"),
        (("images",), KeyError, "no list 'images'"),
        (("annotations",), {}, "no list 'annotations'"),
    ],
)
def test_errors_name_the_file_and_the_place(write, path, value, message):
    with pytest.raises(ValueError, match=f"annotations.json: .*{message}"):
        load(write(change(path, value)))


@pytest.mark.parametrize(("text", "message"), [("[1, 2", "not JSON"), ("[]", "holds a list"), ("", "not JSON")])
def test_files_that_are_no_coco(write, text, message):
    with pytest.raises(ValueError, match=f"annotations.json: .*{message}"):
        CocoFile(write(text))


def test_absent_file(tmp_path):
    with pytest.raises(ValueError, match="there is no such annotation file"):
        CocoFile(tmp_path / "none.json")


def test_file_without_objects(write):
    dataset = load(write({**content(), "annotations": []}))
    assert all(dataset.load_mask(i)[0].shape == (HEIGHT, WIDTH, 0) for i in dataset.image_ids)


def test_mask_crops_are_the_masks(write):
    dataset = load(write(content()))
    for image_id in dataset.image_ids:
        masks, class_ids = dataset.load_mask(image_id)
        crops, crop_ids = dataset.load_mask_crops(image_id)
        assert np.array_equal(crops.full(), masks)
        assert crop_ids.tolist() == class_ids.tolist()


class Inverted(CocoDataset):
    """Changes its masks in the way that people do."""

    def load_mask(self, image_id):
        masks, class_ids = super().load_mask(image_id)
        return ~masks, class_ids


def test_mask_crops_of_a_subclass_that_changes_masks(write):
    dataset = load(write(content()), kind=Inverted)
    assert np.array_equal(dataset.load_mask_crops(0)[0].full(), dataset.load_mask(0)[0])
    plain = load(write(content()))
    plain.load_mask = lambda image_id: (np.zeros((HEIGHT, WIDTH, 1), bool), np.array([1], np.int32))
    assert plain.load_mask_crops(0)[0].boxes().tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("mini", [True, False])
@pytest.mark.parametrize("mode", ["square", "crop"])
def test_images_for_training_are_the_same_from_crops_and_from_whole_masks(write, mini, mode):
    values = {"IMAGE_MAX_DIM": 64, "IMAGE_RESIZE_MODE": mode, "MINI_MASK_SHAPE": (9, 11)}
    crop = {"IMAGE_MIN_DIM": 64, "IMAGE_MIN_SCALE": 4}  # images four times as large, and a square of 64 cut out
    config = type("CropsConfig", (Config,), values | (crop if mode == "crop" else {"IMAGE_MIN_DIM": 16}))()
    change = Augmentation(scale=(0.6, 1.5), rotate=30, shift=0.2, colour=0.1, copy_paste=0.7)
    crops, whole = load(write(content())), load(write(content()))
    whole.load_mask_crops = functools.partial(Dataset.load_mask_crops, whole)
    for seed in range(12):
        loaded = [
            load_image_gt(
                data, config, seed % 4, augmentation=change, use_mini_mask=mini, rng=np.random.default_rng(seed)
            )
            for data in (crops, whole)
        ]
        assert all(np.array_equal(one, other) for one, other in zip(*loaded, strict=True))


def test_real_nuclei():
    if not NUCLEI.is_dir():
        pytest.skip(f"the real nuclei images are not there: {NUCLEI}")
    dataset = CocoDataset()
    dataset.load_coco(NUCLEI, "validate")
    dataset.prepare()
    assert dataset.num_images == 40 and dataset.class_names == ["BG", "nucleus"]
    objects = 0
    for image_id in dataset.image_ids[:10]:
        image = dataset.load_image(image_id)  # RGBA files
        masks, class_ids = dataset.load_mask(image_id)
        truth = dataset.load_truth(image_id)
        assert image.shape == (*masks.shape[:2], 3)
        assert (class_ids == 1).all() and len(truth) == len(class_ids) == masks.shape[2]
        assert masks.sum((0, 1)).tolist() == [item["area"] for item in truth]
        objects += len(class_ids)
    assert objects > 100
