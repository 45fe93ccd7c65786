"""Make the README's screenshots of widgets, in docs/: ``python tests/screenshots.py [compare zoom rois]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import browser
from PIL import Image

DOCS = Path(__file__).parent.parent / "docs"
CELLS = {
    "compare": 'ft.widgets.compare("hopper", ["Input", "DDIM", "DDPM", "B", "masking-32"], size=256)',
    "zoom": 'ft.widgets.compare("hopper", ["Input", "B", "masking-32", "masking-8", "single-best"], size=256)',
    "rois": 'ft.widgets.rois("astronaut", ["B", "masking-32", "masking-8"], size=256)',
}


def main() -> None:
    """Run a notebook for each widget in JupyterLab and write a screenshot of the finished widget."""
    if browser.CHROMIUM is None:
        sys.exit("needs Chromium: install the package chromium")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "notebooks"
        root.mkdir()
        with browser.lab(root, Path(folder)) as lab, browser.chromium(width=1500, height=1750) as page:
            for name in sys.argv[1:] or CELLS:
                lab.write(f"{name}.ipynb", f"import frantools as ft\n\n{CELLS[name]}")
                lab.open(page, f"{name}.ipynb")
                page.wait_for_selector(".frantools .ft-canvas", timeout=60_000)
                page.wait_for_selector(".ft-viewer[data-state=ready]")
                page.wait_for_selector("button:disabled:has-text('Stop')", timeout=600_000)
                if name == "compare":
                    page.locator(".ft-chip", has_text="diffusion-basic · B").click()
                    page.wait_for_timeout(1000)
                    page.wait_for_selector("button:disabled:has-text('Stop')", timeout=600_000)
                if name == "zoom":  # into an eye, with all columns at once
                    box = page.locator(".ft-canvas").first.bounding_box()
                    assert box is not None
                    eye = box["x"] + 0.36 * box["width"], box["y"] + 0.5 * box["height"]
                    page.mouse.click(*eye)
                    for _ in range(4):
                        page.mouse.wheel(0, -240)
                        page.wait_for_timeout(200)
                    page.wait_for_timeout(1000)
                    page.wait_for_selector("button:disabled:has-text('Stop')", timeout=600_000)
                page.mouse.move(0, 0)
                page.wait_for_timeout(1000)
                path = DOCS / f"widget-{name}.png"
                page.locator(".jp-OutputArea-child").last.screenshot(path=str(path))
                Image.open(path).convert("RGB").save(path, optimize=True)
                print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
