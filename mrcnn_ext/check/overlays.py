"""Images of the worst cases: all masks of an image as outlines, the faulty object in red."""

import numpy as np
from PIL import Image, ImageDraw

from mrcnn.data.image import read_image
from mrcnn_ext.check.findings import Finding, Report
from mrcnn_ext.check.objects import numbers, read_mask
from mrcnn_ext.check.run import Case
from mrcnn_ext.common.html_page import jpeg_uri
from mrcnn_ext.masks.rle import decode_masks

PER_CODE = 3
_LONGEST = 420  # pixels, of an overlay
_MARGIN = 0.25  # of the image, so much of what lies outside is drawn
_OTHER, _FAULTY, _BOX = (64, 160, 255), (255, 40, 60), (255, 200, 0)
_SKIPPED = ("image-no-objects", "image-unlisted", "area-missing", "box-missing")  # nothing to see


def overlays(report: Report) -> list[tuple[Finding, str]]:
    """(Finding, image as a data URI) for up to PER_CODE findings of each code that has something to see."""
    cases: dict[tuple[str | None, int | None], Case] = {
        (str(case.part.file), case.image["id"]): case for case in report.cases
    }
    drawn = []
    for code in report.codes():
        if code in _SKIPPED:
            continue
        shown = 0
        for finding in report.findings:
            case = cases.get((finding.file, finding.image_id)) if finding.code == code else None
            if case is None or case.look.path is None or case.look.error is not None:
                continue
            image = draw_case(case, finding.annotation_id)
            twin = cases.get((finding.other_file, finding.other_image_id))
            if twin is not None:
                image = _side_by_side(image, draw_case(twin))
            drawn.append((finding, jpeg_uri(image)))
            shown += 1
            if shown == PER_CODE:
                break
    return drawn


def draw_case(case, annotation_id=None) -> Image.Image:
    """An image with the outlines of its objects; the annotation of that id in red, with its box in yellow."""
    image = Image.fromarray(read_image(case.look.path))
    scale = min(_LONGEST / max(image.size), 4.0)
    size = [max(1, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.Resampling.BILINEAR if scale < 1 else Image.Resampling.NEAREST)
    chosen = [item for item in case.annotations if annotation_id is not None and item.get("id") == annotation_id]
    pad = _padding(chosen, image.size, scale)
    canvas = Image.new("RGB", (size[0] + 2 * pad, size[1] + 2 * pad), (96, 96, 96))
    canvas.paste(image, (pad, pad))
    draw = ImageDraw.Draw(canvas, "RGBA")
    for item in [item for item in case.annotations if item not in chosen]:
        _draw_object(draw, item, case.image, scale, pad, _OTHER, fill=0)
    for item in chosen:
        _draw_object(draw, item, case.image, scale, pad, _FAULTY, fill=70)
        box = numbers(item.get("bbox"), 4)
        if box is not None:
            x, y, width, height = (np.clip(value * scale, -4000, 4000) for value in box)
            draw.rectangle((x + pad, y + pad, x + max(width, 0) + pad, y + max(height, 0) + pad), outline=_BOX)
    return canvas


def _side_by_side(image, other) -> Image.Image:
    both = Image.new("RGB", (image.width + other.width + 6, max(image.height, other.height)), (255, 255, 255))
    both.paste(image, (0, 0))
    both.paste(other, (image.width + 6, 0))
    return both


def _padding(chosen, size, scale) -> int:
    """Pixels around the image, where the faulty object reaches outside."""
    reach = 0.0
    for item in chosen:
        for part in item["segmentation"] if isinstance(item.get("segmentation"), tuple) else ():
            points = part.reshape(-1, 2) * scale
            if len(points):
                reach = max(reach, -points.min(), *(points.max(axis=0) - size))
    return int(min(reach + 4, _MARGIN * max(size))) if reach > 1 else 0


def _draw_object(draw, item, image, scale, pad, color, fill) -> None:
    segmentation = item.get("segmentation")
    if isinstance(segmentation, tuple):
        for part in segmentation:
            points = [tuple(point) for point in np.clip(part.reshape(-1, 2) * scale + pad, -4000, 4000).tolist()]
            if len(points) >= 2:
                draw.polygon(points, fill=(*color, fill) if fill else None, outline=color)
        return
    try:
        rle = read_mask(item, image["height"], image["width"])
        mask = decode_masks([rle], image["height"], image["width"])[:, :, 0] if rle else None
    except (TypeError, ValueError):
        return  # the finding says that it cannot be read
    if mask is None or not mask.any():
        return
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = [max(1, round(side * scale)) for side in crop.shape[::-1]]
    shape = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.NEAREST))
    inner = np.pad(shape, 1)
    edge = shape & ~(inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:])
    corner = (round(columns[0] * scale) + pad, round(rows[0] * scale) + pad)
    if fill:
        draw.bitmap(corner, Image.fromarray((shape * fill).astype(np.uint8)), fill=color)
    draw.bitmap(corner, Image.fromarray(edge.astype(np.uint8) * 255), fill=color)
