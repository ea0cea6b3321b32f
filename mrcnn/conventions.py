"""What is not learned and goes together: three libraries place, round and choose differently.

Weights give their answers only with the conventions that they were trained with. Only `network/graph.py`, `model.py`,
`data/` and `export/` ask for them, by `conventions_of`; a stage gets the values it needs.
"""

from typing import NamedTuple


class Resizing(NamedTuple):
    """How an image gets the network's size.

    Attributes:
        rounding: Of a scaled side: "even" (to the nearest, halves to the even one), "down", or "up" (halves up).
        filter: "smoothed" (Gauss, zeros around, cut to whole gray levels), "linear" (not smoothed, not rounded), or
            "pillow" (Pillow's bilinear of uint8, smoothed where it shrinks).
        centred: True: the image lies in the middle of black pixels; False: in the upper left corner, and what is added
            right and below has the mean pixel's level.
    """

    rounding: str
    filter: str
    centred: bool


class Pooling(NamedTuple):
    """Which of the pyramid's levels a ROI is pooled from, and where its samples lie.

    Attributes:
        level: "round" or "floor" of 4 + log2(side / 224 px).
        kind: "corners": one sample a bin, the outermost on the box's corners. "bins": the mean of `samples` x `samples`
            in each bin. "adaptive": as many samples as a bin has cells, at most `samples` along each side (None: no
            limit).
        samples: Along each side of a bin.
        aligned: Whether cell i has its centre at i + 0.5 cells (else at i, and a box is at least a cell large).
    """

    level: str
    kind: str
    samples: int | None = 1
    aligned: bool = False


class Conventions(NamedTuple):
    """One library's.

    Attributes:
        edge: What is taken off a side and off y2, x2 when boxes are normalised: 1 where the last pixel's coordinate is
            1, 0 where the image's border is.
        whole_boxes: Whether detected boxes are rounded to whole pixels.
        resizing: See `Resizing`.
        padding: Of convolutions and pooling with a stride of 2: "same" (TensorFlow's) or "symmetric" (PyTorch's).
        anchors_rounded: Whether the corners of anchors are whole pixels.
        anchors_spread: Whether the anchors' stride is side // cells of the map, so that P6's may be less than 64 px.
        proposals_per_level: Whether each level of the pyramid gives its best anchors, without near-duplicates within
            it; else all levels together. True also keeps proposals out of the padding.
        least_proposal_px: Proposals with a shorter side go; 0: only those without area.
        pooling: See `Pooling`.
        delta_limit: Largest log dh, log dw; None: no limit.
        every_class: Whether every class of a ROI above the least score is a detection; else only its best class.
        least_detection_px: Detections with a shorter side go.
        pasting: "box": a mask is resized into its whole-pixel box. "grown": with a border, into a box grown by it.
            "sampled": read at the centre of each pixel.
    """

    edge: int
    whole_boxes: bool
    resizing: Resizing
    padding: str
    anchors_rounded: bool
    anchors_spread: bool
    proposals_per_level: bool
    least_proposal_px: float
    pooling: Pooling
    delta_limit: float | None
    every_class: bool
    least_detection_px: float
    pasting: str


DELTA_LIMIT = 4.135166556742356  # log(1000 / 16), of both libraries

MATTERPORT = Conventions(
    edge=1,
    whole_boxes=True,
    resizing=Resizing(rounding="even", filter="smoothed", centred=True),
    padding="same",
    anchors_rounded=False,
    anchors_spread=False,
    proposals_per_level=False,
    least_proposal_px=0.0,
    pooling=Pooling(level="round", kind="corners"),
    delta_limit=None,
    every_class=False,
    least_detection_px=0.0,
    pasting="box",
)
TORCHVISION = Conventions(
    edge=0,
    whole_boxes=False,
    resizing=Resizing(rounding="down", filter="linear", centred=False),
    padding="symmetric",
    anchors_rounded=True,
    anchors_spread=True,
    proposals_per_level=True,
    least_proposal_px=1e-3,
    pooling=Pooling(level="floor", kind="bins", samples=2, aligned=False),
    delta_limit=DELTA_LIMIT,
    every_class=True,
    least_detection_px=1e-2,
    pasting="grown",
)
DETECTRON2 = TORCHVISION._replace(
    resizing=Resizing(rounding="up", filter="pillow", centred=False),
    anchors_rounded=False,
    anchors_spread=False,
    least_proposal_px=0.0,
    pooling=Pooling(level="floor", kind="adaptive", samples=4, aligned=True),
    least_detection_px=0.0,
    pasting="sampled",
)
BY_NAME = {"matterport": MATTERPORT, "torchvision": TORCHVISION, "detectron2": DETECTRON2}


def conventions_of(config):
    """The Conventions that a Config asks for.

    Raises:
        ValueError: For a CONVENTIONS that is none.
    """
    if config.CONVENTIONS not in BY_NAME:
        raise ValueError(f"CONVENTIONS is {config.CONVENTIONS!r}: use one of {', '.join(BY_NAME)}.")
    found = BY_NAME[config.CONVENTIONS]
    if found.pooling.kind == "adaptive":
        found = found._replace(pooling=found.pooling._replace(samples=config.POOL_SAMPLES))
    return found
