"""The list of classes and images of a data set, and how to load one image with its masks."""

import hashlib
from pathlib import Path

import numpy as np

from mrcnn.data.cropped_masks import CroppedMasks
from mrcnn.data.image import read_image


class Dataset:
    """Base class for data sets. Subclass it and write a loader that adds classes and images, and `load_mask`.

        class CatsAndDogs(Dataset):
            def load_cats_and_dogs(self, folder):
                self.add_class("pets", 1, "cat")
                self.add_image("pets", image_id="a", path=f"{folder}/a.jpeg")

            def load_mask(self, image_id): ...

            def image_reference(self, image_id): ...

    After the last add, call `prepare()`. Image ids inside are then 0 .. num_images - 1 and class ids
    0 .. num_classes - 1 with 0 for the background, whatever the ids of the sources are. Images of several sources may
    be mixed.

    Args:
        class_map: taken, and not used, as in the old package.

    Example:
        >>> dataset = Dataset()
        >>> dataset.add_class("pets", 7, "cat")
        >>> dataset.add_image("pets", image_id="a", path="a.jpeg")
        >>> dataset.prepare()
        >>> dataset.class_names, dataset.map_source_class_id("pets.7"), dataset.num_images
        (['BG', 'cat'], 1, 1)
    """

    upright = False  # True: images from files are turned as their EXIF data say, for annotations made on those
    image_channels = 3  # that `load_image` reads from a file; training and evaluating with more of them raise it

    def __init__(self, class_map=None):
        self._image_ids = []
        self.image_info = []  # a dict an image: id, source, path and the keywords given to add_image
        self.class_info = [{"source": "", "id": 0, "name": "BG"}]  # the background is always the first class
        self.source_class_ids = {}

    def add_class(self, source, class_id, class_name):
        """Make a class known. Twice is harmless.

        Args:
            source: name of its source, without dots.
            class_id: its id there.
            class_name: its name.

        Raises:
            ValueError: the name of the source has a dot in it.
        """
        if "." in source:
            raise ValueError(f"source {source!r} of class {class_name!r}: a source name must not have a dot in it.")
        if any(info["source"] == source and info["id"] == class_id for info in self.class_info):
            return
        self.class_info.append({"source": source, "id": class_id, "name": class_name})

    def add_image(self, source, image_id, path, **kwargs):
        """Make an image known.

        Args:
            source: name of its source.
            image_id: its id there.
            path: of its file.
            **kwargs: kept in its `image_info` (annotations, size, ...).
        """
        self.image_info.append({"id": image_id, "source": source, "path": path, **kwargs})

    def append_data(self, class_info, image_info):
        """Add the classes and images of another data set, given as its lists; call `prepare` afterwards.

        Args:
            class_info: its list of classes.
            image_info: its list of images.
        """
        for info in class_info:
            if info["source"]:  # all but the background
                self.add_class(info["source"], info["id"], info["name"])
        self.image_info.extend(dict(info) for info in image_info)

    def image_reference(self, image_id):
        """Text that leads a person to the image in its source (a link, a path); override it.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            The text; by default it is empty.
        """
        return ""

    def prepare(self, class_map=None):
        """Number classes and images; call it once all are added, before the data set is used.

        Args:
            class_map: taken, and not used, as in the old package.
        """
        self.num_classes = len(self.class_info)
        self.class_ids = np.arange(self.num_classes)
        self.class_names = [_first_name(info["name"]) for info in self.class_info]
        self.num_images = len(self.image_info)
        self._image_ids = np.arange(self.num_images)
        self.class_from_source_map = {f"{info['source']}.{info['id']}": i for i, info in enumerate(self.class_info)}
        self.image_from_source_map = {f"{info['source']}.{info['id']}": i for i, info in enumerate(self.image_info)}
        self.sources = list(dict.fromkeys(info["source"] for info in self.class_info))
        # the background belongs to every source
        self.source_class_ids = {
            source: [i for i, info in enumerate(self.class_info) if i == 0 or info["source"] == source]
            for source in self.sources
        }
        self.source_image_ids = {}
        for image_id, info in enumerate(self.image_info):
            self.source_image_ids.setdefault(info["source"], []).append(image_id)

    def map_source_class_id(self, source_class_id):
        """The class id inside for a class of a source.

        Args:
            source_class_id: "source.id", such as "coco.18".

        Returns:
            The class id, 0 .. num_classes - 1.

        Raises:
            KeyError: for an unknown one.
        """
        return self.class_from_source_map[source_class_id]

    def get_source_class_id(self, class_id, source):
        """The id in its source for a class id inside.

        Args:
            class_id: inside, 0 .. num_classes - 1.
            source: name of the source.

        Returns:
            The id as it was given to `add_class`.

        Raises:
            ValueError: if the class is of another source.
        """
        info = self.class_info[class_id]
        if info["source"] != source:
            raise ValueError(f"class {class_id} ({info['name']}) is of source {info['source']!r}, not of {source!r}.")
        return info["id"]

    @property
    def image_ids(self):
        """The image ids inside: 0 .. num_images - 1."""
        return self._image_ids

    def source_image_link(self, image_id):
        """The path or URL of the image.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            The path as it was given to `add_image`.
        """
        return self.image_info[image_id]["path"]

    def load_image(self, image_id):
        """The image as an RGB array.

        Override it for other files; arrays [H, W] or [H, W, C] of any number type do, from 0 to 255.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            uint8 [H, W, 3]; [H, W, C] where `image_channels` is more than 3.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it cannot be read; it is named.
        """
        return read_image(self.image_info[image_id]["path"], self.upright, self.image_channels)

    def load_mask(self, image_id):
        """The objects of an image; override it. The default has none.

        A negative class id marks a crowd (many objects in one mask), which training leaves out.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            Masks, a bool array [H, W, N] with one mask an object, and class ids, an int32 array [N].
        """
        return np.zeros((0, 0, 0), bool), np.zeros(0, np.int32)

    def load_mask_crops(self, image_id):
        """What `load_mask` returns, with the masks as CroppedMasks.

        Override it too where masks can be had without arrays as large as the image: training then needs none.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            CroppedMasks of N objects, and class ids, an int32 array [N].
        """
        masks, class_ids = self.load_mask(image_id)
        return CroppedMasks.of(masks) if len(class_ids) else CroppedMasks([], [], (0, 0)), class_ids

    def image_size(self, image_id):
        """Height and width of an image in pixels: from its `image_info` if they are there, else from the image.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            (height, width), px.
        """
        info = self.image_info[image_id]
        if "height" in info and "width" in info:
            return int(info["height"]), int(info["width"])
        height, width = self.load_image(image_id).shape[:2]
        return height, width

    def object_count(self, image_id):
        """How many objects an image has; override it where they can be counted without their masks.

        Args:
            image_id: inside, 0 .. num_images - 1.

        Returns:
            Their number, crowds among them.
        """
        return len(self.load_mask_crops(image_id)[1])

    def fingerprint(self):
        """A SHA-256 that changes with classes, order, names and sizes of the images, and `label_files`.

        Returns:
            64 hex digits.
        """
        digest = hashlib.sha256(repr([(c["source"], c["id"], c["name"]) for c in self.class_info]).encode())
        for info in self.image_info:
            path = Path(str(info["path"]))
            size = path.stat().st_size if path.is_file() else None
            digest.update(repr((info["source"], info["id"], path.name, size)).encode())
        for path in self.label_files():
            with Path(path).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def label_files(self):
        """Paths of the files that the objects come from; override it so that `fingerprint` sees a change in them."""
        return []


def _first_name(name):
    """The first of several names that are separated by commas."""
    return name.split(",")[0]
