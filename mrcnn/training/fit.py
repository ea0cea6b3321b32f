"""Keras' fit, begun and ended once, and what is said when it ends otherwise than it should."""

from pathlib import Path

import keras

from mrcnn.memory import is_out_of_memory, main_memory_advice, out_of_memory_advice
from mrcnn.training.batches import Batches
from mrcnn.training.checkpoints import use_averages
from mrcnn.training.names import LOG, SKIPPED
from mrcnn.training.progress import note
from mrcnn.training.stops import Stopped


class Callbacks(keras.callbacks.CallbackList):
    """They begin and end when told so by `begin` and `end`: a training may have two of Keras' fits."""

    def on_train_begin(self, logs=None):
        """Not at the start of each fit."""

    def on_train_end(self, logs=None):
        """Not at the end of each fit."""

    def begin(self):
        super().on_train_begin()

    def end(self):
        super().on_train_end()


def fit(model, clock, epochs, batches, validation, callbacks):
    """Trains to the end of epoch `epochs`. batches, validation: Loaders. Returns Keras' History.

    Ends the callbacks, lists what could not be read, and sets `model.epoch` and `interrupted`, also after an error.
    """
    history = keras.callbacks.History()
    every = Callbacks(
        [*callbacks, history], model=model.keras_model, epochs=epochs, steps=clock.steps_per_epoch, verbose=0
    )
    model.keras_model.stop_training = model.interrupted = False
    try:
        every.begin()
        for first, last in _spans(clock, epochs):
            if not model.keras_model.stop_training:
                _fit(model.keras_model, clock, first, last, batches, validation, every)
    except Stopped:
        model.interrupted = True
    except BaseException as error:
        known = _known(error, model, batches, validation)
        place = f"step {clock.step + 1} of epoch {clock.epoch + 1}"
        reason = ", ".join([f"{type(known).__name__}: {known}", *getattr(known, "__notes__", ())])
        note(Path(model.log_dir) / LOG, f"ended at {place}: {reason}")
        if known is error:
            raise
        raise known from (error if is_out_of_memory(error) else None)
    finally:
        model.epoch = clock.epoch
        every.end()
        _list_skipped(Path(model.log_dir), {**validation.skipped, **batches.skipped})
    if model.interrupted:
        place = f"step {clock.step} of epoch {clock.epoch + 1}" if clock.step else f"epoch {clock.epoch}"
        note(Path(model.log_dir) / LOG, f"stopped after {place}")
        print(f"Stopped after {place}. Continue with train(..., resume=True).")
    use_averages(model.keras_model)
    return history


def _spans(clock, epochs):
    """(first, last) epoch of each of Keras' fits. An epoch that is resumed in its middle needs a fit of its own."""
    if clock.step == 0:
        return [(clock.epoch, epochs)]
    spans = [(clock.epoch, clock.epoch + 1)]
    if clock.epoch + 1 < epochs:
        spans.append((clock.epoch + 1, epochs))
    return spans


def _fit(network, clock, first, last, batches, validation, callbacks):
    network.fit(
        Batches(batches, clock.batches),
        initial_epoch=first,
        epochs=last,
        steps_per_epoch=clock.steps_per_epoch - clock.step,  # that remain of an epoch
        shuffle=False,  # the loader has done it
        validation_data=Batches(validation),
        validation_steps=validation.cycle,
        callbacks=callbacks,
        verbose=0,  # Progress has its own bar
    )


def _known(error, model, *loaders):
    """The error that tells what happened: TensorFlow hides that of a loader in one of its own."""
    for loader in loaders:
        if loader.failed is not None and (loader.failed is error or str(loader.failed) in str(error)):
            if isinstance(loader.failed, MemoryError):
                return MemoryError(main_memory_advice(model.config, loader.threads))
            return loader.failed
    if is_out_of_memory(error):
        return MemoryError(out_of_memory_advice(model.config, len(model.devices)))
    return error


def _list_skipped(folder, skipped):
    """Says which images could not be read, and writes them down, beside those of before."""
    if not skipped:
        return
    path = folder / SKIPPED
    before = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    lines = list(dict.fromkeys([*before, *(f"{image_id}: {reason}" for image_id, reason in skipped.items())]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} images could not be read and were skipped, see {path}: {'; '.join(lines[:5])}")
