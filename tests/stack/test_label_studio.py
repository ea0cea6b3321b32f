"""`docker compose --profile label up` beside the running stack: few rights, push and pull, and what survives."""

import json
import socket

import pytest
import requests

pytestmark = pytest.mark.stack

MRCNN = ("mrcnn", "labelstudio")
RAW, PULLED = "data/to_label", "data/pulled.json"


@pytest.fixture(scope="module")
def label_studio(stack):
    compose = ("docker", "compose", "--profile", "label")
    stack.run(*compose, "build", "labelstudio")
    stack.run(*compose, "up", "--detach", "--wait", "--wait-timeout", "300")
    try:
        yield f"http://127.0.0.1:{stack.values['LABEL_STUDIO_PORT']}"
    finally:
        stack.save_logs()
        stack.run("docker", "compose", "--profile", "label", "rm", "--stop", "--force", "labelstudio")


def headers(stack) -> dict:
    return {"Authorization": f"Token {stack.values['LABEL_STUDIO_TOKEN']}"}


def test_a_plain_user_without_rights_for_this_machine_only(stack, label_studio):
    lines = stack.inside("labelstudio", "cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t") for line in lines if ":\t" in line)
    assert (int(status["CapEff"], 16), status["NoNewPrivs"]) == (0, "1")
    assert status["Uid"].split()[0] == stack.values["NB_UID"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", int(stack.values["LABEL_STUDIO_PORT"])), timeout=5)
    refused = stack.run("docker", "compose", "exec", "-T", "labelstudio", "touch", "/workspace/data/x", check=False)
    assert "Read-only" in refused


def test_nothing_without_the_token(stack, label_studio):
    assert requests.get(f"{label_studio}/api/projects", timeout=30).status_code == 401
    assert requests.get(f"{label_studio}/api/projects", headers=headers(stack), timeout=30).status_code == 200


def test_push_and_pull_from_the_lab(stack, label_studio):
    """The lab finds the server and its token by itself, and the server reads the pictures from data/."""
    stack.inside("lab", "python", "-c", f"import shutil; shutil.copytree('data/shapes/shapes_test2018', '{RAW}')")
    pushed = json.loads(stack.inside("lab", *MRCNN, "push", RAW, "--classes", "circle", "--json"))
    assert (pushed["served"], pushed["new"], pushed["there"]) == (True, 250, 0)
    assert pushed["url"].startswith(label_studio)
    tasks = requests.get(
        f"{label_studio}/api/tasks?project={pushed['project']}&page_size=1", headers=headers(stack), timeout=60
    ).json()["tasks"]
    picture = requests.get(f"{label_studio}{tasks[0]['data']['image']}", headers=headers(stack), timeout=30)
    assert picture.content == (stack.folder / RAW / tasks[0]["data"]["file_name"]).read_bytes()
    done = requests.post(
        f"{label_studio}/api/tasks/{tasks[0]['id']}/annotations/",
        headers=headers(stack), json={"result": []}, timeout=30,
    )  # fmt: skip
    assert done.status_code == 201
    pulled = json.loads(stack.inside("lab", *MRCNN, "pull", RAW, PULLED, "--json"))
    assert (pulled["labelled"], pulled["unlabelled"]) == (1, 249)
    assert len(json.loads((stack.folder / PULLED).read_text())["images"]) == 1


def test_the_labels_survive_a_new_container(stack, label_studio):
    compose = ("docker", "compose", "--profile", "label")
    stack.run(*compose, "rm", "--stop", "--force", "labelstudio")
    stack.run(*compose, "up", "--detach", "--wait", "--wait-timeout", "300", "labelstudio")
    projects = requests.get(f"{label_studio}/api/projects", headers=headers(stack), timeout=30).json()["results"]
    assert [(p["title"], p["task_number"], p["num_tasks_with_annotations"]) for p in projects] == [("to_label", 250, 1)]
