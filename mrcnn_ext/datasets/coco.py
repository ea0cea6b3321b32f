"""COCO annotation files as a `Dataset`: `CocoDataset().load_coco("data/shapes", "train")`, then `prepare()`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.dataset import Dataset
from mrcnn_ext.common.values import first_few
from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.datasets.layout import find_images, find_subset
from mrcnn_ext.masks.crops import rle_to_crop
from mrcnn_ext.masks.rle import decode_masks, rle_area, rle_box


@dataclass(frozen=True)
class _Entry:
    """Where the objects of an image are: its row in an annotation file, and {category id: class id in the source}."""

    file: CocoFile
    row: int
    class_of: Mapping[int, int]


class CocoDataset(Dataset):
    """Images and objects from COCO annotation files.  Several files may be loaded one after the other.

    An `image_info` has, besides id, source and path: file_name, width, height (pixels, from the file). (Its "_coco" is
    this class's own: what is in the annotation file is had by the methods.)
    Crowds (iscrowd 1) come out of `load_mask` with a negative class id; they are never training targets.

        dataset = CocoDataset()
        dataset.load_coco("data/shapes", "train")
        dataset.prepare()
        masks, class_ids = dataset.load_mask(0)     # bool (H, W, N), int32 (N,)
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

        Args:
            dataset_dir: DIR.
            subset: such as "train".
            year: end of the file names; may be empty.
            class_ids: see `load_coco_files`, as for all that point there.
            class_map: see there.
            return_coco: see there.
            name: NAME.
            source: see there.
            box_masks: see there.

        Returns:
            None, or with `return_coco` the object.

        Raises:
            ValueError: there is no such file, or more than one.
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

        Args:
            annotation_file: the COCO JSON.
            image_dir: folder of its images.
            class_ids: category ids to keep; then only images with such an object are loaded. None: all of both.
            class_map: {category id or name: class name} to rename classes; categories that get one name become one
                class, which has the lowest of their ids. Categories that are not in it keep their name.
            return_coco: also return the file as an object with pycocotools' COCO interface.
            source: name of the source, for files whose category ids mean other things than those loaded before.
            box_masks: take the box as mask where an object has no segmentation (for USE_MASK = False).

        Returns:
            None, or with `return_coco` the object.

        Raises:
            ValueError: names file and image or annotation.
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
                    _coco=_Entry(file, row, to_class),
                )
        if return_coco:
            from faster_coco_eval import COCO  # the same interface as pycocotools', without its printing

            return COCO(str(annotation_file))
        return None

    def load_image(self, image_id):
        """The image as an RGB array.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            uint8 (H, W, 3).

        Raises:
            ValueError: when its size is not that of the annotation file.
        """
        image = super().load_image(image_id)
        info, entry = self.image_info[image_id], self._entry(image_id)
        if entry is not None and image.shape[:2] != (info["height"], info["width"]):
            height, width = image.shape[:2]
            turned = " It may be turned by its EXIF data." if (width, height) == (info["height"], info["width"]) else ""
            raise ValueError(
                f"{info['path']}: the image is {width} x {height} pixels, but image {info['id']} in "
                f"{entry.file.path} is {info['width']} x {info['height']}.{turned} Masks would not fit it."
            )
        return image

    def load_mask(self, image_id):
        """The objects of an image; empty ones are left out.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            Masks, bool (H, W, N), and class ids, int32 (N,), negative for crowds.
        """
        info, entry = self.image_info[image_id], self._entry(image_id)
        if entry is None:  # an image that another kind of data set added
            return super().load_mask(image_id)
        numbers, class_ids = self._objects(image_id)
        rles = [entry.file.rle(entry.row, number) for number in numbers]
        full = [i for i, rle in enumerate(rles) if rle_area(rle) > 0]
        masks = decode_masks([rles[i] for i in full], info["height"], info["width"])
        return masks, class_ids[full]

    def load_mask_crops(self, image_id):
        """The same from the RLEs, without an array as large as the image.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            CroppedMasks of N objects, and class ids, int32 (N,), negative for crowds.
        """
        info, entry = self.image_info[image_id], self._entry(image_id)
        if entry is None or not self.has_file_objects(image_id):
            return super().load_mask_crops(image_id)
        numbers, class_ids = self._objects(image_id)
        placed = [rle_to_crop(entry.file.rle(entry.row, number)) for number in numbers]
        full = [i for i, (crop, _) in enumerate(placed) if crop.size]
        crops, corners = [placed[i][0] for i in full], [placed[i][1] for i in full]
        return CroppedMasks(crops, corners, (info["height"], info["width"])), class_ids[full]

    def load_truth(self, image_id):
        """The objects of an image without rasterising them, for evaluation.

        Box and area are as in the file, which is what COCO's own numbers are made with, or the mask's where the
        file has none.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            A list of {"class_id" (1 ..), "iscrowd" (0 or 1), "rle", "bbox" [x, y, w, h] px and "area" px}.

        Raises:
            ValueError: the image is not of an annotation file.
        """
        entry = self._entry(image_id)
        if entry is None:
            raise ValueError(f"image {image_id}: it is not of an annotation file, so it has no objects there.")
        file, truth = entry.file, []
        for number, class_id in zip(*self._objects(image_id), strict=True):
            rle = file.rle(entry.row, number)
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
        """The path of the image.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            The path, as text.
        """
        return str(self.image_info[image_id]["path"])

    def label_files(self):
        """Paths of the annotation files.

        Returns:
            Each once, in the order in which they were loaded.
        """
        return [str(file.path) for file in self._files()]

    def object_count(self, image_id):
        """How many objects of the loaded classes the annotation file has for an image, crowds among them.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            Their number.
        """
        entry = self._entry(image_id)
        if entry is None or not self.has_file_objects(image_id):
            return super().object_count(image_id)
        return sum(int(entry.file.category_ids[number]) in entry.class_of for number in entry.file.objects(entry.row))

    def has_file_objects(self, image_id):
        """Whether an image's objects are those of an annotation file, and no subclass's `load_mask` changes them.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            True or False.
        """
        unchanged = getattr(self.load_mask, "__func__", None) is CocoDataset.load_mask
        return unchanged and self._entry(image_id) is not None

    def annotations_left_out(self):
        """The annotations that were left out, as no polygon of theirs has three points.

        Returns:
            {annotation file: their ids}, of the files that have some.
        """
        return {str(file.path): list(file.left_out) for file in self._files() if file.left_out}

    def _entry(self, image_id) -> _Entry | None:
        return self.image_info[image_id].get("_coco")

    def _files(self) -> list[CocoFile]:
        return list(dict.fromkeys(info["_coco"].file for info in self.image_info if "_coco" in info))

    def _objects(self, image_id):
        """Numbers of an image's objects of the loaded classes, and their class ids inside, negative for crowds."""
        entry, source = self._entry(image_id), self.image_info[image_id]["source"]
        file, numbers, class_ids = entry.file, [], []
        for number in file.objects(entry.row):
            class_id = entry.class_of.get(int(file.category_ids[number]))
            if class_id is not None:
                inside = self.map_source_class_id(f"{source}.{class_id}")
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
    found = find_images(names, image_dir)
    paths = [path for path in found if path is not None]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise ValueError(
            f"{file.path}: {len(missing)} of {len(names)} images are not in {image_dir}: {first_few(missing)}"
        )
    return paths
