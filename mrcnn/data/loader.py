"""Batches of fixed shape from any Dataset, made ahead by threads.

Shapes: B images, G truth slots, H W C of the molded image, h w of a mask.

Which images a batch holds, and every random choice in it, follows from the seed and the batch's number alone, so the
same seed gives the same batches whatever the number of threads.
"""
# By hand: grain would decode in processes, which is worth its weight only where training waits for data (`data_wait`).

import concurrent.futures
import dataclasses
import itertools
import os
import threading
import time

import numpy as np

from mrcnn.conventions import conventions_of
from mrcnn.data.boxes import norm_boxes
from mrcnn.data.molding import load_image_gt, mold_image
from mrcnn.data.targets import generate_random_rois

AHEAD_BYTES = 2**30  # most that batches which wait to be taken may fill


class Loader:
    """An endless iterator over batches, dicts of arrays by the names of the training graph's inputs.

    dataset: a prepared Dataset.  config: a Config.  shuffle: a new order in each pass over the data set.
    augment, augmentation: as in `load_image_gt`.  no_augmentation_sources: sources whose images stay as they are, and
    give no objects to others.
    seed: whole number, or None for chance.  threads: makers of batches; by default one a core, 8 at most.
    cycle: batches after which the first comes again, and none is made beyond; None: endless.

    skip_broken: an image that cannot be read is replaced by the one after it and noted in `skipped`, {id: reason};
    otherwise it raises ValueError with its name.
    Close it (or use it in a `with`) to stop the threads.  `waited`: seconds that a training stood still for batches, as
    it says by `need`.  `failed`: the error of the batch that could not be made, or None.
    """

    def __init__(
        self,
        dataset,
        config,
        *,
        shuffle=True,
        augment=False,
        augmentation=None,
        no_augmentation_sources=None,
        seed=None,
        threads=None,
        skip_broken=False,
        cycle=None,
    ):
        if not len(dataset.image_ids):
            raise ValueError("The data set has no images: add some, then call its prepare().")
        self.dataset = dataset
        self.config = config
        self.shuffle = shuffle
        self.augment = augment
        self.augmentation = augmentation
        self.no_augmentation_sources = set(no_augmentation_sources or ())
        self.seed = np.random.SeedSequence().entropy if seed is None else seed
        self.threads = threads or min(_cores(), 8)
        self.ahead = max(2, min(2 * self.threads + 1, AHEAD_BYTES // batch_bytes(config)))  # batches, at most
        self.cycle = cycle
        self.skip_broken = skip_broken
        self.skipped = {}
        self.waited = 0.0
        self.failed = None
        self._needed = None  # number of a batch, since when, and by which thread
        self._pool = concurrent.futures.ThreadPoolExecutor(self.threads, thread_name_prefix="loader")
        self._pending = {}  # by number
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def __iter__(self):
        return self

    def __next__(self):
        return self.fetch(next(self._numbers))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Stops the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def fetch(self, number):
        """Batch `number`, from the threads; those that follow it are made meanwhile."""
        with self._lock:
            ahead = [self._within_cycle(number + i) for i in range(self.ahead)]
            for other in set(self._pending) - set(ahead):
                self._pending.pop(other).cancel()
            for other in ahead:
                if other not in self._pending:
                    self._pending[other] = self._pool.submit(self.batch, other)
            future = self._pending.pop(ahead[0])
        asked = time.perf_counter()
        try:
            batch = future.result()
        except Exception as error:
            self.failed = error
            raise
        self._count(number, asked)
        return batch

    def need(self, number):
        """Starts to count into `waited` how long the caller waits for batch `number`, which it needs from now on.

        On TensorFlow another thread fetches batches ahead of time: the wait ends when this batch is there. With JAX the
        caller's own thread fetches: all its time in `fetch` counts, whichever batch it fetches.
        """
        self._needed = number, time.perf_counter(), threading.get_ident()

    def _count(self, number, asked):
        if self._needed is None:
            return
        needed, since, thread = self._needed
        if thread == threading.get_ident():
            self.waited += time.perf_counter() - asked
        elif number == needed:
            self.waited += time.perf_counter() - since

    def image_ids(self, number):
        """Ids, in the data set's source, of the images of batch `number`, which was made already."""
        size = self.config.BATCH_SIZE
        return [self._id_at(place) for place in range(number * size, (number + 1) * size)]

    def _id_at(self, place):
        """That of the image which `sample` took for a place."""
        following = range(place, place + len(self.dataset.image_ids))
        ids = (self.dataset.image_info[self._image_id(other)]["id"] for other in following)
        return next((one for one in ids if one not in self.skipped), None)

    def _within_cycle(self, number):
        return number % self.cycle if self.cycle else number

    def batch(self, number):
        """Batch `number`, 0 or more: its images follow one another in an endless run of passes over the data set."""
        size = self.config.BATCH_SIZE
        places = range(number * size, (number + 1) * size)
        samples = [self.sample(place) for place in places]
        return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}

    def sample(self, place):
        """The image at `place` of the endless run, as a dict of arrays without the batch axis."""
        for following in range(len(self.dataset.image_ids)):
            image_id = self._image_id(place + following)
            try:
                return self._sample_of(image_id, place, self.augmentation)
            except (ValueError, OSError) as error:
                if not self.skip_broken:
                    raise
                broken = getattr(error, "image_id", image_id)
                self.skipped[self.dataset.image_info[broken]["id"]] = str(error)
            if broken != image_id:  # objects were to be copied from it: the image goes without
                return self._sample_of(image_id, place, dataclasses.replace(self.augmentation, copy_paste=0.0))
        raise ValueError(f"No image of the data set can be read. One of them: {next(iter(self.skipped.values()))}")

    def _sample_of(self, image_id, place, augmentation):
        rng = np.random.default_rng([self.seed, 1, place])
        fixed = self.dataset.image_info[image_id]["source"] in self.no_augmentation_sources
        image, meta, class_ids, boxes_px, masks = load_image_gt(
            self.dataset,
            self.config,
            image_id,
            augment=self.augment and not fixed,
            augmentation=None if fixed else augmentation,
            use_mini_mask=self.config.USE_MINI_MASK,
            rng=rng,
        )
        if image.shape != tuple(self.config.IMAGE_SHAPE):  # as with IMAGE_RESIZE_MODE "none" and "pad64"
            info = self.dataset.image_info[image_id]
            raise ValueError(
                f"image {image_id} (source {info['source']!r}, id {info['id']!r}, path {info['path']!r}) has the shape "
                f"{image.shape} after resizing, and not IMAGE_SHAPE {tuple(map(int, self.config.IMAGE_SHAPE))}: all "
                'images of a batch have one shape. IMAGE_RESIZE_MODE "square", "shorter" and "crop" give every image '
                "that one."
            )
        return self._fixed_shape(image, meta, class_ids, boxes_px, masks, rng)

    def _image_id(self, place):
        lap, index = divmod(place, len(self.dataset.image_ids))
        if not self.shuffle:
            return self.dataset.image_ids[index]
        return np.random.default_rng([self.seed, 0, lap]).permutation(self.dataset.image_ids)[index]

    def _fixed_shape(self, image, meta, class_ids, boxes_px, masks, rng):
        """The sample in G slots. Of more objects than slots a random choice stays."""
        config, slots = self.config, self.config.MAX_GT_INSTANCES
        chosen = np.arange(len(class_ids))
        if len(chosen) > slots:
            chosen = np.sort(rng.choice(chosen, slots, replace=False))
        count = len(chosen)
        sample = {
            "images": mold_image(image, config),  # (H, W, C)
            "active_class_ids": meta[12:].astype(np.float32),  # (K,)
            "gt_class_ids": np.zeros(slots, np.int32),
            "gt_boxes_px": np.zeros((slots, 4), np.float32),
            "gt_valid": np.arange(slots) < count,
        }
        sample["gt_class_ids"][:count] = class_ids[chosen]
        sample["gt_boxes_px"][:count] = boxes_px[chosen]
        if config.USE_MASK:
            sample["gt_masks"] = np.zeros((slots, *masks.shape[:2]), np.uint8)  # (G, h, w)
            sample["gt_masks"][:count] = np.moveaxis(masks[:, :, chosen], 2, 0)
        if not config.USE_RPN_ROIS:
            rois_px = generate_random_rois(image.shape, config.POST_NMS_ROIS_TRAINING, class_ids, boxes_px, rng)
            sample["rois"] = norm_boxes(rois_px, image.shape[:2], conventions_of(config).edge)
        return sample


def batch_bytes(config):
    """Bytes of a batch, about: its images and masks."""
    height, width, channels = (int(side) for side in config.IMAGE_SHAPE)
    image = 4 * height * width * channels  # float32
    if not config.USE_MASK:
        return config.BATCH_SIZE * image
    mask = int(np.prod(config.MINI_MASK_SHAPE)) if config.USE_MINI_MASK else height * width  # uint8
    return config.BATCH_SIZE * (image + config.MAX_GT_INSTANCES * mask)


def _cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
