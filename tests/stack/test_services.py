"""The running services: healthy, few rights, loopback only, behind a token; notebooks train, TensorBoard shows it."""

import json
import os
import socket
import time
from pathlib import Path

import pytest
import requests

from tests.support.jupyter_server import JupyterClient

pytestmark = pytest.mark.stack

NOTEBOOKS = ("01_explore_dataset", "02_configure", "03_train_heads")
QUICK = "import os; os.environ['MRCNN_QUICK'] = '1'"


@pytest.fixture(scope="module")
def client(stack):
    return JupyterClient(stack.lab, stack.values["JUPYTER_TOKEN"])


@pytest.fixture(scope="module")
def run(stack, client) -> Path:
    """The folder of the run that the first notebooks make on the server, in quick mode."""
    for name in NOTEBOOKS:
        notebook = client.api("GET", f"contents/notebooks/{name}.ipynb").json()
        cells = [cell["source"] for cell in notebook["content"]["cells"] if cell["cell_type"] == "code"]
        printed = client.run_cells(notebook["path"], [QUICK, *cells], seconds=900)
        assert "Keras " in "".join(printed)
    (folder,) = (stack.folder / "logs").glob("shapes_quick2*")
    return folder


def test_both_are_healthy(stack):
    lines = stack.run("docker", "compose", "ps", "--format", "json").splitlines()
    states = {state["Service"]: state["Health"] for state in map(json.loads, lines)}
    assert states == {"lab": "healthy", "tensorboard": "healthy"}


@pytest.mark.parametrize("service", ["lab", "tensorboard"])
def test_a_plain_user_without_any_rights(stack, service):
    status = stack.first_process(service)
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split()[0] == stack.values["NB_UID"]
    assert status["Gid"].split()[0] == stack.values["NB_GID"]


def test_only_this_machine_can_reach_them(stack):
    for name in ("JUPYTER_PORT", "TENSORBOARD_PORT"):
        port = int(stack.values[name])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_nothing_without_the_token(stack):
    assert requests.get(f"{stack.lab}/api/kernels", timeout=30).status_code == 403
    assert requests.get(f"{stack.lab}/api/kernels?token=wrong", timeout=30).status_code == 403
    assert not JupyterClient(stack.lab, "wrong").logged_in


def test_the_token_opens_the_first_notebook(stack, client):
    assert client.logged_in
    answer = requests.get(f"{stack.lab}/?token={stack.values['JUPYTER_TOKEN']}", allow_redirects=False, timeout=30)
    assert answer.headers["Location"].startswith("/lab/tree/notebooks/01_explore_dataset.ipynb")


def test_tensorboard_shows_the_run_that_the_notebooks_made(stack, run):
    start, scalars = time.monotonic(), f"{stack.tensorboard}/data/plugin/scalars"
    wanted = {"run": f"{run.name}/step", "tag": "loss"}
    while wanted["tag"] not in requests.get(f"{scalars}/tags", timeout=60).json().get(wanted["run"], ()):
        assert time.monotonic() - start < 120, "TensorBoard does not show the run's losses after two minutes"
        time.sleep(0.5)
    print(f"TensorBoard showed the run after {time.monotonic() - start:.1f} s")
    points = requests.get(f"{scalars}/scalars", params=wanted, timeout=60).json()
    assert [step for _, step, _ in points] == [0, 1, 2, 3]  # the quick mode's four steps
    assert all(0 < loss < 100 for _, _, loss in points)


def test_what_the_services_write_belongs_to_the_user(stack, client, run):
    client.api("PUT", "contents/notebooks/mine.txt", type="file", format="text", content="hello")
    written = [stack.folder / "notebooks" / "mine.txt", *run.iterdir()]
    written += (stack.folder / "data" / "shapes" / "annotations").iterdir()
    assert len(written) > 3
    user = (int(stack.values["NB_UID"]), int(stack.values["NB_GID"]))
    wanted = (os.getuid(), os.getgid()) if stack.engine.rootless else user
    assert {(path.stat().st_uid, path.stat().st_gid) for path in written} == {wanted}


def test_tensorboard_cannot_write_logs(stack):
    assert "Read-only" in stack.run(
        "docker", "compose", "exec", "-T", "tensorboard", "touch", "/workspace/logs/x", check=False
    )


def test_an_edited_package_is_seen(stack, client):
    module = stack.folder / "mrcnn_ext" / "edited_in_a_test.py"
    module.write_text("print('seen')\n")
    assert client.run_cells("notebooks/edit.ipynb", ["import mrcnn_ext.edited_in_a_test"], seconds=120) == ["seen\n"]


def test_old_samples_find_what_they_import(client):
    code = "import mrcnn, imgaug, skimage.io; from pycocotools.coco import COCO; print(imgaug.__version__)"
    assert client.run_cells("notebooks/old.ipynb", [code], seconds=120) == ["0.4.0\n"]


def test_memory_is_measured(client):
    assert client.http.get(f"{client.url}/api/metrics/v1", timeout=30).json()["rss"] > 0
