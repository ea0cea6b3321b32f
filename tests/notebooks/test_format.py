"""The notebooks as files: short, told in order, without outputs."""

import re
import statistics

import nbformat
import pytest

from tests.support import ROOT

FOLDER = ROOT / "notebooks"
NAMES = [
    "00_collect_and_label",
    "01_explore_dataset",
    "02_configure",
    "03_train_heads",
    "04_fine_tune",
    "05_inference",
    "06_evaluate_and_errors",
    "07_export_and_inspect",
    "08_inspect_model",
]
MOST_CODE_CELLS, MEDIAN_LINES, HELPER_LINES = 25, 10, 10


def read(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_these_are_all_notebooks_with_a_number():
    assert sorted(path.stem for path in FOLDER.glob("0*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
class TestNotebook:
    def test_nothing_of_a_run_is_stored(self, name):
        notebook = read(name)
        assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)
        assert notebook.metadata.kernelspec.name == "python3"
        assert "widgets" not in notebook.metadata

    def test_the_first_cell_tells_what_it_is_and_how_long_it_takes(self, name):
        first = read(name).cells[0]
        assert first.cell_type == "markdown"
        assert first.source.startswith(f"# {int(name[:2])}. ")
        assert re.search(r"minutes? on a CPU \(two cores\)", first.source)
        assert "GPU" in first.source

    def test_the_first_code_cell_sets_up(self, name):
        assert re.search(r"^nb\.setup\(seed=\d+\)$", code_of(read(name))[0], re.MULTILINE)

    def test_code_cells_are_few_and_short(self, name):
        code = code_of(read(name))
        assert len(code) <= MOST_CODE_CELLS
        assert statistics.median(len(source.splitlines()) for source in code) <= MEDIAN_LINES
        assert all(len(line) <= 140 for source in code for line in source.splitlines())

    def test_no_path_no_install_no_classes(self, name):
        code = "\n".join(code_of(read(name)))
        assert "sys.path" not in code
        assert not re.search(r"^\s*[!%]\s*(pip|conda|apt|uv)\b", code, re.MULTILINE)
        assert re.findall(r"^class (\w+)", code, re.MULTILINE) == (["MyConfig"] if name == "02_configure" else [])
        for helper in re.findall(r"^def .*\n(?:(?:[ \t].*)?\n)*", code, re.MULTILINE):
            assert len(helper.splitlines()) <= HELPER_LINES

    def test_the_data_set_is_chosen_in_one_place(self, name):
        """Where one is made, and at the start of those that work on it."""
        code = "\n".join(code_of(read(name)))
        chosen, remembered = code.count("choose_data("), code.count("chosen_data(")
        assert (chosen, remembered) == ((1, 0) if name in NAMES[:2] else (0, 1))

    def test_it_checks_its_result_and_leads_on(self, name):
        notebook = read(name)
        assert any("assert " in source for source in code_of(notebook))
        last = notebook.cells[-1]
        assert last.cell_type == "markdown"
        following = NAMES[NAMES.index(name) + 1 :][:1] or NAMES[1:2]
        assert f"({following[0]}.ipynb)" in last.source

    def test_links_lead_somewhere(self, name):
        for cell in read(name).cells:
            for target in re.findall(r"\]\((?!http)([^)#]+)\)", cell.source):
                assert (FOLDER / target).exists(), f"{name}: {target}"
