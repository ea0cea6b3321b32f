"""`make up` again, `make down`, plain `docker compose up`.  The last of the stack's tests, as it stops the stack."""

import pytest
import requests

pytestmark = pytest.mark.stack


def test_up_again_changes_nothing(stack):
    env = (stack.folder / ".env").read_text()
    containers = stack.run("docker", "compose", "ps", "--quiet")
    shown = stack.make("up")
    assert stack.run("docker", "compose", "ps", "--quiet") == containers
    assert (stack.folder / ".env").read_text() == env
    assert "Building" not in shown
    assert f"{stack.lab}/?token={stack.values['JUPYTER_TOKEN']}" in shown
    assert f"{stack.tensorboard}/" in shown


def test_what_was_made_survives_down_and_compose_alone_brings_it_back(stack):
    (stack.folder / "notebooks" / "kept.txt").write_text("kept")
    stack.inside("lab", "touch", "/home/dev/kept")
    compose = ("docker", "compose", "--profile", "detect")
    stack.run(*compose, "up", "--detach", "detect")
    assert stack.run(*compose, "ps", "--all", "--quiet", "detect")
    stack.save_logs()
    assert "Stopped." in stack.make("down")
    assert not stack.run(*compose, "ps", "--all", "--quiet")
    with pytest.raises(requests.ConnectionError):
        requests.get(stack.lab, timeout=5)
    stack.run("docker", "compose", "up", "--detach", "--wait")
    assert stack.inside("lab", "cat", "/workspace/notebooks/kept.txt") == "kept"
    stack.inside("lab", "ls", "/home/dev/kept")
    assert requests.get(f"{stack.lab}/api", timeout=30).ok
    assert "Stopped." in stack.make("down")
    assert "Nothing was running." in stack.make("down")
