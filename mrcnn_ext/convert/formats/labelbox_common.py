"""What Labelbox exports of all years share."""

from pathlib import PurePosixPath
from typing import Any

from mrcnn_ext.convert.builder import Builder, Image
from mrcnn_ext.convert.formats.labelbox_masks import MaskFiles
from mrcnn_ext.convert.images import clean
from mrcnn_ext.convert.reading import mapping, number, points, sequence, text
from mrcnn_ext.masks.geometry import rectangle

NOT_AREAS = ("line", "point")


def image_name(external_id, address, where) -> str:
    """Name of an image: its external id where that looks like a file, else the end of its address."""
    external_id = "" if external_id is None else text(str(external_id), where)
    if PurePosixPath(external_id).suffix:
        return clean(external_id)
    end = clean(text(address, f"{where}: address of the image")).rpartition("/")[2] if address else ""
    name = end or external_id
    if not name:
        raise ValueError(f"{where}: it has neither an external id nor an address of its image")
    return name


def skipped(item: dict) -> bool:
    """True when the labeller skipped the image."""
    return item.get("Skipped") is True or item.get("Label") == "Skip"


def add_object(builder: Builder, files: MaskFiles, image: Image, item: dict, where: str) -> None:
    """Add one object: polygon, box, or mask from an image in `files`; lines and points are dropped."""
    name = item.get("name") or item.get("value") or item.get("title")
    category_id = builder.category(text(name, f"{where}: class"))
    box = item.get("bounding_box") or item.get("bbox")
    attributes = answers(item.get("classifications") or [], where)
    extra: dict[str, Any] = {"attributes": attributes}
    identity = item.get("feature_id") or item.get("featureId")
    if identity is not None:
        extra["source_id"] = text(identity, f"{where}: feature id")
    if item.get("polygon"):
        shape = points(item["polygon"], where)
        if len(shape) > 3 and (shape[0] == shape[-1]).all():
            shape = shape[:-1]
        builder.add(image, category_id, polygons=[shape], where=where, **extra)
    elif box:
        box = mapping(box, where)
        left, top, width, height = (
            number(box.get(key), f"{where}: {key}") for key in ("left", "top", "width", "height")
        )
        builder.account.note("box taken as the mask of its object", f"{image.file_name}: {where}")
        builder.add(image, category_id, polygons=[rectangle(left, top, width, height)], where=where, **extra)
    elif any(item.get(kind) for kind in NOT_AREAS):
        builder.account.drop("line or point, which has no area", f"{image.file_name}: {where}")
    else:
        mask = files.mask(item, where)
        if mask is not None:
            builder.add(image, category_id, masks=[mask], where=where, **extra)


def answers(classifications, where) -> dict:
    """Answers to questions as {question: answer}."""
    found = {}
    for item in sequence(classifications, f"{where}: classifications"):
        item = mapping(item, f"{where}: a classification")
        keys = ("answer", "answers", "radio_answer", "checklist_answers", "text_answer")
        answer = next((item[key] for key in keys if item.get(key) is not None), None)
        question = item.get("name") or item.get("value") or item.get("title")
        found[text(question, f"{where}: a question")] = _plain(answer)
    return found


def _plain(answer):
    """An answer without the ids around it."""
    if isinstance(answer, list):
        return [_plain(item) for item in answer]
    if isinstance(answer, dict):
        for key in ("name", "value", "title", "content"):
            if isinstance(answer.get(key), str):
                return answer[key]
    return answer
