"""What a conversion gave, in a form that is easily compared."""

from mrcnn_ext.masks.rle import decode_masks, polygon_parts, polygons_to_rle


def masks_of(coco):
    """{annotation id: mask} of a COCO dict, by the data set's own reader."""
    sizes = {item["id"]: (item["height"], item["width"]) for item in coco["images"]}
    result = {}
    for item in coco["annotations"]:
        segmentation, size = item["segmentation"], sizes[item["image_id"]]
        if isinstance(segmentation, list):
            segmentation = polygons_to_rle(polygon_parts(segmentation), *size)
        result[item["id"]] = decode_masks([segmentation], *size)[:, :, 0]
    return result


def summary(builder):
    """[(file name, class, area, box), ..]"""
    coco = builder.coco()
    images = {item["id"]: item["file_name"] for item in coco["images"]}
    names = {item["id"]: item["name"] for item in coco["categories"]}
    return [(images[a["image_id"]], names[a["category_id"]], a["area"], a["bbox"]) for a in coco["annotations"]]
