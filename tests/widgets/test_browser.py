"""The widgets in a real JupyterLab and a real Chromium; screenshots are written to artefacts/."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import browser
import numpy as np
import pytest
from PIL import Image

import frantools as ft
from frantools.frannet.network.model import FranNet
from frantools.frannet.weights.checkpoints import save_model

T = TypeVar("T")

pytestmark = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="needs Chromium: install the package chromium to run the tests in a browser"
)

SETUP = """\
import frantools as ft
from frantools import Column
from frantools.reports.figures import RoiSearch
from skimage.restoration import denoise_tv_chambolle

fast = ft.Setup(K=30)
columns = [Column("fast", "diffusion.safetensors", fast), Column("single", "single-pass.safetensors")]
slow = Column("slow", "diffusion.safetensors", ft.SETUPS["A"])
"""
CELLS = {
    "compare": 'widget = ft.widgets.compare("hopper", columns, size=128)\nwidget',
    "function": """\
def fail(picture):
    raise RuntimeError("no good")


made = [Column("TV", denoise_tv_chambolle, weight=0.1), "bicubic", Column("fails", fail), columns[0]]
widget = ft.widgets.compare("hopper", made, size=128)
widget""",
    "rois": 'widget = ft.widgets.rois("hopper", columns, size=128, search=RoiSearch(40, 3, 12, 2))\nwidget',
    "region": 'widget = ft.widgets.region("hopper", columns, size=128)\nwidget',
    "trajectory": 'widget = ft.widgets.trajectory("hopper", slow, size=64)\nwidget',
    "sweep": """\
axes = {"K": [30, 90], "stochasticity": [0.0, 1.0]}
widget = ft.widgets.sweep(axes, "hopper", Column("random", "diffusion.safetensors", fast), size=64, points=64)
widget.wait(60)
widget""",
    "variability": 'widget = ft.widgets.variability("hopper", columns[0], size=128, count=3)\nwidget',
}
PLAY = ".widget-play button >> nth=0"
STAGES = """[
    each
    for each in __import__("ipywidgets.widgets.widget", fromlist=["_instances"])._instances.values()
    if isinstance(each, __import__("frantools.widgets.live_view", fromlist=["LiveView"]).LiveView)
]"""
CANVAS = ".frantools .ft-canvas"
VIEW = "[widget.viewer.view[name] for name in ('x', 'y', 'width', 'height')]"
UNTOLD = """() =>
    [...document.querySelectorAll('.frantools :is(button, label, .widget-label-basic):not(.widget-play *)')]
        .filter(each => /\\w/.test(each.innerText) && !each.title && !each.querySelector('[title]'))
        .map(each => each.innerText)
"""
IMAGE = "() => [...document.querySelectorAll('.frantools .ft-canvas')].map(each => each.toDataURL()).join()"
FOCUS = """() => {
    const { classList, className, innerText } = document.activeElement;
    return classList.contains("ft-viewer") ? className : innerText || className;
}"""
COVERED = """(each) => [...each.getClientRects()].some(({ left, top, width, height }) => {
    const at = document.elementFromPoint(left + width / 2, top + height / 2);
    return !each.contains(at);
})"""
"""Whether a line of an element is out of sight, or behind something else."""
ERROR = "[data-mime-type='application/vnd.jupyter.error']"
OURS = ("frantools", "jupyter-widgets", "anywidget", "widget")  # in a message of the console


@dataclass
class Desk:
    """A notebook that is open in a browser."""

    page: Any
    lab: browser.Lab
    problems: list[str] = field(default_factory=list)
    name: str = ""
    marks: int = 0

    def open(self, name: str) -> None:
        """Open a notebook and run it; its figure, if there is one, is complete."""
        self.name = name
        self.problems.clear()
        self.lab.open(self.page, name)

    def ask(self, expression: str) -> Any:
        """What an expression is in the kernel, which answers at once while it is free."""
        return self.lab.evaluate(self.name, expression)

    def until(self, expression: str) -> None:
        """Wait until an expression is true in the kernel, to which what a hand does is on its way."""
        browser.until(self.page, lambda: self.ask(f"bool({expression})"))

    def choose(self, button: str, path: Path) -> None:
        """Choose a file in the dialog that a button opens."""
        with self.page.expect_file_chooser() as dialog:
            self.page.get_by_role("button", name=button).click()
        dialog.value.set_files(path)

    def image(self) -> str:
        """The panes, as a hash of what they show."""
        return hashlib.sha256((self.page.evaluate(IMAGE) or "").encode()).hexdigest()

    def changed(self, act: Callable[[], Any], seconds: float = 120.0) -> None:
        """Do something, and wait until the panes show something else."""
        before = self.page.evaluate(IMAGE)
        act()
        self.page.wait_for_function(f"before => ({IMAGE})() !== before", arg=before, timeout=1000 * seconds)

    def settled(self) -> None:
        """Wait until nothing is rendered any more, and the browser shows what the kernel has sent."""
        self.until(f"not any(each.busy for each in {STAGES})")
        # A mark comes behind all that the kernel sent before it, and pictures are on their way to their panes then.
        self.marks += 1
        mark = f"mark-{self.marks}"
        self.ask(f"[each.add_class({mark!r}) and None for each in {STAGES}]")
        late = f"!each.closest('.{mark}') || each.dataset.state !== 'ready'"
        self.page.wait_for_function(
            f"() => ![...document.querySelectorAll('.frantools .ft-viewer')].some((each) => {late})"
        )
        self.page.evaluate(browser.FRAME)

    def panel(self, name: str) -> None:
        """Open a panel beside the pictures."""
        button = self.page.locator(".frantools button.jupyter-widgets", has_text=name).first
        if "mod-active" not in button.get_attribute("class"):
            button.click()

    def point(self, x: float, y: float, pane: int = 0) -> tuple[float, float]:
        """A place on the page, in fractions of the square in the middle of a pane, which is the whole picture."""
        canvas = self.page.locator(CANVAS).nth(pane)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        side = min(box["width"], box["height"])
        return box["x"] + box["width"] / 2 + (x - 0.5) * side, box["y"] + box["height"] / 2 + (y - 0.5) * side

    def drag(self, *points: tuple[float, float]) -> None:
        """Press the mouse at the first point of the first pane and release it at the last."""
        self.page.mouse.move(*self.point(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.point(*point), steps=4)
        self.page.mouse.up()

    def draw(self, left: float, top: float, right: float, bottom: float) -> None:
        """Draw a box in the first pane."""
        self.page.locator(".frantools .ft-tool", has_text="Box").click()
        self.drag((left, top), (right, bottom))

    def slide(self, label: str, key: str, times: int) -> None:
        """Move a slider with the keyboard."""
        handle = self.page.locator(".widget-hslider", has_text=label).locator(".noUi-handle").first
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def control(self, label: str) -> Any:
        """A control of the widget by its label."""
        return self.page.locator(".jp-OutputArea-output").get_by_label(label, exact=True).first

    def comes(self, read: Callable[[], T], holds: Callable[[T], bool]) -> T:
        """What the browser shows, once it holds: what the kernel has set is on its way."""
        shown = [read()]

        def look() -> bool:
            shown.append(read())
            return holds(shown[-1])

        browser.until(self.page, look)
        return shown[-1]

    def shot(self, name: str) -> None:
        browser.screenshot(self.page, name)

    def check(self) -> None:
        """No cell failed, and the browser's console has no error that is ours."""
        assert self.page.locator(ERROR).all_inner_texts() == []
        assert self.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
        assert [text for text in self.problems if any(name in text for name in OURS)] == []


COUNT = """
import gc
from ipywidgets.widgets.widget import _instances


def count():
    gc.collect()
    return len(_instances)
"""
TWO = """\
from IPython.display import display

one, other = (ft.widgets.compare("hopper", columns, size=64) for _ in range(2))
display(one, other)"""
VIEWER = """\
import numpy as np
import frantools as ft

y, x = np.mgrid[:128, :128] * 2
ft.widgets.Viewer([np.stack([x, y, x * 0 + blue], axis=-1).astype(np.uint8) for blue in (10, 90)])"""
ROOM = """\
from IPython.display import display

more = [*columns, "bicubic", "area", "nearest"]
display(*(ft.widgets.compare("hopper", made, size=64).add_class(f"of-{len(made)}") for made in (columns, more)))"""
LONG = 'widget = ft.widgets.compare("hopper", [slow], size=2048)\nwidget'


@pytest.fixture(scope="module")
def desk(lab: browser.Lab, random_models: dict[str, FranNet]) -> Iterator[Desk]:
    """A browser on a folder with a notebook for each widget."""
    pytest.importorskip("playwright")
    for kind, model in random_models.items():
        save_model(model, lab.root / f"{kind}.safetensors")
    for name, cell in CELLS.items():
        lab.write(f"{name}.ipynb", SETUP, cell)
    lab.write("long.ipynb", SETUP, LONG)
    lab.write("busy.ipynb", SETUP, CELLS["compare"], "while True:\n    pass")
    lab.write("two.ipynb", SETUP + COUNT, TWO)
    lab.write("room.ipynb", SETUP + ROOM)
    lab.write("viewer.ipynb", VIEWER)
    with browser.chromium() as page:
        page.set_default_timeout(120_000)  # two cores may be busy with something else
        desk = Desk(page, lab)
        page.on("console", lambda message: desk.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: desk.problems.append(str(error)))
        yield desk


@pytest.fixture
def widget(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    """The notebook of one widget, its figure complete."""
    desk.open(f"{request.param}.ipynb")
    desk.page.wait_for_selector(CANVAS, timeout=120_000)
    desk.settled()
    return desk


@pytest.mark.parametrize("widget", ["compare"], indirect=True)
def test_compare_follows_its_sliders_saves_and_copies(widget: Desk) -> None:
    desk, page = widget, widget.page
    desk.shot("compare")
    page.locator(".ft-chip", has_text="diffusion").first.click()
    desk.changed(lambda: desk.slide("K", "ArrowRight", 5))
    desk.until("widget.columns.value[0].setup.K == 35 and widget.final")
    desk.settled()
    page.get_by_text("More of the sampler").click()
    desk.changed(lambda: desk.control("Sampler").select_option("ddpm"))
    desk.settled()
    desk.shot("compare-ddpm")
    desk.comes(desk.control("Steps").is_disabled, bool)

    desk.panel("Files")
    page.get_by_role("button", name="Save figure").click()
    page.wait_for_selector("text=saved compare.png")
    recipe = ft.load_recipe(desk.lab.root / "compare.png")
    assert recipe["columns"][0]["setup"]["sampler"] == "ddpm"
    page.get_by_role("button", name="Copy code").click()
    page.wait_for_selector("textarea:visible")
    desk.comes(page.locator(".widget-textarea textarea").input_value, lambda code: "ft.render(recipe)" in code)

    before = desk.ask("len(widget.cache)")
    desk.changed(lambda: page.locator(".ft-tool", has_text="Curtain").click())
    desk.changed(lambda: desk.drag((0.5, 0.5), (0.25, 0.5)))
    desk.shot("curtain")
    desk.changed(lambda: page.locator(".ft-tool", has_text="Curtain").click())
    desk.changed(lambda: page.locator(".ft-tool", has_text="Difference").click())
    desk.shot("difference")
    desk.changed(lambda: page.locator(".ft-tool", has_text="Blink").click())
    for _ in range(2):
        desk.changed(lambda: None)  # it blinks by itself
    desk.shot("blink")
    page.keyboard.press("r")
    page.wait_for_selector(".ft-tool[aria-pressed=false]:has-text('Blink')")
    assert desk.ask("len(widget.cache)") == before, "the browser does all of this"
    desk.control("File").first.fill("nothing.png")
    desk.control("File").first.press("Enter")
    page.wait_for_selector("text=there is no picture nothing.png")
    desk.shot("message")
    desk.control("Seed").fill("9")
    desk.control("Seed").press("Enter")
    page.wait_for_selector("text=there is no picture nothing.png", state="detached")  # with its cause
    desk.check()


@pytest.mark.parametrize("widget", ["function"], indirect=True)
def test_arguments_are_sliders_and_a_failing_function_shows_its_error(widget: Desk) -> None:
    desk, page = widget, widget.page
    desk.shot("function")
    page.locator(".ft-chip", has_text="denoise_tv").click()
    desk.changed(lambda: desk.slide("weight", "ArrowRight", 20))
    desk.until("float(widget.columns.value[0].settings['weight']) > 0.19 and widget.final")
    desk.settled()
    assert desk.ask("widget.result.errors") == {"fails": "fails raised RuntimeError: no good"}
    assert desk.ask("widget.message.value") == ""
    assert page.evaluate(UNTOLD) == []
    desk.panel("Files")
    page.get_by_role("button", name="Copy code").click()
    page.wait_for_selector("textarea:visible")
    code = desk.comes(page.locator(".widget-textarea textarea").input_value, bool)
    assert "import denoise_tv_chambolle" in code
    assert "fails was defined in a notebook or script" in code
    desk.shot("function-code")
    desk.check()


@pytest.mark.parametrize("widget", ["compare"], indirect=True)
def test_zooming_one_column_zooms_all_and_re_renders_the_visible_part(widget: Desk) -> None:
    desk, page = widget, widget.page
    page.mouse.click(*desk.point(0.5, 0.5, pane=1))
    page.mouse.wheel(0, -600)
    desk.changed(lambda: page.mouse.wheel(0, -600))
    desk.until("widget.viewer.view['width'] < 0.5 and widget.viewer.details and not widget.busy")
    desk.settled()
    desk.shot("zoom")
    x, y, width, height = desk.ask(VIEW)
    assert 0 < x < x + width < 1, "they show a part"
    assert 0 < y < y + height < 1
    assert desk.ask("sorted(widget.viewer.details)") == ["fast", "single"]
    assert desk.ask("widget.final")
    desk.changed(lambda: page.mouse.dblclick(*desk.point(0.5, 0.5)))
    desk.until(f"{VIEW} == [0, 0, 1, 1]")
    desk.changed(lambda: desk.ask("setattr(widget.viewer, 'view', ft.Region(0.25, 0.25, 0.5, 0.5))"))
    desk.check()


def test_pan_and_zoom_while_the_kernel_is_busy(desk: Desk) -> None:
    desk.open("busy.ipynb")
    page = desk.page
    page.wait_for_selector(CANVAS, timeout=120_000)
    page.wait_for_selector("text=/Python 3 .* [|] Busy/", timeout=120_000)
    page.wait_for_selector(".ft-viewer[data-state=ready]")
    page.mouse.click(*desk.point(0.5, 0.5))
    desk.changed(lambda: page.mouse.wheel(0, -600))
    desk.changed(lambda: desk.drag((0.5, 0.5), (0.3, 0.3)))
    assert page.locator("text=/Python 3 .* [|] Busy/").count(), "all the while"
    page.get_by_text("Kernel", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Interrupt Kernel", exact=True).click()
    desk.until("True")


@pytest.mark.parametrize("widget", ["compare"], indirect=True)
def test_keys_of_the_viewer_do_nothing_to_the_notebook_and_boxes_go_both_ways(widget: Desk) -> None:
    desk, page = widget, widget.page
    cells = page.locator(".jp-Cell").count()
    page.mouse.click(*desk.point(0.5, 0.5))
    for _ in range(2):
        desk.changed(lambda: page.keyboard.press("d"))  # the difference: signed, then absolute
    assert page.locator(".jp-Cell").count() == cells
    page.keyboard.press("r")
    desk.draw(0.25, 0.25, 0.75, 0.5)
    desk.until("widget.viewer.boxes")
    ((name, box),) = desk.ask("[(each['name'], each['box']) for each in widget.viewer.boxes]")
    assert box == pytest.approx([32, 32, 96, 64], abs=2)
    assert name == "1"
    desk.changed(lambda: desk.ask("setattr(widget.viewer, 'boxes', [])"))
    desk.check()


def test_two_widgets_have_their_own_views_and_a_rerun_frees_the_last_run(desk: Desk) -> None:
    desk.open("two.ipynb")
    page = desk.page
    page.wait_for_function("() => document.querySelectorAll('.frantools .ft-canvas').length >= 4", timeout=120_000)
    desk.settled()
    resting = "all(each.viewer.details and not each.busy for each in (one, other))"
    desk.until(resting)
    count = desk.ask("count()")
    page.mouse.click(*desk.point(0.5, 0.5))
    desk.changed(lambda: page.mouse.wheel(0, -600))
    desk.until("one.viewer.view['width'] < 1")
    desk.settled()
    one, other = desk.ask("[each.viewer.view['width'] for each in (one, other)]")
    assert one < 1 == other
    page.locator(".jp-CodeCell .jp-Editor").nth(1).click()
    page.keyboard.press("Control+Enter")
    desk.until("[each.viewer.view['width'] for each in (one, other)] == [1, 1]")  # they are new
    desk.settled()
    desk.until(f"{resting} and count() <= {count}")
    desk.check()


def test_panes_of_two_and_of_five_columns_fill_the_space_and_nothing_is_cut_off(desk: Desk) -> None:
    desk.open("room.ipynb")
    page = desk.page
    page.wait_for_selector(CANVAS, timeout=120_000)
    page.wait_for_selector(".of-5 .ft-best", timeout=180_000, state="attached")
    for width, height in ((1600, 1000), (1040, 800)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(f"() => innerWidth === {width}")
        for name in (".of-2", ".of-5"):
            page.locator(f"{name} .ft-grid").scroll_into_view_if_needed()
            shown = browser.settled(page, lambda name=name: page.evaluate(browser.PANES, name))
            desk.shot(f"room{name[3:]}-{width}")
            assert shown["panes"] >= 0.7
            assert shown["cut"] == []
            page.locator(f"{name} .ft-box").nth(1).hover()
            page.wait_for_selector(f"{name} .ft-viewer.ft-pointing", state="attached")
            assert page.evaluate(browser.PANES, name)["height"] == shown["height"], "nothing jumps"
    page.set_viewport_size({"width": 1400, "height": 1500})
    desk.check()


@pytest.mark.parametrize("widget", ["compare"], indirect=True)
def test_a_picture_and_a_recipe_can_be_uploaded(widget: Desk, tmp_path: Path) -> None:
    desk, page = widget, widget.page
    picture = np.ascontiguousarray(ft.portraits()["astronaut"][::-1])
    Image.fromarray(picture).save(tmp_path / "mine.png")
    desk.panel("Files")
    desk.changed(lambda: desk.choose("Upload (", tmp_path / "mine.png"))
    desk.settled()
    desk.shot("uploaded")
    desk.comes(desk.control("Photo").locator("option:checked").inner_text, "mine.png".__eq__)
    assert desk.ask("dict(widget.recipe['pictures'])") == {"mine.png": ft.Photo(picture).sha256}
    page.get_by_role("button", name="Save figure").click()
    page.wait_for_selector("text=saved compare.png")

    desk.control("Photo").select_option("hopper")
    desk.control("Seed").fill("5")
    desk.control("Saved as").select_option("difference")
    desk.settled()
    for _ in range(2):  # the same file again is no less a wish
        desk.choose("Load recipe", desk.lab.root / "compare.png")
        page.wait_for_function("() => [...document.querySelectorAll('input')].every(each => each.value !== '5')")
        desk.settled()
        assert desk.ask("widget.look.value['view']") == "side by side"
        desk.comes(desk.control("Photo").locator("option:checked").inner_text, "mine.png".__eq__)
        said = desk.ask("widget.message.value")
        assert 'role="alert"' not in said
        assert "the recipe reads files outside its own folder: diffusion.safetensors" in said, "it was uploaded"
        desk.control("Seed").fill("5")
        desk.changed(lambda: desk.control("Seed").press("Enter"))
    desk.check()


@pytest.mark.parametrize("widget", ["function"], indirect=True)
def test_a_photo_of_thirty_megabytes_can_be_uploaded(widget: Desk, tmp_path: Path) -> None:
    desk, path = widget, tmp_path / "large.png"
    noise = np.random.default_rng(0).integers(0, 256, (3200, 3200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, compress_level=0)
    assert path.stat().st_size > 30_000_000
    desk.panel("Files")
    desk.choose("Upload (", path)
    desk.until(f"widget.photo.value.sha256 == {ft.Photo(noise).sha256!r}")
    desk.settled()
    desk.check()


def test_the_dashboard_ends_idle_kernels() -> None:
    assert any(
        option.startswith("--MappingKernelManager.cull_idle_timeout=") for option in browser.make_options("dashboard")
    )


@pytest.mark.parametrize("widget", ["compare"], indirect=True)
def test_controls_have_tooltips_and_the_keyboard_reaches_all_of_them(widget: Desk) -> None:
    desk, page = widget, widget.page
    assert page.evaluate(UNTOLD) == []
    desk.panel("Files")
    assert page.evaluate(UNTOLD) == []
    page.get_by_role("button", name="Stop").evaluate(
        "each => each.closest('.frantools').querySelector('select').focus()"
    )
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(FOCUS))
    assert any("ft-viewer" in each for each in reached), "the pictures"
    assert {"Columns", "Numbers", "Files", "Difference", "?"} <= {each.strip() for each in reached}
    assert any("Save figure" in each for each in reached), "over the pictures, to what is beside them"
    desk.check()


FIELDS = {"compare": [("Files", "File"), ("Columns", "Weight file")], "trajectory": [("", "Points")]}
"""By widget: fields in which to type what is no path and no point, and the panels that they are in."""


@pytest.mark.parametrize("widget", [*FIELDS], indirect=True)
def test_messages_are_visible(widget: Desk) -> None:
    desk, page = widget, widget.page
    for number, (width, height) in enumerate(((1600, 1000), (1040, 800))):
        page.set_viewport_size({"width": width, "height": height})
        for panel, label in FIELDS[desk.name.removesuffix(".ipynb")]:
            if panel:
                desk.panel(panel)
            if label == "Weight file" and not number:
                page.get_by_text("Title, file and seed").click()
            page.locator(".frantools").first.evaluate("each => each.scrollIntoView()")
            wrong = f"nothing-{label[0]}-{width}"
            desk.control(label).fill(wrong)
            desk.control(label).press("Enter")
            message = page.locator(".frantools [role=alert]", has_text=wrong)
            message.wait_for(state="attached")
            assert browser.settled(page, lambda message=message: message.evaluate(COVERED)) is False
            desk.shot(f"message-{label[0]}-{width}")
        if width == 1600 and desk.name == "compare.ipynb":
            desk.panel("Files")
            page.get_by_role("button", name="Save figure").click()
            message = page.locator(".frantools [role=status]", has_text="saved compare.png")
            message.wait_for(state="attached")
            assert browser.settled(page, lambda message=message: message.evaluate(COVERED)) is False
    page.set_viewport_size({"width": 1400, "height": 1500})
    desk.check()


@pytest.mark.parametrize("widget", ["rois"], indirect=True)
def test_regions_are_boxes_one_is_re_rendered_and_a_loupe_shows_it_in_all_panes(widget: Desk) -> None:
    desk = widget
    desk.shot("rois")
    assert [each.split(":")[0] for each in desk.ask("[each['name'] for each in widget.viewer.boxes]")] == [
        "1",
        "2",
        "3",
    ]
    desk.panel("Regions")
    desk.control("Re-render").fill("2")
    desk.control("Re-render").press("Enter")
    page = desk.page
    desk.until("widget.final and widget.recipe['rerender'] == 2 and not widget.busy")
    assert desk.ask("len(widget.result.rerendered)") == 2
    left, top, right, bottom = desk.ask("widget.viewer.boxes[1]['box']")
    desk.settled()
    desk.changed(lambda: page.mouse.click(*desk.point((left + right) / 256, (top + bottom) / 256)))
    desk.until("widget.viewer.view['width'] < 0.5 and not widget.busy")
    assert desk.ask(VIEW) == [left / 128, top / 128, (right - left) / 128, (bottom - top) / 128]
    assert desk.ask("all(chip.endswith('re-rendered') for chip in widget.viewer.chips.values())")
    desk.changed(lambda: page.locator(".ft-tool", has_text="Loupe").click())
    desk.shot("rois-loupe")
    desk.drag((0.5, 0.5), (0.6, 0.5))
    desk.until(f"widget.viewer.view['x'] != {left / 128}")
    assert desk.ask("widget.viewer.boxes[1]['box']") == [left, top, right, bottom], "a drag pans"
    for view in ([left / 128, top / 128, (right - left) / 128, (bottom - top) / 128], [0, 0, 1, 1]):
        page.mouse.click(*desk.point(0.5, 0.5))
        desk.until(f"{VIEW} == {view}")
    assert page.locator(".frantools img[alt*=region]").count() == 6, "three regions, two columns"
    desk.check()


@pytest.mark.parametrize("widget", ["region"], indirect=True)
def test_a_drawn_rectangle_becomes_the_region_and_a_click_zooms_into_it(widget: Desk) -> None:
    desk, page = widget, widget.page
    desk.shot("region")
    x, y, width, height = desk.ask(VIEW)
    assert (x, y, width, height) == (0.2, 0.2, 0.2, 0.4), "the note's rectangle is what one sees first"
    desk.panel("Region")
    page.mouse.dblclick(*desk.point(0.5, 0.5))
    desk.until(f"{VIEW} == [0, 0, 1, 1]")
    desk.changed(lambda: desk.draw(0.5, 0.25, 0.75, 0.5))
    desk.until("widget.recipe['region'][0] > 0.4")
    desk.settled()
    drawn = desk.comes(
        lambda: [float(desk.control(name).input_value()) for name in ("x", "y", "width", "height")],
        lambda shown: shown == pytest.approx([0.5, 0.25, 0.25, 0.25], abs=0.02),
    )
    desk.shot("region-drawn")
    x, y, *sides = desk.ask("widget.recipe['region']")
    desk.drag((0.6, 0.375), (0.7, 0.375))  # the rectangle, though it is not chosen
    desk.until(f"widget.recipe['region'][0] > {x + 0.05} and not widget.busy")
    assert desk.ask("widget.recipe['region'][1:]") == [y, *sides]
    assert desk.ask(VIEW) == [0, 0, 1, 1], "nothing pans"
    desk.drag((0.7, 0.375), (1.5, 0.375))
    desk.until(f"widget.recipe['region'] == [{1 - sides[0]}, {y}, {sides[0]}, {sides[1]}]")
    for name, value in (("x", 0.5), ("y", 0.25)):
        desk.control(name).fill(str(value))
        desk.control(name).press("Enter")
    desk.until(f"widget.recipe['region'] == [0.5, 0.25, *{sides}] and widget.final and not widget.busy")
    drawn = [0.5, 0.25, *sides]
    desk.changed(lambda: page.get_by_role("button", name="Go there").click())
    desk.until(f"{VIEW} != [0, 0, 1, 1]")
    assert desk.ask(VIEW) == pytest.approx(drawn, abs=0.02)
    page.mouse.click(*desk.point(0.5, 0.5))  # the wheel is the notebook's until then
    desk.changed(lambda: page.mouse.wheel(0, -400))
    desk.until(f"widget.viewer.view['width'] < {drawn[2] - 0.03}")
    desk.changed(lambda: page.get_by_role("button", name="Take the view").click())
    desk.until(f"widget.recipe['region'][2] < {drawn[2] - 0.03}")
    desk.comes(desk.control("width").input_value, lambda width: float(width) < drawn[2])
    desk.shot("region-again")
    desk.check()


@pytest.mark.parametrize("widget", ["trajectory"], indirect=True)
def test_a_marked_point_is_followed_through_the_steps(widget: Desk) -> None:
    desk, page = widget, widget.page
    before = desk.control("Points").input_value()
    desk.draw(0.5, 0.5, 0.55, 0.55)
    desk.until(f"widget.recipe['look']['points'].startswith({before + '; '!r})")
    desk.comes(desk.control("Points").input_value, lambda points: points.startswith(before + "; "))
    desk.changed(lambda: desk.slide("Step", "ArrowLeft", 2))
    desk.shot("trajectory")
    step = "widget.look['frame'].value"
    page.click(".widget-play button >> nth=1")  # back to the first step
    desk.until(f"{step} == 0")
    page.click(PLAY)
    for _ in range(2):
        desk.changed(lambda: None)  # it goes on by itself
    assert 0 < desk.ask(step) < 99, "the kernel answers while it plays"
    page.click(PLAY)
    desk.until("not widget.play.playing")
    assert desk.ask(step) < 99
    desk.check()


@pytest.mark.parametrize("widget", ["variability"], indirect=True)
def test_more_seeds_change_the_map_and_one_is_chosen(widget: Desk) -> None:
    desk = widget
    desk.control("Seeds").fill("4")
    desk.changed(lambda: desk.control("Seeds").press("Enter"))
    desk.settled()
    desk.changed(lambda: desk.page.locator(".ft-chip", has_text="keep").last.click())
    desk.until("widget.recipe['seed'] == 3")
    desk.settled()
    desk.shot("variability")
    desk.check()


def test_the_widget_is_legible_in_the_dark_theme(desk: Desk) -> None:
    desk.open("compare.ipynb")
    desk.page.wait_for_selector(CANVAS, timeout=120_000)
    desk.settled()
    desk.panel("Numbers")
    papers = []
    for theme in ("Dark", "Light"):
        for item in ("Settings", "Theme", f"JupyterLab {theme}"):
            desk.page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel").get_by_text(item, exact=True).click()
        desk.page.wait_for_selector(f"body[data-jp-theme-light='{str(theme == 'Light').lower()}']", state="attached")
        desk.comes(
            lambda: desk.page.evaluate(browser.INK, ".frantools .ft-viewer"),
            lambda texts, theme=theme: (max(texts[0]["paper"]) > 128) == (theme == "Light"),
        )
        texts = browser.settled(desk.page, lambda: desk.page.evaluate(browser.INK, ".frantools .ft-viewer"))
        desk.shot(f"theme-{theme.lower()}")
        assert {"fast", "Difference"} <= {each["text"] for each in texts}
        assert [each for each in texts if each["contrast"] < 4.5] == []
        papers.append(max(texts[0]["paper"]))
    assert papers[0] < 60 < 200 < papers[1], "the page's own background is behind the viewer"
    desk.check()


def test_voila_serves_a_notebook_whose_controls_work(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    with browser.dashboard(desk.lab.root, tmp_path_factory.mktemp("voila")) as address:
        page = desk.page
        finished = "button:disabled:has-text('Stop')"
        page.goto(address + "compare.ipynb")
        page.wait_for_selector(CANVAS, timeout=120_000)
        page.wait_for_selector(finished)
        assert page.get_by_text("import frantools").count() == 0, "no code is shown"
        desk.changed(lambda: page.locator(".ft-tool", has_text="Difference").click())
        page.locator(".ft-chip", has_text="diffusion").first.click()
        desk.changed(lambda: desk.slide("Stochasticity", "ArrowLeft", 4))
        page.wait_for_selector(finished)
        desk.shot("voila")
        scale = page.inner_text(".ft-scale")
        page.mouse.click(*desk.point(0.5, 0.5))
        page.mouse.wheel(0, -600)
        page.wait_for_function("before => document.querySelector('.ft-scale').innerText !== before", arg=scale)
        page.keyboard.press("2")
        page.wait_for_selector(".ft-viewer.ft-alone")
        desk.check()
        page.goto(address + "viewer.ipynb")
        page.wait_for_selector(".ft-viewer[data-state=ready]", timeout=120_000)
        x, y = [value + 100 for value in page.locator(".ft-box").first.bounding_box().values()][:2]
        page.mouse.click(x, y)
        page.mouse.move(x + 1, y)
        page.wait_for_selector(".ft-viewer.ft-pointing")
        column, row = map(int, page.inner_text(".ft-said").split("  ")[0].split(", "))
        said = [text.replace("\u2007", "") for text in page.locator(".ft-values").all_inner_texts()]
        assert said == [f"{2 * column} {2 * row} 10", f"{2 * column} {2 * row} 90  Δ ±0 ±0 +80"]
        scale = page.inner_text(".ft-scale")
        page.mouse.wheel(0, -600)
        page.wait_for_function("before => document.querySelector('.ft-scale').innerText !== before", arg=scale)
        page.keyboard.press("2")
        page.wait_for_selector(".ft-viewer.ft-alone")


def test_a_column_added_during_rendering_is_shown_and_stop_ends_rendering(desk: Desk) -> None:
    desk.open("long.ipynb")
    page = desk.page
    page.wait_for_selector("text=/\\d+ s left/", timeout=120_000)
    desk.panel("Columns")
    desk.control("Preset").select_option("bicubic")
    desk.changed(lambda: page.locator(".frantools button", has_text="Add").click())
    desk.until("widget.result is not None and 'bicubic' in widget.result and widget.result.is_final('bicubic')")
    assert desk.ask("list(widget.viewer.pictures)") == ["original", "slow", "bicubic"]
    assert desk.ask("widget.busy and not widget.final")
    desk.shot("long")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("button:disabled:has-text('Stop')")
    desk.until("not widget.busy")
    assert not desk.ask("widget.final")
    desk.check()


@pytest.mark.parametrize("widget", ["sweep"], indirect=True)
def test_a_click_on_the_map_of_a_sweep_shows_that_cell(widget: Desk) -> None:
    desk, page = widget, widget.page
    assert page.locator("[role=gridcell]").count() == 4
    desk.changed(page.locator("[role=gridcell][data-at='1,0']").click)
    page.wait_for_selector("[role=gridcell][data-at='1,0'].ft-picked", state="attached")
    assert desk.ask("widget.chosen") == {"K": 90, "stochasticity": 0.0}
    desk.settled()
    desk.shot("sweep")
    desk.check()
