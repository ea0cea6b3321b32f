"""The settings of a training: its run, its length, its steps.

See `mrcnn.settings.table.setting` for what an entry has.
"""

from collections.abc import Mapping

from mrcnn.settings.kinds import Choice, FileName, Flag, Number, Weights, Whole, optional
from mrcnn.settings.table import section, setting, take_settings


class TrainingSettings:
    """Inherited by `Config`."""

    the_run = section("The run")
    NAME: str | None = setting(
        None,
        optional(FileName()),
        "Names the log folder and the checkpoint files.",
        "None is only fit for a model that is never trained.",
    )
    GPU_COUNT = setting(
        1,
        Whole(least=1),
        "Devices over which training spreads a step of GPU_COUNT * IMAGES_PER_GPU images.",
        "Where fewer are found, those take them all (it says so), and their memory must do.",
        unit="devices",
    )
    IMAGES_PER_GPU = setting(
        2,
        Whole(least=1),
        "Images of a step on each device: more is steadier and needs more memory.",
        "As many as the memory takes: two images of 1024 px fit in 12 GB with R101.",
        unit="images",
    )
    STEPS_PER_EPOCH = setting(
        1000,
        Whole(least=1),
        "Optimizer steps until the next checkpoint and validation.",
        "It need not be one pass over the data set.",
        unit="steps",
    )
    VALIDATION_STEPS = setting(
        50,
        Whole(least=1),
        "Batches of the validation set after each epoch.",
        "More gives a steadier figure and a slower epoch.",
        unit="batches",
    )
    CHECKPOINT_STEPS: int | None = setting(
        None,
        optional(Whole(least=1)),
        "Steps after which the training's state is saved within an epoch too.",
        "None: at the end of each epoch only.",
        unit="steps",
    )
    KEEP_CHECKPOINTS: int | None = setting(
        None,
        optional(Whole(least=1)),
        "Checkpoints of the last so many epochs stay on disk.",
        "None: of all epochs. The best one stays in any case.",
        unit="epochs",
    )
    EARLY_STOP_EPOCHS: int | None = setting(
        None,
        optional(Whole(least=1)),
        "Training ends after so many epochs without a better mask AP (validation loss, where no AP is measured).",
        "None: it never ends early.",
        unit="epochs",
    )
    SKIP_BROKEN_IMAGES = setting(
        False,
        Flag(),
        "True leaves out an image that cannot be read, and lists it at the end; False stops with its name.",
    )
    LOADER_THREADS: int | None = setting(
        None,
        optional(Whole(least=1)),
        "Threads that make batches.",
        "None: one a core, 8 at most. 1 is for a Dataset that is not safe in several threads.",
        unit="threads",
    )
    SEED: int | None = setting(
        None,
        optional(Whole(least=0, most=2**32 - 1)),
        "Fixes the order of images, augmentation, sampling and first weights.",
        "None: by chance.",
    )

    optimisation = section("Optimisation")
    OPTIMIZER = setting(
        "sgd",
        Choice("sgd", "adamw"),
        "SGD with momentum, as in the old package, or AdamW.",
        "AdamW is quicker from scratch, at a lower rate.",
    )
    LEARNING_RATE = setting(
        0.001,
        Number(above=0),
        "Step size.",
        "The paper's 0.02 makes weights explode here, as the gradients are scaled differently.",
    )
    LEARNING_SCHEDULE = setting(
        "constant",
        Choice("constant", "step", "cosine"),
        "How the step size goes on over the training, where `train` gets it as a number.",
        '"step": a tenth after 2/3, a hundredth after 8/9 of the steps. "cosine": down to a hundredth.',
    )
    WARMUP_STEPS = setting(
        0,
        Whole(least=0),
        "Steps in which the step size rises from near zero at first, as gradients of random weights are wild.",
        "At most a quarter of the training.",
        unit="steps",
    )
    EMA_MOMENTUM: float | None = setting(
        None,
        optional(Number(least=0, below=1)),
        "Share kept in moving averages of the weights, which checkpoints then hold.",
        "None: no averages. Usual: 0.9 to 0.9999.",
        unit="share",
    )
    GRADIENT_ACCUMULATION_STEPS = setting(
        1,
        Whole(least=1),
        "Steps whose gradients are averaged before the weights change: larger batches in the same memory.",
        unit="steps",
    )
    LEARNING_MOMENTUM = setting(0.9, Number(least=0, most=1), "Share of the last step that SGD keeps.", unit="share")
    WEIGHT_DECAY = setting(
        0.0001,
        Number(least=0),
        "Factor of the L2 term over kernels and biases; gamma and beta have none.",
        "AdamW also takes this share, times the step size, off the kernels at each step.",
    )
    GRADIENT_CLIP_NORM = setting(
        5.0, Number(above=0), "Largest global norm of all gradients of a step; larger ones are scaled down."
    )
    LOSS_WEIGHTS: Mapping[str, float] = setting(
        {
            "rpn_class_loss": 1.0,
            "rpn_bbox_loss": 1.0,
            "mrcnn_class_loss": 1.0,
            "mrcnn_bbox_loss": 1.0,
            "mrcnn_mask_loss": 1.0,
        },
        Weights("rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss"),
        "Factor of each of the five losses.",
        "What is left out has 1.",
    )


TRAINING_SETTINGS = take_settings(TrainingSettings)
