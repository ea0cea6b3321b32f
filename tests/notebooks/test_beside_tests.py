"""Which tests go to one process together."""

from tests.notebooks.beside_tests import NotebooksTogether


def test_all_notebooks_are_one_piece_of_work_and_a_file_of_tests_is_one():
    together = NotebooksTogether.__new__(NotebooksTogether)
    ids = ["notebooks/01_explore.ipynb::Cell 0", "notebooks/02_configure.ipynb::Cell 3", "a/test_b.py::test_c[x::y]"]
    assert [together._split_scope(one) for one in ids] == ["notebooks", "notebooks", "a/test_b.py"]
