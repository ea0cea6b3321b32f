"""Merge, filter and renumber COCO dicts; what goes in is not changed."""

from mrcnn_ext.convert.account import Account


def merge_coco(first: dict, second: dict, account: Account, source: str) -> dict:
    """Both in one: classes meet by name, images by file_name, ids of `second` that are taken become new ones.

    source: name of the second, for the account.  Raises ValueError when an image has two sizes.
    """
    categories, category_ids = _merge(first["categories"], second["categories"], "name", account, source)
    images, image_ids = _merge(first["images"], second["images"], "file_name", account, source)
    sizes = {item["file_name"]: (item["width"], item["height"]) for item in first["images"]}
    for item in second["images"]:
        size = item["width"], item["height"]
        if sizes.get(item["file_name"], size) != size:
            raise ValueError(
                f"{source}: image {item['file_name']} is {size}, but {sizes[item['file_name']]} in another file"
            )
    annotations = list(first["annotations"])
    taken = {item["id"] for item in annotations}
    following = max(taken, default=0) + 1
    for item in second["annotations"]:
        item = {**item, "image_id": image_ids[item["image_id"]], "category_id": category_ids[item["category_id"]]}
        if item["id"] in taken:
            account.repair("annotation id that another file has, now a new one", f"{source}: annotation {item['id']}")
            item["id"] = following
        following = max(following, item["id"] + 1)
        taken.add(item["id"])
        annotations.append(item)
    return {**first, "images": images, "annotations": annotations, "categories": categories}


def filter_coco(coco: dict, classes, account: Account) -> dict:
    """Only the objects of the classes with these names; images stay, also those without any object left.

    Raises ValueError for a name that is none of the classes.
    """
    names = {item["name"] for item in coco["categories"]}
    unknown = [name for name in classes if name not in names]
    if unknown:
        raise ValueError(f"there is no class {', '.join(unknown)}. There are: {', '.join(sorted(names)) or 'none'}.")
    categories = [item for item in coco["categories"] if item["name"] in set(classes)]
    wanted = {item["id"] for item in categories}
    annotations = [item for item in coco["annotations"] if item["category_id"] in wanted]
    for item in coco["annotations"]:
        if item["category_id"] not in wanted:
            account.drop("object of a class that was not asked for", f"annotation {item['id']}")
    return {**coco, "annotations": annotations, "categories": categories}


def renumber_coco(coco: dict) -> dict:
    """Ids of images, annotations and categories from 1 on, in their order."""
    image_ids = {item["id"]: i for i, item in enumerate(coco["images"], 1)}
    category_ids = {item["id"]: i for i, item in enumerate(coco["categories"], 1)}
    annotations = [
        {**item, "id": i, "image_id": image_ids[item["image_id"]], "category_id": category_ids[item["category_id"]]}
        for i, item in enumerate(coco["annotations"], 1)
    ]
    images = [{**item, "id": image_ids[item["id"]]} for item in coco["images"]]
    categories = [{**item, "id": category_ids[item["id"]]} for item in coco["categories"]]
    return {**coco, "images": images, "annotations": annotations, "categories": categories}


def _merge(first: list, second: list, key: str, account: Account, source: str) -> tuple[list, dict]:
    """Both lists in one, and {id in the second list: id in the result}; what has the same `key` is one entry."""
    merged = list(first)
    known: dict[str, int] = {}
    for item in first:
        known.setdefault(item[key], item["id"])
    taken, ids = {item["id"] for item in first}, {}
    following = max(taken | {item["id"] for item in second}, default=0) + 1
    for item in second:
        name, old = item[key], item["id"]
        if name not in known:
            known[name] = old
            if old in taken:
                what = "category" if key == "name" else "image"
                account.repair(f"{what} id that another file has, now a new one", f"{source}: {name} (id {old})")
                known[name], following = following, following + 1
            taken.add(known[name])
            merged.append({**item, "id": known[name]})
        elif key == "file_name":
            account.note("image in several files: it has the objects of all", f"{source}: {name}")
        ids[old] = known[name]
    return merged, ids
