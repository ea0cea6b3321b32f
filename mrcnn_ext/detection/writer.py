"""What is written for the pictures that were looked at: overlays, videos, COCO JSON, CSV, masks, pre-annotations."""

import csv
import json
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from PIL import Image

from mrcnn.plots.masks import mask_outlines
from mrcnn_ext.coco_write import write_coco
from mrcnn_ext.convert.builder import Options
from mrcnn_ext.convert.registry import format_module
from mrcnn_ext.detection.found import Found
from mrcnn_ext.mask_crops import rle_to_crop
from mrcnn_ext.masks import rle_to_json
from mrcnn_ext.overlay import draw_objects

KINDS = ("overlays", "coco", "csv", "masks", "labelme", "labelstudio")
COLUMNS = ("picture", "number", "class", "score", "x", "y", "width", "height", "area", "polygon")


class Writer:
    """Writes into a folder, picture by picture; call `close()` at the end, or use it in a `with`.

    kinds: some of
        overlays      overlays/PICTURE.png; of a video overlays/VIDEO.mp4
        coco          detections.json: pictures, classes, and objects with score, box, area and mask
        csv           detections.csv: COLUMNS; boxes and area in pixels, polygon the lines around the mask as JSON,
                      [[x, y, x, y, ..], ..], filled by the even-odd rule
        masks         masks/PICTURE_CLASS_NUMBER.png, one an object, as large as the picture
        labelme       labelme/: pre-annotations, one file a picture
        labelstudio   labelstudio.json: tasks with predictions
    class_names: background first.  root: folder that the names of the pictures are relative to, for LabelMe.
    """

    def __init__(self, folder, class_names, kinds=("overlays", "coco", "csv"), root=None):
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be written; known are {', '.join(KINDS)}.")
        self.folder, self.class_names, self.kinds, self.root = Path(folder), class_names, tuple(kinds), root
        self.images, self.annotations = [], []
        self._video = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self._csv_file = self._csv = None
        if "csv" in kinds:
            self._csv_file = (self.folder / "detections.csv").open("w", newline="", encoding="utf-8")
            self._csv = csv.writer(self._csv_file)
            self._csv.writerow(COLUMNS)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def add(self, source, image, found: Found) -> None:
        """One picture, or frame of a video, with its objects. source: a `Source`."""
        self.images.append(
            {"id": len(self.images) + 1, "file_name": source.name, "width": found.width, "height": found.height}
        )
        if "overlays" in self.kinds:
            self._draw(source, draw_objects(
                image, found.class_ids, found.rles, self.class_names, found.scores, found.boxes
            ))  # fmt: skip
        areas = found.areas()
        for i in range(len(found)):
            self._add_object(source.name, found, i, areas[i])

    def close(self) -> list[Path]:
        """Writes what needs all pictures; returns the paths of the files for all of them."""
        self._end_video()
        written = []
        if self._csv_file is not None:
            self._csv_file.close()
            written.append(self.folder / "detections.csv")
        content = self.coco()
        if "coco" in self.kinds:
            write_coco(self.folder / "detections.json", content)
            written.append(self.folder / "detections.json")
        if "labelme" in self.kinds or "labelstudio" in self.kinds:
            content = {**content, "annotations": [_with_polygon(item) for item in content["annotations"]]}
        for kind, name in (("labelme", "labelme"), ("labelstudio", "labelstudio.json")):
            if kind in self.kinds:
                format_module(kind).write(content, self.folder / name, Options(images=self.root))
                written.append(self.folder / name)
        return written

    def coco(self) -> dict:
        """All so far as COCO content; scores stand beside the usual fields."""
        categories = [{"id": i, "name": name} for i, name in enumerate(self.class_names) if i]
        info = {"description": "Detections by Mask R-CNN"}
        return {"info": info, "images": self.images, "annotations": self.annotations, "categories": categories}

    def _add_object(self, name: str, found: Found, i: int, area: int) -> None:
        y1, x1, y2, x2 = (int(v) for v in found.boxes[i])
        class_id, score = int(found.class_ids[i]), round(float(found.scores[i]), 6)
        rle = None if found.rles is None else found.rles[i]
        box = [x1, y1, x2 - x1, y2 - y1]
        item = {"id": len(self.annotations) + 1, "image_id": len(self.images), "category_id": class_id, "iscrowd": 0}
        segmentation = [[x1, y1, x2, y1, x2, y2, x1, y2]] if rle is None else rle_to_json(rle)
        self.annotations.append(item | {"score": score, "bbox": box, "area": area, "segmentation": segmentation})
        if self._csv is not None:
            lines = segmentation if rle is None else [line.ravel().tolist() for line in outlines_of(rle)]
            self._csv.writerow([name, i + 1, self.class_names[class_id], score, *box, area, json.dumps(lines)])
        if "masks" in self.kinds and rle is not None:
            self._write_mask(name, found, i, rle)

    def _write_mask(self, name: str, found: Found, i: int, rle: dict) -> None:
        mask = np.zeros((found.height, found.width), np.uint8)
        crop, (y1, x1) = rle_to_crop(rle)
        mask[y1 : y1 + crop.shape[0], x1 : x1 + crop.shape[1]] = crop * np.uint8(255)
        label = self.class_names[int(found.class_ids[i])].replace("/", "-")
        path = self.folder / "masks" / PurePosixPath(name).with_suffix("")
        path = path.with_name(f"{path.name}_{label}_{i + 1}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).convert("1").save(path)

    def _draw(self, source, picture) -> None:
        if source.video:
            self._write_frame(source, picture)
            return
        self._end_video()
        path = self.folder / "overlays" / f"{source.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, compress_level=1)

    def _write_frame(self, source, picture) -> None:
        if self._video is None or self._video[0] != source.video:
            self._end_video()
            path = self.folder / "overlays" / f"{PurePosixPath(source.video).with_suffix('')}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            height, width = picture.shape[:2]
            stream = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), source.rate, (width, height))
            if not stream.isOpened():
                raise OSError(f"{path}: this video cannot be written; leave out the overlays.")
            self._video = (source.video, stream)
        self._video[1].write(np.ascontiguousarray(picture[:, :, ::-1]))

    def _end_video(self) -> None:
        if self._video is not None:
            self._video[1].release()
            self._video = None


def outlines_of(rle: dict) -> list[np.ndarray]:
    """Closed lines (V, 2), last axis x, y in pixels of the picture, around a mask and its holes."""
    crop, (y1, x1) = rle_to_crop(rle)
    return [line + [x1, y1] for line in mask_outlines(crop)]


def _with_polygon(item: dict) -> dict:
    """An annotation whose mask is one part without holes gets a polygon, which people can edit."""
    if not isinstance(item["segmentation"], dict):
        return item
    lines = outlines_of(item["segmentation"])
    return {**item, "segmentation": [lines[0].ravel().tolist()]} if len(lines) == 1 and len(lines[0]) > 2 else item
