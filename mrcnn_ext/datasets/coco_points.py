"""The polygons of an annotation file as one row of numbers, filled while the JSON is being read.

Lists of Python numbers take ten times the memory, and an array for each polygon takes twice the time.
"""

from array import array

import numpy as np

from mrcnn_ext.masks.rle import MAX_COORDINATE, MIN_POLYGON_NUMBERS, polygon_parts

AT_ONCE = 1 << 20  # numbers that are looked at together


class Points:
    """All polygons.  `pack` is an object_hook of json: where a list of polygons was, it puts a `range` of numbers."""

    def __init__(self):
        self._numbers = array("d")  # x, y, x, y, .. of all parts
        self._ends = array("q", [0])  # where each part ends; the first number is where the first one starts

    def pack(self, item: dict) -> dict:
        """Take the polygons out of an annotation.  Raises ValueError naming it when they are none."""
        segmentation = item.get("segmentation")
        if isinstance(segmentation, list) and segmentation:
            first = len(self._ends) - 1
            for part in segmentation:
                self._add(part, item)
            item["segmentation"] = range(first, len(self._ends) - 1)
        return item

    def add(self, part) -> range:
        """Add one polygon, a flat list of numbers."""
        self._numbers.extend(part)
        self._ends.append(len(self._numbers))
        return range(len(self._ends) - 2, len(self._ends) - 1)

    def parts(self, numbers: range) -> list[np.ndarray]:
        """The parts with these numbers, float64 (2 * points,) each."""
        return [np.frombuffer(self._numbers[self._ends[i] : self._ends[i + 1]], np.float64) for i in numbers]

    def odd_part(self) -> int | None:
        """Number of the first part with a coordinate that is not finite or far too large; None when all are good."""
        row = np.frombuffer(self._numbers, np.float64)
        for start in range(0, len(row), AT_ONCE):
            bad = ~(np.abs(row[start : start + AT_ONCE]) <= MAX_COORDINATE)
            if bad.any():
                return int(np.searchsorted(self._ends, start + int(bad.argmax()), side="right")) - 1
        return None

    def _add(self, part, item: dict) -> None:
        if type(part) is list and len(part) >= MIN_POLYGON_NUMBERS and len(part) % 2 == 0:
            try:
                self._numbers.fromlist(part)
            except (TypeError, OverflowError):
                self._add_slowly(part, item)
            else:
                self._ends.append(len(self._numbers))
        else:
            self._add_slowly(part, item)

    def _add_slowly(self, part, item: dict) -> None:
        """A part that is too short, or of anything but numbers: what can be taken is, the rest is an error."""
        try:
            for found in polygon_parts([part]):
                self.add(found)
        except ValueError as error:
            raise ValueError(f"annotation {item.get('id')} (image {item.get('image_id')}): {error}") from error
