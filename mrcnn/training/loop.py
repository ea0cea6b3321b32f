"""A training from its first to its last step: `MaskRCNN.train`."""

import contextlib
from pathlib import Path

import numpy as np

from mrcnn.config import check_config
from mrcnn.data.loader import Loader
from mrcnn.memory import step_mib
from mrcnn.training.checkpoints import Checkpoints, EpochWeights
from mrcnn.training.clock import Clock
from mrcnn.training.fit import fit
from mrcnn.training.layers import LAYERS, set_trainable
from mrcnn.training.meter import Meter
from mrcnn.training.metrics_file import MetricsFile
from mrcnn.training.names import LOG, METRICS
from mrcnn.training.progress import Progress
from mrcnn.training.resume import Resumed, find_state, last_checkpoint, new_folder
from mrcnn.training.run_facts import write_run_facts
from mrcnn.training.schedules import schedule_of
from mrcnn.training.stops import StopEarly, StopOnNaN, StopOnRequest
from mrcnn.training.tensorboard import TensorBoardLosses


def train(
    model,
    train_dataset,
    val_dataset,
    learning_rate,
    epochs,
    layers,
    *,
    augmentation=None,
    custom_callbacks=None,
    no_augmentation_sources=None,
    resume=False,
    extra_epochs=None,
):
    """See `MaskRCNN.train`; model: the MaskRCNN. Returns Keras' History, or None where there was nothing to do."""
    check_classes(model.config, train_dataset, val_dataset)
    check_config(model.config, mode="training")
    resumed = _find_resumed(model) if resume else None
    epochs = _last_epoch(model, epochs, extra_epochs, resumed)
    if epochs <= model.epoch:
        print(
            f"Nothing to do: {model.epoch} epochs are trained; epochs={epochs} is the total, not what to add "
            "(that is extra_epochs)."
        )
        if resumed:
            resumed.load_checkpoint(model)
        return None
    chosen = set_trainable(model.keras_model, LAYERS.get(layers, layers))
    if not resumed:
        new_folder(model)
    config = model.config
    first_epoch = resumed.first_epoch(layers) if resumed else model.epoch
    schedule = schedule_of(config, learning_rate, (epochs - first_epoch) * config.STEPS_PER_EPOCH)
    _announce(model, epochs, chosen)
    _compile(model, schedule)
    about = {"layers": layers, "learning_rate": None if callable(learning_rate) else float(learning_rate)}
    about |= {"first_epoch": first_epoch, "epochs": epochs, "extra_epochs": extra_epochs}
    goes_on = resumed is not None and resumed.restore(model, about)
    clock = resumed.clock(config) if resumed else Clock.at_epoch(model.epoch, config.STEPS_PER_EPOCH)
    with contextlib.ExitStack() as stack:
        options = {"augmentation": augmentation, "no_augmentation_sources": no_augmentation_sources}
        loaders = _loaders(config, train_dataset, val_dataset, resumed, options)
        batches, validation = (stack.enter_context(loader) for loader in loaders)
        about["loader_seed"] = batches.seed
        callbacks = _callbacks(model, clock, epochs, batches, schedule, about, custom_callbacks)
        *_, checkpoints, request = callbacks
        if not goes_on:
            checkpoints.set_model(model.keras_model)
            checkpoints.save_state()  # a run that is killed in its first epoch is resumed too
        called = {"first_step": clock.global_step, "augmentation": augmentation and repr(augmentation)}
        called["no_augmentation_sources"] = list(no_augmentation_sources or ())
        write_run_facts(model, train_dataset, val_dataset, about | called)
        if clock.step:
            callbacks = [resumed.means(), *callbacks]
        stack.enter_context(request.listening())
        with model.devices.fitting():
            return fit(model, clock, epochs, batches, validation, callbacks)


def check_classes(config, train_dataset, val_dataset):
    """The network and both data sets must mean the same classes by the same numbers."""
    train, validation = (list(dataset.class_names) for dataset in (train_dataset, val_dataset))
    if train != validation:
        raise ValueError(
            f"The classes to train on are {train}, those to validate on {validation}: they must be the same ones in "
            "the same order, the background first. Add them to both data sets alike, also those without objects."
        )
    if len(train) != config.NUM_CLASSES:
        raise ValueError(
            f"NUM_CLASSES is {config.NUM_CLASSES}, but the data sets have {len(train)} classes, the background "
            f"included: {train}."
        )


def _find_resumed(model):
    """The state to go on from, of whose run the model is then; or None."""
    path = find_state(model)
    if path is None:
        print(f"Nothing to resume in {model.model_dir}: a new run starts.")
        return None
    resumed = Resumed.of(path)
    resumed.take_over(model)
    return resumed


def _compile(model, schedule):
    model.compile(schedule, model.config.LEARNING_MOMENTUM)
    with model.devices.scope():
        model.keras_model.optimizer.build(model.keras_model.trainable_variables)


def _loaders(config, train_dataset, val_dataset, resumed, options):
    """Of training, and of validation."""
    shared = {"skip_broken": config.SKIP_BROKEN_IMAGES, "threads": config.LOADER_THREADS}
    seed = resumed.loader_seed if resumed else config.SEED
    return (
        Loader(train_dataset, config, seed=seed, **options, **shared),
        Loader(val_dataset, config, seed=config.SEED or 0, cycle=config.VALIDATION_STEPS, **shared),
    )


def _last_epoch(model, epochs, extra_epochs, resumed):
    if (epochs is None) == (extra_epochs is None):
        raise ValueError("Give either epochs, the number in all, or extra_epochs, how many to add.")
    if epochs is not None:
        return epochs
    return resumed.last_epoch(extra_epochs) if resumed else model.epoch + extra_epochs


def _announce(model, epochs, chosen):
    """Prints what will be trained, and what it takes."""
    config, network = model.config, model.keras_model
    trained = sum(int(np.prod(w.shape)) for layer in chosen for w in layer.trainable_weights)
    print(
        f"Training epochs {model.epoch + 1} to {epochs}: {len(chosen)} layers, {trained:,} parameters of "
        f"{network.count_params():,}; {config.STEPS_PER_EPOCH:,} steps an epoch, {config.BATCH_SIZE} images a step."
    )
    if model.devices.text():
        print(model.devices.text())
    mib = step_mib(config, config.BATCH_SIZE // len(model.devices))
    if mib is not None:
        each = " a device" if len(model.devices) > 1 else ""
        about = f"an estimate, in {config.PRECISION}; less where not all layers train"
        print(f"Memory: about {mib / 1024:.1f} GiB{each} ({about}).")
    print(f"Run folder: {model.log_dir}")


def _callbacks(model, clock, epochs, batches, schedule, about, custom):
    """All callbacks in their order; the last two are the Checkpoints, and the one that a stop signal asks."""
    config, folder = model.config, Path(model.log_dir)
    meter = Meter(clock, config.BATCH_SIZE, schedule, batches)
    checkpoints = Checkpoints(
        model.checkpoint_path, clock, about, every=config.CHECKPOINT_STEPS, keep=config.KEEP_CHECKPOINTS
    )
    metrics = MetricsFile(folder / METRICS, model.epoch)
    board = TensorBoardLosses(folder, clock, meter, config, about)
    early = [StopEarly(metrics, config.EARLY_STOP_EPOCHS, about["first_epoch"])] if config.EARLY_STOP_EPOCHS else []
    return [
        clock,
        meter,
        StopOnNaN(clock, batches.image_ids, lambda: last_checkpoint(folder), record=board),
        EpochWeights(model.checkpoint_path),
        *(custom or []),  # may add to what the epoch tells, which the next ones write
        board,
        metrics,
        Progress(clock, epochs, folder / LOG),
        *early,
        checkpoints,
        StopOnRequest(checkpoints),
    ]
