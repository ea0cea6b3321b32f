"""A pytest plugin: with `-n 2` the notebooks run one after the other in one process, as each takes up what the ones
before it left, and the tests file by file in whichever process is free.
"""

from xdist.scheduler import LoadFileScheduling


class NotebooksTogether(LoadFileScheduling):
    """What goes to one process together: a file of tests, or all notebooks."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "notebooks" if file.endswith(".ipynb") else file


def pytest_xdist_make_scheduler(config, log):
    return NotebooksTogether(config, log)
