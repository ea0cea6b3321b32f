"""The common inner form of all formats: a plain COCO dict, built object by object, with an account.

Readers give shapes in the frame of their labels (the size they state, or the image's); what comes out is on the
upright image, as the engine reads it.  `area` and `bbox` are always those of the mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.images import ImageFolder, clean
from mrcnn_ext.convert.reading import check_size
from mrcnn_ext.datasets.as_coco import coco_annotation
from mrcnn_ext.masks.geometry import cut, turn_mask, turn_points
from mrcnn_ext.masks.rle import (
    counts_to_bytes,
    decode_masks,
    encode_mask,
    polygons_to_rle,
    rle_area,
    rle_box,
    rle_to_json,
)

NOT_FOUND = "image not found, and its labels do not state its size"
SECONDS_WITHOUT_BAR = 1
OUTSIDE = 0.5  # pixels; a point this little outside is the tool's rounding, and only moved to the border


@dataclass(frozen=True)
class Options:
    """What a person may have to say, because no file says it.

    images: folder of the images; of TFRecord, the one that they are written to.
    masks: folder of the mask images of a Labelbox export; fetch_masks: fetch what is not there yet from its address;
        allow_private: also from a host in this network.
    y_origin: "bottom" or "top", where y = 0 is in Labelbox exports of 2018; None takes bottom, and says so.
    exif: "upright" or "stored", what coordinates of an image with an EXIF rotation refer to where the stated size does
        not tell; "auto" takes upright, and says so.
    class_key: the region attribute that holds the class (VIA).
    crowd: "keep", or "objects" for files whose tool marks every mask as crowd (CVAT's COCO).
    dialect: the format within a format, as --format has it behind a colon (datumaro:cityscapes).
    progress: whether to show a bar that counts the images.
    """

    images: Path | None = None
    masks: Path | None = None
    y_origin: str | None = None
    exif: str = "auto"
    class_key: str | None = None
    crowd: str = "keep"
    fetch_masks: bool = False
    allow_private: bool = False
    dialect: str | None = None
    progress: bool = False

    def __post_init__(self):
        for name in ("images", "masks"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(value))
        known = {
            "y_origin": (None, "bottom", "top"),
            "exif": ("auto", "upright", "stored"),
            "crowd": ("keep", "objects"),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                choices = ", ".join(v for v in values if v)
                raise ValueError(f"{name} must be one of {choices}, but is {getattr(self, name)!r}.")


@dataclass(frozen=True)
class Image:
    """An image of the result; `frame` is (width, height) of the labels' frame, `turn` the orientation from there."""

    id: int
    file_name: str
    width: int
    height: int
    frame: tuple[int, int]
    turn: int


class Builder:
    """Collects images, categories and objects; `coco()` gives the COCO dict, `account` says what happened.

    images: folder of the images; None when they need not be looked at.
    """

    def __init__(self, options: Options, images=None):
        self.account = Account()
        self.options = options
        self.folder = None if images is None else ImageFolder(images)
        self.account.images = None if self.folder is None else self.folder.root
        self.categories: list[dict] = []
        self.images: dict[int, dict] = {}
        self.annotations: list[dict] = []
        self._category_ids: dict[str, int] = {}
        self._names: set[str] = set()
        self._next_id = 1
        self.bar = tqdm(unit="image", disable=not options.progress, delay=SECONDS_WITHOUT_BAR)
        self.extra: dict[str, Any] = {}  # other entries of the COCO dict: info, licenses, ..

    def category(self, name: str, category_id: int | None = None, **extra) -> int:
        """Id of the category with that name, which is made when it is new."""
        if category_id is None and name in self._category_ids:
            return self._category_ids[name]
        if category_id is None:
            category_id = max((item["id"] for item in self.categories), default=0) + 1
        self._category_ids.setdefault(name, category_id)
        self.categories.append({"id": category_id, "name": name, **extra})
        return category_id

    def image(
        self,
        name: str,
        size: tuple[int, int] | None = None,
        image_id: int | None = None,
        attributes: dict | None = None,
        **extra: Any,
    ) -> Image | None:
        """A new image, or None when it cannot be used, which the account then says.

        name: its name in the labels, a path or URL; size: (width, height) as the labels state it; attributes: answers
        and tags of the whole image; extra: other entries of its COCO dict.
        Raises ValueError for an impossible size, and when the name fits several images.
        """
        self.bar.update()
        path = self.folder.find(name) if self.folder else None
        file_name = path or clean(name)
        if not file_name:
            raise ValueError(f"an image has no name: {name!r}")
        if size is not None:
            check_size(*size, f"image {file_name}")
        if path is None and size is None:
            self.account.drop(NOT_FOUND, file_name)
            return None
        if path is None and self.folder:
            self.account.note("image not found; its size is the one that the labels state", file_name)
        if file_name in self._names:
            self.account.drop("image that is there twice: its second labels", file_name)
            return None
        width, height, frame, turn = self._frame(path, file_name, size)
        if image_id is None or image_id in self.images:
            if image_id is not None:
                self.account.repair("image id that was there twice, now a new one", f"{file_name} (id {image_id})")
            image_id = self._next_id
        self._next_id = max(self._next_id, image_id + 1)
        image = Image(image_id, file_name, width, height, frame, turn)
        self._names.add(file_name)
        if attributes:
            extra["attributes"] = attributes
        self.images[image_id] = {**extra, "id": image_id, "file_name": file_name, "width": width, "height": height}
        return image

    def add(
        self,
        image: Image,
        category_id: int,
        *,
        polygons: Sequence[np.ndarray] = (),
        holes: Sequence[np.ndarray] = (),
        masks: Sequence[np.ndarray | dict] = (),
        where: str = "",
        iscrowd: int = 0,
        attributes: dict | None = None,
        **extra: Any,
    ) -> bool:
        """Add an object: the union of polygons (n, 2) and masks, less the holes.  False when nothing of it is left.

        Polygons, holes and masks are in the frame of the image's labels; a mask is bool (H, W) or an RLE.
        where: the object's place in its file, for the account.
        """
        place = f"{image.file_name}{': ' if where else ''}{where}"
        parts = self._parts(image, polygons, place)
        if holes or len(masks):
            rle = self._combined(image, parts, holes, masks, place)
            segmentation: dict | list = rle_to_json(rle)
        else:
            rle = polygons_to_rle([part.reshape(-1) for part in parts], image.height, image.width)
            segmentation = [part.reshape(-1).tolist() for part in parts]
        area = rle_area(rle)
        if area == 0:
            self.account.drop("object without a pixel inside the image", place)
            return False
        kinds = {"objects with holes": bool(holes), "objects of several polygons": len(parts) > 1, "crowds": iscrowd}
        for what, there in kinds.items():
            if there:
                self.account.keep(what)
        box = rle_box(rle)
        extra = {
            key: value
            for key, value in extra.items()
            if (key, value) not in (("source_area", area), ("source_bbox", box))
        }
        item = coco_annotation(image.id, category_id, box, area, segmentation, iscrowd=iscrowd) | extra
        if attributes:
            item["attributes"] = attributes
            self.account.keep("objects with attributes")
        self.annotations.append(item)
        return True

    def coco(self) -> dict:
        """The COCO dict.  Ids of annotations are kept where all of them are there once, else numbered from 1."""
        self.bar.close()
        ids = [item.get("id") for item in self.annotations]
        if any(type(i) is not int or i < 1 for i in ids) or len(set(ids)) < len(ids):
            if any(i is not None for i in ids):
                self.account.repair(
                    "annotation ids that were 0 or there twice: all are numbered anew", f"{len(ids)} ids"
                )
            ids = list(range(1, len(ids) + 1))
        annotations = [{**item, "id": i} for i, item in zip(ids, self.annotations, strict=True)]
        return {
            **self.extra,
            "info": self.extra.get("info") or {"description": f"converted from {self.account.format or 'labels'}"},
            "images": list(self.images.values()),
            "annotations": annotations,
            "categories": self.categories,
        }

    def _frame(self, path, name, size):
        """Width and height of the upright image, (width, height) of the labels' frame, and the turn between them."""
        if path is None:
            return *size, size, 1
        stored = self.folder.stored(path)
        as_stored, upright = (stored.width, stored.height), stored.upright
        if size is not None and size not in (as_stored, upright):
            self.account.note(
                "size in the labels is not the image's",
                f"{name} ({size[0]} x {size[1]}, image {upright[0]} x {upright[1]})",
            )
            return *size, size, 1
        if stored.orientation == 1:
            return *upright, upright, 1
        told = size is not None and as_stored != upright
        on_stored = size == as_stored if told else self.options.exif == "stored"
        if on_stored:
            self.account.repair("labels on the stored pixels, turned as EXIF says", name)
            return *upright, as_stored, stored.orientation
        if not told and self.options.exif == "auto":
            self.account.note("EXIF rotation: labels taken as drawn on the upright image (else --exif stored)", name)
        return *upright, upright, 1

    def _parts(self, image, polygons, place) -> list[np.ndarray]:
        """Polygons on the upright image, cut to it, without those of fewer than three points."""
        parts = []
        for shape in polygons:
            if len(shape) < 3:
                self.account.drop("part of fewer than three points", place)
                continue
            if image.turn != 1:
                shape = turn_points(shape, image.turn, *image.frame)
            beyond = max(-shape.min(), *(shape.max(axis=0) - (image.width, image.height)))
            if beyond > OUTSIDE:
                self.account.repair("polygon that reached out of the image, cut at the border", place)
                shape = cut(shape, image.width, image.height)
            elif beyond > 0:
                shape = np.clip(shape, 0, [image.width, image.height])
            if len(shape) >= 3:
                parts.append(shape)
        return parts

    def _combined(self, image, parts, holes, masks, place) -> dict:
        """RLE of the union of parts (upright) and masks (in the frame), less the holes (in the frame)."""
        size = image.height, image.width
        if len(masks) == 1 and isinstance(masks[0], dict) and not parts and not holes and image.turn == 1:
            return checked_rle(masks[0], image, place)
        mask = decode_masks([polygons_to_rle([part.reshape(-1) for part in parts], *size)], *size)[:, :, 0]
        for item in masks:
            mask = mask | turn_mask(frame_mask(item, image, place), image.turn)
        for shape in holes:
            if len(shape) < 3:
                self.account.drop("hole of fewer than three points", place)
                continue
            shape = turn_points(shape, image.turn, *image.frame)
            mask = mask & ~decode_masks([polygons_to_rle([shape.reshape(-1)], *size)], *size)[:, :, 0]
        return encode_mask(mask)


def frame_mask(item, image: Image, place: str) -> np.ndarray:
    """Mask bool (H, W) in the frame of the image, from a mask or an RLE.  Raises ValueError for another size."""
    width, height = image.frame
    if isinstance(item, dict):
        return decode_masks([checked_rle(item, image, place)], height, width)[:, :, 0]
    if item.shape != (height, width):
        raise ValueError(f"{place}: its mask is {item.shape[1]} x {item.shape[0]} pixels, not {width} x {height}")
    return item


def checked_rle(rle: dict, image: Image, place: str) -> dict:
    """An RLE of any kind as a compressed one in the frame of the image.  Raises ValueError when it is broken."""
    width, height = image.frame
    if rle.get("size") != [height, width] and rle.get("size") != (height, width):
        raise ValueError(f"{place}: its RLE has the size {rle.get('size')}, the image in the labels {[height, width]}")
    try:
        return {"size": [height, width], "counts": counts_to_bytes(rle.get("counts"), height, width)}
    except ValueError as error:
        raise ValueError(f"{place}: broken RLE: {error}") from error
