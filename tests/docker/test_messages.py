import io
import sys

import pytest
from launcher import messages
from launcher.messages import Problem, explain, run_shown


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("failed to solve: Temporary failure in name resolution", "no network"),
        ("error sending request for url (...): dns error", "no network"),
        ("dial tcp: lookup registry: no such host", "no network"),
        ("invalid peer certificate: UnknownIssuer", "BASE_IMAGE"),
        ("write /blob: no space left on device", "the disk is full"),
        ("Bind for 127.0.0.1:8888 failed: port is already allocated", "change JUPYTER_PORT or TENSORBOARD_PORT"),
    ],
)
def test_known_reasons(output, told):
    assert told in explain(f"first\n{output}\nlast")


def test_other_output_is_not_explained():
    assert explain("something else") == ""


def failing(tmp_path, last_line: str) -> str:
    script = f"import sys; [print('line', n) for n in range(40)]; sys.exit({last_line!r})"
    with pytest.raises(Problem) as problem:
        run_shown("Filling", [sys.executable, "-c", script], tmp_path / "logs" / "x.log", cwd=tmp_path)
    assert len((tmp_path / "logs" / "x.log").read_text().splitlines()) == 41
    return str(problem.value)


def test_a_known_reason_is_one_line_and_nothing_else(tmp_path, capfd):
    line = failing(tmp_path, "No space left on device")
    assert line.startswith("Filling failed, the disk is full")
    assert line.endswith("x.log")
    assert capfd.readouterr().out == "Filling ...\n"


def test_the_end_of_other_output_is_shown(tmp_path, capfd):
    assert failing(tmp_path, "strange").startswith("Filling failed, see the lines above")
    shown = capfd.readouterr().out
    assert "line 39" in shown
    assert "line 3\n" not in shown


def test_success_is_said_with_its_duration(tmp_path, capfd):
    run_shown("Waiting", [sys.executable, "-c", "print('hello')"], tmp_path / "x.log", cwd=tmp_path)
    assert capfd.readouterr().out.splitlines()[-1].startswith("Waiting: done in ")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_silent_command_shows_that_time_goes_on(tmp_path, monkeypatch, terminal):
    go = tmp_path / "go"

    class Screen(io.StringIO):
        """Lets the command end once a line with the time, and nothing of the command, was printed."""

        def isatty(self):
            return terminal

        def write(self, text):
            if text.removeprefix("\r\033[K").strip() == "0 s":
                go.touch()
            return super().write(text)

    monkeypatch.setattr(messages, "_SECONDS", 0.01)
    monkeypatch.setattr(messages, "_SECONDS_WITHOUT_TERMINAL", 0.01)
    monkeypatch.setattr(messages, "_duration", lambda seconds: "0 s")
    monkeypatch.setattr(sys, "stdout", Screen())
    script = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)"
    run_shown("Waiting", [sys.executable, "-c", script], tmp_path / "x.log", cwd=tmp_path)
    assert ("\r\033[K" in sys.stdout.getvalue()) == terminal
