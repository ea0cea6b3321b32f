import stat

import pytest
from launcher import env_file
from launcher.messages import Problem


def test_written_once_then_left_alone(tmp_path):
    file = tmp_path / ".env"
    assert env_file.write_once(file, gpu="gpu-jax", uid=501, gid=20)
    first = file.read_text()
    assert not env_file.write_once(file, gpu="", uid=1, gid=1)
    assert file.read_text() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_values_come_back(tmp_path):
    file = tmp_path / ".env"
    env_file.write_once(file, gpu="gpu-jax", uid=501, gid=20)
    values = env_file.read(file)
    assert len(values.pop("JUPYTER_TOKEN")) == 48
    assert len(values.pop("LABEL_STUDIO_TOKEN")) == 40
    assert len(values.pop("LABEL_STUDIO_PASSWORD")) == 16
    assert values == {
        "GPU": "gpu-jax",
        "NB_UID": "501",
        "NB_GID": "20",
        "JUPYTER_PORT": "8888",
        "TENSORBOARD_PORT": "6006",
        "LABEL_STUDIO_PORT": "8080",
        "DETECT_PORT": "8000",
        "DETECT_RUN": "last",
        "DETECT_API_KEY": "",
        "DETECT_ADDRESSES": "",
        "MRCNN_WEIGHTS_FROM": "",
        "LABEL_STUDIO_USERNAME": "you@localhost",
        "BIND_ADDRESS": "127.0.0.1",
    }


@pytest.mark.parametrize("secret", ["JUPYTER_TOKEN", "LABEL_STUDIO_PASSWORD", "LABEL_STUDIO_TOKEN"])
def test_two_files_have_two_secrets(tmp_path, secret):
    for name in ("a", "b"):
        env_file.write_once(tmp_path / name, gpu="", uid=1, gid=1)
    assert env_file.read(tmp_path / "a")[secret] != env_file.read(tmp_path / "b")[secret]


def test_a_person_may_write_quotes_comments_and_fewer_lines(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# mine\n\nJUPYTER_TOKEN = 'a # b'  # quoted\nJUPYTER_PORT=9000 # not 8888\nDETECT_API_KEY=a#b\n")
    values = env_file.read(file)
    assert (values["JUPYTER_TOKEN"], values["JUPYTER_PORT"], values["GPU"]) == ("a # b", "9000", "")
    assert values["DETECT_API_KEY"] == "a#b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("JUPYTER_TOKEN=\n", "JUPYTER_TOKEN is empty"),
        ("GPU=\n", "JUPYTER_TOKEN is empty"),
        ("JUPYTER_TOKEN=x\nGPU=cpu\n", "GPU=cpu in .env is unknown: leave it empty for the CPU"),
        ("JUPYTER_TOKEN=x\nJUPYTER_PORT=eight\n", "JUPYTER_PORT=eight in .env is not a port"),
        ("JUPYTER_TOKEN=x\nTENSORBOARD_PORT=70000\n", "TENSORBOARD_PORT=70000 in .env is not a port"),
        (
            "JUPYTER_TOKEN=x\nJUPYTER_PORT=1\nTENSORBOARD_PORT=1\n",
            "^JUPYTER_PORT and TENSORBOARD_PORT are the same",
        ),
        (
            "JUPYTER_TOKEN=x\nJUPYTER_PORT=8000\n",
            r"JUPYTER_PORT and DETECT_PORT \(not there, so it is the usual\) are the same in .env, 8000",
        ),
        (
            "JUPYTER_TOKEN=x\nBIND_ADDRESS=localhost\n",
            "BIND_ADDRESS=localhost in .env is no IP address: write 127",
        ),
        ("JUPYTER_TOKEN=x\nLABEL_STUDIO_TOKEN=\n", "LABEL_STUDIO_TOKEN is empty"),
        ("JUPYTER_TOKEN=x\nLABEL_STUDIO_PASSWORD=\n", "LABEL_STUDIO_PASSWORD is empty"),
        ("JUPYTER_TOKEN=x\nnonsense\n", "line 2 is not NAME=value"),
    ],
)
def test_what_cannot_work_is_told(tmp_path, text, told):
    (tmp_path / ".env").write_text(text)
    with pytest.raises(Problem, match=told):
        env_file.read(tmp_path / ".env")
