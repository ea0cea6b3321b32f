"""What `pip install` of the wheel gives in an empty environment: without a backend, and with TensorFlow."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from launcher import environment

from mrcnn import __version__
from tests.support.project_copy import ROOT

pytestmark = pytest.mark.wheel
NO_BACKEND = "Keras has no backend here (tensorflow is not installed): pip install 'mrcnn-stack[cpu]'"


def run(*command, **more) -> subprocess.CompletedProcess:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "KERAS_BACKEND")}
    # not in the working tree, from where its own mrcnn would be imported
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env=env | more, cwd=tempfile.gettempdir()
    )


def must(*command, **more) -> str:
    ended = run(*command, **more)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """The folder bin of a new environment with the wheel, its dependencies as locked, from the cache where they are."""
    uv, settings = environment.uv(ROOT), environment.uv_settings()
    must(uv, "venv", "--python", sys.executable, folder, **settings)
    lock = ROOT / "requirements/dev.txt"
    must(uv, "pip", "install", "--python", folder / "bin/python", "--constraints", lock, f"{wheel}{extra}", **settings)
    return folder / "bin"


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory) -> Path:
    return install(wheel, "", tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="module")
def with_tensorflow(wheel, tmp_path_factory) -> Path:
    return install(wheel, "[cpu]", tmp_path_factory.mktemp("cpu"))


def test_the_wheel_holds_all_that_is_no_code(wheel):
    """Every file of the two packages that git knows, and nothing else."""
    tracked = must("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "mrcnn", "mrcnn_ext")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == {name for name in tracked.splitlines() if (ROOT / name).exists()}
    for name in ("mrcnn/py.typed", "mrcnn_ext/py.typed", "mrcnn/selftest/expected.json", "mrcnn_ext/serve/page.html"):
        assert name in inside


def test_the_command_line_stands_without_a_backend(core):
    assert "evaluate" in must(core / "mrcnn", "--help")
    assert must(core / "mrcnn", "--version") == f"mrcnn-stack {__version__}\n"
    code = "import mrcnn, importlib.metadata as m; print(mrcnn.__version__ == m.version('mrcnn-stack'))"
    assert must(core / "python", "-c", code) == "True\n"
    must(core / "python", "-c", "import mrcnn.config, mrcnn.utils, mrcnn.visualize, mrcnn_ext")


@pytest.fixture(scope="module")
def tiny_data(core, tmp_path_factory) -> Path:
    """Three images, made by the installed package."""
    folder = tmp_path_factory.mktemp("data") / "shapes"
    counts = dict.fromkeys(("train", "validate", "test"), 1)
    code = f"from mrcnn_ext.datasets.shapes import make_shapes; make_shapes({str(folder)!r}, {counts})"
    must(core / "python", "-c", code)
    return folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "DATA"], NO_BACKEND),
        (["selftest"], NO_BACKEND),
        (["export", "last"], NO_BACKEND),
        (["serve"], "the package fastapi is not installed: pip install 'mrcnn-stack[serve]'"),
        (["check", "DATA"], "the package imagehash is not installed: pip install 'mrcnn-stack[data]'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_says_what_to_install(core, tiny_data, arguments, sentence):
    ended = run(core / "mrcnn", *[str(tiny_data) if part == "DATA" else part for part in arguments])
    assert ended.returncode == 2
    assert sentence in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import mrcnn.model", NO_BACKEND),
        ("import mrcnn.network.graph", NO_BACKEND),
        ("import mrcnn.ops.boxes", NO_BACKEND),
        ("import mrcnn.training", NO_BACKEND),
        ("from mrcnn.weights import load_weights", NO_BACKEND),
        ("import mrcnn_ext.serve.app", "mrcnn-stack[serve]"),
        ("from mrcnn.visualize import display_table; display_table([[1]])", "mrcnn-stack[lab]"),
        ("from mrcnn.utils import resize; resize([[1.0]], (2, 2), order=0)", "mrcnn-stack[old]"),
    ],
)
def test_a_module_says_what_to_install(core, code, sentence):
    ended = run(core / "python", "-c", code)
    assert ended.returncode == 1
    assert "MissingExtra" in ended.stderr.splitlines()[-1] and sentence in ended.stderr.splitlines()[-1]


def test_the_engine_runs_with_tensorflow(with_tensorflow):
    must(with_tensorflow / "python", "-c", "import mrcnn.model, mrcnn.utils, mrcnn.visualize, mrcnn.parallel_model")
    verdict = json.loads(must(with_tensorflow / "mrcnn", "selftest", "--json"))
    assert verdict["passed"], verdict


def test_the_export_to_onnx_says_what_to_install(with_tensorflow):
    code = "from mrcnn.export.formats import run_onnx; run_onnx('model.onnx')"
    assert "mrcnn-stack[export]" in run(with_tensorflow / "python", "-c", code).stderr.splitlines()[-1]
