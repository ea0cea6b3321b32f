"""A Python that is too old or too new is told so in one line, by the Makefile and by the program itself."""

import subprocess

import pytest
from stack import python_problem


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_versions_that_work(version):
    assert python_problem(version) == ""


@pytest.mark.parametrize(("version", "told"), [((3, 9), "Python 3.9 is too old"), ((3, 14), "Python 3.14 is too new")])
def test_versions_that_do_not(version, told):
    assert f"{told}: install 3.11, 3.12 or 3.13" in python_problem(version)


def test_make_says_so_when_it_finds_none(root, fake):
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        fake(name, 'case "$1" in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac')
    answer = subprocess.run(["/usr/bin/make", "up"], cwd=root, capture_output=True, text=True)
    assert answer.returncode == 2
    assert "No Python 3.11, 3.12 or 3.13 here (python3 is Python 3.9.2): install one" in answer.stderr
    assert answer.stderr.count("\n") == 1
