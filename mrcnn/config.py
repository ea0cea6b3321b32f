"""The settings of one model: class attributes, overridden in a subclass.

    class ShapesConfig(Config):
        NAME = "shapes"
        NUM_CLASSES = 1 + 3

Slips of the pen are caught: an UPPERCASE name that is nearly one of the list below is an error that says which one, and
so are wrong values. All other names are yours.

Each setting, with its default, range and text, is an entry in `mrcnn/settings/network.py` or `training.py`: to add one,
add its entry there. The check, the reference page (write it anew with `python -m mrcnn.reference`), the JSON schema and
the texts of notebook 2 follow. What it needs of other settings goes into `mrcnn/settings/relations.py`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mrcnn.settings import files
from mrcnn.settings.check import COMPUTED_NAMES, check_settings, misspelt
from mrcnn.settings.network import NETWORK_SETTINGS, NetworkSettings
from mrcnn.settings.training import TRAINING_SETTINGS, TrainingSettings


class Config(TrainingSettings, NetworkSettings):
    """Settings with the defaults of the old package. Subclass it, override what differs, make one instance.

    Instances also have `BATCH_SIZE` (images a step), `IMAGE_SHAPE` (array [H, W, C] of the molded image) and
    `IMAGE_META_SIZE` (numbers in a meta vector). They are computed when the instance is made; a value that is
    changed later does not change them.

    Raises:
        ValueError: for an UPPERCASE name that is nearly a setting, when the subclass is defined or the value is set;
            and, when the instance is made, for values that are wrong or do not go together, all of them at once. What
            is set later is checked by `MaskRCNN`.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in vars(cls):
            _must_be_known(name, cls.__name__)

    def __init__(self):
        for name in dir(self):  # finds what a mix-in or a late `MyConfig.NAME = ...` brought in
            _must_be_known(name, type(self).__name__)
        check_config(self)
        for name in KNOWN_NAMES & set(dir(self)):
            if isinstance(getattr(self, name), np.generic):
                setattr(self, name, getattr(self, name))
        self._set_computed()

    def __setattr__(self, name, value):
        _must_be_known(name, type(self).__name__)
        plain = isinstance(value, np.generic) and name in KNOWN_NAMES  # a number of numpy is none to Keras
        super().__setattr__(name, value.item() if plain else value)

    def _set_computed(self):
        side = self.IMAGE_MIN_DIM if self.IMAGE_RESIZE_MODE == "crop" else self.IMAGE_MAX_DIM
        if self.IMAGE_RESIZE_MODE == "shorter":
            side = -(-side // 32) * 32
        self.BATCH_SIZE = self.IMAGES_PER_GPU * self.GPU_COUNT
        self.IMAGE_SHAPE = np.array([side, side, self.IMAGE_CHANNEL_COUNT])
        # image id, original shape, molded shape, window, scale, one flag a class: see data/molding.py
        self.IMAGE_META_SIZE = 1 + 3 + 3 + 4 + 1 + self.NUM_CLASSES

    def to_dict(self):
        """Every setting and computed value by name, sorted, as it is (arrays stay arrays); also your UPPERCASE ones.

        Returns:
            A new dict, {name: value}.

        Example:
            >>> Config().to_dict()["IMAGE_SHAPE"].tolist()
            [1024, 1024, 3]
        """
        own = {name for name in self._own() if name.isupper()}
        return {name: getattr(self, name) for name in sorted(KNOWN_NAMES | own)}

    def display(self):
        """Print every setting, one a line, your own ones too."""
        print("\nConfigurations:")
        values = self.to_dict() | {name: getattr(self, name) for name in self._own()}
        for name, value in sorted(values.items()):
            print(f"{name:30} {getattr(value, '__qualname__', value)}")
        print("\n")

    def _own(self):
        """Names of values that a subclass or its user added."""
        names = set(dir(self)) - set(dir(Config)) - KNOWN_NAMES
        return {name for name in names if not name.startswith("_") and not callable(getattr(self, name))}

    def to_json(self, path):
        """Write the settings to a JSON file; the computed values are left out, as they follow from the rest.

        Of a function or a Keras model the name is written, {"callable": name}, as `from_json` must find it in code.
        Of your UPPERCASE names those are left out that cannot stand in JSON.

        Args:
            path: of the file.

        Raises:
            ValueError: if a setting cannot stand in JSON; it is named.
        """
        files.write_json(self.to_dict(), SETTINGS, path)

    @classmethod
    def from_json(cls, path):
        """An instance of this class with the values of a file that `to_json` wrote; where a name lacks, ours stays.

        A function or Keras model (BACKBONE, say) is not in the file: it is that of this class.

        Args:
            path: of the file.

        Returns:
            A checked Config of this class.

        Raises:
            ValueError: for a file that is not such JSON, or has a name twice; and, all at once, for names that are
                nearly a setting's, wrong values, and functions that this class does not have.
        """
        values, wrong = files.read_json(path)
        return cls.from_dict(values, path, wrong=wrong)

    @classmethod
    def from_dict(cls, values, path="the settings", *, wrong=(), own_names=True):
        """As from_json, of settings that are read already.

        Args:
            values: the settings by name.
            path: what errors call them.
            wrong: what is known to be wrong with them already, as sentences.
            own_names: whether UPPERCASE names may be in them that are no settings.

        Returns:
            A checked Config of this class.

        Raises:
            ValueError: as from_json, for all but the file.

        Example:
            >>> Config.from_dict({"NAME": "shapes", "NUM_CLASSES": 4}).NUM_CLASSES
            4
        """
        config = cls()
        wrong = list(wrong)
        for name, value in values.items():
            problem = _problem_of_name(name, own_names) or files.problem_of_callable(config, name, value)
            if problem:
                wrong.append(problem)
            elif not files.is_named_callable(value):
                setattr(config, name, files.like_default(SETTINGS.get(name), value))
        check_config(config, path, wrong=wrong)
        config._set_computed()
        return config


SETTINGS = TRAINING_SETTINGS | NETWORK_SETTINGS  # the table, by name
KNOWN_NAMES = frozenset(SETTINGS) | frozenset(COMPUTED_NAMES)


def check_config(config: Any, where: Any = None, *, mode: str | None = None, wrong: Sequence[str] = ()) -> None:
    """Looks at every value of a Config, and at what they need of one another.

    Args:
        config: the Config.
        where: what the error says that they come from: a file's path; default: the name of the class.
        mode: "training" or "inference" where a network is to be made of it, which asks for more; else None.
        wrong: what is known to be wrong already, as sentences.

    Raises:
        ValueError: names everything that is wrong, with the value, what is expected, and what to do.
    """
    check_settings(config, SETTINGS, where or type(config).__name__, mode, wrong)


def _problem_of_name(name, own_names):
    """What is wrong with the name of a setting in a file; empty where nothing is."""
    if not isinstance(name, str) or not name.isupper():
        return f"{name} is not a setting of Config; settings are in capitals."
    unknown = "" if own_names or name in KNOWN_NAMES else f"{name} is not a setting of Config."
    return misspelt(name, KNOWN_NAMES) or unknown


def _must_be_known(name, where):
    problem = misspelt(name, KNOWN_NAMES) if name.isupper() else ""
    if problem:
        raise ValueError(f"{where}: {problem}")
