"""The loader's batches as Keras takes them: by number, so that none is lost or made twice by Keras' prefetching."""

import keras


class Batches(keras.utils.PyDataset):
    """Endless batches of a Loader from number `first` on."""

    num_batches = None

    def __init__(self, loader, first=0):
        super().__init__()
        self.loader = loader
        self.first = first

    def __getitem__(self, index):
        return (self.loader.fetch(self.first + index),)
