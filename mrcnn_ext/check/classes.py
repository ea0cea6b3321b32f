"""The categories of all parts together, and how many objects an image has against what the Config allows."""

import difflib
from collections import Counter, defaultdict

_SIMILAR = 0.86  # difflib's ratio; "apple" and "apples" have 0.91
_MIN_LETTERS = 5  # shorter names are near each other by chance
_BACKGROUND = {"background", "bg", "_background_", "__background__"}


def check_categories(parts, report) -> None:
    """Report categories that differ between parts, look alike, have no objects, or are the background."""
    first = parts[0]
    for part in parts:
        for name, count in Counter(part.categories.values()).items():
            if count > 1:
                numbers = [number for number, other in part.categories.items() if other == name]
                report.add("category-name-twice", part.file, f"{name!r} is the name of {numbers}")
        for number, name in part.categories.items():
            if name.strip().casefold() in _BACKGROUND:
                report.add("category-background", part.file, f"category {number} is {name!r}")
        if part.categories != first.categories:
            report.add("categories-differ", part.file, _difference(first, part))
    names = sorted({name for part in parts for name in part.categories.values()})
    for i, name in enumerate(names):
        for other in names[i + 1 :]:
            if _similar(name, other):
                report.add("category-similar", first.file, f"{name!r} and {other!r}")
    _check_unused(parts, report)


def check_caps(parts, config, report) -> None:
    """Report images with more objects (crowds do not count) than training takes or detection gives."""
    for part in parts:
        for image, objects in zip(part.images, part.objects, strict=True):
            count = sum(not item.get("iscrowd") for item in objects)
            for code, name in (("cap-truth", "MAX_GT_INSTANCES"), ("cap-detections", "DETECTION_MAX_INSTANCES")):
                cap = getattr(config, name)
                if count > cap:
                    report.add(code, part.file, f"{count} objects, {name} is {cap}", image)


def _check_unused(parts, report) -> None:
    used = {id(part): {item["category_id"] for objects in part.objects for item in objects} for part in parts}
    where = defaultdict(list)
    for part in parts:
        for number, name in part.categories.items():
            if number not in used[id(part)]:
                where[number, name].append(part)
    for (number, name), lacking in where.items():
        listing = [part for part in parts if part.categories.get(number) == name]
        if len(lacking) == len(listing):
            report.add("category-unused", lacking[0].file, f"category {number} {name!r} has no object")
        else:
            for part in (part for part in lacking if part.images):
                report.add("category-unused-here", part.file, f"category {number} {name!r} has no object here")


def _similar(name: str, other: str) -> bool:
    a, b = (" ".join(text.replace("_", " ").replace("-", " ").casefold().split()) for text in (name, other))
    if a == b or a.replace(" ", "") == b.replace(" ", ""):
        return True
    if min(len(a), len(b)) < _MIN_LETTERS or any(letter.isdigit() for letter in a + b):
        return a + "s" == b or b + "s" == a  # names with a number, like "stage 1" and "stage 2", are meant to be near
    return difflib.SequenceMatcher(None, a, b).ratio() >= _SIMILAR


def _difference(first, part) -> str:
    lacking = {i: name for i, name in first.categories.items() if part.categories.get(i) != name}
    extra = {i: name for i, name in part.categories.items() if first.categories.get(i) != name}
    words = [f"lacks {lacking}" if lacking else "", f"has {extra}" if extra else ""]
    return f"compared with {first.name} it {' and '.join(filter(None, words))}"[:300]
