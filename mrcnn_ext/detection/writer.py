"""What is written for the images that were looked at: overlays, videos, COCO JSON, CSV, masks, pre-annotations."""

import csv
import json
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from PIL import Image

from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert.builder import Options
from mrcnn_ext.convert.registry import format_module
from mrcnn_ext.datasets.as_coco import coco_content
from mrcnn_ext.detection.coco_results import DESCRIPTION, box_polygon, editable_annotation
from mrcnn_ext.detection.detections import Detections
from mrcnn_ext.detection.overlay import draw_objects
from mrcnn_ext.detection.sources import free_name
from mrcnn_ext.masks.crops import rle_to_crop
from mrcnn_ext.masks.outlines import rle_outlines

KINDS = ("overlays", "coco", "csv", "masks", "labelme", "labelstudio")
NO_FILE = "frame of a video, or image from an address: they are not kept as files"
COLUMNS = ("image", "number", "class", "score", "x", "y", "width", "height", "area", "polygon")


class Writer:
    """Writes into a folder, image by image; call `close()` at the end, or use it in a `with`.

    kinds: some of
        overlays      overlays/IMAGE.png; of a video overlays/VIDEO.mp4; objects from the score `drawn_from` on
        coco          detections.json: images, classes, and objects with score, box, area and mask
        csv           detections.csv: COLUMNS; boxes and area in pixels, polygon the lines around the mask as JSON,
                      [[x, y, x, y, ..], ..], filled by the even-odd rule
        masks         masks/IMAGE_CLASS_NUMBER.png, one an object, as large as the image; IMAGE without its
                      ending, unless another image differs by that only
        labelme       labelme/: pre-annotations, one file an image
        labelstudio   labelstudio.json: tasks with predictions

    Args:
        folder: where all is written.
        class_names: background first.
        kinds: see above.
        root: folder that the names of the images are relative to, for LabelMe.
        drawn_from: least score, 0 to 1, of what overlays show.

    Attributes:
        left_out: after `close()`: {kind: {what: how often}}, what overlays and pre-annotations do not hold.
    """

    def __init__(self, folder, class_names, kinds=("overlays", "coco", "csv"), root=None, drawn_from=0.0):
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be written; known are {', '.join(KINDS)}.")
        self.folder, self.class_names, self.kinds, self.root = Path(folder), class_names, tuple(kinds), root
        self.drawn_from = drawn_from
        self.images, self.annotations, self.left_out = [], [], {}
        self._video, self._files = None, set()  # ids of images that are files
        self._not_drawn = 0
        self._taken = {"masks": set(), "videos": set()}
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

    def add(self, source, image, found: Detections) -> None:
        """One image, or frame of a video, with its objects. source: a `Source`."""
        self.images.append(
            {"id": len(self.images) + 1, "file_name": source.name, "width": found.width, "height": found.height}
        )
        if source.is_file:
            self._files.add(len(self.images))
        if "overlays" in self.kinds:
            some = found.above(self.drawn_from)
            self._not_drawn += len(found) - len(some)
            self._draw(source, draw_objects(
                image, some.class_ids, some.rles, self.class_names, some.scores, some.boxes
            ))  # fmt: skip
        annotations = found.to_coco(len(self.images), first_id=len(self.annotations) + 1)
        for i, item in enumerate(annotations, 1):
            item.setdefault("segmentation", box_polygon(item["bbox"]))
            self._add_row(source.name, i, item)
        self.annotations += annotations
        if "masks" in self.kinds and found.rles is not None:
            self._write_masks(source.name, found)

    def close(self) -> list[Path]:
        """Writes what needs all images; returns the paths of the files for all of them."""
        self._end_video()
        if self._not_drawn:
            self.left_out["overlays"] = {f"object with a score below {self.drawn_from}": self._not_drawn}
        written = []
        if self._csv_file is not None:
            self._csv_file.close()
            written.append(self.folder / "detections.csv")
        if "coco" in self.kinds:
            write_json(self.folder / "detections.json", self.coco())
            written.append(self.folder / "detections.json")
        return written + self._write_pre_annotations()

    def coco(self) -> dict:
        """All so far as COCO content; scores stand beside the usual fields."""
        names = dict(list(enumerate(self.class_names))[1:])
        return coco_content(self.images, self.annotations, names, DESCRIPTION)

    def _add_row(self, name: str, number: int, item: dict) -> None:
        """A line of the CSV."""
        if self._csv is None:
            return
        lines = item["segmentation"]
        if isinstance(lines, dict):
            lines = [line.ravel().tolist() for line in rle_outlines(lines)]
        label = self.class_names[item["category_id"]]
        row = [name, number, label, item["score"], *item["bbox"], item["area"], json.dumps(lines)]
        self._csv.writerow(row)

    def _write_masks(self, name: str, found: Detections) -> None:
        plain, taken = str(PurePosixPath(name).with_suffix("")), self._taken["masks"]
        image = self.folder / "masks" / free_name(name if plain in taken else plain, taken)
        for i, rle in enumerate(found.rles or []):
            mask = np.zeros((found.height, found.width), np.uint8)
            crop, (y1, x1) = rle_to_crop(rle)
            mask[y1 : y1 + crop.shape[0], x1 : x1 + crop.shape[1]] = crop * np.uint8(255)
            label = self.class_names[int(found.class_ids[i])].replace("/", "-")
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).convert("1").save(image.with_name(f"{image.name}_{label}_{i + 1}.png"))

    def _write_pre_annotations(self) -> list[Path]:
        """Those of images that are files; a tool that finds no image can do nothing with its objects."""
        kinds = [kind for kind in ("labelme", "labelstudio") if kind in self.kinds]
        if not kinds:
            return []
        items = [editable_annotation(item) for item in self.annotations if item["image_id"] in self._files]
        images = [image for image in self.images if image["id"] in self._files]
        content, paths = {**self.coco(), "images": images, "annotations": items}, []
        for kind in kinds:
            paths.append(self.folder / ("labelme" if kind == "labelme" else "labelstudio.json"))
            account = format_module(kind).write(content, paths[-1], Options(images=self.root))
            others = len(self.images) - len(images)
            self.left_out[kind] = {NO_FILE: others} if others else {}
            self.left_out[kind] |= {what: len(places) for what, places in account.dropped.items()}
        return paths

    def _draw(self, source, image) -> None:
        if source.video:
            self._write_frame(source, image)
            return
        self._end_video()
        path = self.folder / "overlays" / f"{source.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, compress_level=1)

    def _write_frame(self, source, image) -> None:
        if self._video is None or self._video[0] != source.video:
            self._end_video()
            name = source.video if source.video.endswith(".mp4") else f"{source.video}.mp4"
            path = self.folder / "overlays" / free_name(name, self._taken["videos"])
            path.parent.mkdir(parents=True, exist_ok=True)
            height, width = image.shape[:2]
            stream = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), source.rate, (width, height))
            if not stream.isOpened():
                raise OSError(f"{path}: this video cannot be written; leave out the overlays.")
            self._video = (source.video, stream)
        self._video[1].write(np.ascontiguousarray(image[:, :, ::-1]))

    def _end_video(self) -> None:
        if self._video is not None:
            self._video[1].release()
            self._video = None
