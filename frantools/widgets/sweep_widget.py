"""The widget that shows a sweep as a map while it is computed, beside the picture of the chosen cell."""

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

from ..checks import integer
from ..comparisons.cache import Cache, Disk
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import recipe_of, resolve_columns, with_preferred_frame
from ..photos.images import portraits
from ..photos.photo import as_photo
from ..photos.regions import LARGEST
from ..sweeps.axes import Axes
from ..sweeps.plan import Plan, make_plan
from ..sweeps.reader import read_sweep
from ..sweeps.result import Sweep
from ..sweeps.run import to_sweep
from ..viewer.panes import Panes, comparison_panes
from ..views.compare import VIEW
from ..views.sweep_data import format_value, is_number
from . import cleanup
from .background import EXIT_TIMEOUT, LOCK, BackgroundSweep
from .controls import BatchedWrites, button, set_visible, slim
from .live_view import LiveView
from .sweep_map import MapWidget, SweepSummary, describe_setting


class SweepMap(BatchedWrites, LiveView):
    """A sweep as a map; see `frantools.widgets.sweep`."""

    view = VIEW
    chosen: Any = traitlets.Any(None, help="The setting that is shown, by axis; in both directions.")
    paused = traitlets.Bool(False, help="Whether the remaining cells wait.")
    _is_restoring = False  # a restoration is being rendered, and the remaining cells wait for it

    def __init__(self, sweep: Sweep, photo: Any, size: int, seed: int, sweep_plan: Plan | None, store: Any) -> None:
        self.sweep, self._size, self._seed = sweep, size, seed
        self._columns = {tuple(values[name] for name in sweep.axes): column for values, column in sweep.columns}
        distinct = {c.what if isinstance(c.what, str) else id(c.what): c for c in self._columns.values()}
        self.original = with_preferred_frame(as_photo(photo), resolve_columns(distinct.values())).at(size)
        super().__init__(self.original, ["original", "restored"])
        if store is not None:
            self.cache = Cache(disk=Disk(store))
        self.viewer.update({"original": self.original.picture, "restored": None})
        self.viewer.notes = {"restored": "Click a cell of the map to see what it restores."}
        self._background_sweep = None
        if sweep_plan is not None:
            self._background_sweep = BackgroundSweep(sweep_plan, store, self._update, self._fail_sweep)
        calls = [setting.restorer.calls for setting in sweep_plan.settings] if sweep_plan is not None else []
        self._create_controls(max((n or 0 for n in [*calls, *(row["calls"] for row in sweep.rows)]), default=0))
        self.viewer.layout.flex, self.viewer.layout.min_width = "1 1 0", "0"
        map_box = widgets.VBox([self.plane, self.best], layout=widgets.Layout(flex="0 0 42%", margin="0 16px 0 0"))
        row = [*self._axes, *self.values.values(), self.measure, self.under, self.show_best]
        row += [self.pause, self.progress, self.left, self.message]
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        body = widgets.HBox([map_box, self.viewer], layout=widgets.Layout(align_items="flex-start"))
        self.children = [widgets.HBox(row, layout=wrap), body]
        self.add_class("frantools")
        self._update(None)
        for part in (*self._axes, *self.values.values(), self.measure, self.under):
            part.observe(self._on_control, "value")
        self.plane.observe(self._on_plane, "chosen")
        self.observe(self._on_chosen, "chosen")
        self.observe(self._on_paused, "paused")
        self._resume()
        cleanup.register_widget(self)

    def _create_controls(self, max_calls: int) -> None:
        """Create the controls; `max_calls` is the largest number of network calls of a setting."""
        summary = SweepSummary(self.sweep, self.sweep.measures[0])
        values = {name: summary.values(name) for name in summary.names}
        varying = [name for name, options in values.items() if len(options) > 1] or list(values)[:1]
        if not varying:
            raise ValueError("the sweep must have at least one axis to be shown as a map, got none")
        across = [*sorted(varying, key=lambda name: not all(map(is_number, values[name]))), ""]
        up = [*((name, name) for name in (varying if len(varying) > 1 else [])), ("none", "")]
        self.plane = MapWidget()
        self.x = slim(
            widgets.Dropdown, "Across", "The axis from left to right", "170px", options=varying, value=across[0]
        )
        self.y = slim(widgets.Dropdown, "Up", "The axis from bottom to top", "150px", options=up, value=across[1])
        self._axes, self._previous_axes = (self.x, self.y), (self.x.value, self.y.value)
        self.values = {
            name: slim(
                widgets.SelectionSlider if all(map(is_number, values[name])) else widgets.Dropdown,
                name, f"The {name} that the map shows", "190px",
                options=[(format_value(value), value) for value in values[name]],
            )
            for name in varying
        }  # fmt: skip
        self.measure = slim(widgets.Dropdown, "Measure", "The measure of the map", "150px", options=self.sweep.measures)
        set_visible(self.measure, len(self.sweep.measures) > 1)
        self.under = slim(
            widgets.IntSlider, "Calls at most", "The best setting with no more network calls is named, and outlined",
            "270px", min=min(1, max_calls), max=max_calls, value=max_calls,
        )  # fmt: skip
        set_visible(self.under, max_calls > 1)
        self.best = widgets.HTML(layout=widgets.Layout(margin="0"))
        self.show_best = button("Show best", "Show the best of all settings with as few calls", "star", self._show_best)
        self.pause = button("Pause", "Pause the remaining cells, or resume them", "pause", self._toggle_pause)
        self.progress = widgets.FloatProgress(max=1.0, layout=widgets.Layout(flex="1 1 60px", min_width="0"))
        self.left = widgets.Label()
        if self._background_sweep is None:
            set_visible(self.pause, False)
            set_visible(self.progress, False)

    # The map

    def _view(self) -> dict[str, Any]:
        """Return the values of the axes that are not on the map."""
        return {name: part.value for name, part in self.values.items() if name not in (self.x.value, self.y.value)}

    def _max_calls(self) -> int:
        """Return the limit of network calls; there is none if the number of calls is unknown."""
        return self.under.value or sys.maxsize

    def draw(self) -> None:
        """Draw the map of the computed cells."""
        self._summary = summary = SweepSummary(self.sweep, self.measure.value)
        view, x, y, max_calls = self._view(), self.x.value, self.y.value, self._max_calls()
        for name, part in self.values.items():
            set_visible(part, name in view)
        chosen = []
        if self.chosen is not None and all(self.chosen[name] == value for name, value in view.items()):
            chosen = [summary.values(x).index(self.chosen[x]), summary.values(y).index(self.chosen[y]) if y else 0]
        with self.writing(), self.plane.hold_sync():
            self.plane.set_trait("chosen", chosen)
            for name, value in summary.map_traits(x, y, view, max_calls).items():
                self.plane.set_trait(name, value)
        best_in_view, best = summary.best(max_calls, view), summary.best(max_calls, {})
        limit = f"under {max_calls} call{'s' * (max_calls != 1)}" if self.under.value else ""
        title = f"Best {limit}".strip()
        bests = [] if best_in_view is None else [(title if best_in_view == best else f"{title}, in view", best_in_view)]
        bests += [] if best in (None, best_in_view) else [(f"{title}, of all", best)]
        lines = [f"<b>{heading}</b><br>{html.escape(self._describe(place))}" for heading, place in bests]
        empty = f"Nothing {limit} is computed yet.".replace("  ", " ")
        self.best.value = f"<div style='line-height: 18px'>{'<br>'.join(lines) or empty}</div>"
        set_visible(self.show_best, best is not None)

    def _describe(self, place: tuple[Any, ...]) -> str:
        names = tuple(name for name in self._summary.names if name in self.values)
        values = tuple(place[self._summary.names.index(name)] for name in names)
        return f"{describe_setting(names, values)}: {self._summary.describe(self._summary.means[place])}"

    def _show_best(self) -> None:
        with LOCK:
            best = self._summary.best(self._max_calls(), {})
            if best is not None:
                self.chosen = dict(zip(self._summary.names, best, strict=True))

    def _on_control(self, change: Any) -> None:
        with LOCK:
            if self._writing or self.comm is None:
                return
            control = change["owner"]
            with self.writing():
                if self.x.value == self.y.value:  # the axes swap places
                    x, y = self._previous_axes
                    self.x.value, self.y.value = (self.x.value, x) if control is self.x else (y, self.y.value)
                self._previous_axes = self.x.value, self.y.value
                if control in self._axes and self.chosen is not None:
                    for name, part in self.values.items():
                        part.value = self.chosen[name]
            self.draw()
            if control in self.values.values() and self.chosen is not None:
                chosen = {**self.chosen, **self._view()}
                self.chosen = chosen if self._place(chosen) in self._columns else None
            if control not in (self.measure, self.under):
                self._resume()  # with the visible cells first

    def _place(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(values.get(name) for name in self.sweep.axes)

    def _on_plane(self, change: Any) -> None:
        """Choose the setting of the cell that was chosen on the map."""
        with LOCK:
            if self._writing or self.comm is None or len(change["new"]) != 2:
                return
            axes = zip((self.x.value, self.y.value), change["new"], strict=True)
            on_map = {name: self._summary.values(name)[index] for name, index in axes if name}
            self.chosen = {**self._view(), **on_map}

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: Any) -> dict[str, Any] | None:
        value, current = proposal["value"], {**(self.chosen or {}), **self._view()}
        if value is None:
            return None
        settings = [dict(zip(self.sweep.axes, place, strict=True)) for place in self._columns]
        requested = value.items() if isinstance(value, Mapping) else [("", value)]
        matching = [s for s in settings if all(name in s and s[name] == number for name, number in requested)]
        if not matching:
            raise traitlets.TraitError(f"chosen must be None or a setting of the sweep, by axis, got {value!r}")
        return max(matching, key=lambda setting: sum(setting[name] == current[name] for name in current))

    def _on_chosen(self, _: object) -> None:
        """Render the chosen setting beside the original; the remaining cells wait for it."""
        with LOCK:
            if self.comm is None:
                return
            if self.chosen is not None:
                with self.writing():
                    for name, part in self.values.items():
                        part.value = self.chosen[name]
                self._stop_sweep()
                self._is_restoring = True
                self.set_trait("final", False)
                columns = [self._columns[self._place(self.chosen)].replace(title="restored")]
                recipe = recipe_of("compare", self.original, columns, self._size, seed=self._seed, restorers={})
                self.start(recipe, self.original)
            self.draw()

    def panes(self, result: Comparison, recipe: Recipe) -> Panes:
        """Return the original and the restoration, with its numbers over all pixels."""
        panes = comparison_panes(result, result.measured)
        pictures = {"original": self.original.picture, "restored": panes.pictures["restored"]}
        return replace(panes, pictures=pictures, caption="", reference=None)

    # The remaining cells

    def _resume(self) -> None:
        """Compute the remaining cells in the background, the visible ones first."""
        if self._background_sweep is not None and self.comm is not None and not (self.paused or self._is_restoring):
            axes = [name for name in (self.x.value, self.y.value) if name]
            self._background_sweep.start(axes, self._view())

    def _stop_sweep(self) -> None:
        if self._background_sweep is not None:
            self._background_sweep.stop()

    def _update(self, seconds: float | None) -> None:
        """Show the computed cells and the progress."""
        if self.comm is None:
            return
        if self._background_sweep is not None:
            self.sweep = self._background_sweep.sweep
            done, total = self._background_sweep.done, self._background_sweep.total
            failures = len(self.sweep.failures.rows)
            remaining = f", {seconds:.0f} s left" if seconds is not None else ""
            self.left.value = f"{done} of {total} cells{f', {failures} failed' * bool(failures)}{remaining}"
            self.progress.value = done / total
            self.pause.disabled = done == total
            set_visible(self.progress, done < total)
        self.draw()

    def _fail_sweep(self, error: str) -> None:
        self.message.error("sweep", error)
        self.paused = True

    def _toggle_pause(self) -> None:
        self.paused = not self.paused

    def _on_paused(self, _: object) -> None:
        with LOCK:
            self.pause.description, self.pause.icon = ("Resume", "play") if self.paused else ("Pause", "pause")
            if self.paused:
                self._stop_sweep()
            else:
                self.message.clear("sweep")
                self._resume()

    def finish(self) -> None:
        """Handle the end of rendering, and resume the remaining cells."""
        super().finish()
        self._is_restoring = False
        self._resume()

    def fail(self, error: str) -> None:
        """Handle an error that ended rendering, and resume the remaining cells."""
        super().fail(error)
        self._is_restoring = False
        self._resume()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the picture and, unless paused, all cells are complete; return False if it takes longer."""
        return super().wait(timeout) and (self._background_sweep is None or self._background_sweep.join(timeout))

    def close(self) -> None:
        """Stop, and free the widget with all its parts."""
        if self.comm is not None and self._background_sweep is not None:
            self._background_sweep.stop()
            self._background_sweep.join(EXIT_TIMEOUT)
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
    """Show a sweep as a map: the number of each setting, and the picture of the one that is clicked.

    Parameters
    ----------
    what : dict, list of dict, Sweep or path
        Axes, as for `frantools.sweep`, which are swept on the photo in the background, coarse cells first; or a sweep,
        or the folder of a store, which is shown as it is: its numbers are means over its pictures.
    photo : Photo, str, path or ndarray, optional
        The photo that cells restore. Default: the sweep's first picture if that is a built-in portrait, else the first
        portrait.
    base, measures, points, seed, store
        As for `frantools.sweep`, of axes. Without points, every pixel is measured. A store keeps numbers and
        restorations for the next kernel; without one, they last as long as the kernel.
    size : int
        Pixels of the longer side that the photo is downscaled to, for measuring and for showing.

    Returns
    -------
    SweepMap
        A widget; set its `chosen` to show a setting, and `paused`. Its `sweep` is the computed part.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If the photo or the store cannot be read, or an argument is not as above.
    """
    sweep_plan, size = None, integer("size", size, 1, LARGEST)
    if isinstance(what, Sweep):
        result = what
    elif isinstance(what, (str, PathLike)):
        result, store = read_sweep(what), what if Path(what).is_dir() else store
    else:
        photo = as_photo(next(iter(portraits())) if photo is None else photo)
        sweep_plan = make_plan(what, [photo], base, measures, points, size, seed, None, "float32")
        result = to_sweep(sweep_plan, {})
    if photo is None:
        name = result.pictures[0] if result.pictures else ""
        photo = name if name in portraits() else next(iter(portraits()))
    return SweepMap(result, photo, size, seed, sweep_plan, store)
