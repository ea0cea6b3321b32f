"""What a check finds, and the list of everything that it can find."""

from collections import Counter
from dataclasses import asdict, dataclass, field

from mrcnn.plots.labels import counted

SEVERITIES = ("error", "warning", "note")
MAX_LISTED = 1000  # findings of one code that are kept one by one; all are counted

# code: (severity, what it is, what to do).
# error: training or evaluation would stop, or learn something wrong.  warning: probably not what you meant.
CODES = {
    "file-unreadable": ("error", "annotation file cannot be read", "Save or download it again; it must be COCO JSON."),
    "part-empty": ("error", "no images in the annotation file", "Add images, or take the file away."),
    "image-entry": ("error", "entry of 'images' is not usable", "Give it an id, a file_name, a width and a height."),
    "image-id-twice": ("error", "image id used twice", "Give each image an id of its own."),
    "image-listed-twice": ("error", "one image file under two ids", "Put all objects of an image under one id."),
    "image-name": ("error", "image name leads out of the image folder", "Name it relative to the folder."),
    "image-missing": (
        "error",
        "image file is not there",
        "Copy it there, or take its entry out.",
    ),
    "image-unreadable": (
        "error",
        "image file cannot be read",
        "Get it again: it is damaged or no image.",
    ),
    "image-size": (
        "error",
        "size in the annotation file is not the image's",
        "Label the image as it is, or bring back the image that was labelled.",
    ),
    "image-exif": (
        "error",
        "labelled as stored, but its EXIF data turns it",
        "--fix turns the labels too; or save the image without its EXIF orientation.",
    ),
    "image-exif-half": (
        "warning",
        "turned or mirrored by EXIF data without a change of size",
        "Look at its overlay: if the labels do not fit, save the image without its EXIF orientation and label again.",
    ),
    "image-unlisted": ("note", "file in the image folder that no entry names", "Nothing, if you left it out."),
    "image-no-objects": ("note", "image without objects", "Nothing, if there is nothing on it."),
    "image-twice": ("warning", "same image file twice in a part", "Keep one of them."),
    "image-near-twice": ("warning", "nearly the same image twice in a part", "Look at both; keep one of them."),
    "image-in-two-parts": ("error", "same image in two parts", "Keep it in one part, or results look too good."),
    "image-near-in-two-parts": (
        "warning",
        "nearly the same image in two parts",
        "Keep alike images in one part: mrcnn split --by duplicates.",
    ),
    "category-entry": ("error", "entry of 'categories' is not usable", "Give it an id and a name."),
    "category-id-twice": ("error", "category id used twice", "Give each category an id of its own."),
    "category-name-twice": ("warning", "category name used twice", "Merge the two, or rename one."),
    "categories-differ": ("error", "parts do not list the same categories", "Write one list into all files."),
    "category-similar": ("warning", "category names that look like one class", "Merge them, if they mean one class."),
    "category-background": ("warning", "a category called background", "Take it out: class 0 is the background."),
    "category-unused": ("warning", "category without an object in any part", "Label some, or take it out."),
    "category-unused-here": (
        "note",
        "category without an object in this part",
        "Split again: mrcnn split.",
    ),
    "annotation-entry": ("error", "entry of 'annotations' is not usable", "It must be an object with its ids."),
    "annotation-id-twice": ("warning", "annotation id used twice", "Number them anew; some tools drop the second."),
    "annotation-image": ("error", "object of an image that is not listed", "Add the image, or take it out."),
    "annotation-category": ("error", "object of a category that is not listed", "Add the category, or take it out."),
    "annotation-twice": ("warning", "same object twice", "Keep one of them."),
    "annotation-near-twice": ("warning", "two objects of a class with nearly the same mask", "Keep one of them."),
    "annotation-two-classes": ("warning", "same mask under two classes", "Keep the right one."),
    "mask-missing": ("error", "object without a mask", "Draw it; or train boxes only (USE_MASK = False)."),
    "mask-broken": ("error", "mask cannot be read", "Draw or export it again."),
    "mask-empty": ("warning", "mask without a pixel; it is left out", "Draw it again, or take it out."),
    "mask-outside": ("error", "mask lies wholly outside the image", "Check which image and size it belongs to."),
    "mask-tiny": ("note", "mask of less than 4 pixels", "Take it out, or use larger images."),
    "polygon-outside": ("warning", "polygon reaches outside the image; it is cut", "--fix cuts it off."),
    "polygon-degenerate": ("warning", "part of a polygon without area", "--fix takes it out."),
    "box-broken": ("error", "box is not four finite numbers", "--fix computes it from the mask."),
    "box-missing": ("note", "object without a box; the mask's is taken", "--fix computes it from the mask."),
    "box-disagrees": ("warning", "box does not fit the mask", "--fix computes it from the mask."),
    "area-broken": ("error", "area is not a finite number", "--fix computes it from the mask."),
    "area-missing": ("note", "object without an area; the mask's is taken", "--fix computes it from the mask."),
    "area-disagrees": ("warning", "area is not the mask's; AP by size would be wrong", "--fix computes it."),
    "cap-truth": ("warning", "more objects than MAX_GT_INSTANCES", "Raise it: training would drop the rest."),
    "cap-detections": ("warning", "more objects than DETECTION_MAX_INSTANCES", "Raise it: the rest cannot come out."),
}


def printable(text) -> str:
    """Text that any file or terminal takes: JSON may hold halves of characters, which nothing else does."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


@dataclass(slots=True)
class Finding:
    """One fault: its code, the annotation file, where in it, and in words what is the matter."""

    code: str
    file: str
    what: str
    image: str | None = None  # file_name of the image
    image_id: int | None = None
    annotation_id: object = None
    other_file: str | None = None  # annotation file and image id of what it is compared with
    other_image_id: int | None = None

    @property
    def severity(self) -> str:
        return CODES[self.code][0]

    @property
    def to_do(self) -> str:
        return CODES[self.code][2]

    def to_dict(self) -> dict:
        return {"severity": self.severity} | asdict(self) | {"to_do": self.to_do}

    def place(self) -> str:
        """Image and annotation in words; empty for a fault of the whole file."""
        words = [] if self.image is None else [f"{self.image} (id {self.image_id})"]
        words += [] if self.annotation_id is None else [f"annotation {self.annotation_id}"]
        return ", ".join(words)


@dataclass
class Report:
    """Everything found in one data set.

    counts: {code: how often}.  findings: the first MAX_LISTED of each code.  statistics: numbers for people, see
    `mrcnn_ext.check.statistics`.  cases: what overlays are drawn from; not part of the JSON.
    """

    data: str
    findings: list[Finding] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    statistics: dict = field(default_factory=dict)
    cases: list = field(default_factory=list)
    seconds: float = 0.0

    def add(
        self, code: str, file, what: str, image: dict | None = None, annotation_id=None, other=(None, None)
    ) -> None:
        """Count a fault and keep it.  image: the entry of its image.  other: (file, entry) of its twin."""
        self.counts[code] += 1
        if self.counts[code] <= MAX_LISTED:
            name, number = (None, None) if image is None else (printable(image["file_name"]), image["id"])
            finding = Finding(code, str(file), printable(what), name, number, annotation_id)
            if other[1] is not None:
                finding.other_file, finding.other_image_id = str(other[0]), other[1]["id"]
            self.findings.append(finding)

    def total(self, severity: str) -> int:
        """Number of faults of a severity."""
        return sum(count for code, count in self.counts.items() if CODES[code][0] == severity)

    @property
    def exit_code(self) -> int:
        """1 when there are errors, else 0."""
        return int(self.total("error") > 0)

    def codes(self) -> list[str]:
        """Codes found, worst first, then as in CODES."""
        order = list(CODES)
        return sorted(self.counts, key=lambda code: (SEVERITIES.index(CODES[code][0]), order.index(code)))

    def verdict(self) -> str:
        """One sentence."""
        numbers = ", ".join(counted(self.total(name), name) for name in SEVERITIES)
        if self.exit_code:
            return f"{numbers}: mend the errors before you train."
        return f"{numbers}: ready to train." if not self.total("warning") else f"{numbers}: look at the warnings."

    def to_dict(self) -> dict:
        """The report as plain JSON values."""
        return {
            "data": self.data,
            "verdict": self.verdict(),
            "totals": {name: self.total(name) for name in SEVERITIES},
            "counts": {code: self.counts[code] for code in self.codes()},
            "listed_of_each_code": MAX_LISTED,
            "statistics": self.statistics,
            "findings": [finding.to_dict() for finding in self.findings],
            "seconds": round(self.seconds, 2),
        }
