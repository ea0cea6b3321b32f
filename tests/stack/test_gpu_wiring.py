"""The GPU variant asks for NVIDIA's runtime and stops where no GPU is usable; no GPU is needed to see that.

The engine must know a runtime called `nvidia`: the real one, or the stand-in that .ci/engine.sh gives to dockerd.
"""

import json

import pytest
import yaml

from tests.support.promised import not_here

pytestmark = pytest.mark.stack


@pytest.fixture
def gpu(stack, tmp_path):
    """Environment for compose: the GPU variant as a project of its own, the CPU image in the place of its own."""
    if not stack.engine.nvidia_runtime:
        not_here("the engine has no runtime called nvidia")
    stack.run("docker", "tag", "mrcnn-stack:cpu", "mrcnn-stack-test:gpu")
    override = tmp_path / "image.yml"
    override.write_text(
        yaml.safe_dump({"services": {name: {"image": "mrcnn-stack-test:gpu"} for name in ("lab", "tensorboard")}})
    )
    env = {
        "GPU": "gpu",
        "COMPOSE_PROJECT_NAME": "mrcnn-stack-test-gpu",
        "COMPOSE_FILE": f"{stack.folder / 'docker-compose.yml'}:{override}",
        "JUPYTER_PORT": "0",
        "TENSORBOARD_PORT": "0",
    }
    yield env
    stack.run("docker", "compose", "down", "--volumes", check=False, **env)
    stack.run("docker", "image", "rm", "mrcnn-stack-test:gpu", check=False)


def test_one_variable_builds_and_runs_the_gpu_variant(stack):
    for variant in ("gpu", "gpu-jax"):
        services = json.loads(stack.run("docker", "compose", "config", "--format", "json", GPU=variant))["services"]
        assert services["lab"]["runtime"] == "nvidia"
        assert services["lab"]["build"]["args"]["VARIANT"] == variant
        assert services["lab"]["image"] == f"mrcnn-stack:{variant}"
    services = json.loads(stack.run("docker", "compose", "config", "--format", "json"))["services"]
    assert "runtime" not in services["lab"]
    assert services["lab"]["image"] == "mrcnn-stack:cpu"


def test_the_runtime_and_its_settings_reach_the_container(stack, gpu):
    stack.run("docker", "compose", "create", **gpu)
    container = stack.run("docker", "compose", "ps", "--all", "--quiet", "lab", **gpu).strip()
    described = json.loads(stack.run("docker", "inspect", container))[0]
    assert described["HostConfig"]["Runtime"] == "nvidia"
    assert {"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility", "STACK_VARIANT=gpu"} <= set(
        described["Config"]["Env"]
    )


def test_it_starts_under_the_runtime_and_stops_because_no_gpu_is_usable(stack, gpu):
    shown = stack.run("docker", "compose", "run", "--rm", "--no-deps", "-T", "lab", check=False, **gpu)
    assert "Keras " in shown
    assert "start-up check failed: a GPU was asked for, but tensorflow sees none: no NVIDIA driver reaches" in shown
    assert "Jupyter Server" not in shown
