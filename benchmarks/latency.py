"""From a tick of a slider to new pixels, in JupyterLab and Chromium: ``python benchmarks/latency.py [--K 8]``."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import browser

CELL = """\
import frantools as ft

setup = ft.Setup(stochasticity=0.5, K={K})
columns = [ft.Column("A column", "diffusion-basic", setup), "masking-8"]
ft.widgets.compare("hopper", columns, size={size})"""
# From the key to the first frame in which a patch in the middle of the second pane, beside the original, differs. Its
# picture is read once a frame, which is part of what is measured.
TICK = """(key) => new Promise((done, fail) => {
    const canvas = document.querySelectorAll('.frantools .ft-canvas')[1], small = document.createElement('canvas');
    [small.width, small.height] = [32, 32];
    const context = small.getContext('2d', { willReadFrequently: true });
    const seen = () => {
        context.drawImage(canvas, 0, 0, 32, 32);
        return context.getImageData(0, 0, 32, 32).data.join();
    };
    const handle = document.querySelectorAll('.frantools .noUi-handle')[0];
    const before = seen(), begun = performance.now();
    handle.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    const look = () => {
        const spent = performance.now() - begun;
        if (seen() !== before) done(spent);
        else if (spent > 30000) fail(new Error('nothing changes'));
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""


def main() -> None:
    """Move the stochasticity of a column, some times, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--K", type=int, default=8, help="the stride of the steps: 8 calls the network 15 times, 1 100")
    parser.add_argument("--size", type=int, default=256, help="pixels that the pictures sharpen to")
    parser.add_argument("--ticks", type=int, default=11)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "notebooks"
        root.mkdir()
        with browser.lab(root, Path(folder)) as lab, browser.chromium(height=1100) as page:
            lab.write("latency.ipynb", CELL.format(K=chosen.K, size=chosen.size))
            lab.open(page, "latency.ipynb")
            page.wait_for_selector(".frantools .ft-chip:visible", timeout=120_000)
            page.wait_for_selector("button:disabled:has-text('Stop')", timeout=600_000)
            page.locator(".ft-chip:visible").first.click()
            page.wait_for_timeout(2000)
            spent = []
            for tick in range(chosen.ticks):
                page.wait_for_selector("button:disabled:has-text('Stop')", timeout=600_000)
                page.wait_for_timeout(500)
                spent.append(page.evaluate(TICK, "ArrowRight" if tick % 4 < 3 else "ArrowLeft"))
    shortest, *_, longest = sorted(spent)
    print(f"{chosen.K=} {chosen.size=}: median {statistics.median(spent):.0f} ms, {shortest:.0f} to {longest:.0f} ms")


if __name__ == "__main__":
    main()
