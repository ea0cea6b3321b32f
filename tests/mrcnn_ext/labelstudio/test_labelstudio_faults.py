"""What goes wrong with a server, a token, a project or the data is one sentence that says what to do."""

import json
from http.server import BaseHTTPRequestHandler

import pytest
from typer.testing import CliRunner

from mrcnn_ext.commands.cli import app
from mrcnn_ext.labelstudio import Server, Studio, answering_access, find_access, pull, push, push_data
from mrcnn_ext.labelstudio import server as server_module
from mrcnn_ext.labelstudio.project import config_classes, label_config
from mrcnn_ext.labelstudio.push_data import project_title
from tests.support.fake_label_studio import PERSONAL, TOKEN, serving

RUN = CliRunner()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(server_module, "BACKOFF", 0.0)


class OtherProgram(BaseHTTPRequestHandler):
    """Answers every question with a page."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def log_message(self, *_):
        """Nothing is printed."""


def test_no_server(data):
    with pytest.raises(ConnectionError, match="no Label Studio answers .*docker compose --profile label up"):
        push(data, studio=Studio(url="http://127.0.0.1:1", token=TOKEN))


def test_another_program(data):
    with serving(OtherProgram) as (url, _), pytest.raises(ValueError, match="is not Label Studio"):
        push(data, studio=Studio(url=url, token=TOKEN))


def test_no_http_address(data):
    with pytest.raises(ValueError, match="begins with http"):
        push(data, studio=Studio(url="127.0.0.1:8080", token=TOKEN))


def test_a_wrong_token(fake, data):
    with pytest.raises(ValueError, match="does not take this token .401 Unauthorized, Invalid token"):
        push(data, studio=Studio(url=fake[0], token="wrong"))


def test_no_token(fake, data):
    with pytest.raises(ValueError, match="a token is needed: --token or LABEL_STUDIO_TOKEN"):
        push(data, studio=Studio(url=fake[0]))


def test_nobody_said_where_it_is(data):
    assert find_access() is None
    with pytest.raises(ValueError, match="Where is Label Studio"):
        push(data)


def test_a_personal_token_is_turned_into_passes_again_and_again(fake, data):
    url, state = fake
    assert push(data, studio=Studio(url=url, token=PERSONAL), progress=False).new == 5
    assert state.asked.count("POST /api/token/refresh") > 2
    with pytest.raises(ValueError, match="personal access token is refused"):
        push(data, studio=Studio(url=url, token="an.other.one"), progress=False)


def test_questions_are_asked_again_but_nothing_is_sent_twice(fake, data):
    url, state = fake
    state.faults = [503, 503]
    assert push(data, studio=Studio(url=url, token=TOKEN), progress=False).new == 5
    assert len(state.tasks) == 5
    state.faults = [503] * 9
    with pytest.raises(ConnectionError, match="503"):
        push(data, studio=Studio(url=url, token=TOKEN), progress=False)


def test_an_unknown_project(fake, data):
    url, _ = fake
    with pytest.raises(ValueError, match="there is no project 'raw'; there are: none"):
        pull(data, data / "x.json", studio=Studio(url=url, token=TOKEN))
    push(data, studio=Studio(url=url, token=TOKEN), progress=False)
    for wanted in ("fruit", "999"):
        with pytest.raises(ValueError, match=f"no project '{wanted}'; there are: 'raw'"):
            pull(data, data / "x.json", studio=Studio(project=wanted, url=url, token=TOKEN))
    assert not (data / "x.json").exists()


def test_two_projects_of_one_name_are_told_apart_by_number(fake, data):
    url, state = fake
    number = push(data, studio=Studio(url=url, token=TOKEN), progress=False).project
    state.projects[99] = state.projects[number] | {"id": 99}
    with pytest.raises(ValueError, match=f"2 projects are called 'raw'; name one by its number: {number}, 99"):
        push(data, studio=Studio(url=url, token=TOKEN), progress=False)
    assert push(data, studio=Studio(project=str(number), url=url, token=TOKEN), progress=False).there == 5


def test_a_project_of_another_kind_is_left_alone(fake, data):
    url, state = fake
    state.projects[5] = {"id": 5, "title": "raw", "label_config": "<View><Text name='t' value='$t'/></View>"}
    with pytest.raises(ValueError, match="'raw' was not made by .* Choose another name with --project"):
        push(data, studio=Studio(url=url, token=TOKEN), progress=False)
    state.projects[5]["label_config"] = "<View>"
    with pytest.raises(ValueError, match="label config cannot be read"):
        push(data, studio=Studio(url=url, token=TOKEN), progress=False)
    assert not state.tasks


def test_classes_keep_their_names_in_the_config():
    names = ["peach", 'a "b" <c> & d', "пень"]
    assert config_classes({"title": "x", "label_config": label_config(names)}) == names


def test_data_that_is_not_there(fake, data, tmp_path):
    url, _ = fake
    with pytest.raises(ValueError, match="there is no such folder or annotation file"):
        push(tmp_path / "none", studio=Studio(url=url, token=TOKEN))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there are no images"):
        push(tmp_path / "empty", studio=Studio(url=url, token=TOKEN))
    (data / "a b.png").unlink()
    with pytest.raises(ValueError, match="1 of 2 images are not in .*a b.png"):
        push(data, studio=Studio(url=url, token=TOKEN))
    (data / "c.jpg").write_bytes(b"no image")
    (data / "annotations.json").unlink()
    with pytest.raises(ValueError, match="c.jpg: cannot be read as an image"):
        push(data, classes=["x"], studio=Studio(url=url, token=TOKEN))


def test_two_files_with_the_same_images(fake, data):
    (data / "copy.json").write_bytes((data / "annotations.json").read_bytes())
    with pytest.raises(ValueError, match="several files list the same images"):
        push(data, studio=Studio(url=fake[0], token=TOKEN))
    one = push(data / "copy.json", studio=Studio(url=fake[0], token=TOKEN), progress=False)
    assert one.new == 2  # of one file only what it lists


def test_a_task_of_an_image_that_is_gone_is_told(fake, data):
    url, state = fake
    push(data, studio=Studio(url=url, token=TOKEN), progress=False)
    (data / "e.png").unlink()
    pulled = pull(data, data / "new.json", studio=Studio(url=url, token=TOKEN))
    assert pulled.account.dropped["task of an image that is not in the data set"] == ["e.png"]


def test_the_commands(fake, data, monkeypatch):
    url, _ = fake
    arguments = [str(data), "--url", url, "--token", TOKEN]
    result = RUN.invoke(app, ["labelstudio", "push", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert (content["new"], content["classes"]) == (5, ["leaf", "peach"])
    monkeypatch.setenv("LABEL_STUDIO_URL", url)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", TOKEN)
    result = RUN.invoke(app, ["labelstudio", "push", str(data), "--classes", "stone, twig"])
    assert "0 new tasks, 5 were there, 0 of them finished" in result.stdout
    assert f"Label at {url}/projects/{content['project']}/data" in result.stdout
    result = RUN.invoke(app, ["labelstudio", "pull", str(data), str(data / "new.json")])
    assert "0 images labelled in Label Studio, 2 with the labels they had, 0 skipped, 3 not labelled" in result.stdout
    assert f"written: {data / 'new.json'}" in result.stdout


def test_the_account_of_make_up_is_found_and_given_to_no_other_server(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("JUPYTER_TOKEN=x\nLABEL_STUDIO_PORT=8081\nLABEL_STUDIO_TOKEN='abc'\n")
    access = find_access()
    assert (access.url, access.token, access.browser) == ("http://127.0.0.1:8081", "abc", "http://127.0.0.1:8081")
    assert find_access("https://elsewhere/").token == ""
    assert find_access("https://elsewhere/", "mine").token == "mine"
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://labelstudio:8080")
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", "def")
    access = find_access()
    assert (access.url, access.token, access.browser) == ("http://labelstudio:8080", "def", "http://127.0.0.1:8081")


def test_a_server_says_its_reason(fake):
    server = Server(fake[0], TOKEN)
    server.check()
    with pytest.raises(ValueError, match="404 Not Found, the fake has no GET api/nothing"):
        server.get("/api/nothing")


def test_whether_one_answers(fake, monkeypatch, capsys):
    assert answering_access() is None
    assert "Where is Label Studio?" in capsys.readouterr().out
    monkeypatch.setenv("LABEL_STUDIO_URL", fake[0])
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", TOKEN)
    assert answering_access().url == fake[0]
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", "wrong")
    assert answering_access() is None
    assert "does not take this token" in capsys.readouterr().out


def test_a_project_is_called_after_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(push_data, "PROJECT", tmp_path)
    below = tmp_path / "data" / "peach" / "raw"
    (below / "annotations").mkdir(parents=True)
    (below / "annotations" / "a.json").write_text("{}")
    assert project_title(below) == project_title(below / "annotations" / "a.json") == "peach/raw"
    assert project_title(tmp_path / "elsewhere" / "raw") == "raw"
    assert len(project_title(tmp_path / ("x" * 80))) == 50
