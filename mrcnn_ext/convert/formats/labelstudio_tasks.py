"""COCO -> Label Studio tasks with predictions: a polygon where an object is one, else a brush mask with its pixels.

The label config must have PolygonLabels named `polygon` and BrushLabels named `brush` for an Image named `image`.
"""

from urllib.parse import quote

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.formats.labelstudio_rle import encode_brush
from mrcnn_ext.masks.outlines import by_image, object_mask, single_polygon

POLYGON, BRUSH, IMAGE = "polygon", "brush", "image"
LOCAL_FILES = "/data/local-files/?d="


def coco_to_tasks(coco: dict, model_version: str = "labels", prefix: str = LOCAL_FILES) -> tuple[list[dict], Account]:
    """List of tasks, one an image, and the account of what Label Studio cannot hold.

    model_version: whose predictions these are; prefix: what stands before the `file_name` in the image's address.
    A `score` of an annotation becomes that of its region; the task's score is the lowest of its regions.
    """
    account = Account()
    names = {item["id"]: item["name"] for item in coco["categories"]}
    tasks = []
    for image, annotations in by_image(coco):
        results = [_result(image, item, names[item["category_id"]], account) for item in annotations]
        prediction = {"model_version": model_version, "result": results}
        scores = [item["score"] for item in results if "score" in item]
        if scores:
            prediction["score"] = min(scores)
        data = {"image": prefix + quote(image["file_name"]), "coco_id": image["id"]}
        data |= {"width": image["width"], "height": image["height"]}
        tasks.append({"data": data, "predictions": [prediction]})
    return tasks, account


def _result(image: dict, item: dict, name: str, account: Account) -> dict:
    """One region."""
    width, height = image["width"], image["height"]
    place = f"{image['file_name']}: annotation {item['id']}"
    if item.get("iscrowd"):
        account.drop("crowd mark: Label Studio has none, the object is an ordinary one there", place)
    if item.get("attributes"):
        account.drop("attributes: they have no place in predictions", place)
    polygon = single_polygon(item)
    if polygon is not None:
        percent = [[100 * x / width, 100 * y / height] for x, y in polygon.tolist()]
        kind, value = POLYGON, {"points": percent, "closed": True, "polygonlabels": [name]}
    else:
        rle = encode_brush(object_mask(item, height, width))
        kind, value = BRUSH, {"format": "rle", "rle": rle, "brushlabels": [name]}
    result = {
        "id": f"coco{item['id']}",
        "type": f"{kind}labels",
        "from_name": kind,
        "to_name": IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": value,
    }
    return result | ({"score": float(item["score"])} if item.get("score") is not None else {})
