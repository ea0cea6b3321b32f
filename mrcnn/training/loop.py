"""A training from its first to its last step: `MaskRCNN.train`."""

import contextlib
from pathlib import Path

import keras
import numpy as np

from mrcnn.data.loader import Loader
from mrcnn.memory import is_out_of_memory, out_of_memory_advice, step_mib
from mrcnn.training.batches import Batches
from mrcnn.training.checkpoints import Checkpoints, EpochWeights, use_averages
from mrcnn.training.clock import Clock
from mrcnn.training.layers import LAYERS, set_trainable
from mrcnn.training.meter import Meter
from mrcnn.training.metrics_file import MetricsFile
from mrcnn.training.names import LOG, METRICS, SKIPPED
from mrcnn.training.progress import Progress
from mrcnn.training.resume import Resumed, find_state, last_checkpoint, new_folder
from mrcnn.training.run_facts import write_run_facts
from mrcnn.training.schedules import schedule_of
from mrcnn.training.stops import StopEarly, StopOnNaN, StopOnRequest, Stopped
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
    first_epoch = resumed.first_epoch(layers) if resumed else model.epoch
    schedule = schedule_of(model.config, learning_rate, (epochs - first_epoch) * model.config.STEPS_PER_EPOCH)
    _announce(model, epochs, chosen)
    model.compile(schedule, model.config.LEARNING_MOMENTUM)
    model.keras_model.optimizer.build(model.keras_model.trainable_variables)
    rate = None if callable(learning_rate) else float(learning_rate)
    about = {"layers": layers, "learning_rate": rate, "first_epoch": first_epoch}
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
                skip_broken=config.SKIP_BROKEN_PICTURES,
            )
        )
        validation = stack.enter_context(
            Loader(val_dataset, config, seed=config.SEED or 0, skip_broken=config.SKIP_BROKEN_PICTURES)
        )
        about["loader_seed"] = batches.seed
        callbacks, request = _callbacks(model, clock, epochs, batches, schedule, about, custom_callbacks)
        stack.enter_context(request.listening())
        history = _fit(model, clock, epochs, batches, validation, callbacks, resumed)
    _list_skipped(Path(model.log_dir), {**validation.skipped, **batches.skipped})
    return history


def _list_skipped(folder, skipped):
    """Says which pictures could not be read, and writes them down."""
    if skipped:
        lines = [f"{image_id}: {reason}" for image_id, reason in skipped.items()]
        (folder / SKIPPED).write_text("\n".join(lines) + "\n", encoding="utf-8")
        some = "; ".join(lines[:5])
        print(f"{len(lines)} pictures could not be read and were skipped, see {folder / SKIPPED}: {some}")


def _last_epoch(model, epochs, extra_epochs):
    if (epochs is None) == (extra_epochs is None):
        raise ValueError("Give either epochs, the number in all, or extra_epochs, how many to add.")
    return model.epoch + extra_epochs if epochs is None else epochs


def _announce(model, epochs, chosen):
    """Prints what will be trained, and what it takes."""
    config, network = model.config, model.keras_model
    trained = sum(int(np.prod(w.shape)) for layer in chosen for w in layer.trainable_weights)
    print(
        f"Training epochs {model.epoch + 1} to {epochs}: {len(chosen)} layers, {trained:,} parameters of "
        f"{network.count_params():,}; {config.STEPS_PER_EPOCH:,} steps an epoch, {config.BATCH_SIZE} pictures a step."
    )
    if config.GPU_COUNT > 1:
        print(
            f"GPU_COUNT = {config.GPU_COUNT}: one GPU takes the whole step of {config.BATCH_SIZE} pictures; it is not "
            "spread over several yet."
        )
    mib = step_mib(config)
    if mib is not None:
        print(f"Memory: about {mib / 1024:.1f} GiB (an estimate; less where not all layers train).")
    print(f"Run folder: {model.log_dir}")


def _callbacks(model, clock, epochs, batches, schedule, about, custom):
    """All callbacks in their order, and the one that a stop signal asks."""
    config, folder = model.config, Path(model.log_dir)
    meter = Meter(clock, config.BATCH_SIZE, schedule, batches)
    checkpoints = Checkpoints(
        model.checkpoint_path, clock, about, every=config.CHECKPOINT_STEPS, keep=config.KEEP_CHECKPOINTS
    )
    metrics = MetricsFile(folder / METRICS, model.epoch)
    request = StopOnRequest(checkpoints)
    callbacks = [
        clock,
        meter,
        StopOnNaN(clock, batches.image_ids, lambda: last_checkpoint(folder)),
        EpochWeights(model.checkpoint_path),
        *(custom or []),  # may add to what the epoch tells, which the next ones write
        TensorBoardLosses(folder, clock, meter, config),
        metrics,
        Progress(clock, epochs, folder / LOG),
        *([StopEarly(metrics, config.EARLY_STOP_EPOCHS)] if config.EARLY_STOP_EPOCHS else []),
        checkpoints,
        request,
    ]
    return callbacks, request


def _fit(model, clock, epochs, batches, validation, callbacks, resumed):
    """Keras' fit; an epoch that goes on in its middle has one of its own, with the steps that remain."""
    network, history = model.keras_model, keras.callbacks.History()
    network.stop_training = model.interrupted = False
    spans = [(clock.epoch, epochs, callbacks)]
    if clock.step:
        middle = clock.epoch + 1
        spans = [(clock.epoch, middle, [resumed.means(), *callbacks]), (middle, epochs, callbacks)]
    try:
        for first, last, span_callbacks in spans:
            if first == last or network.stop_training:
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
                verbose=0,  # Progress has its own bar
            )
    except Stopped:
        model.interrupted = True
        for callback in callbacks:
            callback.on_train_end()
        place = f"step {clock.step} of epoch {clock.epoch + 1}" if clock.step else f"epoch {clock.epoch}"
        print(f"Stopped after {place}. Go on with train(..., resume=True).")
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError(out_of_memory_advice(model.config)) from error
        raise
    model.epoch = clock.epoch
    use_averages(network)
    return history
