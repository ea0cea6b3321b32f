"""COCO annotation files as a `Dataset`: `CocoDataset().load_coco("data/shapes", "train")`, then `prepare()`."""

import os
import unicodedata
from pathlib import Path

import numpy as np

from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.dataset import Dataset
from mrcnn_ext.datasets.coco_file import MAX_NAMED, CocoFile
from mrcnn_ext.masks.crops import rle_to_crop
from mrcnn_ext.masks.rle import decode_masks, rle_area, rle_box

VAL_PARTS = ("minival", "valminusminival")  # COCO 2014's parts of val share its folder of images


class CocoDataset(Dataset):
    """Images and objects from COCO annotation files.  Several files may be loaded one after the other.

    An `image_info` has, besides id, source and path: file_name, width, height (pixels, from the file).
    Crowds (iscrowd 1) come out of `load_mask` with a negative class id; they are never training targets.
    """

    upright = True  # as people saw the images who labelled them, and as `mrcnn convert` and `check` take them

    def load_coco(
        self,
        dataset_dir,
        subset,
        year="2018",
        class_ids=None,
        class_map=None,
        return_coco=False,
        *,
        name=None,
        source="coco",
        box_masks=False,
    ):
        """Load a subset from one of two trees.

        DIR/annotations/instances_NAME_SUBSETYEAR.json, images in DIR/NAME_SUBSETYEAR/; NAME is found if not given.
        DIR/annotations/instances_SUBSETYEAR.json with images in DIR/SUBSETYEAR/, COCO's own.
        The other arguments and what is returned: see `load_coco_files`.
        Raises ValueError when there is no such file, or more than one.
        """
        annotation_file, image_dir = find_subset(dataset_dir, subset, year, name)
        return self.load_coco_files(
            annotation_file,
            image_dir,
            class_ids=class_ids,
            class_map=class_map,
            return_coco=return_coco,
            source=source,
            box_masks=box_masks,
        )

    def load_coco_files(
        self,
        annotation_file,
        image_dir,
        class_ids=None,
        class_map=None,
        return_coco=False,
        *,
        source="coco",
        box_masks=False,
    ):
        """Load one annotation file whose `file_name`s are relative to `image_dir`.

        class_ids: category ids to keep; then only images with such an object are loaded. Default: all of both.
        class_map: {category id or name: class name} to rename classes; categories that get one name become one class,
            which has the lowest of their ids. Categories that are not in it keep their name.
        return_coco: also return the file as an object with pycocotools' COCO interface.
        source: name of the source, for files whose category ids mean other things than those loaded before.
        box_masks: take the box as mask where an object has no segmentation (for USE_MASK = False).
        Raises ValueError naming file and image or annotation.
        """
        file = CocoFile(annotation_file, box_masks=box_masks)
        categories = _wanted(file, class_ids)
        classes = _merged_classes(file, categories, class_map)
        for category_id, (class_id, class_name) in classes.items():
            self._add_coco_class(source, class_id, class_name, file.path, category_id)
        paths = _image_paths(file, Path(image_dir))
        to_class = {category_id: class_id for category_id, (class_id, _) in classes.items()}
        wanted = np.isin(file.category_ids, list(categories))
        for row, (image, path) in enumerate(zip(file.images, paths, strict=True)):
            if class_ids is None or wanted[file.first[row] : file.first[row + 1]].any():
                self.add_image(
                    source,
                    image["id"],
                    path,
                    file_name=image["file_name"],
                    width=image["width"],
                    height=image["height"],
                    coco_file=file,
                    coco_row=row,
                    coco_classes=to_class,
                )
        if return_coco:
            from faster_coco_eval import COCO  # the same interface as pycocotools', without its printing

            return COCO(str(annotation_file))
        return None

    def load_image(self, image_id):
        """The image as RGB uint8 (H, W, 3). Raises ValueError when its size is not that of the annotation file."""
        image = super().load_image(image_id)
        info = self.image_info[image_id]
        if "coco_file" in info and image.shape[:2] != (info["height"], info["width"]):
            height, width = image.shape[:2]
            turned = " It may be turned by its EXIF data." if (width, height) == (info["height"], info["width"]) else ""
            raise ValueError(
                f"{info['path']}: the image is {width} x {height} pixels, but image {info['id']} in "
                f"{info['coco_file'].path} is {info['width']} x {info['height']}.{turned} Masks would not fit it."
            )
        return image

    def load_mask(self, image_id):
        """Masks, bool (H, W, N), and class ids, int32 (N,), negative for crowds. Empty objects are left out."""
        info = self.image_info[image_id]
        if "coco_file" not in info:  # an image that another kind of data set added
            return super().load_mask(image_id)
        numbers, class_ids = self._objects(info)
        rles = [info["coco_file"].rle(info["coco_row"], number) for number in numbers]
        full = [i for i, rle in enumerate(rles) if rle_area(rle) > 0]
        masks = decode_masks([rles[i] for i in full], info["height"], info["width"])
        return masks, class_ids[full]

    def load_mask_crops(self, image_id):
        """The same from the RLEs, without an array as large as the image."""
        info = self.image_info[image_id]
        if "coco_file" not in info or getattr(self.load_mask, "__func__", None) is not CocoDataset.load_mask:
            return super().load_mask_crops(image_id)  # of masks that a subclass changes, and of other data sets
        numbers, class_ids = self._objects(info)
        placed = [rle_to_crop(info["coco_file"].rle(info["coco_row"], number)) for number in numbers]
        full = [i for i, (crop, _) in enumerate(placed) if crop.size]
        crops, corners = [placed[i][0] for i in full], [placed[i][1] for i in full]
        return CroppedMasks(crops, corners, (info["height"], info["width"])), class_ids[full]

    def load_truth(self, image_id):
        """The objects of an image without rasterising them, for evaluation.

        A list of {"class_id" (1 ..), "iscrowd" (0 or 1), "rle", "bbox" [x, y, w, h] and "area"}: box and area as in the
        file, which is what COCO's own numbers are made with, or the mask's where the file has none.
        """
        info = self.image_info[image_id]
        file, truth = info["coco_file"], []
        for number, class_id in zip(*self._objects(info), strict=True):
            rle = file.rle(info["coco_row"], number)
            box, area = file.boxes[number], file.areas[number]
            truth.append(
                {
                    "class_id": abs(int(class_id)),
                    "iscrowd": int(file.crowd[number]),
                    "rle": rle,
                    "bbox": rle_box(rle) if np.isnan(box).any() else box.tolist(),
                    "area": rle_area(rle) if np.isnan(area) else float(area),
                }
            )
        return truth

    def image_reference(self, image_id):
        """The path of the image."""
        return str(self.image_info[image_id]["path"])

    def label_files(self):
        """Paths of the annotation files."""
        return list(dict.fromkeys(str(info["coco_file"].path) for info in self.image_info if "coco_file" in info))

    def _objects(self, info):
        """Numbers of an image's objects of the loaded classes, and their class ids inside, negative for crowds."""
        file, numbers, class_ids = info["coco_file"], [], []
        for number in file.objects(info["coco_row"]):
            class_id = info["coco_classes"].get(int(file.category_ids[number]))
            if class_id is not None:
                inside = self.map_source_class_id(f"{info['source']}.{class_id}")
                numbers.append(number)
                class_ids.append(-inside if file.crowd[number] else inside)
        return numbers, np.array(class_ids, np.int32)

    def _add_coco_class(self, source, class_id, class_name, path, category_id):
        """add_class, but an id that already means something else is an error."""
        for info in self.class_info:
            if info["source"] == source and info["id"] == class_id and info["name"] != class_name:
                raise ValueError(
                    f"{path}: category {category_id} is {class_name!r}, but class {class_id} of source {source!r} is "
                    f"{info['name']!r} already. Give this file another source=, or use class_map."
                )
        self.add_class(source, class_id, class_name)


def find_subset(dataset_dir, subset, year="2018", name=None) -> tuple[Path, Path]:
    """Annotation file and image folder of a subset, in either of the trees of `CocoDataset.load_coco`."""
    folder = Path(dataset_dir) / "annotations"
    tail = f"{subset}{year}"
    if name is not None:
        files = [path for path in [folder / f"instances_{name}_{tail}.json"] if path.is_file()]
    else:
        own = folder / f"instances_{tail}.json"
        files = sorted(folder.glob(f"instances_*_{tail}.json")) + ([own] if own.is_file() else [])
    if not files:
        there = sorted(path.name for path in folder.glob("*.json"))
        raise ValueError(
            f"{folder}: there is no instances_{'NAME' if name is None else name}_{tail}.json"
            + ("" if name is not None else f" and no instances_{tail}.json")
            + f". Annotation files there: {', '.join(there[:MAX_NAMED]) or 'none'}."
        )
    if len(files) > 1:
        raise ValueError(f"{folder}: several files fit: {', '.join(f.name for f in files)}. Say which one with name=.")
    stem = files[0].name.removeprefix("instances_").removesuffix(".json")
    if stem in [f"{part}{year}" for part in VAL_PARTS]:
        stem = f"val{year}"
    return files[0], Path(dataset_dir) / stem


def _wanted(file: CocoFile, class_ids) -> list[int]:
    """Category ids to load, in the order in which they become classes."""
    if class_ids is None:
        return list(file.categories)
    unknown = [i for i in class_ids if i not in file.categories]
    if unknown:
        known = ", ".join(f"{i} {name}" for i, name in list(file.categories.items())[:20])
        raise ValueError(f"{file.path}: class_ids {unknown} are not among its categories: {known}.")
    return list(class_ids)


def _merged_classes(file: CocoFile, categories, class_map) -> dict[int, tuple[int, str]]:
    """{category id: (class id in the source, class name)} after renaming and merging by `class_map`."""
    class_map = class_map or {}
    unknown = [key for key in class_map if key not in file.categories and key not in file.categories.values()]
    if unknown:
        raise ValueError(f"{file.path}: class_map names {unknown}, which are neither ids nor names of its categories.")
    names = {i: class_map.get(i, class_map.get(file.categories[i], file.categories[i])) for i in categories}
    mapped = {i for i in categories if i in class_map or file.categories[i] in class_map}
    shared = {names[i] for i in mapped}  # only what the map names is merged: files may have one name twice
    lowest = {name: min(i for i in categories if names[i] == name) for name in shared}
    return {i: (lowest.get(name, i), name) for i, name in names.items()}


def _image_paths(file: CocoFile, image_dir: Path) -> list[str]:
    """Paths of the images; one that is not there is an error."""
    names = [image["file_name"] for image in file.images]
    paths = find_images(names, image_dir)
    missing = [name for name, path in zip(names, paths, strict=True) if path is None]
    if missing:
        some = ", ".join(missing[:MAX_NAMED]) + (", .." if len(missing) > MAX_NAMED else "")
        raise ValueError(f"{file.path}: {len(missing)} of {len(names)} images are not in {image_dir}: {some}")
    return paths


def find_images(names, image_dir) -> list[str | None]:
    """Paths of images named relative to a folder, None where there is no such file; one look into each folder."""
    listings, paths = {}, []
    for name in names:
        folder, name = os.path.split(os.path.join(image_dir, name))  # noqa: PTH118, PTH206 (fast)
        if folder not in listings:
            entries = os.listdir(folder) if Path(folder).is_dir() else []  # noqa: PTH208
            listings[folder] = {unicodedata.normalize("NFC", entry): entry for entry in entries}
        real = listings[folder].get(unicodedata.normalize("NFC", name))  # macOS writes letters with accents otherwise
        paths.append(None if real is None else os.path.join(folder, real))  # noqa: PTH118
    return paths
