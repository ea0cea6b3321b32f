"""Which class is taken for which."""

import numpy as np

from mrcnn_ext.evaluation.overlaps import match


def confusion_matrix(images, classes: int, min_score=0.5, iou=0.5) -> np.ndarray:
    """Counts, int (K, K): rows are true classes, columns detected ones; 0 is background.

    Row 0 counts detections where nothing is, column 0 objects that nobody found. [0, 0] is 0.
    images: from `compare`.  classes: K, background included.  min_score: weaker detections are left out.
    iou: least of a pair. Objects of the detection's own class are paired first (as AP does); what is left over is then
    paired across classes, best score first. Crowds, and detections on them, are not counted.
    """
    counts = np.zeros((classes, classes), int)
    for image in images:
        strong = image.scores >= min_score
        image = image._replace(class_ids=image.class_ids[strong], scores=image.scores[strong], ious=image.ious[strong])
        pairs, on_crowd = match(image, iou)
        free = ~image.crowd
        free[pairs[pairs >= 0]] = False
        for i in np.flatnonzero((pairs < 0) & ~on_crowd):
            fits = free & (image.ious[i] >= iou)
            if fits.any():
                pairs[i] = np.where(fits, image.ious[i], -1.0).argmax()
                free[pairs[i]] = False
        paired = pairs >= 0
        np.add.at(counts, (image.true_ids[pairs[paired]], image.class_ids[paired]), 1)
        np.add.at(counts, (0, image.class_ids[~paired & ~on_crowd]), 1)
        np.add.at(counts, (image.true_ids[free], 0), 1)
    return counts
