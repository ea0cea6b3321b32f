"""Every setting of the table: values that it takes, and values that it must not take."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnn import presets
from mrcnn.config import COMPUTED_NAMES, SETTINGS, Config, check_config
from mrcnn.settings.kinds import Number, Whole
from tests.support.setting_values import CASES, OTHERS, function


def made(**values):
    """A Config with these values."""
    return type("Made", (Config,), {n: staticmethod(x) if x is function else x for n, x in values.items()})()


def test_the_table_and_config_have_the_same_names():
    in_code = {name for kind in Config.__mro__ for name in vars(kind) if name.isupper()}
    assert in_code == set(SETTINGS)
    assert set(CASES) == set(SETTINGS), "each setting has values that must pass and values that must not"
    assert not set(COMPUTED_NAMES) & set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_an_entry_is_whole_and_its_default_fits(name):
    entry = SETTINGS[name]
    assert entry.name == name
    assert entry.section
    assert entry.text[0].isupper() or entry.text[0] == '"'
    assert entry.text.endswith(".")
    assert entry.problem(entry.default) == ""
    assert getattr(Config, name) is entry.default


@pytest.mark.parametrize("preset", [Config, presets.TinyConfig, presets.ResNet50Config, presets.ResNet101Config])
def test_defaults_and_presets_pass(preset):
    for mode in (None, "training", "inference"):
        check_config(preset(), mode=mode)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, case in CASES.items() for value in case[0]])
def test_values_that_fit(name, value):
    made(**{**OTHERS.get(name, {}), name: value})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, case in CASES.items() for value in case[1]])
def test_values_that_do_not_fit_are_named_with_their_range(name, value):
    with pytest.raises(ValueError, match=f"^Made: {name} is ") as error:
        made(**{name: value})
    text = str(error.value)
    assert SETTINGS[name].expected() in text
    assert "\n" not in text.replace("a\nb", ""), "one fault has one line"
    assert text.endswith((".", "?")), "and ends with a remedy"


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        ({"IMAGES_PER_GPU": "2"}, 'IMAGES_PER_GPU is "2": .* Write 2, without quotes.'),
        ({"LEARNING_RATE": "1e-3"}, "Write 0.001, without quotes."),
        ({"LEARNING_RATE": "1e-5"}, r"Write 1.0e-05, without quotes."),
        ({"STEPS_PER_EPOCH": 50.0}, r"STEPS_PER_EPOCH is 50.0: .* Write 50\."),
        ({"RPN_NMS_THRESHOLD": 70}, r"from 0 to 1 \(IoU\). It is a share: 70 % is 0.7."),
        ({"DETECTION_MIN_CONFIDENCE": 7}, r"from 0 to 1 \(probability\). The default is 0.7."),
        ({"ROI_POSITIVE_RATIO": 33}, "above 0 and up to 1 .* 33 % is 0.33."),
        ({"IMAGE_RESIZE_MODE": "pad"}, '"square", "pad64", "crop", "none" or "shorter". Did you mean "pad64"?'),
        ({"BACKBONE": "ResNet50"}, 'Did you mean "resnet50"?'),
        ({"BACKBONE": "vgg"}, '"resnet18", "resnet50" or "resnet101", or a function or a Keras model. The default'),
        ({"USE_MASK": "no"}, "True or False. Write False, without quotes."),
        ({"RPN_ANCHOR_SCALES": (8, 16, 32)}, "a list of 5 numbers above 0 .pixels.. There are 3."),
        ({"RPN_ANCHOR_SCALES": (8, 16, "32", 64, 128)}, 'Number 3 of them is "32". Write 32, without quotes.'),
        ({"LOSS_WEIGHTS": {"rpn_clas_loss": 1}}, "rpn_clas_loss is none of them; did you mean rpn_class_loss?"),
        ({"NUM_CLASSES": 0}, "write 1 [+] the number of your classes"),
    ],
)
def test_remedies(values, remedy):
    with pytest.raises(ValueError, match=remedy.replace("?", r"\?")):
        made(**values)


def test_everything_wrong_is_said_at_once():
    with pytest.raises(ValueError, match="^Made: 4 settings are wrong:\n") as error:
        made(RPN_NMS_THRESHOLD=70, IMAGES_PER_GPU="2", IMAGE_RESIZE_MODE="pad", MASK_SHAPE=[33, 33])
    lines = str(error.value).split("\n  ")[1:]
    assert [line.split()[0] for line in lines] == [
        "IMAGES_PER_GPU", "RPN_NMS_THRESHOLD", "IMAGE_RESIZE_MODE", "MASK_SHAPE",
    ]  # fmt: skip


def test_values_that_are_set_late_and_mixed_in_are_checked():
    class Late(Config):
        pass

    Late.NUM_CLASSES = 0
    with pytest.raises(ValueError, match="Late: NUM_CLASSES is 0"):
        Late()
    mixed = type("Mixed", (type("MixIn", (), {"GPU_COUNT": 0}), Config), {})
    with pytest.raises(ValueError, match="Mixed: GPU_COUNT is 0"):
        mixed()


BOUNDS = st.none() | st.integers(-5, 5)


@given(BOUNDS, BOUNDS, st.integers(-7, 7) | st.floats(-7, 7))
def test_numbers_are_within_their_bounds(least, most, value):
    inside = (least is None or value >= least) and (most is None or value <= most)
    strictly = (least is None or value > least) and (most is None or value < most)
    assert Number(least=least, most=most).fits(value) == inside
    assert Number(above=least, below=most).fits(value) == strictly
    assert Whole(least=least, most=most).fits(value) == (inside and isinstance(value, int))


@given(st.sampled_from(list(SETTINGS)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
def test_whatever_stands_in_a_file_is_taken_or_named(name, value):
    try:
        Config.from_dict({name: value}, "mine.yaml")
    except ValueError as error:
        first = re.compile(r"mine\.yaml: (\d settings are wrong:\s+)?([A-Z_]+) is ")
        assert first.match(str(error)), error


def test_numbers_of_numpy_become_plain_ones_as_keras_wants_them():
    config = made(SEED=np.int64(7), NUM_CLASSES=np.uint8(4), LEARNING_RATE=np.float32(0.5), USE_MASK=np.True_)
    config.IMAGES_PER_GPU = np.int32(3)
    assert [type(getattr(config, name)) for name in ("SEED", "NUM_CLASSES", "LEARNING_RATE", "USE_MASK")] == [
        int, int, float, bool,
    ]  # fmt: skip
    assert type(config.IMAGES_PER_GPU) is int
    assert config.IMAGE_META_SIZE == 16
