import subprocess
import sys

import nbformat

from tests.support import ROOT

CELL = """
from IPython.display import display

shown = display("0", display_id=True)
for number in range(4000):
    shown.update(str(number) + 5000 * " ")
"""


def test_a_cell_that_shows_thousands_of_things_ends(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("number")])
    nbformat.write(book, tmp_path / "long.ipynb")
    options = ["-p", "tests.notebooks.long_cells", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", *options, tmp_path / "long.ipynb"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "2 passed" in ran.stdout, ran.stdout[-2000:] + ran.stderr[-2000:]
