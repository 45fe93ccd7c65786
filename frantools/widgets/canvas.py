"""The canvas of a widget: the figure on the page, what of it is seen, and drags on it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from threading import RLock
from typing import Any

from ipympl.backend_nbagg import Canvas, FigureManager
from matplotlib.axes import Axes
from matplotlib.backend_bases import MouseEvent
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

# Legible on JupyterLab's white and on its near-black: this gray has a contrast of 4.3 to either.
INK = "#797979"
NEAR = 5  # pixels: a shorter drag is a click
TOOLS = ("point", "pan", "zoom")

# The canvas takes the focus and keeps the Tab key for itself, so that a keyboard gets no further. What is hidden takes
# no focus, and the pictures in it are shown all the same. What a drag or a click sets can be typed, too.
STYLE = """<style>
.frantools .jupyter-matplotlib-canvas-div { visibility: hidden }
.frantools .jupyter-matplotlib-canvas-div canvas { visibility: visible }
</style>"""

# Figures are drawn by the background worker, by the kernel, and by the threads on which JupyterLab has a kernel answer
# widgets while a cell runs. One at a time.
LOCK = RLock()

Limits = tuple[float, float, float, float]
WHOLE: Limits = (0.0, 1.0, 0.0, 1.0)


def limits(axes: Axes) -> Limits:
    """What axes show: x from and to, y from and to."""
    return (*axes.get_xlim(), *axes.get_ylim())


def view(axes: Axes, full: Limits) -> Limits:
    """The part of `full` that axes are panned and zoomed to, in fractions of it."""
    (a, b, c, d), (left, right, bottom, top) = limits(axes), full
    wide, high = right - left, top - bottom
    return ((a - left) / wide, (b - left) / wide, (c - bottom) / high, (d - bottom) / high)


def placed(part: Limits, full: Limits) -> dict[str, tuple[float, float]]:
    """The limits of axes that show a part of `full`."""
    left, right, bottom, top = full
    wide, high = right - left, top - bottom
    return {
        "xlim": (left + part[0] * wide, left + part[1] * wide),
        "ylim": (bottom + part[2] * high, bottom + part[3] * high),
    }


def ink(figure: Figure) -> None:
    """Make a figure legible on the page behind it, whatever its theme: no background, and gray for black.

    Axes that have a background of their own, such as that of a sentence in the place of a picture, keep it.
    """
    figure.patch.set_alpha(0)
    for text in figure.findobj(Text):
        if text.get_color() == "black":
            text.set_color(INK)
    for axes in figure.findobj(Axes):
        if to_hex(axes.get_facecolor()) == "#ffffff":
            axes.patch.set_alpha(0)
        axes.tick_params(colors=INK)
        for edge in axes.spines.values():
            edge.set_edgecolor(INK)


class Screen(Canvas):
    """A canvas without a toolbar of its own, on which a figure is drawn anew and stays panned and zoomed as it was."""

    def __init__(self) -> None:
        super().__init__(Figure())
        self.header_visible = self.footer_visible = self.resizable = False
        self.toolbar_visible = False  # it would cover the first picture; its tools are in a row of ours
        self.full: list[Limits] = []
        """What each axes show when all of it is seen."""
        ink(self.figure)
        FigureManager(self, 0)

    def _handle_message(self, widget: Any, content: Any, buffers: Any) -> None:
        with LOCK:
            super()._handle_message(widget, content, buffers)
        if content.get("type") == "initialized":
            self.send_state("resizable")  # voila's page begins with its own idea of it

    def _repr_mimebundle_(self, **options: Any) -> Any:
        with LOCK:
            return super()._repr_mimebundle_(**options)

    @property
    def free(self) -> bool:
        """Whether the mouse is free for clicks and drags: neither pan nor zoom is on."""
        return not self.manager.toolbar.mode

    def paint(self, draw: Callable[[Figure], object]) -> None:
        """Have the figure drawn anew; what `draw` raises is raised once the page shows what there is."""
        figure, toolbar = self.figure, self.manager.toolbar
        before = [view(axes, full) for axes, full in zip(figure.axes, self.full, strict=True)]
        try:
            draw(figure)
        finally:
            ink(figure)
            self.full = [limits(axes) for axes in figure.axes]
            toolbar.update()
            toolbar.push_current()  # what Home goes back to
            if len(before) == len(figure.axes) and any(part != WHOLE for part in before):
                for axes, full, part in zip(figure.axes, self.full, before, strict=True):
                    axes.set(**placed(part, full))
                toolbar.push_current()
            self.draw_idle()

    def home(self) -> None:
        """Show the whole pictures again."""
        with LOCK:
            self.manager.toolbar.home()

    def take(self, change: dict[str, Any]) -> None:
        """Take up one of the toolbar's tools; using it again puts it down."""
        tool = change["old"] if change["new"] == TOOLS[0] else change["new"]
        with LOCK:
            getattr(self.manager.toolbar, tool)()

    def png(self) -> bytes:
        """The figure as it is now, as the content of a PNG."""
        file = BytesIO()
        with LOCK:
            self.figure.savefig(file, format="png", dpi="figure")
        return file.getvalue()


class Drag:
    """A rectangle drawn with the mouse, or a point clicked, on the pictures of a canvas.

    Keep it: a canvas holds its listeners by weak references only.

    Parameters
    ----------
    canvas : Screen
        The toolbar's pan and zoom come first: while one of them is on, nothing happens here.
    clicked : callable
        ``clicked(axes, x, y)``.
    drawn : callable, optional
        ``drawn(axes, left, top, right, bottom)``, within the axes.
    held : callable, optional
        ``held(axes, x, y)``: the rectangle (left, top, right, bottom) that is moved from there, or None. Where it is
        put, it is `drawn`.
    """

    def __init__(
        self,
        canvas: Screen,
        clicked: Callable[[Axes, float, float], None] | None = None,
        drawn: Callable[[Axes, float, float, float, float], None] | None = None,
        held: Callable[[Axes, float, float], Limits | None] | None = None,
    ) -> None:
        self._canvas, self._clicked, self._drawn, self._held = canvas, clicked, drawn, held
        self._from: Any = None  # the event that began it
        self._moved: Limits | None = None  # the rectangle that was there, in pixels of the canvas
        canvas.mpl_connect("button_press_event", self._press)
        canvas.mpl_connect("motion_notify_event", self._move)
        canvas.mpl_connect("button_release_event", self._release)

    def _press(self, event: MouseEvent) -> None:
        start: Any = event if self._canvas.free and event.inaxes is not None and event.button == 1 else None
        held = self._held(start.inaxes, start.xdata, start.ydata) if start and self._held else None
        self._from, self._moved = start, None
        if held is not None:
            (x0, y0), (x1, y1) = start.inaxes.transData.transform((held[:2], held[2:]))
            self._moved = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def _within(self, event: MouseEvent, axes: Axes) -> tuple[float, float]:
        """Where the mouse is, in pixels of the canvas, kept inside the axes."""
        box = axes.bbox
        return min(max(event.x, box.x0), box.x1), min(max(event.y, box.y0), box.y1)

    def _corners(self, event: MouseEvent) -> Limits:
        """Two corners of the rectangle as it is now, in pixels of the canvas."""
        start, box = self._from, self._from.inaxes.bbox
        if self._moved is None:
            return (start.x, start.y, *self._within(event, start.inaxes))
        x0, y0, x1, y1 = self._moved
        right = min(max(event.x - start.x, box.x0 - x0), box.x1 - x1)
        up = min(max(event.y - start.y, box.y0 - y0), box.y1 - y1)
        return x0 + right, y0 + up, x1 + right, y1 + up

    def _move(self, event: MouseEvent) -> None:
        if self._from is not None and self._drawn is not None:
            self._canvas.manager.toolbar.draw_rubberband(event, *self._corners(event))

    def _release(self, event: MouseEvent) -> None:
        start = self._from
        if start is None:
            return
        x0, y0, x1, y1 = self._corners(event)
        self._from = None
        self._canvas.manager.toolbar.remove_rubberband()
        axes = start.inaxes
        end = self._within(event, axes)
        if max(abs(end[0] - start.x), abs(end[1] - start.y)) < NEAR:
            if self._clicked is not None:
                self._clicked(axes, start.xdata, start.ydata)
        elif self._drawn is not None:
            (x0, y0), (x1, y1) = axes.transData.inverted().transform(((x0, y0), (x1, y1)))
            (left, right), (top, bottom) = sorted((x0, x1)), sorted((y0, y1))
            if left < right and top < bottom:
                self._drawn(axes, left, top, right, bottom)
