"""The public class `MaskRCNN`, and the old module's functions by their old names."""

import contextlib
import time

import numpy as np

from mrcnn.extras import needs_backend

with needs_backend():
    import keras

from mrcnn import inside, training, utils  # noqa: F401 (old code says modellib.utils)
from mrcnn.config import check_config
from mrcnn.conventions import MATTERPORT, conventions_of
from mrcnn.data.anchors import anchors_for, compute_backbone_shapes
from mrcnn.data.boxes import norm_boxes
from mrcnn.data.generator import data_generator
from mrcnn.data.image import as_channels
from mrcnn.data.molding import (
    compose_image_meta,
    load_image_gt,
    mold,
    mold_image,
    parse_image_meta,
    parse_image_meta_graph,
    unmold_image,
)
from mrcnn.data.targets import build_detection_targets, build_rpn_targets, generate_random_rois
from mrcnn.data.unmolding import RESULTS, unmold
from mrcnn.network import graph, old_names
from mrcnn.network.old_names import *  # noqa: F403 (its __all__ is the list)
from mrcnn.training.devices import Devices, one_device
from mrcnn.training.optimizer import make_optimizer
from mrcnn.training.run_facts import file_sha256
from mrcnn.weights import load_weights, save_weights
from mrcnn.weights.convert import zoo_file
from mrcnn.weights.download import imagenet_weights
from mrcnn.weights.fit import check_fits
from mrcnn.weights.origin import origins_of
from mrcnn.weights.zoo import ZOO


class MaskRCNN:
    """A Mask R-CNN for training or for inference. `keras_model` is the Keras model; its layers have the old names.

    Args:
        mode: "training" or "inference".
        config: a Config.
        model_dir: where the folders of the runs are.
    """

    def __init__(self, mode, config, model_dir):
        if mode not in ("training", "inference"):
            raise ValueError(f'mode is {mode!r}: use "training" or "inference".')
        check_config(config, mode=mode)  # again: old code sets values after the Config was made
        self.mode = mode
        self.config = config
        self.model_dir = str(model_dir)
        self._anchors = {}
        self.interrupted = False  # whether a person stopped the last training
        self.loaded = None  # what `load_weights` was last given: a name such as "coco", or the path of a file
        self.origins = []  # what those weights began as, with their licences
        self.loaded_sha256 = None  # of the file, where it is to be trained on
        self.seconds = {}  # of the last `detect`, by part: resize, network, paste
        if config.SEED is not None:
            keras.utils.set_random_seed(config.SEED)
        self.set_log_dir()
        self.devices = Devices(config.GPU_COUNT if mode == "training" else 1, config.BATCH_SIZE)
        with self.devices.scope() if mode == "training" else one_device():
            self.keras_model = self.build(mode, config)

    def build(self, mode, config):
        """The Keras model of `mode`."""
        if mode == "training":  # on images of IMAGE_SHAPE, whatever the IMAGE_RESIZE_MODE
            self.get_anchors(config.IMAGE_SHAPE)
            return graph.build_training(config, self.anchors)
        shape = graph.image_shape(config)
        if None in shape:
            return graph.build_inference(config, None)
        return graph.build_inference(config, len(self._anchors_px(shape)))

    # --- weights and runs ----------------------------------------------------------------------------------------

    def find_last(self):
        """Path of the last checkpoint of the newest run of this NAME in `model_dir` that has one.

        Raises:
            FileNotFoundError: there is no run, or no checkpoint in any of them.
        """
        runs = training.runs_of(self.model_dir, self.config.NAME)
        if not runs:
            raise FileNotFoundError(
                f"No run of {self.config.NAME.lower()!r} in {self.model_dir}: train first, or give a path to a weights "
                "file."
            )
        path = training.newest_checkpoint(runs)
        if path is None:
            raise FileNotFoundError(f"No checkpoint in {runs[-1]}: the run did not finish its first epoch.")
        return str(path)

    def load_weights(
        self, filepath, by_name=False, exclude=None, *, class_names=None, class_names_file=None, skip_mismatch=False
    ):
        """Weights by layer name; prints and returns what was loaded and what was not.

        After a checkpoint of a run, `epoch` and `log_dir` are that run's, so that training goes on there.

        Args:
            filepath: a `.h5` of the old package or of this one, or the name of pretrained weights, fetched once and
                kept ("coco", "imagenet", "torchvision-v2", ..; `mrcnn weights list` has them all), or "last".
            by_name: kept from the old package; layers always go by name.
            exclude: names of layers to leave as they are.
            class_names: this model's, background first: the classes that the file knows too keep what it has of them.
            class_names_file: the file's; None: those in classes.json beside it, or COCO's of COCO's files.
            skip_mismatch: leave what does not fit as it is.

        Raises:
            ValueError: the file does not fit.
        """
        if filepath == "last":
            filepath = self.find_last()
        if not exclude and not skip_mismatch:
            check_fits(filepath, self.config)
        path = zoo_file(filepath) if filepath in ZOO else filepath
        report = load_weights(
            self.keras_model,
            path,
            mode=self.mode,
            exclude=exclude,
            skip_mismatch=skip_mismatch,
            class_names_file=class_names_file,
            class_names_model=class_names,
        )
        self.loaded = str(filepath)
        self.origins = origins_of(path)
        self.loaded_sha256 = file_sha256(path) if self.mode == "training" else None  # now: later it may be another
        self.set_log_dir(path)
        return report

    def get_imagenet_weights(self):
        """Path of the ImageNet weights of ResNet-50, fetched if need be."""
        return str(imagenet_weights())

    def save_weights(self, filepath):
        """Writes the weights in the old package's layout."""
        save_weights(self.keras_model, filepath)

    def set_log_dir(self, model_path=None):
        """Sets `log_dir`, `checkpoint_path` and `epoch`: of the run that `model_path` belongs to, or of a new one."""
        run = model_path and training.parse_checkpoint(model_path)
        date, self.epoch = run if run else (None, 0)
        name = self.config.NAME or "mask_rcnn"
        self.log_dir = str(training.run_folder(self.model_dir, name, date))
        self.checkpoint_path = training.checkpoint_path(self.log_dir, name)

    # --- training ------------------------------------------------------------------------------------------------

    def train(
        self,
        train_dataset,
        val_dataset,
        learning_rate,
        epochs=None,
        layers="all",
        augmentation=None,
        custom_callbacks=None,
        no_augmentation_sources=None,
        *,
        extra_epochs=None,
        resume=False,
    ):
        """Trains, up to epoch `epochs` in all (not that many more), or for `extra_epochs` more.

        Writes to `log_dir`: checkpoints, state.npz for resuming, config.json, classes.json, run.json, metrics.csv,
        steps.csv, log.txt and TensorBoard's files. Ctrl-C ends it after the running step, with its state saved. From a
        checkpoint that is not the run's last it goes to a folder of its own.

        Args:
            train_dataset: a prepared Dataset.
            val_dataset: another, of the same classes.
            learning_rate: a number or a Keras schedule.
            epochs: the total.
            layers: "heads", "3+", "4+", "5+", "all", or a regular expression for whole layer names.
            augmentation: see `load_image_gt`.
            custom_callbacks: Keras callbacks.
            no_augmentation_sources: sources whose images are not augmented.
            extra_epochs: in place of `epochs`.
            resume: go on where the last training of this NAME stopped, with its weights, optimizer, random numbers and
                order of images, as if it had not; the other arguments are to be the same. Where there is none a run
                starts.

        Returns:
            Keras' History.
        """
        self._must_be("training")
        return training.train(
            self,
            train_dataset,
            val_dataset,
            learning_rate,
            epochs,
            layers,
            augmentation=augmentation,
            custom_callbacks=custom_callbacks,
            no_augmentation_sources=no_augmentation_sources,
            extra_epochs=extra_epochs,
            resume=resume,
        )

    def compile(self, learning_rate, momentum):
        """Sets the optimizer of the Config; gradients are clipped by their global norm."""
        with self.devices.scope():
            self.keras_model.compile(optimizer=make_optimizer(self.config, learning_rate, momentum))

    # --- detection -----------------------------------------------------------------------------------------------

    def detect(self, images, verbose=0, crops=False):
        """Finds objects in any number of images. `seconds` then holds how long resizing, network and pasting took.

        Args:
            images: list of arrays [H, W, C] (gray [H, W] and RGBA too) of any size.
            verbose: 1 prints the shapes.
            crops: masks as a list of N bool arrays, each as large as its box.

        Returns:
            For each image a dict: rois (N, 4) px, class_ids (N,), scores (N,), masks [H, W, N] bool, or None without
            USE_MASK. In the conventions of torchvision and detectron2 rois are float32, and with crops there are also
            `corners` (N, 2), the crops' upper left pixels.
        """
        self._must_be("inference")
        self.seconds = dict.fromkeys(("resize", "network", "paste"), 0.0)
        results = []
        images = [as_channels(image, self.config.IMAGE_CHANNEL_COUNT) for image in images]
        for start in range(0, len(images), self.config.BATCH_SIZE):
            chunk = images[start : start + self.config.BATCH_SIZE]
            if verbose:
                log(f"Processing {len(chunk)} images")
                for image in chunk:
                    log("image", image)
            with self._clock("resize"):
                batches = self._batches_of_one_size(chunk)
            for molded, metas, windows, originals in batches:
                results += self._detect_batch(molded, metas, windows, originals, verbose, crops)
        return results

    def detect_molded(self, molded_images, image_metas, verbose=0):
        """As `detect`, for images that are already molded: [B, H, W, C] and metas (B, 12 + K).

        Boxes and masks are in pixels of the molded images, padding included.
        """
        self._must_be("inference")
        if verbose:
            log(f"Processing {len(molded_images)} images")
            for image in molded_images:
                log("image", image)
        shapes = [tuple(image.shape) for image in molded_images]
        windows = [(0, 0, *shape[:2]) for shape in shapes]
        return self._detect_batch(molded_images, image_metas, windows, shapes, verbose)

    def mold_inputs(self, images):
        """Images of any size -> molded images [B, H, W, C], metas (B, 12 + K), windows px (B, 4)."""
        images = [as_channels(image, self.config.IMAGE_CHANNEL_COUNT) for image in images]
        molded, metas, windows = zip(*(mold(image, self.config) for image in images), strict=True)
        return np.stack(molded), np.stack(metas), np.stack(windows)

    def unmold_detections(self, detections, mrcnn_mask, original_image_shape, image_shape, window, crops=False):
        """The network's output for one image, in that image's pixels.

        detections: (D, 6).  mrcnn_mask: (D, h, w, K), or None.  original_image_shape, image_shape: of the image
        and of the molded one.  window: px, the image's place in the molded one.
        Returns boxes px (N, 4), class ids (N,), scores (N,), masks [H, W, N] bool, or None; with crops, N masks about
        as large as their boxes.
        """
        conventions = MATTERPORT if self is None else conventions_of(self.config)  # old code calls it on the class
        found = unmold(detections, mrcnn_mask, original_image_shape, image_shape, window, conventions)
        return tuple(found.as_dict(original_image_shape, crops)[name] for name in RESULTS)

    def get_anchors(self, image_shape):
        """Normalised anchors (A, 4) for images of this (molded) shape; the pixel ones are in `self.anchors`."""
        self.anchors = self._anchors_px(tuple(image_shape))
        return norm_boxes(self.anchors, tuple(image_shape)[:2], conventions_of(self.config).edge)

    # --- inside --------------------------------------------------------------------------------------------------

    def run_graph(self, images, outputs=None, image_metas=None):
        """Values of any tensors of the network for `images`: an ordered dict of arrays by name, and prints them.

        Args:
            images: as for `detect`, or with `image_metas` molded [B, H, W, C].
            outputs: list of (name, tensor), tensors as from `keras_model.get_layer(...).output` or `ancestor`; None:
                every stage, see `mrcnn.inside.stages`.
            image_metas: of images that are already molded; None: mold them.
        """
        self._must_be("inference")
        if image_metas is None:
            molded, image_metas, _ = self.mold_inputs(images)
        else:
            molded = np.asarray(images)
        outputs = inside.stages(self.keras_model) if outputs is None else outputs
        values = inside.run(self.keras_model, self._network_inputs(molded, image_metas), outputs)
        for name, value in values.items():
            log(name, value)
        return values

    def ancestor(self, tensor, name, checked=None):
        """The tensor called `name` (old TensorFlow name, or layer), or None; `tensor` and `checked` are not used."""
        return inside.find(self.keras_model, name)

    def find_trainable_layer(self, layer):
        """The layer that holds the weights: `layer` itself, or the one inside a wrapper such as TimeDistributed."""
        return self.find_trainable_layer(layer.layer) if layer.__class__.__name__ == "TimeDistributed" else layer

    def get_trainable_layers(self):
        """Every layer that has weights."""
        return training.layers_with_weights(self.keras_model)

    def set_trainable(self, layer_regex, keras_model=None, indent=0, verbose=1):
        """Only layers whose whole name fits the regular expression train; prints them unless verbose is 0."""
        chosen = training.set_trainable(keras_model or self.keras_model, layer_regex)
        if verbose:
            for layer in chosen:
                log(f"{' ' * indent}{layer.name:20}   ({layer.__class__.__name__})")

    def _anchors_px(self, image_shape):
        size = tuple(int(n) for n in image_shape[:2])
        if size not in self._anchors:
            self._anchors[size] = anchors_for(self.config, size)
        return self._anchors[size]

    def _must_be(self, mode):
        if self.mode != mode:
            raise ValueError(f'This model was made for {self.mode}: make one with mode="{mode}" and load its weights.')

    def _batches_of_one_size(self, images):
        """Molded images, metas, windows and original shapes, in order; images of one size together."""
        molded, metas, windows = zip(*(mold(image, self.config) for image in images), strict=True)
        if len({m.shape for m in molded}) == 1:
            return [(np.stack(molded), np.stack(metas), windows, [image.shape for image in images])]
        rows = zip(molded, metas, windows, images, strict=True)
        return [(m[None], meta[None], [window], [image.shape]) for m, meta, window, image in rows]

    def _network_inputs(self, molded, metas):
        """The three inputs of the inference graph, float32."""
        anchors = self.get_anchors(molded[0].shape)
        anchors = np.broadcast_to(anchors, (len(molded), *anchors.shape))
        return [np.asarray(values, np.float32) for values in (molded, metas, anchors)]

    @contextlib.contextmanager
    def _clock(self, part):
        start = time.perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - start

    def _detect_batch(self, molded, metas, windows, original_shapes, verbose, crops=False):
        shape = molded[0].shape
        inputs = self._network_inputs(molded, metas)
        if verbose:
            for name, values in zip(("molded_images", "image_metas", "anchors"), inputs, strict=True):
                log(name, values)
        with self._clock("network"):
            outputs = self.keras_model.predict_on_batch(inputs)
        masks = outputs[3] if self.config.USE_MASK else [None] * len(molded)
        results = []
        for detections, mask, original_shape, window in zip(outputs[0], masks, original_shapes, windows, strict=True):
            with self._clock("paste"):
                found = unmold(detections, mask, original_shape, shape, window, conventions_of(self.config))
                results.append(found.as_dict(original_shape, crops))
        return results


def log(text, array=None):
    """Prints text and, for an array, its shape, least and greatest value, and type."""
    if array is not None:
        array = np.asarray(array)
        span = (
            f"min: {array.min():10.5f}  max: {array.max():10.5f}" if array.size else "min:            max:           "
        )
        text = f"{text:25}shape: {str(array.shape):20}  {span}  {array.dtype}"
    print(text)


__all__ = [
    *old_names.__all__,
    "MaskRCNN",
    "build_detection_targets",
    "build_rpn_targets",
    "compose_image_meta",
    "compute_backbone_shapes",
    "data_generator",
    "generate_random_rois",
    "load_image_gt",
    "log",
    "mold_image",
    "parse_image_meta",
    "parse_image_meta_graph",
    "unmold_image",
]
