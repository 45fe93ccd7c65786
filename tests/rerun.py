"""Run the notebooks anew and keep what they show: ``python tests/rerun.py [01-ddpm-vs-ddim ...]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT = ("kernelspec", "language_info")


def stilled(output: Any) -> Any:
    """An output with a widget's picture alone: where the cell has not been run, JupyterLab shows it, and no widget."""
    data = output.get("data", {})
    if "image/png" in data:
        data.pop(WIDGET, None)
    return output


def main() -> None:
    """Run notebooks, all by default, one after the other."""
    for name in sys.argv[1:] or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")):
        path = NOTEBOOKS / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(
            notebook, timeout=1800, store_widget_state=False, resources={"metadata": {"path": str(NOTEBOOKS)}}
        ).execute()
        notebook.metadata = {key: value for key, value in notebook.metadata.items() if key in KEPT}
        for cell in notebook.cells:
            cell.metadata = {}
            cell.outputs = [stilled(output) for output in cell.get("outputs", [])] if cell.cell_type == "code" else None
            if cell.outputs is None:
                del cell["outputs"]
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        print(name)


if __name__ == "__main__":
    main()
