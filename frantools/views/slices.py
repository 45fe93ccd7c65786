"""A sweep along one axis, as lines with standard errors; and the best settings for each number of network calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from .layout import (
    COLOURS,
    VERBATIM,
    Canvas,
    add_grid,
    fit_font_size,
    hide_spines,
    set_verbatim,
    spread_ticks,
    text_width,
    with_default_style,
)
from .sweep_data import Mean, Place, Scale, SettingMeans, SweepLike, format_value, is_number, norm_of, select_means

PANEL = (270, 200)
SOURCES = {"pictures": "over pictures, which all settings share", "points": "of measuring on some points alone"}
"""The sources of standard errors."""


@with_default_style
def slices(
    sweep: SweepLike,
    x: str,
    lines: str | None = None,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    error: str = "pictures",
    across: int = 3,
) -> Figure:
    """Draw a measure along an axis of a sweep: lines with standard errors, in panels of one scale.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    x : str
        The horizontal axis.
    lines : str, optional
        The axis that has a line for each value. Other axes that vary have a panel for each value.
    measure : str
        One of the sweep's measures.
    where : dict, optional
        Values of other axes to select.
    error : {"pictures", "points"}
        The meaning of the error bars: see `means`.
    across : int
        The number of panels side by side.

    Raises
    ------
    ValueError
        As for `plane`, or if `error` is invalid.
    """
    data = select_means(sweep, (x,) if lines is None else (x, lines), measure, where, error)
    panels, scale = data.panels(), Scale.of(data.finite)
    kinds = [None] if lines is None else data.values(data.axes[1])
    values = data.values(data.axes[0])
    places = [float(value) for value in values] if all(map(is_number, values)) else list(range(len(values)))
    colours = _line_colours(kinds)
    across = max(1, min(across, len(panels)))
    down = -(-len(panels) // across)
    names = [f"{lines} = {format_value(kind)}" for kind in kinds] if lines is not None else []
    side = 84 + max(text_width(name, 9) for name in names) if names else 12
    head, left, below, gap = 62, 70, 48, 14
    wide, tall = PANEL
    width = max(left + across * (wide + gap) + side, text_width(data.heading, 12) + 30)
    canvas = Canvas(width, head + down * (tall + below) + (down - 1) * 20)
    canvas.text(14, 14, data.heading, size=12)
    if any(mean.error for mean in data.means.values()):
        canvas.text(14, 33, f"Bars: ± 1 standard error {SOURCES[error]}", size=9, color="#444444")
    first: Axes | None = None
    for number, (title, means) in enumerate(panels):
        row, column = divmod(number, across)
        top = head + row * (tall + below + 20)
        axes = canvas.axes(left + column * (wide + gap), top, wide, tall, sharex=first, sharey=first)
        first = first or axes
        for kind, colour in zip(kinds, colours, strict=True):
            line = [means.get((value,) if lines is None else (value, kind)) for value in values]
            _draw_line(axes, places, line, scale, colour)
        if title:
            axes.set_title(title, size=fit_font_size([title], 10, wide, 6), pad=4, **VERBATIM)
        add_grid(axes, "#e4e4e4")
        axes.tick_params(labelsize=8, labelleft=column == 0)
        axes.set_xlabel(x, size=10, **VERBATIM)
        if column == 0:
            axes.set_ylabel(scale.unit(data.measure), size=9)
        hide_spines(axes, "top", "right")
    assert first is not None
    step = -(-len(places) // 11)
    first.set_xticks(places[::step], [format_value(value) for value in values[::step]])  # shared by all panels
    _set_measure_axis(first, data, scale)
    if names:
        handles = [first.plot([], [], color=colour, marker="o", ms=3.5)[0] for colour in colours]
        corner = canvas.point(left + across * (wide + gap), head)
        legend = canvas.figure.legend(
            handles, names, loc="upper left", bbox_to_anchor=corner, fontsize=9, frameon=False
        )
        set_verbatim(legend)
    return canvas.figure


def _draw_line(axes: Axes, places: Sequence[float], line: Sequence[Mean | None], scale: Scale, colour: Any) -> None:
    """Draw means with error bars; those that are not finite are crosses at the top."""
    points = [(place, mean) for place, mean in zip(places, line, strict=True) if mean is not None]
    finite = [(place, mean) for place, mean in points if isfinite(mean.value)]
    if finite:
        values = [mean.value * scale.factor for _, mean in finite]
        bars = [mean.error * scale.factor for _, mean in finite]
        style: dict[str, Any] = {"marker": "o", "ms": 3.5, "lw": 1.4, "capsize": 2, "elinewidth": 0.8}
        axes.errorbar([place for place, _ in finite], values, bars, color=colour, **style)
    failed = [place for place, mean in points if not isfinite(mean.value)]
    axes.plot(failed, [0.97] * len(failed), "x", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)


def _set_measure_axis(axes: Axes, data: SettingMeans, scale: Scale) -> None:
    """Set the scale and the ticks of the measure: logarithmic if its numbers are of several magnitudes."""
    norm = norm_of(data)
    axes.set_yscale("log" if isinstance(norm, LogNorm) else "linear")
    ticks = {tick * scale.factor: label for tick, label in scale.ticks(norm).items()}
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.yaxis.set_minor_locator(NullLocator())


def _line_colours(kinds: Sequence[Any]) -> list[Any]:
    """The colours of lines: from dark to bright in the order of numbers, otherwise as different as possible."""
    if len(kinds) > 2 and all(map(is_number, kinds)):
        return [colormaps["viridis"](share) for share in np.linspace(0, 0.9, len(kinds))]
    return [COLOURS[(2 + number) % len(COLOURS)] for number in range(len(kinds))]


def best_under(
    sweep: SweepLike, measure: str = "mse", where: Mapping[str, Any] | None = None
) -> list[tuple[int, Place]]:
    """The Pareto front: settings that are better than all with as few network calls.

    Returns
    -------
    list of (int, tuple)
        The calls and the values on the axes, by ascending calls.
    """
    data = select_means(sweep, (), measure, where)
    sign = 1 if data.measure.better == "lower" else -1
    settings = [(m.calls, sign * m.value, place) for place, m in data.comparable.items() if m.calls is not None]
    best: list[tuple[int, Place]] = []
    minimum = float("inf")
    for calls, value, place in sorted(settings, key=lambda setting: setting[:2]):
        if value < minimum:
            minimum = value
            best.append((calls, place))
    return best


@with_default_style
def front(
    sweep: SweepLike,
    colour: str | None = None,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    under: int | None = None,
) -> Figure:
    """Draw a measure of all settings against their network calls, with the Pareto front.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    colour : str, optional
        The axis whose values determine the colours of settings.
    measure : str
        One of the sweep's measures.
    where : dict, optional
        Values of axes to select.
    under : int, optional
        A number of calls: the best setting with at most that many is marked.

    Raises
    ------
    ValueError
        As for `plane`, or if no setting has so few calls.
    """
    data = select_means(sweep, () if colour is None else (colour,), measure, where)
    scale = Scale.of(data.finite)
    best = best_under(sweep, measure, where)
    few = [(calls, place) for calls, place in best if under is None or calls <= under]
    if not few:
        raise ValueError(f"under must be an integer from {best[0][0]}, the fewest network calls, got {under}")
    varying = [axis for axis in range(len(data.names)) if len({place[axis] for place in data.means}) > 1]
    canvas = Canvas(1000, 500)
    axes = canvas.axes(75, 50, 560, 395)
    canvas.text(16, 22.5, data.heading + ", against network calls", size=12)
    kinds = [None] if colour is None else data.values(data.axes[0])
    for kind, ink in zip(kinds, ["#9a9a9a"] if colour is None else _line_colours(kinds), strict=True):
        members = [
            mean
            for place, mean in data.means.items()
            if (colour is None or place[data.axes[0]] == kind) and isfinite(mean.value)
        ]
        name = "a setting" if colour is None else f"{colour} = {format_value(kind)}"
        calls_of_members, values = (
            [mean.calls or 0 for mean in members],
            [mean.value * scale.factor for mean in members],
        )
        axes.plot(calls_of_members, values, "o", ms=5, color=ink, alpha=0.75, mew=0, label=name)
    points = [(calls, data.means[place].value * scale.factor) for calls, place in best]
    most_calls = max(mean.calls or 0 for mean in data.means.values())
    steps = zip(*points, (most_calls, points[-1][1]), strict=True)
    axes.step(*steps, where="post", color="black", lw=1.3, label="the best with no more calls")
    axes.plot(*zip(*points, strict=True), "o", mfc="none", mec="black", ms=9)
    for number, point in enumerate(points, start=1):
        label = axes.annotate(str(number), point, (0, -15), textcoords="offset points", size=9)
        label.set(ha="center", weight="bold")
    if under is not None:
        axes.axvline(under, color="#d55e00", ls=":", lw=1.2, label=f"{under} calls")
        name = f"the best with {under} calls or fewer"
        axes.plot(*points[len(few) - 1], "*", ms=17, color="#d55e00", mec="white", label=name)
    lines = []
    for number, (count, place) in enumerate(best, start=1):
        settings = ", ".join(f"{data.names[axis]}\u00a0=\u00a0{format_value(place[axis])}" for axis in varying)
        lines += [
            f"{number}:  {count} calls, {scale(data.means[place].value)}",
            *wrap(settings, 54, initial_indent="     ", subsequent_indent="     "),
        ]
    canvas.text(655, 55, "\n".join(lines), size=min(9, 9 * 23 / len(lines)), va="top", linespacing=1.4)
    axes.set_xscale("log")
    ticks = spread_ticks([mean.calls for mean in data.means.values() if mean.calls is not None], 1.14)
    axes.set_xticks(ticks, [str(tick) for tick in ticks], size=9)
    axes.xaxis.set_minor_locator(NullLocator())
    _set_measure_axis(axes, data, scale)
    axes.margins(y=0.08)
    axes.set_xlabel("network calls a point (logarithmic)")
    axes.set_ylabel(f"{scale.unit(data.measure)}{' (logarithmic)' if axes.get_yscale() == 'log' else ''}", **VERBATIM)
    add_grid(axes, "#e4e4e4")
    hide_spines(axes, "top", "right")
    set_verbatim(axes.legend(frameon=False, fontsize=9))
    return canvas.figure
