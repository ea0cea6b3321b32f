"""Keras models that read and write the old package's weight files when their own Keras methods are called."""

import keras

from mrcnn import weights
from mrcnn.network.rows import shapes_may_vary

KERAS3_SUFFIX = ".weights.h5"


@keras.saving.register_keras_serializable("mrcnn")
class StoredModel(keras.Model):
    """Model whose `save_weights` and `load_weights` speak the old layout, as old code expects of `model.keras_model`.

    A name that ends in `.weights.h5` is Keras 3's own format, with the optimizer's state: what Keras' callbacks use.
    """

    mode = "inference"

    def train_step(self, *args, **kwargs):
        with shapes_may_vary(not self.jit_compile):
            return super().train_step(*args, **kwargs)

    def test_step(self, *args, **kwargs):
        with shapes_may_vary(not self.jit_compile):
            return super().test_step(*args, **kwargs)

    def predict_step(self, *args, **kwargs):
        with shapes_may_vary(not self.jit_compile):
            return super().predict_step(*args, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Writes the weights: to `*.weights.h5` as Keras 3 does, to any other name in the old layout."""
        if str(filepath).endswith(KERAS3_SUFFIX):
            super().save_weights(filepath, overwrite=overwrite, **kwargs)
        else:
            weights.save_weights(self, filepath)

    def load_weights(self, filepath, by_name=False, skip_mismatch=False, **kwargs):
        """Reads what `save_weights` wrote, or an old file; layers go by name whatever `by_name` says."""
        if str(filepath).endswith(KERAS3_SUFFIX):
            super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
        else:
            weights.load_weights(self, filepath, mode=self.mode, skip_mismatch=skip_mismatch)
