"""COCO average precision while it trains: a callback for `MaskRCNN.train`."""

from pathlib import Path

import keras
import numpy as np

from mrcnn.data.image import decode_image
from mrcnn.model import MaskRCNN
from mrcnn.training.checkpoints import averaged_weights
from mrcnn.training.progress import on_screen
from mrcnn.weights import layers_of
from mrcnn_ext.common.html_page import png_bytes
from mrcnn_ext.detection.on_dataset import detection_config
from mrcnn_ext.evaluation.analysis import analyse
from mrcnn_ext.evaluation.figures import plot_confusion, plot_curves
from mrcnn_ext.evaluation.images import truth_beside_prediction
from mrcnn_ext.evaluation.measure import AP_IMAGES, measure, measured_images
from mrcnn_ext.evaluation.report import NAMES


class AveragePrecision(keras.callbacks.Callback):
    """Every few epochs: box and mask AP, over all and for each class, into metrics.csv and TensorBoard.

    The network for inference is made once, and gets the newest weights (or their moving averages) each time.

    Args:
        model: the MaskRCNN that trains.
        dataset: a prepared Dataset, for validation.
        every: epochs from one measurement to the next.
        limit: only the first so many images.
        images: so many of them are shown in TensorBoard, truth beside prediction, with curves and confusion matrix.

    Attributes:
        evaluation: the last result, an `Evaluation`.
    """

    def __init__(self, model, dataset, every=1, limit=AP_IMAGES, images=4):
        super().__init__()
        self.trained = model
        self.dataset = dataset
        self.every = every
        self.image_ids = measured_images(dataset, limit)
        self.images = images
        self.detector = None
        self.evaluation = None

    def on_epoch_end(self, epoch, logs=None):
        """Measure, if the epoch is one of every so many or the last.

        Args:
            epoch: counted from 0.
            logs: Keras' dict of the epoch's numbers; box_AP, box_AP50 and the like go into it, 0 to 1.
        """
        last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every and not last:
            return
        self._take_weights()
        config, data = self.trained.config, self.dataset
        detections, self.evaluation = measure(self.detector, config, data, self.image_ids, progress=on_screen())
        for kind in (kind for kind in NAMES if kind in self.evaluation):
            numbers, name = self.evaluation[kind], NAMES[kind]
            logs[f"{name}_AP"], logs[f"{name}_AP50"] = numbers["AP"], numbers["AP50"]
            for class_name, row in numbers["classes"].items():
                logs[f"{name}_AP_{class_name}"] = row["AP"]
        self._show(detections, epoch + 1)

    def _take_weights(self):
        if self.detector is None:
            self.detector = MaskRCNN("inference", detection_config(self.trained.config), self.trained.model_dir)
        with averaged_weights(self.model):
            source = layers_of(self.model)
            for name, layer in layers_of(self.detector.keras_model).items():
                for weight, variable in layer.weights.items():
                    variable.assign(np.asarray(source[name].weights[weight]))

    def _show(self, detections, epoch):
        """Images for TensorBoard."""
        import tensorflow as tf  # also beside another backend: only its event writer is used

        analysis = analyse(self.dataset, detections, max_detections=self.evaluation["max_detections"])
        writer = tf.summary.create_file_writer(str(Path(self.trained.log_dir) / "evaluation"))
        with writer.as_default(step=epoch):
            for name, figure in (("curves", plot_curves(analysis)), ("confusion", plot_confusion(analysis))):
                tf.summary.image(name, decode_image(png_bytes(figure), name)[None])
            for image_id in self.image_ids[: self.images]:
                pixels = truth_beside_prediction(self.dataset, detections, image_id)
                tf.summary.image(f"truth_and_prediction/{image_id}", pixels[None])
        writer.close()
