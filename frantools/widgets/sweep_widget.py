"""A sweep as a map, live while it fills, beside the picture of the cell that is chosen."""

from __future__ import annotations

import html
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from ..comparisons.cache import Cache, Disk
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import recipe_of, resolve_columns, with_preferred_frame
from ..photos.images import portraits
from ..photos.photo import as_photo
from ..sweeps.axes import Axes
from ..sweeps.plan import Plan, make_plan
from ..sweeps.reader import read_sweep
from ..sweeps.result import Sweep
from ..sweeps.run import to_sweep
from ..views.compare import VIEW, Compared
from ..views.sweep_data import is_number, told
from . import cleanup
from .background_sweep import BackgroundSweep
from .compare_widget import panes_of
from .controls import Guarded, button, side, slim
from .live_view import LiveView, Panes
from .rendering import LOCK
from .sweep_map import Mapped, MapWidget, setting_told
from .worker import LEAVE


class SweepMap(Guarded, LiveView):
    """A sweep as a map; see `frantools.widgets.sweep`."""

    view = VIEW
    chosen: Any = traitlets.Any(None, help="The setting that is shown, by axis; in both directions.")
    paused = traitlets.Bool(False, help="Whether the cells that are left wait.")
    _showing = False  # a restoration is under way, for which the cells that are left wait

    def __init__(self, made: Sweep, photo: Any, size: int, seed: int, planned: Plan | None, store: Any) -> None:
        self.sweep, self._size, self._seed = made, size, seed
        self._columns = {tuple(values[name] for name in made.axes): column for values, column in made.columns}
        different = {c.what if isinstance(c.what, str) else id(c.what): c for c in self._columns.values()}
        self.original = with_preferred_frame(as_photo(photo), resolve_columns(different.values())).at(size)
        super().__init__(self.original, ["original", "restored"])
        if store is not None:
            self.cache = Cache(disk=Disk(store))
        self.viewer.update({"original": self.original.picture, "restored": None})
        self.viewer.notes = {"restored": "Click a cell of the map to see what it restores."}
        self._background_sweep = None if planned is None else BackgroundSweep(planned, store, self._tell, self._failed)
        calls = [each.restorer.calls for each in planned.settings] if planned is not None else []
        self._controls(max((each or 0 for each in [*calls, *(row["calls"] for row in made.rows)]), default=0))
        self.viewer.layout.flex, self.viewer.layout.min_width = "1 1 0", "0"
        beside = widgets.VBox([self.plane, self.best], layout=widgets.Layout(flex="0 0 42%", margin="0 16px 0 0"))
        row = [*self._axes, *self.values.values(), self.measure, self.under, self.show_best]
        row += [self.pause, self.progress, self.left, self.message]
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        body = widgets.HBox([beside, self.viewer], layout=widgets.Layout(align_items="flex-start"))
        self.children = [widgets.HBox(row, layout=wrap), body]
        self.add_class("frantools")
        self._tell(None)
        for each in (*self._axes, *self.values.values(), self.measure, self.under):
            each.observe(self._turned, "value")
        self.plane.observe(self._picked, "chosen")
        self.observe(self._shown_anew, "chosen")
        self.observe(self._halted, "paused")
        self._fill()
        cleanup.made(self)

    def _controls(self, most: int) -> None:
        """Make the controls; `most` is how many network calls a setting has, at most."""
        mapped = Mapped(self.sweep, self.sweep.measures[0])
        values = {name: mapped.values(name) for name in mapped.names}
        varying = [name for name, each in values.items() if len(each) > 1] or list(values)[:1]
        if not varying:
            raise ValueError("the sweep has no axis, so there is no map; accepted are sweeps of one axis or more")
        first = [*sorted(varying, key=lambda name: not all(map(is_number, values[name]))), ""]
        upward = [*((name, name) for name in (varying if len(varying) > 1 else [])), ("none", "")]
        self.plane = MapWidget()
        self.x = slim(
            widgets.Dropdown, "Across", "The axis from left to right", "170px", options=varying, value=first[0]
        )
        self.y = slim(widgets.Dropdown, "Up", "The axis from bottom to top", "150px", options=upward, value=first[1])
        self._axes, self._before = (self.x, self.y), (self.x.value, self.y.value)
        self.values = {
            name: slim(
                widgets.SelectionSlider if all(map(is_number, values[name])) else widgets.Dropdown,
                name, f"Which {name} the map shows", "190px", options=[(told(each), each) for each in values[name]],
            )
            for name in varying
        }  # fmt: skip
        self.measure = slim(widgets.Dropdown, "Measure", "What is measured", "150px", options=self.sweep.measures)
        self.measure.layout.display = "" if len(self.sweep.measures) > 1 else "none"
        self.under = slim(
            widgets.IntSlider, "Calls at most", "The best setting with no more network calls is named, and outlined",
            "270px", min=min(1, most), max=most, value=most,
        )  # fmt: skip
        self.under.layout.display = "" if most > 1 else "none"
        self.best = widgets.HTML(layout=widgets.Layout(margin="0"))
        self.show_best = button("Show best", "Show the best of all settings with as few calls", "star", self._show_best)
        self.pause = button("Pause", "Leave the cells that are left, and go on with them later", "pause", self._turn)
        self.progress = widgets.FloatProgress(max=1.0, layout=widgets.Layout(flex="1 1 60px", min_width="0"))
        self.left = widgets.Label()
        if self._background_sweep is None:
            self.pause.layout.display = self.progress.layout.display = "none"

    # The map

    def _where(self) -> dict[str, Any]:
        """The values of the axes that the map does not show."""
        shown = (self.x.value, self.y.value)
        return {name: each.value for name, each in self.values.items() if name not in shown}

    def _under(self) -> int:
        """How many network calls a setting may have; any number where it was not known that there are some."""
        return self.under.value or sys.maxsize

    def draw(self) -> None:
        """Show the map of what is computed."""
        self._mapped = mapped = Mapped(self.sweep, self.measure.value)
        where = self._where()
        x, y, under = self.x.value, self.y.value, self._under()
        for name, each in self.values.items():
            each.layout.display = "" if name in where else "none"
        at = []
        if self.chosen is not None and all(self.chosen[name] == value for name, value in where.items()):
            at = [mapped.values(x).index(self.chosen[x]), mapped.values(y).index(self.chosen[y]) if y else 0]
        with self.writing(), self.plane.hold_sync():
            self.plane.set_trait("chosen", at)
            for name, value in mapped.traits(x, y, where, under).items():
                self.plane.set_trait(name, value)
        here, best = mapped.best(under, where), mapped.best(under, {})
        few = f"under {under} call{'s' * (under != 1)}" if self.under.value else ""
        limit = f"Best {few}".strip()
        said = [] if here is None else [(limit if here == best else f"{limit}, in view", here)]
        said += [] if best in (None, here) else [(f"{limit}, of all", best)]
        nothing = f"Nothing {few} is computed yet.".replace("  ", " ")
        lines = [f"<b>{title}</b><br>{html.escape(self._numbers(place))}" for title, place in said]
        self.best.value = f"<div style='line-height: 18px'>{'<br>'.join(lines) or nothing}</div>"
        self.show_best.layout.display = "none" if best is None else ""

    def _numbers(self, place: tuple[Any, ...]) -> str:
        named = [name for name in self._mapped.names if name in self.values]
        values = tuple(place[self._mapped.names.index(name)] for name in named)
        return f"{setting_told(tuple(named), values)}: {self._mapped.number(self._mapped.means[place])}"

    def _show_best(self) -> None:
        with LOCK:
            best = self._mapped.best(self._under(), {})
            if best is not None:
                self.chosen = dict(zip(self._mapped.names, best, strict=True))

    def _turned(self, change: Any) -> None:
        """Show what the controls say."""
        with LOCK:
            if self._writing or self.comm is None:
                return
            with self.writing():
                if self.x.value == self.y.value:  # the axes change places
                    x, y = self._before
                    self.x.value, self.y.value = (self.x.value, x) if change["owner"] is self.x else (y, self.y.value)
                self._before = self.x.value, self.y.value
                if change["owner"] in self._axes and self.chosen is not None:
                    for name, each in self.values.items():
                        each.value = self.chosen[name]
            self.draw()
            if change["owner"] in self.values.values() and self.chosen is not None:
                moved = {**self.chosen, **self._where()}
                self.chosen = moved if self._place(moved) in self._columns else None
            if change["owner"] not in (self.measure, self.under):
                self._fill()  # what is in view comes first

    def _place(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(values.get(name) for name in self.sweep.axes)

    def _picked(self, change: Any) -> None:
        """Choose what was chosen on the map."""
        with LOCK:
            if self._writing or self.comm is None or len(change["new"]) != 2:
                return
            i, j = change["new"]
            at = zip((self.x.value, self.y.value), (i, j), strict=True)
            self.chosen = {**self._where(), **{name: self._mapped.values(name)[n] for name, n in at if name}}

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: Any) -> dict[str, Any] | None:
        value, inside = proposal["value"], {**(self.chosen or {}), **self._where()}
        if value is None:
            return None
        known = [dict(zip(self.sweep.axes, place, strict=True)) for place in self._columns]
        told = value.items() if isinstance(value, Mapping) else [("", value)]
        same = [each for each in known if all(name in each and each[name] == said for name, said in told)]
        if not same:
            raise traitlets.TraitError(f"chosen is {value!r}; accepted are None and a setting of the sweep, by axis")
        return max(same, key=lambda each: sum(each[name] == inside[name] for name in inside))

    def _shown_anew(self, _: object) -> None:
        """Show the chosen cell's restoration beside the original; the cells that are left wait for it."""
        with LOCK:
            if self.comm is None:
                return
            if self.chosen is not None:
                with self.writing():
                    for name, each in self.values.items():
                        each.value = self.chosen[name]
                self._halt()
                self._showing = True
                self.set_trait("final", False)
                columns = [self._columns[self._place(self.chosen)].replace(title="restored")]
                self.start(recipe_of("compare", self.original, columns, self._size, seed=self._seed), self.original)
            self.draw()

    def panes(self, data: Compared, recipe: Recipe) -> Panes:
        """The original, and the restoration with its numbers over every pixel."""
        made = panes_of(data, recipe)
        return replace(made, pictures={"original": self.original.picture, **made.pictures})

    # The cells that are left

    def _fill(self) -> None:
        """Go on with the cells that are left, in the background; those in view come first."""
        if self._background_sweep is not None and self.comm is not None and not self.paused and not self._showing:
            self._background_sweep.start([name for name in (self.x.value, self.y.value) if name], self._where())

    def _halt(self) -> None:
        if self._background_sweep is not None:
            self._background_sweep.stop()

    def _tell(self, seconds: float | None) -> None:
        """Show what is computed, and how far it is."""
        if self.comm is None:
            return
        if self._background_sweep is not None:
            self.sweep = self._background_sweep.sweep
            done, total, failed = (
                self._background_sweep.done,
                self._background_sweep.total,
                len(self.sweep.failures.rows),
            )
            left = f", {seconds:.0f} s left" if seconds is not None else ""
            self.left.value = f"{done} of {total} cells{f', {failed} failed' * bool(failed)}{left}"
            self.progress.value = done / total
            self.pause.disabled = done == total
            self.progress.layout.display = "none" if done == total else ""
        self.draw()

    def _failed(self, text: str) -> None:
        self.message.error("sweep", text)
        self.paused = True

    def _turn(self) -> None:
        self.paused = not self.paused

    def _halted(self, _: object) -> None:
        with LOCK:
            self.pause.description, self.pause.icon = ("Go on", "play") if self.paused else ("Pause", "pause")
            if self.paused:
                self._halt()
            else:
                self.message.clear("sweep")
                self._fill()

    def finish(self) -> None:
        """The restoration is complete: the cells that are left go on."""
        super().finish()
        self._showing = False
        self._fill()

    def fail(self, text: str) -> None:
        """The restoration cannot be had: the cells that are left go on."""
        super().fail(text)
        self._showing = False
        self._fill()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the picture is complete, and all cells unless they are paused; False if it takes longer."""
        return super().wait(timeout) and (self._background_sweep is None or self._background_sweep.join(timeout))

    def close(self) -> None:
        """Stop, and free the widget with all that it is made of."""
        if self.comm is not None and self._background_sweep is not None:
            self._background_sweep.stop()
            self._background_sweep.join(LEAVE)
        super().close()


def sweep(
    what: Sweep | Axes | str | PathLike[str],
    photo: Any = None,
    base: Any = None,
    measures: Sequence[str] = ("mse",),
    points: int | None = 2048,
    size: int = 320,
    seed: int = 0,
    store: str | PathLike[str] | None = None,
) -> SweepMap:
    """A sweep as a map: the number of each setting, and its picture where one clicks.

    Parameters
    ----------
    what : dict, list of dict, Sweep or path
        Axes, as for `frantools.sweep`: they are swept on the photo in the background, coarse cells first. Or a sweep,
        or the folder of a store, of which nothing is computed: its numbers are means over its pictures.
    photo : Photo, str, path or ndarray, optional
        What a cell restores. Default: the sweep's first picture where that is a built-in portrait, else the first
        portrait.
    base, measures, points, seed, store
        As for `frantools.sweep`, of axes. Without points, every pixel is measured. In a store the next kernel finds
        numbers and restorations. Without one, they are kept as long as the kernel runs.
    size : int
        Pixels of the longer side that the photo is taken down to, to be measured and to be shown.

    Returns
    -------
    SweepMap
        A widget; set its `chosen` to show a setting, and `paused`. Its `sweep` is what is computed so far.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If the photo or the store cannot be read, or an argument is not as above.
    """
    planned, size = None, side(size)
    if isinstance(what, Sweep):
        made = what
    elif isinstance(what, (str, PathLike)):
        made, store = read_sweep(what), what if Path(what).is_dir() else store
    else:
        photo = as_photo(next(iter(portraits())) if photo is None else photo)
        planned = make_plan(what, [photo], base, measures, points, size, seed, None, "float32")
        made = to_sweep(planned, {})
    if photo is None:
        name = made.pictures[0] if made.pictures else ""
        photo = name if name in portraits() else next(iter(portraits()))
    return SweepMap(made, photo, size, seed, planned, store)
