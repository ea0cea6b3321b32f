"""TFRecord files in the schema of the TensorFlow Object Detection API: writing them, and training from them."""

from mrcnn_ext.datasets.tfrecord.dataset import TFRecordDataset
from mrcnn_ext.datasets.tfrecord.write import write_tfrecords

__all__ = ["TFRecordDataset", "write_tfrecords"]
