"""Minutes of each notebook in full, and the AP that notebook 5 measures on the test images.

    python benchmarks/notebooks.py [--data FOLDER] [--year 2018] [--html FOLDER] [--json FILE]

Runs notebooks 01 to 05 in a kernel each, in order, as a person would; with --data the one cell that chooses the data
set is changed, and no other. --html keeps the executed notebooks, with their images, as web pages.
"""

import argparse
import json
import time
from pathlib import Path

import nbformat
from common import machine
from nbclient import NotebookClient
from nbconvert import HTMLExporter

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CHOICE = "data = nb.choose_data("
FIGURES = """
import json
names = ("AP", "AP50", "AP75")
print(json.dumps({kind: {name: evaluation[kind][name] for name in names} for kind in ("bbox", "segm")}))
"""


def run(path, choice=None, extra=None):
    """Executes a notebook in its folder; returns it, with outputs, and the minutes it took."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if choice and cell.cell_type == "code" and cell.source.startswith(CHOICE):
            cell.source = choice
    if extra:
        notebook.cells.append(nbformat.v4.new_code_cell(extra))
    start = time.monotonic()
    client = NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    return notebook, (time.monotonic() - start) / 60


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="another data set's folder")
    parser.add_argument("--year", default="2018")
    parser.add_argument("--html", type=Path, help="write the executed notebooks here")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    choice = options.data and f"{CHOICE}{str(options.data.resolve())!r}, year={options.year!r})"

    minutes, figures = {}, None
    for path in sorted(NOTEBOOKS.glob("0[1-5]*.ipynb")):
        last = path.name.startswith("05")
        notebook, minutes[path.stem] = run(path, choice, FIGURES if last else None)
        print(f"{path.stem}: {minutes[path.stem]:.1f} minutes", flush=True)
        if options.html:
            options.html.mkdir(parents=True, exist_ok=True)
            (options.html / f"{path.stem}.html").write_text(HTMLExporter().from_notebook_node(notebook)[0])
        if last:
            figures = json.loads(notebook.cells[-1].outputs[-1].text)
    print(f"together: {sum(minutes.values()):.1f} minutes")
    for kind, values in figures.items():
        print(kind, ", ".join(f"{name} {value:.3f}" for name, value in values.items()))
    facts = machine()
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    if options.json:
        result = {"machine": facts, "minutes": minutes, "test": figures}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
