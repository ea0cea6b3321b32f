"""`docker compose --profile label up` beside the running stack: few rights, push and pull, and what survives."""

import json
import socket

import pytest
import requests

from mrcnn_ext.datasets.coco_file import CocoFile
from mrcnn_ext.masks.rle import rle_area
from tests.support.chromium import IMAGES

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


def areas_of(file: CocoFile, name: str) -> list[tuple[int, int]]:
    """(category, pixels) of each object of an image."""
    row = next(i for i, image in enumerate(file.images) if image["file_name"] == name)
    return sorted((int(file.category_ids[n]), rle_area(file.rle(row, n))) for n in file.objects(row))


def test_a_plain_user_without_rights_for_this_machine_only(stack, label_studio):
    status = stack.first_process("labelstudio")
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
    """The lab finds the server and its token by itself, and the server reads the images from data/."""
    stack.inside("lab", "python", "-c", f"import shutil; shutil.copytree('data/shapes/shapes_test2018', '{RAW}')")
    pushed = json.loads(stack.inside("lab", *MRCNN, "push", RAW, "--classes", "circle", "--json"))
    assert (pushed["served"], pushed["new"], pushed["there"]) == (True, 250, 0)
    assert pushed["url"].startswith(label_studio)
    tasks = requests.get(
        f"{label_studio}/api/tasks?project={pushed['project']}&page_size=1", headers=headers(stack), timeout=60
    ).json()["tasks"]
    image = requests.get(f"{label_studio}{tasks[0]['data']['image']}", headers=headers(stack), timeout=30)
    assert image.content == (stack.folder / RAW / tasks[0]["data"]["file_name"]).read_bytes()
    done = requests.post(
        f"{label_studio}/api/tasks/{tasks[0]['id']}/annotations/",
        headers=headers(stack), json={"result": []}, timeout=30,
    )  # fmt: skip
    assert done.status_code == 201
    pulled = json.loads(stack.inside("lab", *MRCNN, "pull", RAW, PULLED, "--json"))
    assert (pulled["labelled"], pulled["unlabelled"]) == (1, 249)
    assert len(json.loads((stack.folder / PULLED).read_text())["images"]) == 1


def test_a_person_accepts_labels_in_the_browser(stack, label_studio, page):
    """What the page makes of our polygons when they are submitted comes back as the same masks."""
    data = "data/shapes/annotations/instances_shapes_validate2018.json"
    pushed = json.loads(stack.inside("lab", *MRCNN, "push", data, "--project", "accepted", "--json"))
    assert (pushed["served"], pushed["new"], pushed["from_labels"]) == (True, 100, 100)
    query = f"{label_studio}/api/tasks?project={pushed['project']}&page_size=1"
    (task,) = requests.get(query, headers=headers(stack), timeout=60).json()["tasks"]
    page.goto(f"{label_studio}/user/login/")
    page.fill("input[name=email]", stack.values["LABEL_STUDIO_USERNAME"])
    page.fill("input[name=password]", stack.values["LABEL_STUDIO_PASSWORD"])
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(f"{pushed['url']}?task={task['id']}")
    page.wait_for_function("() => window.Htx?.annotationStore?.selected?.regions?.length > 0")
    page.wait_for_load_state("networkidle")  # the image is there
    page.wait_for_timeout(3000)  # and drawn
    page.screenshot(path=IMAGES / "label-studio.png")
    with page.expect_response(lambda r: r.request.method == "POST" and "/annotations" in r.url) as answer:
        page.get_by_role("button", name="Submit").click()
    assert answer.value.status == 201
    pulled = json.loads(stack.inside("lab", *MRCNN, "pull", data, PULLED, "--project", "accepted", "--json"))
    assert (pulled["labelled"], pulled["kept"]) == (1, 99)
    old, new = (CocoFile(stack.folder / name) for name in (data, PULLED))
    name = task["data"]["file_name"]
    assert len(areas_of(new, name)) > 0
    assert areas_of(new, name) == areas_of(old, name)


def test_the_labels_survive_a_new_container(stack, label_studio):
    compose = ("docker", "compose", "--profile", "label")
    stack.run(*compose, "rm", "--stop", "--force", "labelstudio")
    stack.run(*compose, "up", "--detach", "--wait", "--wait-timeout", "300", "labelstudio")
    projects = requests.get(f"{label_studio}/api/projects", headers=headers(stack), timeout=30).json()["results"]
    found = {(p["title"], p["task_number"], p["num_tasks_with_annotations"]) for p in projects}
    assert found == {("to_label", 250, 1), ("accepted", 100, 1)}
