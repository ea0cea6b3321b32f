"""`up` and `down` without an engine: real processes, but little servers instead of JupyterLab and TensorBoard."""

import socket
import sys
import urllib.request

import pytest
from launcher import cli, env_file, native

from tests.support.project_copy import write_env

SERVER = f"""#!{sys.executable}
import http.server, os, re, sys
port = int(re.search(r"port[ =](\\d+)", " ".join(sys.argv)).group(1))

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["KERAS_BACKEND"].encode())

http.server.HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""


@pytest.fixture
def project(tmp_path, root, monkeypatch, fake):
    """A project folder with an environment of fakes, free ports and no Docker; what was started is stopped."""
    folder = tmp_path / "project"
    (folder / "docker" / "jupyter").mkdir(parents=True)
    for name in ("jupyter_lab_config.json", "overrides.json"):
        (folder / "docker" / "jupyter" / name).write_text((root / "docker" / "jupyter" / name).read_text())
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        "#!/bin/sh\ncase \"$*\" in *shapes*) /bin/mkdir -p data/shapes/annotations ;; *) echo 'Keras checked' ;; esac\n"
    )
    programs = [python, python.parent / "jupyter-lab", python.parent / "tensorboard"]
    for program in programs[1:]:
        program.write_text(SERVER)
    for program in programs:
        program.chmod(0o755)
    monkeypatch.setattr("launcher.environment.ensure", lambda root, lock: python)
    write_env(folder, uid=1, gid=1)
    yield folder
    native.down(folder)


def answers(project) -> list[str]:
    values = env_file.read(project / ".env")
    urls = [f"http://127.0.0.1:{values[name]}/" for name in ("JUPYTER_PORT", "TENSORBOARD_PORT")]
    return [urllib.request.urlopen(url, timeout=5).read().decode() for url in urls]


def test_up_twice_then_down(project, capfd):
    assert cli.main(["up"], project) == 0
    assert answers(project) == ["tensorflow", "tensorflow"]
    numbers = [(project / ".run" / f"{name}.pid").read_text() for name in ("lab", "tensorboard")]
    shown = capfd.readouterr().out
    assert "Docker is not installed: running without it" in shown
    assert "Keras checked" in shown
    assert "make down" in shown
    assert (project / "data/shapes/annotations").is_dir()
    assert (project / ".venv/etc/jupyter/jupyter_lab_config.json").exists()

    assert cli.main(["up"], project) == 0
    assert [(project / ".run" / f"{name}.pid").read_text() for name in ("lab", "tensorboard")] == numbers
    assert "Starting" not in capfd.readouterr().out

    assert cli.main(["down"], project) == 0
    with pytest.raises(OSError, match="refused"):
        answers(project)
    assert cli.main(["down"], project) == 0
    assert capfd.readouterr().out.endswith("Nothing was running.\n")


def test_a_service_that_dies_is_started_again(project):
    cli.main(["up"], project)
    native._stop(int((project / ".run" / "tensorboard.pid").read_text()))
    assert cli.main(["up"], project) == 0
    assert answers(project) == ["tensorflow", "tensorflow"]


def test_a_service_that_stops_at_once_shows_its_log(project, capfd):
    (project / ".venv/bin/tensorboard").write_text("#!/bin/sh\necho 'bad option'; exit 1\n")
    assert cli.main(["up"], project) == 1
    shown = capfd.readouterr().err
    assert "bad option" in shown
    assert "Stopped: tensorboard stopped at once" in shown


def test_a_failed_start_up_check_stops_before_the_services(project, capfd):
    (project / ".venv/bin/python").write_text(
        "#!/bin/sh\ncase \"$*\" in *startup*) echo 'noise\nstart-up check failed: no GPU' >&2; exit 1 ;; esac\n"
    )
    assert cli.main(["up"], project) == 1
    assert capfd.readouterr().err == "Stopped: start-up check failed: no GPU\n"
    assert not (project / ".run").exists()


@pytest.mark.parametrize(("number", "told"), [(4, "AVX"), (9, "too little memory")])
def test_a_check_that_dies_without_a_word(project, capfd, number, told):
    (project / ".venv/bin/python").write_text(f'#!/bin/sh\ncase "$*" in *startup*) kill -{number} $$ ;; esac\n')
    assert cli.main(["up"], project) == 1
    shown = capfd.readouterr().err
    assert f"Stopped: start-up check ended with signal {number} (" in shown
    assert told in shown


def test_a_changed_env_starts_anew_what_it_concerns(project, capfd):
    cli.main(["up"], project)
    numbers = {name: (project / ".run" / f"{name}.pid").read_text() for name in ("lab", "tensorboard")}
    capfd.readouterr()
    old = env_file.read(project / ".env")["JUPYTER_TOKEN"]
    (project / ".env").write_text((project / ".env").read_text().replace(old, "another"))
    assert cli.main(["up"], project) == 0
    shown = capfd.readouterr().out
    assert "Stopping lab, as .env has changed" in shown
    assert "tensorboard, as" not in shown
    assert (project / ".run" / "lab.pid").read_text() != numbers["lab"]
    assert (project / ".run" / "tensorboard.pid").read_text() == numbers["tensorboard"]
    assert "another" not in (project / ".run" / "lab.settings").read_text()

    (project / ".env").unlink()
    write_env(project, uid=1, gid=1)  # other ports
    assert cli.main(["up"], project) == 0
    assert answers(project) == ["tensorflow", "tensorflow"]


def shown_by_logs(project, monkeypatch) -> list[str]:
    """What `make logs` becomes, without the names of files."""

    def note(program, command):
        raise SystemExit(command)

    monkeypatch.setattr("os.execvp", note)
    monkeypatch.chdir(project)
    with pytest.raises(SystemExit) as left:
        cli.main(["logs"], project)
    return left.value.code[:2]


def test_logs_are_those_of_what_runs(project, monkeypatch, fake, capfd):
    cli.main(["up"], project)
    assert shown_by_logs(project, monkeypatch) == ["tail", "-n"]
    fake("docker", 'echo \'{"ServerVersion": "28.5.2"}\'')
    assert shown_by_logs(project, monkeypatch) == ["tail", "-n"]
    for name in ("lab", "tensorboard"):  # as after a restart of the machine
        native._stop(int((project / ".run" / f"{name}.pid").read_text()))
    assert shown_by_logs(project, monkeypatch) == ["docker", "compose"]
    fake("docker", "exit 1")
    assert shown_by_logs(project, monkeypatch) == ["tail", "-n"]
    cli.main(["down"], project)
    assert cli.main(["logs"], project) == 1
    assert "nothing was started here yet" in capfd.readouterr().err


def test_another_program_with_the_old_number_is_left_alone(project):
    (project / ".run").mkdir()
    (project / ".run" / "lab.pid").write_text("1")
    assert not native.down(project)
    assert not (project / ".run" / "lab.pid").exists()


def test_port_in_use(project, capfd):
    port = int(env_file.read(project / ".env")["JUPYTER_PORT"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert cli.main(["up"], project) == 1
    assert "set JUPYTER_PORT in .env to a free port" in capfd.readouterr().err
