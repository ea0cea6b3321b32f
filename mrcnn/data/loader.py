"""Batches of fixed shape from any Dataset, made ahead by threads.

Shapes: B images, G truth slots, H W C of the molded picture, h w of a mask.

Which pictures a batch holds, and every random choice in it, follows from the seed and the batch's number alone, so the
same seed gives the same batches whatever the number of threads.
"""

import concurrent.futures
import itertools
import os
import threading

import numpy as np

from mrcnn.data.molding import load_image_gt, mold_image
from mrcnn.data.targets import generate_random_rois


class Loader:
    """An endless iterator over batches, dicts of arrays by the names of the training graph's inputs.

    dataset: a prepared Dataset.  config: a Config.  shuffle: a new order in each pass over the data set.
    augment, augmentation: as in `load_image_gt`.  no_augmentation_sources: sources whose pictures stay as they are.
    seed: whole number, or None for chance.  threads: makers of batches; by default one a core, 8 at most.

    skip_broken: a picture that cannot be read is replaced by the one after it and noted in `skipped`, {id: reason};
    otherwise it raises ValueError with its name.
    Close it (or use it in a `with`) to stop the threads.  `taken` counts the batches that were asked for, and `late`
    those of them that were not ready then: where most are late, the loader is the slower part.
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
    ):
        if not len(dataset.image_ids):
            raise ValueError("The data set has no pictures: add some, then call its prepare().")
        self.dataset = dataset
        self.config = config
        self.shuffle = shuffle
        self.augment = augment
        self.augmentation = augmentation
        self.no_augmentation_sources = set(no_augmentation_sources or ())
        self.seed = np.random.SeedSequence().entropy if seed is None else seed
        self.threads = threads or min(os.cpu_count() or 1, 8)
        self.skip_broken = skip_broken
        self.skipped = {}
        self.taken = self.late = 0
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
            ahead = range(number, number + 2 * self.threads + 1)
            for other in set(self._pending) - set(ahead):
                self._pending.pop(other).cancel()
            for other in ahead:
                if other not in self._pending:
                    self._pending[other] = self._pool.submit(self.batch, other)
            future = self._pending.pop(number)
            self.taken += 1
            self.late += not future.done()
        return future.result()

    def image_ids(self, number):
        """Ids, in the data set's source, of the pictures of batch `number`."""
        size = self.config.BATCH_SIZE
        numbers = [self._image_id(place) for place in range(number * size, (number + 1) * size)]
        return [self.dataset.image_info[i]["id"] for i in numbers]

    def batch(self, number):
        """Batch `number`, 0 or more: its pictures follow one another in an endless run of passes over the data set."""
        size = self.config.BATCH_SIZE
        places = range(number * size, (number + 1) * size)
        samples = [self.sample(place) for place in places]
        return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}

    def sample(self, place):
        """The picture at `place` of the endless run, as a dict of arrays without the batch axis."""
        for following in range(len(self.dataset.image_ids)):
            image_id = self._image_id(place + following)
            try:
                return self._sample_of(image_id, np.random.default_rng([self.seed, 1, place]))
            except (ValueError, OSError) as error:
                if not self.skip_broken:
                    raise
                self.skipped[self.dataset.image_info[image_id]["id"]] = str(error)
        raise ValueError(f"No picture of the data set can be read. One of them: {next(iter(self.skipped.values()))}")

    def _sample_of(self, image_id, rng):
        fixed = self.dataset.image_info[image_id]["source"] in self.no_augmentation_sources
        image, meta, class_ids, boxes_px, masks = load_image_gt(
            self.dataset,
            self.config,
            image_id,
            augment=self.augment and not fixed,
            augmentation=None if fixed else self.augmentation,
            use_mini_mask=self.config.USE_MINI_MASK,
            rng=rng,
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
            height, width = image.shape[:2]
            scale = np.array([height - 1, width - 1, height - 1, width - 1], np.float32)
            sample["rois"] = ((rois_px - [0, 0, 1, 1]) / scale).astype(np.float32)
        return sample
