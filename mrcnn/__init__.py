"""Mask R-CNN in Keras 3, with the names, arguments and files of the old `mrcnn` package.

Start with `mrcnn.config.Config`, `mrcnn.utils.Dataset` and `mrcnn.model.MaskRCNN`.
Importing the package alone imports neither Keras nor a backend.
"""

from mrcnn import imgaug_on_numpy2 as imgaug_on_numpy2

__version__ = "0.1.0"
