"""What the compose file and the Dockerfile promise: least rights, loopback only, the same settings without Docker."""

import re

import pytest
import yaml
from launcher import compose, env_file


@pytest.fixture
def services(root):
    return yaml.safe_load((root / "docker-compose.yml").read_text())["services"]


@pytest.mark.parametrize("name", ["lab", "tensorboard", "labelstudio", "detect"])
def test_least_rights(services, name):
    service = services[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in service["ports"])


def test_tensorboard_can_write_nothing(services):
    assert services["tensorboard"]["read_only"]
    assert services["tensorboard"]["volumes"] == ["./logs:/workspace/logs:ro"]


def test_label_studio_only_looks_at_the_images_and_starts_when_asked(services):
    service = services["labelstudio"]
    assert service["profiles"] == ["label"]
    assert service["read_only"]
    assert service["volumes"] == ["./data:/workspace/data:ro", "labels:/label-studio"]
    assert "profiles" not in services["lab"]


def test_detect_only_reads_and_starts_when_asked(services):
    service = services["detect"]
    assert service["profiles"] == ["detect"]
    assert service["read_only"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert service["command"][:3] == ["mrcnn", "serve", "${DETECT_RUN:-last}"]


def test_only_the_lab_asks_for_the_gpu(services):
    assert services["lab"]["runtime"] == "${GPU:+nvidia}"
    assert services["lab"]["environment"]["NVIDIA_VISIBLE_DEVICES"]
    assert "runtime" not in services["tensorboard"]
    assert "runtime" not in services["labelstudio"]
    assert "runtime" not in services["detect"]


def test_the_token_is_never_empty(services):
    assert services["lab"]["environment"]["JUPYTER_TOKEN"].startswith("${JUPYTER_TOKEN:?")


def test_every_folder_that_is_written_survives(services):
    mounts = services["lab"]["volumes"]
    assert [mount for mount in mounts if mount.startswith("./") and not mount.endswith(":ro")] == [
        f"./{name}:/workspace/{name}" for name in compose.MOUNTED
    ]


def test_the_variables_are_those_that_env_sets_or_the_page_names(root, tmp_path):
    env_file.write_once(tmp_path / ".env", gpu="", uid=1, gid=1)
    used = set(re.findall(r"\$\{([A-Z_]+)", (root / "docker-compose.yml").read_text()))
    rest = used - set(env_file.read(tmp_path / ".env")) - {"COMPOSE_PROJECT_NAME", "NVIDIA_VISIBLE_DEVICES", "NAME"}
    assert all(f"`{name}`" in (root / "docker/README.md").read_text() for name in rest), rest  # a person may add these


def test_the_variants_have_the_same_settings_with_and_without_docker(root):
    stages = re.findall(r"^FROM packages AS variant-(\S+)\nENV (.*)$", (root / "docker/Dockerfile").read_text(), re.M)
    in_image = {variant: dict(setting.split("=") for setting in settings.split()) for variant, settings in stages}
    assert in_image == {variant or "cpu": settings for variant, settings in env_file.VARIANT_SETTINGS.items()}


def test_the_image_is_not_run_by_root(root):
    text = (root / "docker/Dockerfile").read_text()
    assert text.rindex("\nUSER dev\n") > text.rindex("\nRUN ")
    assert "\nUSER dev\n" in text[text.index(" AS labelstudio\n") : text.index(" AS stack\n")]
    assert '\nENTRYPOINT ["tini", "--"]\n' in text


def test_a_change_of_any_file_in_the_image_is_noticed(root):
    text = (root / "docker/Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (.*) /\S+$", text, re.M) for name in line.split()}
    watched = {str(path.relative_to(root)) for pattern in compose._INPUTS for path in root.glob(pattern)}
    assert copied <= watched
