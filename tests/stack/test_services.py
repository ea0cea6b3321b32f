"""The running services: healthy, few rights, loopback only, behind a token; the notebook runs, TensorBoard shows it."""

import json
import os
import socket
import time

import pytest
import requests
from jupyter_server import JupyterClient

pytestmark = pytest.mark.stack

WRITE_RUN = """
import tensorflow as tf
with tf.summary.create_file_writer("../logs/stack-test").as_default():
    for step in range(20):
        tf.summary.scalar("loss", 1 / (1 + step), step=step)
print("written")
"""


@pytest.fixture(scope="module")
def client(stack):
    return JupyterClient(stack.lab, stack.values["JUPYTER_TOKEN"])


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


def test_the_first_notebook_runs_on_the_server(client):
    notebook = client.api("GET", "contents/notebooks/01_explore_dataset.ipynb").json()
    cells = [cell["source"] for cell in notebook["content"]["cells"] if cell["cell_type"] == "code"]
    assert cells
    printed = client.run_cells(notebook["path"], cells, seconds=600)
    assert "Keras " in "".join(printed)


def test_tensorboard_shows_a_run_within_seconds(stack, client):
    assert client.run_cells("notebooks/run.ipynb", [WRITE_RUN], seconds=300) == ["written\n"]
    start = time.monotonic()
    while "stack-test" not in requests.get(f"{stack.tensorboard}/data/runs", timeout=30).json():
        assert time.monotonic() - start < 30, "TensorBoard does not show the run after 30 s"
        time.sleep(0.5)
    print(f"TensorBoard showed the run after {time.monotonic() - start:.1f} s")
    tags = requests.get(f"{stack.tensorboard}/data/plugin/scalars/tags", timeout=30).json()
    assert "loss" in tags["stack-test"]


def test_what_the_services_write_belongs_to_the_user(stack, client):
    client.api("PUT", "contents/notebooks/mine.txt", type="file", format="text", content="hello")
    written = [stack.folder / "notebooks" / "mine.txt", *(stack.folder / "logs" / "stack-test").iterdir()]
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


def test_memory_is_measured(client):
    assert client.http.get(f"{client.url}/api/metrics/v1", timeout=30).json()["rss"] > 0
