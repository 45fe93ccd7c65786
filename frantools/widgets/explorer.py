"""What all widgets share: controls around a figure function, rendered in the background."""

from __future__ import annotations

import html
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from os.path import expanduser
from pathlib import Path
from pprint import pformat
from threading import Event, RLock
from typing import Any, ClassVar

import ipywidgets as widgets
import traitlets
from ipympl.backend_nbagg import Canvas, FigureManager
from IPython.display import Javascript
from matplotlib.axes import Axes
from matplotlib.backend_bases import MouseEvent
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..comparisons import SOURCES, Cache, Column, model
from ..frannet.restoration import Progress, versions
from ..images import Picture
from ..recipes import Recipe, load_recipe, save_figure
from ..views.note import picture_hash, unchanged
from .controls import ColumnList, PictureChooser, button, control, is_diffusion, reach, side
from .worker import Cancelled, Clock, Worker

WIDTH = 960  # pixels of a widget's figure
SIZES = (64, 128, 256, 512, 1024, 2048)
TOOLS = ("point", "pan", "zoom")
LONG = 1.0  # seconds from which a render shows its progress
PATIENCE = 0.03  # seconds that a result waits for a better one before it is drawn

# Of a picture that only this session knows: how code comes by it, and what is left to the user.
GIVEN = {
    "uploaded": ("ft.load_image({name})  # give the path of your file here", "give the path of your file"),
    "given as an array": ("...  # put the array here that the widget was given", "put the array in its place"),
}

# The canvas takes the focus and keeps the Tab key for itself, so that a keyboard gets no further. What is hidden takes
# no focus, and the pictures in it are shown all the same. What a drag or a click sets can be typed, too.
STYLE = """<style>
.frantools .jupyter-matplotlib-canvas-div { visibility: hidden }
.frantools .jupyter-matplotlib-canvas-div canvas { visibility: visible }
</style>"""

# Legible on JupyterLab's white and on its near-black: this gray has a contrast of 4.3 to either.
INK = "#797979"
ERROR = "color: var(--jp-error-color1, #d32f2f)"
NEAR = 5  # pixels: a shorter drag is a click

# Figures are drawn by the background worker, by the kernel, and by the threads on which JupyterLab has a kernel answer
# widgets while a cell runs. One at a time.
LOCK = RLock()
CACHE = Cache()  # of all widgets in the kernel: they often show the same restorations


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
    """Make a figure legible on the page behind it, whatever its theme: no background, and gray for black."""
    figure.patch.set_alpha(0)
    for text in figure.findobj(Text):
        if text.get_color() == "black":
            text.set_color(INK)
    for axes in figure.findobj(Axes):
        axes.patch.set_alpha(0)
        axes.tick_params(colors=INK)
        for edge in axes.spines.values():
            edge.set_edgecolor(INK)


def parts(widget: widgets.Widget) -> set[widgets.Widget]:
    """A widget and all that it is made of: its children, its layout, those in its attributes, and theirs."""
    found: set[widgets.Widget] = set()
    beyond: list[Any] = [widget]
    while beyond:
        each = beyond.pop()
        if isinstance(each, tuple):
            beyond += each
        elif isinstance(each, widgets.Widget) and each not in found:
            found.add(each)
            beyond += [*each.trait_values().values(), *vars(each).values()]
    return found


def retrained(recipe: Recipe) -> str:
    """Which model is another one than a recipe was made with, in a sentence; empty if none is."""
    try:
        unchanged({"pictures": {}, "models": dict(recipe.get("models", {}))})
    except (ValueError, TypeError, OSError) as error:
        return str(error)
    return ""


class Screen(Canvas):
    """A canvas that answers the browser while nothing else draws on it."""

    def _handle_message(self, widget: Any, content: Any, buffers: Any) -> None:
        with LOCK:
            super()._handle_message(widget, content, buffers)
        if content.get("type") == "initialized":
            self.send_state("resizable")  # voila's page begins with its own idea of it

    def _repr_mimebundle_(self, **options: Any) -> Any:
        with LOCK:
            return super()._repr_mimebundle_(**options)


class Explorer(widgets.VBox):
    """Controls around a figure function.

    A subclass names its `kind`, makes its controls, and has two functions: `compute` samples, on a background thread;
    `draw` makes the figure of what it yields. Together they make the figure of a recipe, as `render` does.

    Parameters
    ----------
    image : str, path or ndarray, optional
        The picture to start with.
    columns : sequence of Column
        The columns to start with.
    size : int
        Pixels a side to sharpen to.
    seed : int
        Of the random numbers.
    controls : dict of Widget
        The subclass's own, by their name in the recipe.
    live : sequence of str
        Those of them that only change how the figure is drawn.
    several : bool
        Whether columns can be added and removed.
    """

    kind: ClassVar[str]

    @staticmethod
    def compute(recipe: Recipe, image: Picture, progress: Progress, cache: Cache) -> Iterator[Any]:
        """Sample what the figure shows: coarse at first, complete at last.

        What is `urgent`, if it says so, is drawn at once: what follows takes its time, and shows nothing better.
        """
        raise NotImplementedError

    @staticmethod
    def draw(data: Any, recipe: Recipe, figure: Figure | None = None) -> Figure:
        """The figure of what `compute` yielded, new or drawn in `figure`."""
        raise NotImplementedError

    def __init__(
        self,
        image: Any,
        columns: Sequence[Column],
        size: int,
        seed: int,
        controls: Mapping[str, widgets.Widget],
        live: Sequence[str] = (),
        several: bool = True,
    ) -> None:
        size = side(size)
        self.picture = PictureChooser(image, self.say)
        self.columns = ColumnList(columns, self.say, several)
        self.controls: dict[str, widgets.Widget] = {
            "columns": self.columns,
            "size": control(
                widgets.SelectionSlider,
                "Size",
                "Pixels a side that the picture sharpens to",
                options=sorted({*SIZES, size}),
                value=size,
                continuous_update=False,
            ),
            "seed": control(
                widgets.IntText, "Seed", "Another seed, other random numbers", value=seed, continuous_update=False
            ),
            **controls,
        }
        self.cache = CACHE
        self._worker = Worker()
        self._data: Any = None
        self._recipe: Recipe = {}
        self._loading = False
        self._live = tuple(live)
        self._full: list[Limits] = []
        self.final = False

        self.canvas = Screen(Figure())
        self.canvas.header_visible = self.canvas.footer_visible = self.canvas.resizable = False
        self.canvas.toolbar_visible = False  # it would cover the first picture; its tools are in a row of ours
        ink(self.canvas.figure)
        FigureManager(self.canvas, 0)
        self.message = widgets.HTML(layout=widgets.Layout(min_height="28px"))
        self.stop = button("Stop", "Stop rendering and keep what is shown", "stop", self.cancel)
        self.stop.disabled = True
        self.progress = widgets.FloatProgress(max=1.0, layout=widgets.Layout(width="300px", visibility="hidden"))
        self.left = widgets.Label(layout=widgets.Layout(width="110px"))
        super().__init__(
            [*self._arranged(list(controls)), self._status(), self.canvas, self._files()],
            layout=widgets.Layout(max_width="1040px"),
        )
        self.add_class("frantools")
        self._bound()
        self._enable()
        self.columns.observe(lambda _: self._enable(), "value")
        self.picture.observe(self._changed, "value")
        for name, each in self.controls.items():
            each.observe(self._redrawn if name in live else self._changed, "value")
        self.refresh()

    def _bound(self) -> None:
        """Where a control's range follows another's value, let it: before what observes them renders."""

    def _enable(self) -> None:
        """Disable what does nothing with the other controls as they are."""
        seeded = [column["seed"] is None and is_diffusion(column["model"]) for column in self.columns.value]
        self.controls["seed"].disabled = not any(seeded)

    def _arranged(self, own: Sequence[str]) -> list[widgets.Widget]:
        """The rows of controls above the figure."""
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start")
        common = widgets.VBox([self.controls["size"], self.controls["seed"]])
        wide = [self.controls[name] for name in own if isinstance(self.controls[name], widgets.Box)]
        narrow = widgets.VBox([self.controls[name] for name in own if self.controls[name] not in wide])
        return [widgets.HBox([self.picture, common, narrow], layout=wrap), self.columns, *wide]

    def _status(self) -> widgets.Widget:
        self.home = button("", "Show the whole pictures again", "home", self._home, "40px")
        self.tool = widgets.ToggleButtons(
            options=TOOLS,
            tooltips=["Click and drag choose", "Drag the pictures about", "Enlarge what a rectangle is drawn around"],
            style={"button_width": "auto"},
            layout=widgets.Layout(width="auto"),
        )
        self.tool.observe(self._take, "value")
        left = widgets.HBox([self.stop, self.home, self.tool, self.progress, self.left])
        return widgets.VBox([left, self.message])

    def _home(self) -> None:
        with LOCK:
            self.canvas.manager.toolbar.home()

    def _take(self, change: dict[str, Any]) -> None:
        """Take up one of the toolbar's tools; using it again puts it down."""
        tool = change["old"] if change["new"] == TOOLS[0] else change["new"]
        with LOCK:
            getattr(self.canvas.manager.toolbar, tool)()

    def _files(self) -> widgets.Widget:
        """Save the figure, copy its code, load a recipe."""
        self.path = control(
            widgets.Text,
            "Save as",
            "Where the figure is saved: .png, .pdf or .svg",
            value=self.kind + ".png",
        )
        self.save = button("Save figure", "Write the figure with its recipe", "save", self._save)
        self.copy = button("Copy code", "Python code that makes this figure again", "copy", self._copy)
        self.upload = widgets.FileUpload(
            accept=".png", description="Load recipe", tooltip="A PNG of FranTools: set the controls as they were for it"
        )
        self.upload.observe(self._load_upload, "value")
        self.code = widgets.Textarea(
            tooltip="The code", layout=widgets.Layout(width="960px", height="160px", display="none")
        )
        self.clipboard = widgets.Output(layout=widgets.Layout(display="none"))
        row = widgets.HBox([self.path, self.save, self.copy, self.upload], layout=widgets.Layout(flex_flow="row wrap"))
        style = widgets.HTML(STYLE, layout=widgets.Layout(display="none"))
        return widgets.VBox([row, self.code, self.clipboard, style])

    # What is on screen, as a recipe

    @property
    def recipe(self) -> Recipe:
        """What makes the figure on screen again; raises a ValueError or an OSError where a control is wrong."""
        columns = [Column.from_dict(column) for column in self.columns.value]
        names = {column.model for column in columns} - set(SOURCES)
        return {
            "figure": self.kind,
            "pictures": {self.picture.value: picture_hash(self.picture.image)},
            **({"given": {self.picture.value: self.picture.given}} if self.picture.given else {}),
            **{name: each.value for name, each in self.controls.items()},
            "columns": [column.to_dict() for column in columns],
            "models": {name: model(name).sha256 for name in sorted(names)},
            "versions": versions(),
        }

    def load(self, recipe: Recipe | str | Path) -> None:
        """Set the controls as a recipe says.

        Parameters
        ----------
        recipe : dict or path
            Of this widget, of another or of one of the note's figures: what it says of this widget's controls is
            taken over. Or a PNG with such a recipe.
        """
        before = {name: each.value for name, each in self.controls.items()}
        chosen, other = self.picture.value, ""
        self._loading = True
        try:
            wanted = recipe if isinstance(recipe, dict) else load_recipe(recipe)
            if not wanted.get("columns"):
                raise ValueError("the recipe has no columns; accepted are those of figures")
            for column in wanted["columns"]:
                Column.from_dict(column)
            for name, sha256 in list(wanted.get("pictures", {}).items())[:1]:
                other = self.picture.find(name, sha256, wanted.get("given", {}).get(name, ""))
            for name, each in self.controls.items():
                if name in wanted:
                    self._set(name, each, wanted[name])
        except Exception as error:  # of whatever kind: a damaged recipe may hold anything
            self.picture.value = chosen
            for name, each in self.controls.items():
                each.value = before[name]
            known = isinstance(error, (ValueError, OSError))
            self.say(str(error) if known else f"the recipe is damaged: {error}")
            return
        finally:
            self._loading = False
        with LOCK:
            self.refresh()
            if not self.message.value:
                self.say(other or retrained(wanted))

    def _set(self, name: str, control: widgets.Widget, value: Any) -> None:
        if name == "size":
            value = side(value[0] if isinstance(value, list) else value)
            control.options = sorted({*control.options, value})
        if isinstance(control, (widgets.IntSlider, widgets.BoundedIntText)):
            reach(control, f"the recipe's {name}", value)
            return
        try:
            control.value = value
        except traitlets.TraitError:
            raise ValueError(f"the recipe's {name} is {value!r}, which its control does not accept") from None

    @property
    def script(self) -> str:
        """Python code that makes the figure on screen again."""
        name, given = self.picture.value, self.picture.given
        image = f"image = {GIVEN[given][0].format(name=json.dumps(name))}\n" if given else ""
        recipe = {name: value for name, value in self.recipe.items() if name != "versions"}
        call = f"figure = ft.widgets.render(recipe{', image=image' if given else ''})"
        listed = pformat(recipe, sort_dicts=False, width=100)
        return f"import frantools as ft\n\n{image}recipe = {listed}\n{call}\nfigure\n"

    # Rendering

    def refresh(self) -> None:
        """Render what the controls say, in the background."""
        if self.comm is None:  # closed
            return
        try:
            recipe, image = self.recipe, self.picture.image
        except Exception as error:  # of whatever kind: what a recipe brought into the controls may be anything
            self.cancel()
            self.say(str(error) or type(error).__name__)
            return
        with LOCK:
            self.say("")
            self.stop.disabled = False
            self.final = False
            self._worker.submit(partial(self._render, recipe, image))

    def cancel(self) -> None:
        """Stop rendering; what is shown stays."""
        with LOCK:
            self._worker.stop()
            self._idle()

    def close(self) -> None:
        """Stop rendering, and free the widget with all that it is made of."""
        if self.comm is None:  # it is closed, or was never open: Python closes what it deletes
            return
        self._worker.stop()
        self._worker.join(1.0)  # outside the lock, which the work needs to leave
        with LOCK:
            self._data = None
            self.canvas.figure.clear()
            for part in parts(self) - {self}:
                part.close()
            super().close()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the figure is complete, in scripts; False if it takes longer than `timeout` seconds."""
        return self._worker.join(timeout)

    def _render(self, recipe: Recipe, image: Picture, cancelled: Event) -> None:
        clock, since = Clock(), 0.0
        latest: list[Any] = []  # what waits to be drawn

        def shown() -> None:
            if latest:
                self._unless(cancelled, self.show, latest.pop(), recipe)

        def report(share: float) -> None:
            if cancelled.is_set():
                raise Cancelled
            if time.perf_counter() - since > PATIENCE:  # what follows takes its time: it is not in the cache
                shown()
            whole, left = clock.left(share)
            if share > 0 and whole > LONG:
                self._unless(cancelled, self._advance, share, left)

        try:
            for data in type(self).compute(recipe, image, report, self.cache):
                latest[:], since = [data], time.perf_counter()
                if getattr(data, "urgent", False):
                    shown()
            shown()
            self._unless(cancelled, self._finish)
        except Cancelled:
            pass
        except Exception as error:  # of whatever kind: it belongs on the screen, and the widget goes on
            self._unless(cancelled, self._fail, str(error) or type(error).__name__)

    def _unless(self, cancelled: Event, call: Callable[..., None], *arguments: Any) -> None:
        """Make a call, alone, unless the work that it is part of is no longer wanted."""
        with LOCK:
            if not cancelled.is_set():
                call(*arguments)

    def show(self, data: Any, recipe: Recipe) -> None:
        """Draw a result."""
        self._data, self._recipe = data, recipe
        self.redraw()

    def redraw(self) -> None:
        """Draw the latest result as the controls say, panned and zoomed as it was."""
        if self._data is None:
            return
        figure, toolbar = self.canvas.figure, self.canvas.manager.toolbar
        before = [view(axes, full) for axes, full in zip(figure.axes, self._full, strict=True)]
        live = {name: self.controls[name].value for name in self._live}
        try:
            type(self).draw(self._data, {**self._recipe, **live}, figure)
        except ValueError as error:
            self.say(str(error))
        ink(figure)
        self._full = [limits(axes) for axes in figure.axes]
        toolbar.update()
        toolbar.push_current()  # what Home goes back to
        if len(before) == len(figure.axes) and any(part != WHOLE for part in before):
            for axes, full, part in zip(figure.axes, self._full, before, strict=True):
                axes.set(**placed(part, full))
            toolbar.push_current()
        self.canvas.draw_idle()

    def _finish(self) -> None:
        self.final = True
        self._idle()

    def _fail(self, text: str) -> None:
        self.say(text)
        self._idle()

    def _idle(self) -> None:
        self.stop.disabled = True
        self.progress.layout.visibility = "hidden"
        self.left.value = ""

    def _advance(self, share: float, left: float) -> None:
        self.progress.layout.visibility = "visible"
        self.progress.value = share
        self.left.value = f"{left:.0f} s left"

    def _changed(self, _: object) -> None:
        with LOCK:
            if not self._loading:
                self.refresh()

    def _redrawn(self, _: object) -> None:
        with LOCK:
            if not self._loading:
                self.redraw()

    def say(self, text: str) -> None:
        """Show a message; an empty one takes it away."""
        self.message.value = f'<span class="jp-mod-error" style="{ERROR}">{html.escape(text)}</span>' if text else ""

    # Files

    def _save(self) -> None:
        with LOCK:
            if not self.final:
                self.say("the figure is not complete, so that no recipe makes it again; let it render to its end")
                return
            try:
                live = {name: self.controls[name].value for name in self._live}
                recipe = {**self._recipe, **live}
                path = Path(expanduser(self.path.value))
                save_figure(type(self).draw(self._data, recipe, None), path, recipe)
            except (ValueError, OSError) as error:
                self.say(str(error))
            else:
                self.tell(f"saved {path}")

    def tell(self, text: str) -> None:
        """Show that something went well."""
        self.message.value = f"<span>{html.escape(text)}</span>"

    def _copy(self) -> None:
        try:
            self.code.value = self.script
        except (ValueError, OSError) as error:
            self.say(str(error))
            return
        given = self.picture.given
        self.tell(f"{self.picture.value} was {given}: {GIVEN[given][1]} in the code" if given else "copied")
        self.code.layout.display = ""
        # The browser may refuse the clipboard to a page; then the code is there to be selected.
        self.clipboard.outputs = ()
        self.clipboard.append_display_data(Javascript(f"navigator.clipboard?.writeText({json.dumps(self.code.value)})"))

    def _load_upload(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "recipe.png"
                path.write_bytes(bytes(file["content"]))
                self.load(path)
        self.upload.value = ()  # the same file, chosen again, is a change again


class Drag:
    """A rectangle drawn with the mouse, or a point clicked, on the pictures of a canvas.

    Keep it: a canvas holds its listeners by weak references only.

    Parameters
    ----------
    canvas : Canvas
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
        canvas: Canvas,
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
        free = not self._canvas.manager.toolbar.mode
        start: Any = event if free and event.inaxes is not None and event.button == 1 else None
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
