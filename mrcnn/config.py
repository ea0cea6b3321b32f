"""The settings of one model: class attributes with a comment each, overridden in a subclass.

    class ShapesConfig(Config):
        NAME = "shapes"
        NUM_CLASSES = 1 + 3

Slips of the pen are caught: an UPPERCASE name that is nearly one of the list below is an error that says which one.
All other names are yours.
"""

import contextlib
import difflib
import json
from pathlib import Path

import numpy as np

NEAR = 0.8  # likeness, as difflib has it, from which on a name is taken for a misspelt setting
COMPUTED_NAMES = ("BATCH_SIZE", "IMAGE_SHAPE", "IMAGE_META_SIZE")


class Config:
    """Settings with the defaults of the old package. Subclass it, override what differs, make one instance.

    Instances also have `BATCH_SIZE` (images a step), `IMAGE_SHAPE` (array [H, W, C] of the molded image) and
    `IMAGE_META_SIZE` (numbers in a meta vector). They are computed when the instance is made; a value that is
    changed later does not change them.

    Raises ValueError for an UPPERCASE name that is nearly a setting, when the subclass is defined or the value is set.
    """

    # --- The run -----------------------------------------------------------------------------------------------------
    # Text, any; names the log folder and the checkpoint files. None is only fit for a model that is never trained.
    NAME = None
    # 1 or more; a step sees GPU_COUNT * IMAGES_PER_GPU images, and training spreads them over so many GPUs. Where
    # fewer are found, those take them all (it says so), and their memory must do.
    GPU_COUNT = 1
    # Images a device, 1 or more; as many as its memory takes. Two images of 1024 px fit in 12 GB with R101.
    IMAGES_PER_GPU = 2
    # Optimizer steps, 1 or more. An epoch ends with a checkpoint and the validation, so it need not be one pass
    # over the data set.
    STEPS_PER_EPOCH = 1000
    # Batches of the validation set after each epoch, 1 or more; more gives a steadier figure and a slower epoch.
    VALIDATION_STEPS = 50
    # Steps after which the training's state is saved within an epoch too, or None: at the end of each epoch only.
    CHECKPOINT_STEPS = None
    # Checkpoints of the last so many epochs stay on disk, 1 or more; None: of all. The best one stays in any case.
    KEEP_CHECKPOINTS = None
    # Epochs without a better mask AP (or validation loss, where no AP is measured) after which training ends, or None.
    EARLY_STOP_EPOCHS = None
    # True leaves out an image that cannot be read, and lists it at the end; False stops with its name.
    SKIP_BROKEN_IMAGES = False
    # Threads that make batches, or None: one a core, 8 at most. 1 for a Dataset that is not safe in several threads.
    LOADER_THREADS = None
    # Whole number or None; fixes the order of images, augmentation, sampling and first weights. None: by chance.
    SEED = None

    # --- The network -------------------------------------------------------------------------------------------------
    # "resnet18", "resnet50", "resnet101", or a callable that builds one: input tensor -> five feature maps C1..C5
    # (a keras.Model with these outputs, or staticmethod(function) with the arguments image, stage5 and train_bn).
    BACKBONE = "resnet101"
    # Channels of the first stage, 8 to 64; later stages have multiples of it. 64 is the paper's ResNet.
    BACKBONE_WIDTH = 64
    # Only with a callable BACKBONE: callable(image_shape) -> [[h, w], ...], rows for P2..P6. None: from the strides.
    COMPUTE_BACKBONE_SHAPE = None
    # Pixels between neighbouring cells of P2..P6; five numbers that fit the backbone (these fit every ResNet).
    BACKBONE_STRIDES = [4, 8, 16, 32, 64]
    # "batch" (frozen unless TRAIN_BN) or "group" (group norm: no batch statistics, good for small batches).
    NORM = "batch"
    # None: batch norm trains and updates its statistics as Keras decides; False: frozen, right for small batches and
    # pretrained weights; True: always in training mode, as from scratch with 8 images or more a step.
    TRAIN_BN = False
    # Channels of every pyramid level, 32 to 256.
    TOP_DOWN_PYRAMID_SIZE = 256
    # Channels of the shared convolution of the region proposal network, 32 to 512.
    RPN_CHANNELS = 512
    # Units in each of the two dense layers of the box head, 64 to 1024.
    FPN_CLASSIF_FC_LAYERS_SIZE = 1024
    # Channels of the mask head's convolutions, 32 to 256.
    MASK_HEAD_CHANNELS = 256
    # Convolutions of the mask head before it doubles the size, 1 to 4.
    MASK_HEAD_DEPTH = 4
    # False drops the mask head: a plain Faster R-CNN, detections have boxes only.
    USE_MASK = True
    # "float32", or what GPUs compute faster and in less memory: "mixed_bfloat16" (Ampere and later), "mixed_float16"
    # (Volta and later; the loss is scaled). Weights, boxes, targets, probabilities, masks and losses stay float32.
    PRECISION = "float32"
    # Classes, background (id 0) included, so 1 + your own.
    NUM_CLASSES = 1

    # --- Anchors and proposals ---------------------------------------------------------------------------------------
    # Pixels, side of a square anchor on P2..P6; five numbers that span the sizes of your objects in the molded image.
    RPN_ANCHOR_SCALES = (32, 64, 128, 256, 512)
    # Width over height of the anchors at each cell; 0.5 is tall, 2 is wide.
    RPN_ANCHOR_RATIOS = [0.5, 1, 2]
    # Cells between anchors, 1 or 2: 2 takes every second cell in each direction, a quarter of the anchors.
    RPN_ANCHOR_STRIDE = 1
    # IoU, 0 to 1, above which the weaker of two proposals goes. Raise it to keep more proposals of crowded objects.
    RPN_NMS_THRESHOLD = 0.7
    # Anchors an image that count in the RPN losses, half of them positive at most.
    RPN_TRAIN_ANCHORS_PER_IMAGE = 256
    # Standard deviations of (dy, dx, log dh, log dw): the RPN's deltas are divided by them, to be near 1 in size.
    RPN_BBOX_STD_DEV = np.array([0.1, 0.1, 0.2, 0.2])
    # Proposals an image, by score, that go into the non-maximum suppression.
    PRE_NMS_LIMIT = 6000
    # Proposals an image that may come out of it, in training and in inference.
    POST_NMS_ROIS_TRAINING = 2000
    POST_NMS_ROIS_INFERENCE = 1000

    # --- Images ----------------------------------------------------------------------------------------------------
    # "square": scale, then pad to IMAGE_MAX_DIM x IMAGE_MAX_DIM. "pad64": scale, then pad to multiples of 64.
    # "crop": scale, then a random IMAGE_MIN_DIM square (training only). "none": as it is.
    IMAGE_RESIZE_MODE = "square"
    # Pixels, the shorter side after scaling up; a multiple of 64.
    IMAGE_MIN_DIM = 800
    # Pixels, the longest side allowed (it wins over IMAGE_MIN_DIM); a multiple of 64.
    IMAGE_MAX_DIM = 1024
    # Factor, 0 for none; scale up at least so much, even where IMAGE_MIN_DIM asks for less.
    IMAGE_MIN_SCALE = 0
    # Channels of the image, 1 or more: 3 RGB, 1 gray, 4 and more for RGB-D and the like.
    IMAGE_CHANNEL_COUNT = 3
    # Gray levels, subtracted from each channel. The default is ImageNet's RGB mean; for other channels one number each
    # (or one for all; channels that it lacks take its average).
    MEAN_PIXEL = np.array([123.7, 116.8, 103.9])
    # Objects an image that training can take, 1 or more; of more objects a random choice is used.
    MAX_GT_INSTANCES = 100
    # True keeps each truth mask as a crop of its box in MINI_MASK_SHAPE: far less memory, hardly less exact.
    USE_MINI_MASK = True
    # Pixels, (height, width) of such a crop; at least MASK_SHAPE.
    MINI_MASK_SHAPE = (56, 56)

    # --- Box and mask heads in training ------------------------------------------------------------------------------
    # ROIs an image that go to the heads. The paper has 512, but then the RPN seldom finds enough positive ones.
    TRAIN_ROIS_PER_IMAGE = 200
    # Share, 0 to 1, of them that may be positive (IoU with a truth box of 0.5 or more).
    ROI_POSITIVE_RATIO = 0.33
    # Cells, side of the grid pooled from each ROI for the box head and for the mask head.
    POOL_SIZE = 7
    MASK_POOL_SIZE = 14
    # Pixels, (height, width) of a predicted mask: twice MASK_POOL_SIZE.
    MASK_SHAPE = [28, 28]
    # Standard deviations of (dy, dx, log dh, log dw), as for the RPN, for the box head's deltas.
    BBOX_STD_DEV = np.array([0.1, 0.1, 0.2, 0.2])
    # False: the ROIs are an input of the training graph in place of the RPN's, to study the heads alone.
    USE_RPN_ROIS = True

    # --- Detection ---------------------------------------------------------------------------------------------------
    # Objects an image that can come out, 1 or more.
    DETECTION_MAX_INSTANCES = 100
    # Probability, 0 to 1; weaker objects are dropped.
    DETECTION_MIN_CONFIDENCE = 0.7
    # IoU, 0 to 1, above which the weaker of two objects of one class goes.
    DETECTION_NMS_THRESHOLD = 0.3

    # --- Optimisation ------------------------------------------------------------------------------------------------
    # "sgd" (with momentum, as in the old package) or "adamw" (quicker from scratch, at a lower rate).
    OPTIMIZER = "sgd"
    # Step size, above 0. The paper's 0.02 makes weights explode here, as the gradients are scaled differently.
    LEARNING_RATE = 0.001
    # "constant", "step" (a tenth after 2/3, a hundredth after 8/9 of the steps) or "cosine" (to a hundredth) of the
    # learning rate, where `train` gets that as a number.
    LEARNING_SCHEDULE = "constant"
    # Steps, 0 or more, in which the step size rises from near zero at first, as gradients of random weights are wild;
    # at most a quarter of the training.
    WARMUP_STEPS = 0
    # Share kept, 0.9 to 0.9999, in moving averages of the weights, which checkpoints then hold; None: no averages.
    EMA_MOMENTUM = None
    # Steps, 1 or more, whose gradients are averaged before the weights change: larger batches in the same memory.
    GRADIENT_ACCUMULATION_STEPS = 1
    # Share of the last step kept, 0 to 1.
    LEARNING_MOMENTUM = 0.9
    # Factor of the L2 term over kernels and biases; gamma and beta have none. "adamw" also takes this share, times the
    # step size, off the kernels at each step.
    WEIGHT_DECAY = 0.0001
    # Largest global norm of all gradients of a step, above 0.
    GRADIENT_CLIP_NORM = 5.0
    # Factor of each of the five losses, 0 or more.
    LOSS_WEIGHTS = {
        "rpn_class_loss": 1.0,
        "rpn_bbox_loss": 1.0,
        "mrcnn_class_loss": 1.0,
        "mrcnn_bbox_loss": 1.0,
        "mrcnn_mask_loss": 1.0,
    }

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in vars(cls):
            _check_name(name, cls.__name__)

    def __init__(self):
        for name in dir(self):  # finds what a mix-in or a late `MyConfig.NAME = ...` brought in
            _check_name(name, type(self).__name__)
        self._set_computed()

    def __setattr__(self, name, value):
        _check_name(name, type(self).__name__)
        super().__setattr__(name, value)

    def _set_computed(self):
        side = self.IMAGE_MIN_DIM if self.IMAGE_RESIZE_MODE == "crop" else self.IMAGE_MAX_DIM
        self.BATCH_SIZE = self.IMAGES_PER_GPU * self.GPU_COUNT
        self.IMAGE_SHAPE = np.array([side, side, self.IMAGE_CHANNEL_COUNT])
        # image id, original shape, molded shape, window, scale, one flag a class: see data/molding.py
        self.IMAGE_META_SIZE = 1 + 3 + 3 + 4 + 1 + self.NUM_CLASSES

    def to_dict(self):
        """Every setting and computed value by name, sorted, as it is (arrays stay arrays); also your UPPERCASE ones."""
        own = {name for name in self._own() if name.isupper()}
        return {name: getattr(self, name) for name in sorted(KNOWN_NAMES | own)}

    def display(self):
        """Print every setting, one a line, your own ones too."""
        print("\nConfigurations:")
        values = self.to_dict() | {name: getattr(self, name) for name in self._own()}
        for name, value in sorted(values.items()):
            print(f"{name:30} {getattr(value, '__qualname__', value)}")
        print("\n")

    def _own(self):
        """Names of values that a subclass or its user added."""
        names = set(dir(self)) - set(dir(Config)) - KNOWN_NAMES
        return {name for name in names if not name.startswith("_") and not callable(getattr(self, name))}

    def to_json(self, path):
        """Write the settings to a JSON file; the computed values are left out, as they follow from the rest.

        Of a function or a Keras model the name is written, {"callable": name}, as `from_json` must find it in code.
        Of your UPPERCASE names those are left out that cannot stand in JSON.
        Raises ValueError if a setting cannot stand in JSON, and names it.
        """
        values = {}
        for name, value in self.to_dict().items():
            with contextlib.suppress(*(() if name in KNOWN_NAMES else (ValueError,))):
                values[name] = _plain(name, value)
        for name in COMPUTED_NAMES:
            del values[name]
        Path(path).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, path):
        """An instance of this class with the values of a file that `to_json` wrote; names that lack keep ours.

        A function or Keras model (BACKBONE, say) is not in the file: it is that of this class.
        Raises ValueError for a file that is not such JSON, that has a name which is nearly a setting's, or for a
        function that this class does not have.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not a JSON file ({error}). Expected what Config.to_json wrote.") from error
        if not isinstance(values, dict):
            raise ValueError(f"{path}: expected a JSON object of settings, found a {type(values).__name__}.")
        return cls.from_dict(values, path)

    @classmethod
    def from_dict(cls, values, path="the settings"):
        """As from_json, of settings that are read already. path: what errors call them."""
        config = cls()
        for name, value in values.items():
            if not name.isupper():
                raise ValueError(f"{path}: {name} is not a setting of Config; settings are in capitals.")
            _check_name(name, path)
            if _is_named_callable(value):
                _must_have_callable(config, name, value["callable"], path)
            else:
                setattr(config, name, _like_default(name, value))
        config._set_computed()
        return config


KNOWN_NAMES = frozenset(name for name in vars(Config) if name.isupper()) | frozenset(COMPUTED_NAMES)


def _check_name(name, where):
    if not name.isupper() or name.startswith("_") or name in KNOWN_NAMES:
        return
    for nearest in difflib.get_close_matches(name, sorted(KNOWN_NAMES), n=1, cutoff=NEAR):
        raise ValueError(
            f"{where}: {name} is not a setting of Config; did you mean {nearest}? (A name of your own must differ more "
            "from a setting's, or be in lower case.)"
        )


def _plain(name, value):
    """`value` in the types that JSON knows."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(name, item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value):
        return {"callable": str(getattr(value, "__qualname__", getattr(value, "name", type(value).__name__)))}
    raise ValueError(
        f"{name}: {value!r} cannot be saved as JSON. Give it in code: read the rest with from_json of a subclass, "
        f"or set it after reading."
    )


def _is_named_callable(value):
    return isinstance(value, dict) and list(value) == ["callable"]


def _must_have_callable(config, name, was, path):
    if not callable(getattr(config, name)):
        raise ValueError(
            f"{path}: {name} was {was}, a function or Keras model, which JSON cannot hold. Read the file with "
            f"from_json of a subclass of {type(config).__name__} in which {name} is that model, or "
            "staticmethod(that function)."
        )


def _like_default(name, value):
    """`value` from JSON in the type of the default: array or tuple where that is one."""
    default = getattr(Config, name, None)
    if isinstance(value, list) and (isinstance(default, np.ndarray) or name == "IMAGE_SHAPE"):
        return np.array(value)
    if isinstance(value, list) and isinstance(default, tuple):
        return tuple(value)
    return value
