"""The viewer in a real Chromium: pages that `Viewer.save` wrote, opened from a file with the network refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest

from frantools.viewer import page as page_module
from frantools.viewer import scripts
from frantools.widgets.viewer_widget import Viewer

pytestmark = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="needs Chromium: install the package chromium to run the tests in a browser"
)

# Bitmaps and canvases that a page made and has not closed.
COUNT = """
window.bitmaps = { made: 0, open: 0 };
const make = window.createImageBitmap, close = ImageBitmap.prototype.close;
window.createImageBitmap = async (...given) => {
    const bitmap = await make(...given);
    window.bitmaps.made++;
    window.bitmaps.open++;
    return bitmap;
};
ImageBitmap.prototype.close = function () { window.bitmaps.open--; close.call(this); };
window.canvases = 0;
const create = document.createElement.bind(document);
document.createElement = (name, ...rest) => { window.canvases += name === 'canvas'; return create(name, ...rest); };
"""
PIXEL = """([pane, x, y]) => {
    const canvas = document.querySelectorAll('.ft-canvas')[pane];
    const within = (share, length) => Math.min(Math.floor(share * length), length - 1);
    const at = [within(x, canvas.width), within(y, canvas.height)];
    return [...canvas.getContext('2d').getImageData(...at, 1, 1).data];
}"""
# A viewer on a model whose kernel is the test.
START = """async ([model, widget, state, pictures]) => {
    const load = (code) => import(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    const { Model } = await load(model);
    window.model = new Model(state, pictures);
    const { default: { render } } = await load(widget);
    window.end = render({ model: window.model, el: document.body });
}"""
EVENT = """(element, [type, more]) => {
    const box = element.getBoundingClientRect();
    const at = { clientX: box.x + box.width / 4, clientY: box.y + box.height / 4 };
    const mouse = { pointerId: 1, pointerType: 'mouse', isPrimary: true, bubbles: true, cancelable: true };
    element.dispatchEvent(new PointerEvent(type, { ...at, ...mouse, ...more }));
}"""
PICTURES = "() => [...document.querySelectorAll('.ft-canvas')].map(each => each.toDataURL()).join()"
SIDES = ("top", "right", "bottom", "left")
FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
SIDE = 256


def place(blue: int, side: int = SIDE) -> np.ndarray:
    """A picture whose red is its column and green its row, so that a colour on the screen tells where it is from."""
    y, x = np.mgrid[:side, :side] * 256 // side
    return np.stack([x, y, np.full_like(x, blue)], axis=-1).astype(np.uint8)


class Page:
    """A page of a viewer that is open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        self.requests: list[str] = []
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.add_init_script(COUNT)

    def hear(self, message: Any) -> None:
        if "willReadFrequently" not in message.text:  # about the pixels that are read here
            self.problems.append(message.text)

    def open(self, viewer: Viewer, path: Path) -> None:
        viewer.save(path)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".ft-viewer[data-state=ready]")
        self.rest()

    def rest(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate(FRAME)

    def boxes(self) -> list[dict[str, float]]:
        """Where the panes' pictures are on the page."""
        return [item.bounding_box() for item in self.page.query_selector_all(".ft-box") if item.is_visible()]

    def move(self, pane: int, x: float, y: float) -> None:
        """Move the pointer to a place in a pane, in fractions of it."""
        box = self.boxes()[pane]
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.rest()

    def away(self) -> None:
        """Move the pointer off the pictures, where it leaves no mark."""
        self.page.mouse.move(1, 1)
        self.rest()

    def pixel(self, pane: int, x: float, y: float) -> list[int]:
        return self.page.evaluate(PIXEL, [pane, x, y])[:3]

    def limits(self, pane: int) -> list[int]:
        """The columns and rows at the pane's top left and bottom right corners."""
        return [*self.pixel(pane, 0, 0)[:2], *self.pixel(pane, 1, 1)[:2]]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.rest()

    def text(self, selector: str) -> list[str]:
        return [item.inner_text() for item in self.page.query_selector_all(selector) if item.is_visible()]

    def state(self) -> str:
        """What the panes show, below the marks of the pointer."""
        return str(self.page.evaluate(PICTURES))

    def open_bitmaps(self) -> dict[str, int]:
        return self.page.evaluate("() => ({...window.bitmaps, canvases: window.canvases})")


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """A browser."""
    with browser.chromium() as page:
        yield page.context.browser


@pytest.fixture
def opened(chrome: Any, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """What opens the page of a viewer, and at the end looks whether all went well on it."""
    contexts, path = ExitStack(), tmp_path / "page.html"
    pages: list[Page] = []

    def open_page(viewer: Viewer, width: int = 1040, height: int = 800, **options: Any) -> Page:
        context = chrome.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.callback(context.close)
        pages.append(Page(context.new_page()))
        pages[-1].open(viewer, path)
        return pages[-1]

    with contexts:
        yield open_page
        assert pages
        for page in pages:
            assert not page.problems
            assert page.requests == [path.as_uri()], "a page asks for nothing but itself"


class Front:
    """The browser's side of a viewer in a notebook: what it sends waits until it is delivered."""

    def __init__(self, page: Any, viewer: Viewer) -> None:
        self.page, self.viewer = page, viewer
        state = {
            name: viewer.get_state()[name] for name in viewer.keys if not name.startswith(("_esm", "_css", "layout"))
        }
        models = {model.model_id: model.encoded for model in viewer._models.values() if model is not None}
        page.set_content(f"<body><style>{scripts.style()}</style></body>")
        code = (Path(__file__).parents[1] / "js" / "model.js").read_text(encoding="utf-8")
        pictures = {key: page_module._as_base64(item) for key, item in models.items()}
        page.evaluate(START, [code, scripts.script("widget"), state, pictures])
        page.wait_for_selector(".ft-viewer[data-state=ready]")
        page.wait_for_function("() => model.sent.length")  # the size of the panes
        self.deliver()

    @property
    def sent(self) -> list[dict[str, Any]]:
        return self.page.evaluate("() => model.sent")

    def deliver(self) -> None:
        """Let the kernel have what was sent, and answer."""
        for item in self.page.evaluate("() => model.sent.splice(0)"):
            if "state" in item:
                self.viewer.set_state(item["state"])
            else:
                self.viewer._handle_custom_msg(item["message"], [])
        self.page.evaluate("() => model.idle()")

    def receive(self, **state: Any) -> None:
        self.page.evaluate("(state) => model.receive(state)", state)
        self.page.evaluate(FRAME)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place on the page, in fractions of the first pane."""
        box = self.page.locator(".ft-box").first.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def drag(self, *points: tuple[float, float], release: bool = True) -> None:
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=3)
        if release:
            self.page.mouse.up()

    def left(self) -> int:
        """The column of the picture at the left edge of the first pane."""
        self.page.evaluate(FRAME)
        return self.page.evaluate(PIXEL, [0, 0, 0.5])[0]


@pytest.fixture
def front(chrome: Any) -> Iterator[Callable[[Viewer], Front]]:
    """What shows a viewer on a model whose kernel is the test."""
    with ExitStack() as contexts:

        def show(viewer: Viewer) -> Front:
            context = chrome.new_context(viewport={"width": 500, "height": 900})
            contexts.callback(context.close)
            return Front(context.new_page(), viewer)

        yield show


def numbers(text: str) -> list[int]:
    """The numbers of a text, up to its first words."""
    return [int(item) for item in text.partition("Δ")[0].replace("\u2007", "").split()]


@pytest.mark.parametrize("scale", [1, 2])
def test_all_panes_zoom_together_and_values_are_the_arrays(opened, scale):
    arrays = {"a": place(10), "b": place(20), "c": place(250)}
    viewer = Viewer(arrays, reference="b")
    page = opened(viewer, device_scale_factor=scale)
    assert page.page.evaluate("() => document.querySelector('.ft-canvas').width") == pytest.approx(
        scale * page.boxes()[0]["width"], abs=1
    )
    assert page.limits(0) == pytest.approx([0, 0, 255, 255], abs=2)
    for x, y, wheel in ((0.3, 0.7, -900), (0.9, 0.1, -500), (0.5, 0.5, 300)):
        page.move(1, x, y)
        under = page.text(".ft-values")
        page.page.mouse.wheel(0, wheel)
        page.rest()
        for before, after in zip(under, page.text(".ft-values"), strict=True):
            assert numbers(before) == pytest.approx(numbers(after), abs=1), "the point under the pointer stays"
        page.away()
        assert page.limits(0) == page.limits(1) == page.limits(2)
    box = page.boxes()[0]
    before = page.limits(0)
    page.move(0, 0.5, 0.5)
    page.page.mouse.down()
    page.move(0, 0.8, 0.5)
    page.page.mouse.up()
    page.away()
    assert page.limits(0)[0] < before[0]
    assert page.limits(0)[1] == before[1]
    assert page.limits(0) == page.limits(1) == page.limits(2)
    for pane, x, y in ((0, 0.21, 0.37), (2, 0.93, 0.5), (1, 0.02, 0.98)):
        page.move(pane, x, y)
        (column, row), *_ = (map(int, text.split("  ")[0].split(", ")) for text in page.text(".ft-said"))
        for (_, array), text in zip(arrays.items(), page.text(".ft-values"), strict=True):
            assert numbers(text) == array[row, column].tolist()
        assert "Δ ±0 ±0 +230" in page.text(".ft-values")[2]
        page.press("v")
        assert "Δ ±0.000 ±0.000 +0.902" in page.text(".ft-values")[2]
        page.press("v")
    page.page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    page.away()
    assert page.limits(0) == pytest.approx([0, 0, 255, 255], abs=2)


def test_pixels_are_squares_beyond_one_to_one(opened):
    checks = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)
    page = opened(Viewer({"checks": checks}))
    count = "() => {const c = document.querySelector('.ft-canvas'); return [...new Set(c.getContext('2d')"
    count += ".getImageData(0, c.height / 2 + 10, c.width, 1).data.filter((_, n) => n % 4 === 0))]}"
    assert sorted(page.page.evaluate(count)) == [0, 255], "nothing in between"


def test_the_keyboard_alone_can_do_everything(opened):
    viewer = Viewer({"original": place(0), "b": place(100), "c": place(200)})
    page = opened(viewer, 1040, 700)
    blue = lambda pane: page.pixel(pane, 0.5, 0.5)[2]  # noqa: E731
    page.press("2")
    assert page.text(".ft-text") == ["b"]
    assert len(page.boxes()) == 1
    assert blue(1) == 100
    assert "2:1" in page.text(".ft-scale")[0], "alone, at whole pixels"
    page.press("ArrowRight")
    assert blue(2) == 200
    page.page.keyboard.down("Space")
    page.rest()
    assert blue(2) == 0
    page.page.keyboard.up("Space")
    page.rest()
    assert blue(2) == 200
    page.press("3")
    assert len(page.boxes()) == 3
    page.press("d")
    assert blue(0) == 0, "the reference is shown as it is"
    assert page.pixel(1, 0.5, 0.5)[0] > page.pixel(1, 0.5, 0.5)[2], "above it, in red"
    ends = page.text(".ft-map")[0]
    page.press("]")
    assert page.text(".ft-map")[0] != ends
    page.press("d")
    assert page.text(".ft-map")[0].startswith("0")
    page.press("d")
    assert blue(1) == 100
    page.press("c")
    assert page.pixel(1, 0.25, 0.5)[2] == 0
    assert page.pixel(1, 0.75, 0.5)[2] == 100
    page.move(1, 0.5, 0.5)
    page.page.mouse.down()
    page.move(1, 0.2, 0.5)
    page.page.mouse.up()
    page.away()
    assert page.pixel(1, 0.25, 0.5)[2] == 100, "the edge was dragged"
    page.press("c", "b")
    assert blue(1) == 0
    page.page.wait_for_function(f"(given) => ({PIXEL})(given)[2] === 100", arg=[1, 0.5, 0.5])
    page.press("r", "+", "+", "Shift+ArrowRight")
    assert page.limits(0) == page.limits(1)
    assert page.limits(0)[0] > 20
    page.press("h", "l", "?")
    assert page.page.is_visible(".ft-help")
    page.press("Escape", "r")
    assert not page.page.is_visible(".ft-help")
    assert page.limits(0) == pytest.approx([0, 0, 255, 255], abs=2)


def test_a_box_is_drawn_named_moved_and_removed(opened):
    page = opened(Viewer({"a": place(0), "b": place(100)}))
    page.press("m")
    page.move(1, 0.25, 0.25)
    page.page.mouse.down()
    page.move(1, 0.5, 0.625)
    page.page.mouse.up()
    page.away()
    (texts,) = page.text(".ft-place")
    size, _, corner = texts.partition(" at ")
    assert [int(item) for item in size.split(" \u00d7 ")] == pytest.approx([64, 96], abs=1)
    assert [int(item) for item in corner.split(", ")] == pytest.approx([64, 64], abs=1)
    page.page.fill(".ft-name", "eye <b>")
    page.press("Enter", "Alt+ArrowRight", "Alt+Shift+ArrowDown")
    left, top = (int(item) for item in corner.split(", "))
    wide, high = (int(item) for item in size.split(" \u00d7 "))
    assert page.text(".ft-place") == [f"{wide} \u00d7 {high + 1} at {left + 1}, {top}"]
    assert page.page.input_value(".ft-name") == "eye <b>"
    page.move(0, 0.4, 0.4)
    page.page.mouse.down()
    page.move(0, 0.5, 0.4)
    page.page.mouse.up()
    assert int(page.text(".ft-place")[0].split(" at ")[1].split(",")[0]) == pytest.approx(left + 26, abs=2)
    page.press("Delete")
    assert not page.text(".ft-place")
    page.press("m", "Enter")
    assert page.text(".ft-place"), "a box by keys alone"


def test_canvases_of_a_zoomed_page_have_the_pixels_of_the_screen(opened):
    page = opened(Viewer({"a": place(0), "b": place(100)}))
    session = page.page.context.new_cdp_session(page.page)
    ratio = "() => { const c = document.querySelector('.ft-canvas'); return c.width / c.clientWidth; }"
    for zoom in (0.5, 1.25, 2):
        size = {"width": round(1040 / zoom), "height": round(800 / zoom)}
        session.send("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": zoom, "mobile": False})
        page.page.wait_for_function(f"() => Math.abs(({ratio})() - {zoom}) < 0.01")
        page.rest()
        assert page.limits(0) == page.limits(1) == pytest.approx([0, 0, 255, 255], abs=2)


def test_texts_keep_their_contrast_when_the_theme_changes(opened):
    viewer = Viewer({"original": place(0), "b": place(100)}, boxes=[(10, 10, 90, 90)])
    viewer.chips, viewer.numbers, viewer.best = {"b": "B · 15 calls"}, {"b": "loss 0.0028  SSIM 0.852"}, {"b": [0]}
    viewer.caption = "The square frame of hopper at 256 x 256."
    page = opened(viewer, color_scheme="light")
    page.press("2", "d", "?", "n")
    papers = []
    for scheme in ("light", "dark", "light"):
        page.page.emulate_media(color_scheme=scheme)
        page.rest()
        browser.screenshot(page.page, f"viewer-theme-{scheme}")
        texts = page.page.evaluate(browser.INK, ".ft-page")
        assert {"original", "b", "B · 15 calls", "SSIM 0.852", "Curtain", viewer.caption} <= {e["text"] for e in texts}
        assert [item for item in texts if item["contrast"] < 4.5] == []
        papers.append(max(texts[0]["paper"]))
    assert papers[0] == papers[2] > 200 > 60 > papers[1]


def test_two_hundred_flips_leak_nothing(opened):
    viewer = Viewer({"a": place(0), "b": place(100), "c": place(200)})
    page = opened(viewer)
    page.press("1", "2", "3", "d", "d", "d")
    before = page.open_bitmaps()
    for n in range(200):
        page.page.keyboard.press(str(1 + n % 3))
    page.rest()
    assert page.open_bitmaps() == before
    assert before["open"] == before["made"] == 3


def test_large_pictures_open_in_tiles_with_the_exact_values(opened):
    large = place(7, 4096)
    viewer = Viewer({str(n): large + np.uint8([0, 0, n]) for n in range(6)})
    page = opened(viewer)
    assert page.open_bitmaps()["open"] == 6, "one overview each"
    page.press("z")
    page.away()
    page.page.wait_for_function("() => window.bitmaps.open > 6")
    assert page.limits(0) == page.limits(5)
    assert page.pixel(0, 0.5, 0.5)[:2] == pytest.approx([128, 128], abs=1)
    for x, y in ((0.1, 0.1), (0.9, 0.9)):
        page.move(3, x, y)
        column, row = map(int, page.text(".ft-said")[0].split("  ")[0].split(", "))
        page.page.wait_for_function("() => document.querySelectorAll('.ft-values')[3].textContent !== ''")
        assert numbers(page.text(".ft-values")[3]) == [*large[row, column][:2], 10]


def test_texts_are_not_markup(opened):
    bad = ["</script><script>document.title = 'run'</script>", "<img src=x onerror=\"document.title = 'run'\">"]
    viewer = Viewer({title: place(0) for title in bad}, boxes=[{"name": bad[1], "box": (0, 0, 9, 9)}])
    viewer.chips = viewer.numbers = viewer.notes = {title: title for title in bad}
    page = opened(viewer)
    assert page.text(".ft-text") == bad
    assert page.text(".ft-chip") == bad
    assert page.text(".ft-note") == bad
    assert not page.page.query_selector("img")
    assert page.page.title() != "run"


LOST = {
    "a move without a button": ("pointermove", {"buttons": 0}),
    "a move with another button": ("pointermove", {"buttons": 2}),
    "a cancelled pointer": ("pointercancel", {}),
    "a lost capture": ("lostpointercapture", {}),
    "a menu": ("contextmenu", {}),
}


@pytest.mark.parametrize("kind", LOST)
def test_a_drag_whose_release_is_lost_is_over(opened, kind):
    page = opened(Viewer({"a": place(0), "b": place(100)}, boxes=[(96, 96, 160, 160)]))
    for held, keys in {"the picture": "++", "a box": "n", "a new box": "m", "the curtain": "c"}.items():
        page.press("r", *keys)
        page.move(1, 0.5, 0.5)
        page.page.mouse.down()
        page.move(1, 0.6, 0.55)
        page.page.locator(".ft-box").nth(1).evaluate(EVENT, LOST[kind])
        page.rest()
        at = page.state()
        page.move(1, 0.3, 0.2)
        assert page.state() == at, f"{held} is let go"
        page.page.mouse.up()
        page.move(1, 0.6 if held == "the curtain" else 0.5, 0.5)
        page.page.mouse.down()
        page.move(1, 0.4, 0.4)
        page.page.mouse.up()
        assert held == "a new box" or page.state() != at, "and can be taken again"


@pytest.mark.parametrize("kind", LOST)
def test_the_range_of_the_difference_is_let_go_where_the_release_is_lost(opened, kind):
    page = opened(Viewer({"a": place(0), "b": place(100)}))
    page.press("d")
    box = page.page.locator(".ft-map canvas").bounding_box()
    page.page.mouse.move(box["x"] + 60, box["y"] + 5)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 30, box["y"] + 5)
    page.rest()
    page.page.locator(".ft-map").evaluate(EVENT, LOST[kind])
    (ends,) = page.text(".ft-map")
    page.page.mouse.move(box["x"] + 90, box["y"] + 5)
    page.rest()
    assert page.text(".ft-map") == [ends]


def test_a_finger_that_was_lifted_outside_does_not_count(opened):
    page = opened(Viewer({"a": place(0)}), width=600, has_touch=True)
    session = page.page.context.new_cdp_session(page.page)
    box = page.boxes()[0]

    def touch(kind: str, *points: tuple[int, float]) -> None:
        y = box["y"] + box["height"] / 2
        touches = [{"x": box["x"] + x * box["width"], "y": y, "id": n} for n, x in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        page.rest()

    touch("touchStart", (1, 0.3))
    touch("touchStart", (1, 0.3), (2, 0.6))
    touch("touchMove", (1, 0.2), (2, 0.8))
    touch("touchCancel")
    zoomed = page.text(".ft-scale")
    left = page.limits(0)[0]
    touch("touchStart", (1, 0.3))
    touch("touchMove", (1, 0.5))
    touch("touchEnd")
    assert page.text(".ft-scale") == zoomed, "one finger pans"
    assert page.limits(0)[0] < left


OUTER = """<!DOCTYPE html>
<style>div, iframe {{ height: 1500px; width: 800px; border: 0 }} iframe {{ height: 500px }}</style>
<div>above</div><iframe src="{name}"></iframe><div>below</div>"""


def test_a_page_in_a_frame_leaves_focus_and_wheel_to_the_page_around_it(chrome, tmp_path):
    Viewer({"a": place(0), "b": place(100)}).save(tmp_path / "page.html")
    (tmp_path / "outer.html").write_text(OUTER.format(name="page.html"), encoding="utf-8")
    with ExitStack() as contexts:
        context = chrome.new_context(viewport={"width": 900, "height": 700})
        contexts.callback(context.close)
        page = context.new_page()
        page.goto((tmp_path / "outer.html").as_uri())
        frame = page.frames[1]
        frame.wait_for_selector(".ft-tool", state="attached")  # it is drawn when it comes into sight
        page.evaluate(FRAME)
        assert page.evaluate("() => [scrollY, document.activeElement.tagName]") == [0, "BODY"]
        scale = lambda: frame.inner_text(".ft-scale")  # noqa: E731
        page.evaluate("() => scrollTo({ top: 1450, behavior: 'instant' })")
        frame.wait_for_selector(".ft-viewer[data-state=ready]")
        page.mouse.move(200, 250)
        before = scale()
        page.mouse.wheel(0, 100)
        page.wait_for_function("() => scrollY === 1550")
        assert scale() == before, "the page around it scrolls"
        page.keyboard.down("Control")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        frame.wait_for_function("before => document.querySelector('.ft-scale').innerText !== before", arg=before)
        page.mouse.click(200, 250)
        assert page.evaluate("() => scrollY") == 1550, "a click scrolls nothing"
        before = scale()
        page.mouse.wheel(0, -100)
        frame.wait_for_function("before => document.querySelector('.ft-scale').innerText !== before", arg=before)
        page.mouse.click(850, 650)
        page.mouse.move(200, 250)
        before = scale()
        page.mouse.wheel(0, -100)
        page.wait_for_function("() => scrollY === 1450")
        assert scale() == before, "after a click outside, too"


@pytest.mark.parametrize("count", [1, 2, 4, 6, 20])
def test_no_number_is_cut_off_and_nothing_scrolls_sideways_whatever_the_width(opened, count):
    viewer = Viewer({f"picture {n}": place(12 * n, 32) for n in range(count)})
    viewer.chips = dict.fromkeys(viewer.pictures, "diffusion-basic · B · 15 calls")
    viewer.numbers = dict.fromkeys(list(viewer.pictures)[1:] or ["picture 0"], "loss 0.0028  PSNR 25.6 dB  SSIM 0.852")
    viewer.best = {title: [0, 1, 2] for title in viewer.pictures}
    page = opened(viewer, 1400, 800)
    for width in (360, 390, 768, 1040, 1400):
        page.page.set_viewport_size({"width": width, "height": 800})
        page.page.wait_for_function(f"() => innerWidth === {width}")
        page.rest()
        browser.screenshot(page.page, f"viewer-numbers-{count}-{width}")
        assert page.page.evaluate(browser.PANES, ".ft-viewer")["cut"] == []
        assert page.page.evaluate("() => document.documentElement.scrollWidth") == width
        pixels = page.boxes()
        page.move(0, 0.5, 0.5)
        assert page.boxes() == pixels, "nothing jumps"
        page.away()


@pytest.mark.parametrize(("width", "share"), [(360, 0.6), (1400, 0.3)])
def test_a_long_note_leaves_the_picture_visible_and_is_complete_in_the_title(opened, width, share):
    viewer = Viewer({f"picture {n}": place(12 * n, 64) for n in range(6)})
    note = "picture 5 was padded from 60 x 60 to 64 x 64 by reflection, and cropped\n" + "It was clipped, too. " * 9
    viewer.notes = {"picture 5": note}
    page = opened(viewer, width, 800)
    browser.screenshot(page.page, f"viewer-long-note-{width}")
    over, box = page.page.evaluate(
        "() => ['.ft-over', '.ft-box:has(.ft-over:not([hidden]))'].map((name) => [...document.querySelectorAll(name)]"
        ".at(-1).getBoundingClientRect().height)"
    )
    assert 0 < over <= share * box
    assert page.page.locator(".ft-title").last.get_attribute("title") == f"picture 5 (key 6)\n{note}"


@pytest.mark.parametrize(("count", "shape"), [(1, (64, 64)), (2, (64, 24)), (6, (48, 64)), (20, (64, 64))])
def test_a_printed_page_is_one_sheet_with_all_pictures_and_no_tools(opened, count, shape):
    viewer = Viewer({f"picture {n}": place(12 * n, 64)[: shape[0], : shape[1]] for n in range(count)})
    viewer.numbers = dict.fromkeys(viewer.pictures, "loss 0.0028  PSNR 25.6 dB  SSIM 0.852")
    viewer.caption = "The square frame of hopper at 256 x 256, measured against the photo. " * 2
    for window in ((1400, 900), (360, 740)):
        page = opened(viewer, *window, color_scheme="dark")
        for landscape in (False, True):
            sheet = page.page.pdf(format="A4", landscape=landscape, margin=dict.fromkeys(SIDES, "10mm"))
            assert sheet.count(b"/Type /Page\n") == 1
            page.page.emulate_media(media="print")
            width, height = (980, 718) if landscape else (718, 980)
            page.page.set_viewport_size({"width": width, "height": height})
            page.page.wait_for_function(f"() => innerWidth === {width}")
            assert all(item["x"] >= 0 and item["x"] + item["width"] <= width for item in page.boxes())
            assert not page.text(".ft-tool")
            assert page.page.evaluate(browser.PANES, ".ft-viewer")["cut"] == []
            page.page.emulate_media(media="null")
            page.page.set_viewport_size({"width": window[0], "height": window[1]})
            page.rest()


QUARTER = {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}


def test_a_click_on_a_chip_arrives_after_all_that_was_done_before_it(front):
    viewer, seen = Viewer({"a": place(0), "b": place(100)}), []
    viewer.chips = {"b": "B15"}
    viewer.view = QUARTER
    viewer.on_chip(lambda title: seen.append((title, viewer.view["width"], len(viewer.boxes))))
    desk = front(viewer)
    desk.page.focus(".ft-viewer")
    desk.page.keyboard.press("r")
    desk.page.click("text=B15")
    assert [list(item) for item in desk.sent] == [["state"], ["message"]]
    desk.page.keyboard.press("m")
    desk.page.keyboard.press("Enter")
    desk.page.click("text=B15")
    assert [list(item) for item in desk.sent][1:] == [["message"], ["message"]], "the kernel is busy, and a state waits"
    assert seen == []
    desk.deliver()
    assert seen == [("b", 1, 0)]
    desk.deliver()
    assert seen == [("b", 1, 0), ("b", 1, 1)]


def test_a_gesture_is_one_message_and_what_is_pending_at_the_end_is_sent(front):
    desk = front(Viewer({"a": place(0)}))
    desk.drag((0.5, 0.5), (0.5, 0.5))
    desk.page.evaluate("""() => {
        const box = document.querySelector('.ft-box').getBoundingClientRect();
        const at = { clientX: box.x + 99, clientY: box.y + 99, deltaY: -60, bubbles: true, cancelable: true };
        for (let n = 0; n < 20; n++) document.querySelector('.ft-box').dispatchEvent(new WheelEvent('wheel', at));
    }""")
    desk.page.wait_for_function("() => model.sent.length")
    assert [list(item["state"]) for item in desk.sent] == [["view", "_commits"]]
    desk.deliver()
    assert desk.viewer.view["width"] < 0.5
    desk.page.keyboard.press("r")
    desk.page.evaluate("() => end()")
    desk.deliver()
    assert desk.viewer.view["width"] == 1
    assert not desk.page.query_selector(".ft-viewer")


def test_a_viewer_that_python_closes_sends_nothing_more(front):
    desk = front(Viewer({"a": place(0)}))
    desk.page.focus(".ft-viewer")
    desk.page.keyboard.press("+")
    desk.page.evaluate("() => { model.destroy(); end(); }")
    assert desk.sent == []


def test_answers_of_python_to_an_older_view_move_nothing_back(front):
    viewer = Viewer({"a": place(0)})
    viewer.view = QUARTER
    desk = front(viewer)
    desk.drag((0.5, 0.5), (0.6, 0.5))
    desk.deliver()
    older = dict(viewer.view)
    desk.drag((0.5, 0.5), (0.6, 0.5), release=False)
    dragged = desk.left()
    desk.receive(view=older | {"y": 0.3}, _commits=viewer._commits)
    assert desk.left() == dragged, "while a hand moves it"
    desk.page.mouse.up()
    (sent,) = desk.sent
    desk.receive(view=older | {"y": 0.3}, _commits=viewer._commits)
    assert desk.left() == dragged, "until the newer one has arrived"
    desk.deliver()
    assert viewer.view == sent["state"]["view"]
    desk.receive(view=QUARTER, _commits=viewer._commits)
    assert desk.left() == pytest.approx(64, abs=2), "and what Python says then is shown"


def test_values_set_by_python_are_shown_while_others_are_on_their_way_to_it(front):
    viewer = Viewer({"a": place(0)}, boxes=[(64, 64, 128, 128)])
    desk = front(viewer)
    desk.drag((0.9, 0.9), (0.9, 0.9))  # outside the box, a click on which is told
    desk.page.keyboard.press("1")  # alone
    desk.page.wait_for_function("() => model.sent.length")
    desk.receive(boxes=[{"name": "new", "box": [3, 4, 9, 9]}], view=QUARTER, _commits=viewer._commits)
    assert desk.left() == pytest.approx(64, abs=2)
    desk.deliver()
    assert viewer.selected == "a"
    desk.page.evaluate("() => end()")
    assert desk.sent == [], "and is not sent back as it was"


# A layout, and all that it does later.
RESIZE = """() => {
    const wait = window.setTimeout;
    window.setTimeout = (act) => wait(act, 0);
    dispatchEvent(new Event('resize'));
    window.setTimeout = wait;
    return new Promise((done) => wait(done, 0));
}"""


def test_a_dragged_box_follows_the_pointer_whatever_python_sets(front):
    viewer = Viewer({"a": place(0)}, boxes=[(64, 64, 128, 128)])
    desk = front(viewer)
    corner = "() => document.querySelector('.ft-place').textContent.split(' at ')[1]"
    desk.page.mouse.click(*desk.at(0.3, 0.3))
    desk.page.wait_for_function(f"() => ({corner})() === '64, 64'")
    desk.deliver()  # the click
    desk.drag((0.3, 0.3), (0.5, 0.3), release=False)
    desk.page.evaluate(FRAME)
    moved = desk.page.evaluate(corner)
    assert moved != "64, 64"
    desk.page.evaluate(RESIZE)
    assert desk.sent == [], "a layout meanwhile tells Python nothing of it"
    desk.receive(boxes=[{"name": "1", "box": [0, 0, 9, 9]}])
    assert desk.page.evaluate(corner) == moved
    desk.page.mouse.up()
    desk.deliver()
    assert ", ".join(map(str, viewer.boxes[0]["box"][:2])) == moved
    desk.receive(boxes=[{"name": "1", "box": [3, 4, 9, 9]}])
    assert desk.page.evaluate(corner) == "3, 4"


NOTEBOOK = """\
import numpy as np
from pathlib import Path
import frantools as ft

y, x = np.mgrid[:128, :128] * 2
viewer = ft.widgets.Viewer([np.stack([x, y, x * 0 + blue], axis=-1).astype(np.uint8) for blue in (10, 90)])
views = []
viewer.observe(lambda change: views.append(change.new), "view")
viewer"""
BUSY = """\
while not Path("go").exists():
    pass"""


# Wheels that nothing in the page has taken.
WHEELS = (
    "window.wheels = 0; window.addEventListener('wheel', (event) => { window.wheels += !event.defaultPrevented; });"
)


def test_in_jupyterlab_zooming_needs_no_kernel_and_keys_do_not_reach_the_notebook(chrome, lab):
    lab.write("busy-viewer.ipynb", NOTEBOOK, BUSY)
    with ExitStack() as contexts:
        context = chrome.new_context(viewport={"width": 1300, "height": 1000})
        contexts.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.add_init_script(COUNT + WHEELS)
        lab.open(page, "busy-viewer.ipynb")
        page.wait_for_selector(".ft-viewer[data-state=ready]", timeout=120_000)
        box = page.query_selector(".ft-box").bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        scale = lambda: page.inner_text(".ft-scale")  # noqa: E731
        before, cells = scale(), page.locator(".jp-Cell").count()
        page.mouse.move(*middle)
        page.mouse.wheel(0, -200)
        page.wait_for_function("() => window.wheels === 1")
        page.evaluate(FRAME)
        assert scale() == before, "the page scrolls until one has clicked into the viewer"
        box = page.query_selector(".ft-box").bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.click(*middle)
        for _ in range(20):
            page.mouse.wheel(0, -60)
        page.wait_for_function(f"() => document.querySelector('.ft-scale').innerText !== {before!r}")  # a busy kernel
        page.keyboard.press("d")
        page.keyboard.press("d")
        page.keyboard.press("x")
        page.keyboard.press("a")
        page.evaluate(FRAME)
        assert page.inner_text(".ft-map").startswith("0")
        assert page.locator(".jp-Cell").count() == cells, "no key reaches the notebook"
        (lab.root / "go").touch()
        evaluate = lambda expression: lab.evaluate("busy-viewer.ipynb", expression)  # noqa: E731
        until = lambda expression: browser.until(page, lambda: evaluate(f"bool({expression})"))  # noqa: E731
        until("0 < viewer.view['width'] < 0.5")
        until(f"abs(viewer.screen['width'] - {box['width']}) <= 1")
        page.keyboard.press("m")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('.ft-place').textContent")
        until("viewer.boxes")
        left, top = evaluate("viewer.boxes[0]['box'][:2]")
        page.wait_for_function(f"() => document.querySelector('.ft-place').textContent.endsWith(' at {left}, {top}')")
        evaluate("viewer.set_trait('boxes', [{'name': 'eye', 'box': [1, 2, 3, 5]}])")
        page.wait_for_function("() => document.querySelector('.ft-place').textContent.endsWith('at 1, 2')")
        page.keyboard.press("r")
        evaluate("viewer.detail('1', ft.Region(0.25, 0.25, 0.5, 0.5), np.full((400, 400, 3), 77, np.uint8))")
        page.wait_for_function(f"(given) => ({PIXEL})(given).join() === '77,77,77,255'", arg=[0, 0.6, 0.6])
        assert page.evaluate(PIXEL, [0, 0.1, 0.1])[2] == 10, "beside the part is the picture"
        evaluate("viewer.clear_details()")
        page.wait_for_function(f"(given) => ({PIXEL})(given)[2] === 10", arg=[0, 0.6, 0.6])
        evaluate("(viewer.on_chip(views.append), viewer.set_trait('chips', {'2': 'B \u00b7 <b>15 calls</b>'}))[2:]")
        page.click("text='B \u00b7 <b>15 calls</b>'")
        until("len(views) > 1 and views[-1] == '2'")
        assert evaluate("views[-2] == viewer.view == vars(ft.Region.full())"), "the reset came before the click"
        evaluate("viewer.set_trait('selected', '2')")
        page.wait_for_selector(".ft-viewer.ft-alone")
        evaluate("viewer.update({'2': np.zeros((128, 128, 3), np.uint8)})")
        page.wait_for_function(f"(given) => ({PIXEL})(given)[2] === 0", arg=[1, 0.5, 0.5])
        browser.screenshot(page, "viewer-lab")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        assert not page.evaluate("() => document.querySelector('.ft-viewer').contains(document.activeElement)")
        evaluate("viewer.close()")
        page.wait_for_function("() => !document.querySelector('.ft-viewer')")
        assert page.evaluate("() => window.bitmaps.open") == 0, "all is freed"


def test_two_fingers_zoom(opened):
    page = opened(Viewer({"a": place(0), "b": place(100)}), has_touch=True)
    box = page.boxes()[1]
    middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.page.context.new_cdp_session(page.page)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": middle + side * apart, "y": y, "id": side + 1} for side in (-1, 1)]
        touches = [] if kind == "touchEnd" else points
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    page.away()
    assert page.limits(0) == page.limits(1) == pytest.approx([64, 64, 192, 192], abs=8), (
        "twice as far apart, twice as large"
    )


@pytest.mark.parametrize(("count", "scheme"), [(2, "light"), (5, "dark"), (9, "light")])
def test_pictures_fill_the_space_and_nothing_is_cut_off(opened, count, scheme):
    viewer = Viewer({f"picture {n}": place(20 * n) for n in range(count)})
    viewer.chips = dict.fromkeys(viewer.pictures, "diffusion-basic · B · 15 calls")
    viewer.numbers = dict.fromkeys(viewer.pictures, "loss 0.0028  PSNR 25.6 dB  SSIM 0.852")
    viewer.best = {title: [0, 1, 2] for title in viewer.pictures}
    page = opened(viewer, 1600, 860, color_scheme=scheme)
    size = "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    for width in (1600, 1040):
        page.page.set_viewport_size({"width": width, "height": 860})
        page.rest()
        browser.screenshot(page.page, f"viewer-{count}-{width}-{scheme}")
        assert page.page.evaluate(size) == [width, 860]
        boxes, pixels = page.boxes(), page.page.evaluate(browser.PANES, ".ft-viewer")
        assert len(boxes) == count
        assert all(item["x"] >= 0 and item["x"] + item["width"] <= width for item in boxes)
        assert pixels["panes"] >= 0.7
        assert pixels["pictures"] >= 0.6
        assert pixels["cut"] == []
        page.move(0, 0.5, 0.5)
        assert page.boxes() == boxes, "nothing jumps"
        assert page.page.evaluate(browser.PANES, ".ft-viewer")["height"] == pixels["height"]
        page.away()
