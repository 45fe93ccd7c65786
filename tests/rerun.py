"""Run the notebooks anew and keep what they show: ``python tests/rerun.py [01-ddpm-vs-ddim ...]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from frantools.files import replacing

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT = ("kernelspec", "language_info")


def still(cell: Any) -> None:
    """Keep of widgets that were shown their pictures alone: JupyterLab shows those where a cell has not been run."""
    cell.metadata = {}
    for output in cell.get("outputs", []):
        if "image/png" in output.get("data", {}):
            output.data.pop(WIDGET, None)


def main() -> None:
    """Run notebooks, all by default, one after the other."""
    for name in sys.argv[1:] or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")):
        path = NOTEBOOKS / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        here = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(notebook, timeout=1800, store_widget_state=False, resources=here).execute()
        notebook.metadata = {key: value for key, value in notebook.metadata.items() if key in KEPT}
        for cell in notebook.cells:
            still(cell)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        print(name)


if __name__ == "__main__":
    main()
