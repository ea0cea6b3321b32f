"""`make up` on a machine without Docker, nothing faked: the environment is made from the lock, both pages answer."""

import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from launcher import env_file

from tests.support.project_copy import copy_project, write_env

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """A copy of what git knows, with free ports in .env; its services are stopped at the end."""
    folder = tmp_path / "project"
    copy_project(folder)
    write_env(folder, uid=os.getuid(), gid=os.getgid())
    yield folder
    make(folder, "down")


def make(folder, target: str) -> str:
    env = {**os.environ, "DOCKER_HOST": "unix:///nowhere"}  # Docker may be installed here, but then does not answer
    answer = subprocess.run(
        ["make", "--no-print-directory", target, f"PYTHON={sys.executable}"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout
    return answer.stdout


def status(url: str) -> int:
    try:
        return urllib.request.urlopen(url, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


def test_up_both_pages_answer_up_again_down(project):
    shown = make(project, "up")
    values = env_file.read(project / ".env")
    lab, tensorboard = (f"http://127.0.0.1:{values[name]}" for name in ("JUPYTER_PORT", "TENSORBOARD_PORT"))
    assert f"{lab}/?token={values['JUPYTER_TOKEN']}\n" in shown
    assert "One training step, compiled, ran on " in shown
    assert status(f"{lab}/api/kernels?token={values['JUPYTER_TOKEN']}") == 200
    assert status(f"{lab}/api/kernels") == 403
    assert status(f"{tensorboard}/data/environment") == 200
    assert len(list((project / "data/shapes/shapes_test2018").iterdir())) == 250

    again = make(project, "up")
    assert "Starting" not in again
    assert "Installing" not in again
    assert f"{tensorboard}/" in again

    assert "Stopped." in make(project, "down")
    with pytest.raises(urllib.error.URLError):
        status(tensorboard)
