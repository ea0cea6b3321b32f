"""Figures in Jupyter's own backend."""

import subprocess
import sys

IN_JUPYTER = """
import gc
import weakref

import matplotlib
matplotlib.use("module://matplotlib_inline.backend_inline")
import matplotlib.pyplot as plt
plt.ion()  # as it is in a notebook

from mrcnn.plots.figures import new_figure

plt.subplots()
assert plt.get_fignums() == [1]  # pyplot keeps its own until the cell ends
figure, axes = new_figure(2, 3)
assert axes.shape == (2, 3) and plt.get_fignums() == [1]
gone = weakref.ref(figure)
del figure, axes
gc.collect()
assert gone() is None, gc.get_referrers(gone())
assert plt.isinteractive()
"""


def test_nothing_keeps_a_figure_while_a_long_cell_runs():
    ran = subprocess.run([sys.executable, "-c", IN_JUPYTER], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
