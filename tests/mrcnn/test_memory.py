"""How much memory a step takes: sums to check on paper."""

import pytest

from mrcnn.config import Config
from mrcnn.memory import step_mib


class HalfConfig(Config):
    BACKBONE = "resnet50"
    IMAGES_PER_GPU = 2
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 512


def test_a_step_in_both_precisions():
    pixels = 2 * 512 * 512 * 6200 / 2**20  # 3100 MiB
    assert step_mib(HalfConfig()) == pytest.approx(1500 + pixels)
    assert step_mib(HalfConfig(), precision="mixed_bfloat16") == pytest.approx(1500 + 0.55 * pixels)
    assert step_mib(HalfConfig(), images=1, side=256) == pytest.approx(1500 + pixels / 8)
