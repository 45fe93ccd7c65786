"""How smoothly the viewer zooms and pans: six panes in a real Chromium, which here draws in software.

    python benchmarks/viewer.py
    python benchmarks/viewer.py --panes 2 --side 4096

A page of the viewer is opened, and for each way to look at it the wheel is turned, an event every 16 ms. Where a frame
of the browser takes longer than 25 ms, others were dropped. The time in JavaScript is that of the viewer alone; what
the browser then needs to draw is in the rest of the frame.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import frantools as ft
from frantools.photos.images import resize

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import browser

LOOKS = {"plain": "", "difference": "d", "curtain": "c", "loupe": "l", "histogram": "h"}
EVENTS = 120
TIMED = """
window.frames_ = []; window.work = [];
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) => ask((now) => {
    const from = performance.now();
    act(now);
    window.work.push(performance.now() - from);
});
const tick = (now) => { window.frames_.push(now); ask(tick); };
ask(tick);
"""
# From within the page: a driver outside it would wait for each event to be answered.
PLAY = """(count) => new Promise((done) => {
    const box = document.querySelector('.ft-box'), place = box.getBoundingClientRect();
    const [x, y] = [place.x + place.width / 3, place.y + place.height / 2];
    window.frames_.length = window.work.length = 0;
    let n = 0;
    const timer = setInterval(() => {
        const deltaY = Math.floor(n / 20) % 2 ? 40 : -40;
        const turn = { clientX: x, clientY: y, deltaY, bubbles: true, cancelable: true };
        box.dispatchEvent(new WheelEvent('wheel', turn));
        if (++n < count) return;
        clearInterval(timer);
        done({ frames: window.frames_, work: window.work });
    }, 16);
})"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panes", type=int, default=6)
    parser.add_argument("--side", type=int, default=1024, help="pixels a side of a picture")
    options = parser.parse_args()
    picture, random = resize(ft.portraits()["hopper"], (options.side,) * 2), np.random.default_rng(0)
    panes = [picture + random.integers(0, 1 + 4 * n, picture.shape, np.uint8) for n in range(options.panes)]
    with TemporaryDirectory() as folder, browser.chromium(1400, 900) as page:
        path = Path(folder) / "viewer.html"
        ft.widgets.Viewer(panes).save(path)
        page.add_init_script(TIMED)
        page.goto(path.as_uri())
        page.wait_for_selector(".ft-viewer[data-state=ready]")
        rows = [{"look": name, **measured(page, key)} for name, key in LOOKS.items()]
    print(f"{options.panes} panes of {options.side} x {options.side}, {EVENTS} turns of the wheel, drawn in software")
    print(ft.Table(rows))


def measured(page: Any, key: str) -> dict[str, Any]:
    """What one way to look costs."""
    page.keyboard.press("r")
    if key:
        page.keyboard.press(key)
    message = page.evaluate(PLAY, EVENTS)
    between = np.diff(message["frames"])
    return {
        "frames": len(between),
        "dropped": int(sum(round(item / (1000 / 60)) - 1 for item in between if item > 25)),
        "ms of JavaScript": round(median(message["work"]), 1),
        "ms at most": round(max(message["work"]), 1),
    }


if __name__ == "__main__":
    main()
