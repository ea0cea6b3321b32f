import sys

import pytest
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
        ("something else", "see the lines above"),
    ],
)
def test_one_line_that_says_what_to_do(tmp_path, output, told):
    line = explain(f"first\n{output}\nlast", "Building", tmp_path / "image.log")
    assert told in line
    assert "image.log" in line
    assert "\n" not in line


def test_the_whole_output_is_kept_and_the_end_is_shown(tmp_path, capfd):
    script = "import sys; [print('line', n) for n in range(40)]; sys.exit('No space left on device')"
    with pytest.raises(Problem, match="Filling failed, the disk is full"):
        run_shown("Filling", [sys.executable, "-c", script], tmp_path / "logs" / "x.log", cwd=tmp_path)
    assert len((tmp_path / "logs" / "x.log").read_text().splitlines()) == 41
    shown = capfd.readouterr().out
    assert "line 39" in shown
    assert "line 3\n" not in shown


def test_success_is_said_with_its_duration(tmp_path, capfd):
    run_shown("Waiting", [sys.executable, "-c", "print('hello')"], tmp_path / "x.log", cwd=tmp_path)
    assert capfd.readouterr().out.splitlines()[-1].startswith("Waiting: done in ")
