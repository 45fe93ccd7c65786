"""The map of a sweep in a real Chromium, without a kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest

import frantools as ft

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="needs Chromium: install the package chromium")

PICTURE = np.random.default_rng(5).random((12, 10, 3), dtype=np.float32)
AXES = {"strength": [0.0, 0.1, 0.2, 0.3, 0.4], "power": [1, 2, 3]}
PAGE = """<!DOCTYPE html><body><div id="here"></div><script type="module">{script}
const state = {state}, heard = {{}};
window.model = {{
  get: (name) => state[name],
  set: (name, value) => {{ state[name] = value; (heard[`change:${{name}}`] ?? []).forEach((each) => each()); }},
  save_changes: () => (window.saved = [...(window.saved ?? []), state.chosen.join()]),
  on: (name, call) => (heard[name] ??= []).push(call),
  off: () => {{}},
}};
(made ?? {{}}).render({{ model: window.model, el: document.getElementById("here") }});
</script>"""


def darker(picture: Any, strength: float = 0.0, power: float = 1.0) -> Any:
    if power == 3:
        raise ValueError("three is too much")
    return (picture * (1 - strength)) ** power


def test_pointer_and_keys_choose_cells_in_a_browser(tmp_path: Path) -> None:
    widget = ft.widgets.sweep(ft.sweep(AXES, [PICTURE], darker, size=12), PICTURE, size=12)
    cells = {tuple(cell["at"]): cell for cell in widget.plane.cells}
    names = ("x", "y", "cells", "key", "chosen")
    state = {name: getattr(widget.plane, name) for name in names} | {"x": {**widget.plane.x, "name": "<b>x</b>"}}
    state["cells"] = [cell for cell in state["cells"] if cell["at"] != [3, 1]]  # as if the sweep had it not
    script = widget.plane._esm.replace("export default", "const made =")
    path = tmp_path / "plane.html"
    path.write_text(PAGE.format(script=script, state=json.dumps(state).replace("<", "\\u003c")))
    with browser.chromium(width=500, height=600) as page:
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri())
        page.add_style_tag(content=widget.plane._css)
        said, saved = page.locator(".ft-plane-said"), lambda: page.evaluate("window.saved ?? []")
        assert page.locator(".ft-name-x").inner_text() == "<b>x</b>"
        assert page.locator("[role=gridcell]").count() == 15
        cell = {(i, j): page.locator(f'[data-at="{i},{j}"]') for i in range(5) for j in range(3)}
        assert [cell[i, 0].inner_text() for i in range(5)] == [cells[i, 0]["text"] for i in range(5)]
        assert cell[0, 2].bounding_box()["y"] < cell[0, 0].bounding_box()["y"]  # upwards
        cell[2, 1].hover()
        assert said.inner_text() == cells[2, 1]["said"]
        assert saved() == []
        box, far = cell[1, 1].bounding_box(), cell[4, 0].bounding_box()
        page.mouse.move(box["x"] + 4, box["y"] + 4)
        page.mouse.down()
        page.mouse.move(far["x"] + 4, box["y"] + 30, steps=20)
        page.mouse.up()
        assert saved() == ["1,1", "2,1", "4,1"]  # along the row, without what is not in the sweep
        page.mouse.move(1, 1)
        for key in ("ArrowDown", "ArrowLeft", "ArrowLeft"):
            page.keyboard.press(key)
        assert said.inner_text() == cells[2, 0]["said"]
        assert saved()[3:] == []
        page.keyboard.press("Enter")
        assert saved()[3:] == ["2,0"]
        page.evaluate("window.model.set('chosen', [0, 2])")  # as Python does
        page.wait_for_selector('[data-at="0,2"].ft-picked')
        assert "three is too much" in cell[0, 2].get_attribute("aria-label")
        assert page.locator("[aria-selected=true]").count() == 1
        assert problems == []
