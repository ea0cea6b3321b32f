"""A training from its first to its last step: `MaskRCNN.train`."""

import contextlib
from pathlib import Path

import keras
import numpy as np

from mrcnn.data.loader import Loader
from mrcnn.training.batches import Batches
from mrcnn.training.checkpoints import Checkpoints, EpochWeights, use_averages
from mrcnn.training.clock import Clock
from mrcnn.training.layers import LAYERS, set_trainable
from mrcnn.training.meter import Meter
from mrcnn.training.metrics_file import MetricsFile
from mrcnn.training.names import METRICS
from mrcnn.training.optimizer import inner_optimizer
from mrcnn.training.resume import Resumed, find_state, last_checkpoint, new_folder
from mrcnn.training.run_facts import write_run_facts
from mrcnn.training.stops import StopOnNaN, StopOnRequest, Stopped
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
    resumed = Resumed.of(find_state(model)) if resume else None
    if resumed:
        resumed.take_over(model)
    epochs = _last_epoch(model, epochs, extra_epochs)
    if epochs <= model.epoch:
        print(
            f"Nothing to do: {model.epoch} epochs are trained; epochs={epochs} is the total, not what to add "
            "(that is extra_epochs)."
        )
        return None
    chosen = set_trainable(model.keras_model, LAYERS.get(layers, layers))
    if not resumed:
        new_folder(model)
    _announce(model, epochs, chosen)
    model.compile(learning_rate, model.config.LEARNING_MOMENTUM)
    inner_optimizer(model.keras_model).build(model.keras_model.trainable_variables)
    about = {"layers": layers, "learning_rate": learning_rate if isinstance(learning_rate, int | float) else None}
    if resumed:
        resumed.restore(model, about)
    config = model.config
    clock = resumed.clock(config) if resumed else Clock.at_epoch(model.epoch, config.STEPS_PER_EPOCH)
    write_run_facts(model, train_dataset, val_dataset, about | {"epochs": epochs, "first_step": clock.global_step})
    with contextlib.ExitStack() as stack:
        batches = stack.enter_context(
            Loader(
                train_dataset,
                config,
                augmentation=augmentation,
                no_augmentation_sources=no_augmentation_sources,
                seed=resumed.loader_seed if resumed else config.SEED,
            )
        )
        validation = stack.enter_context(Loader(val_dataset, config, seed=config.SEED or 0))
        about["loader_seed"] = batches.seed
        callbacks, request = _callbacks(model, clock, batches, learning_rate, about, custom_callbacks)
        stack.enter_context(request.listening())
        return _fit(model, clock, epochs, batches, validation, callbacks, resumed)


def _last_epoch(model, epochs, extra_epochs):
    if (epochs is None) == (extra_epochs is None):
        raise ValueError("Give either epochs, the number in all, or extra_epochs, how many to add.")
    return model.epoch + extra_epochs if epochs is None else epochs


def _announce(model, epochs, chosen):
    parameters = sum(int(np.prod(w.shape)) for layer in chosen for w in layer.trainable_weights)
    print(f"Training epochs {model.epoch + 1} to {epochs}: {len(chosen)} layers, {parameters:,} parameters.")
    print(f"Run folder: {model.log_dir}")


def _callbacks(model, clock, batches, learning_rate, about, custom):
    """All callbacks in their order, and the one that a stop signal asks."""
    config, folder = model.config, Path(model.log_dir)
    meter = Meter(clock, config.BATCH_SIZE, learning_rate)
    checkpoints = Checkpoints(
        model.checkpoint_path, clock, about, every=config.CHECKPOINT_STEPS, keep=config.KEEP_CHECKPOINTS
    )
    request = StopOnRequest(checkpoints)
    callbacks = [
        clock,
        meter,
        StopOnNaN(clock, batches.image_ids, lambda: last_checkpoint(folder)),
        EpochWeights(model.checkpoint_path),
        *(custom or []),  # may add to what the epoch tells, which the next ones write
        TensorBoardLosses(folder, clock, meter),
        MetricsFile(folder / METRICS, model.epoch),
        checkpoints,
        request,
    ]
    return callbacks, request


def _fit(model, clock, epochs, batches, validation, callbacks, resumed):
    """Keras' fit; an epoch that goes on in its middle has one of its own, with the steps that remain."""
    network, history = model.keras_model, keras.callbacks.History()
    spans = [(clock.epoch, epochs, callbacks)]
    if clock.step:
        middle = clock.epoch + 1
        spans = [(clock.epoch, middle, [resumed.means(), *callbacks]), (middle, epochs, callbacks)]
    try:
        for first, last, span_callbacks in spans:
            if first == last:
                continue
            network.fit(
                Batches(batches, clock.batches),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=clock.steps_per_epoch - clock.step,
                shuffle=False,  # the loader has done it
                validation_data=Batches(validation, cycle=model.config.VALIDATION_STEPS),
                validation_steps=model.config.VALIDATION_STEPS,
                callbacks=[*span_callbacks, history],
            )
    except Stopped:
        for callback in callbacks:
            callback.on_train_end()
        place = f"step {clock.step} of epoch {clock.epoch + 1}" if clock.step else f"epoch {clock.epoch}"
        print(f"Stopped after {place}. Go on with train(..., resume=True).")
    model.epoch = clock.epoch
    use_averages(network)
    return history
