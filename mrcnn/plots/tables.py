"""Tables in a notebook, or as plain text outside of one."""

import re

import numpy as np

from mrcnn.extras import needs

_LARGE_WEIGHT = 1000


class _Table:
    """Rows that a notebook shows as HTML and a terminal as aligned text."""

    def __init__(self, rows):
        self.rows = [[str(cell) for cell in row] for row in rows]

    def _repr_html_(self):
        rows = ("".join(f"<td>{cell}</td>" for cell in row) for row in self.rows)
        return "<table>" + "".join(f"<tr>{cells}</tr>" for cells in rows) + "</table>"

    def __repr__(self):
        plain = [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in self.rows]
        columns = max((len(row) for row in plain), default=0)
        widths = [max(len(row[i]) for row in plain if i < len(row)) for i in range(columns)]
        lines = ("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in plain)
        return "\n".join(lines)


def display_table(table):
    """Show a table in a notebook, or print it as text.

    Args:
        table: rows of values. A value may hold HTML: it is not escaped.
    """
    with needs("lab"):
        import IPython.display

    IPython.display.display(_Table(table))


def display_weight_stats(model):
    """Show name, shape, smallest and largest value and spread of every trainable weight of a `MaskRCNN`.

    A weight whose values are all equal is marked "dead?" (biases of convolutions excepted: they start as zeros), one
    with values beyond 1000 "Overflow?".

    Args:
        model: the MaskRCNN.
    """
    import keras  # only here: drawing needs none

    table = [["WEIGHT NAME", "SHAPE", "MIN", "MAX", "STD"]]
    for layer in model.get_trainable_layers():
        for i, (weight, values) in enumerate(zip(layer.weights, layer.get_weights(), strict=True)):
            low, high = np.min(values), np.max(values)
            alert = ""
            if low == high and not (isinstance(layer, keras.layers.Conv2D) and i == 1):
                alert += "<span style='color:red'>*** dead?</span>"
            if max(abs(low), abs(high)) > _LARGE_WEIGHT:
                alert += "<span style='color:red'>*** Overflow?</span>"
            name = f"{layer.name}/{weight.name}"
            table.append([name + alert, str(values.shape), f"{low:+9.4f}", f"{high:+10.4f}", f"{np.std(values):+9.4f}"])
    display_table(table)
