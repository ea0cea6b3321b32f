"""Numbers for people: images, objects, classes, sizes."""

from collections import Counter

import numpy as np


def statistics(parts, masks) -> dict:
    """Histograms of a data set.

    masks: for each part and image its readable masks.  Returns
    "parts": [{"name", "file", "images", "without_objects", "objects", "crowds", "fullest"}],
    "classes": {name: {part name: objects}}, most objects first,
    "sides_px": {"16": objects whose mask has the area of a square with a side of 16 to 31 pixels, ..},
    "objects_in_an_image": {"4": images with 4 to 7 objects, ..}; "0" is none,
    "image_sizes": {"640 x 480": images}, the twenty most frequent (width x height).
    """
    classes: dict[str, dict] = {}
    sides: Counter[int] = Counter()
    per_image: Counter[int] = Counter()
    sizes: Counter[str] = Counter()
    rows = []
    for part, found in zip(parts, masks, strict=True):
        counts = [len(objects) for objects in part.objects]
        crowds = sum(bool(item.get("iscrowd")) for objects in part.objects for item in objects)
        rows.append(
            {
                "name": part.name,
                "file": str(part.file),
                "images": len(part.images),
                "without_objects": counts.count(0),
                "objects": sum(counts),
                "crowds": crowds,
                "fullest": max(counts, default=0),
            }
        )
        names = Counter(part.categories[item["category_id"]] for objects in part.objects for item in objects)
        for name in part.categories.values():
            classes.setdefault(name, {})[part.name] = names[name]
        per_image.update(_power_of_two(count) for count in counts)
        sides.update(_power_of_two(int(np.sqrt(mask.area))) for masks_here in found for mask in masks_here)
        sizes.update(f"{image['width']} x {image['height']}" for image in part.images if None not in image.values())
    return {
        "parts": rows,
        "classes": dict(sorted(classes.items(), key=lambda item: -sum(item[1].values()))),
        "sides_px": {str(key): sides[key] for key in sorted(sides)},
        "objects_in_an_image": {str(key): per_image[key] for key in sorted(per_image)},
        "image_sizes": dict(sizes.most_common(20)),
    }


def bin_label(low: str) -> str:
    """ "16" -> "16 to 31": the words for a bin of the histograms."""
    return low if int(low) < 2 else f"{low} to {2 * int(low) - 1}"


def _power_of_two(number: int) -> int:
    """The largest power of two that is not above it; 0 for 0."""
    return 0 if number < 1 else 1 << (number.bit_length() - 1)
