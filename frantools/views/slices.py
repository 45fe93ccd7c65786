"""A sweep along one axis, as lines with standard errors; and what the fewest network calls reach."""

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

from .layout import COLOURS, VERBATIM, blank, extent, fitting, plain, verbatim
from .sweep_data import Panels, Place, Scale, Swept, is_number, norm_of, panels_of, told

PANEL = (270, 200)


@plain
def slices(
    sweep: Swept,
    x: str,
    lines: str | None = None,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    error: str = "pictures",
    across: int = 3,
) -> Figure:
    """A measure along an axis of a sweep: lines with standard errors, in panels of one scale.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    x : str
        The axis from left to right.
    lines : str, optional
        The axis that has a line for each value. Others that vary have a panel for each.
    measure : str
        One of the sweep's.
    where : dict, optional
        The values of other axes that are shown alone.
    error : {"pictures", "points"}
        What the bars are: see `means`.
    across : int
        How many panels stand side by side.

    Raises
    ------
    ValueError
        As for `plane`, or if the error is another word.
    """
    data = panels_of(sweep, (x,) if lines is None else (x, lines), measure, where, error)
    panels, scale = data.panels(), Scale.of(data.finite)
    kinds = [None] if lines is None else data.values(data.shown[1])
    along = data.values(data.shown[0])
    places = [float(value) for value in along] if all(map(is_number, along)) else list(range(len(along)))
    colours = _colours(kinds)
    across = max(1, min(across, len(panels)))
    down = -(-len(panels) // across)
    names = [f"{lines} = {told(kind)}" for kind in kinds] if lines is not None else []
    side = 84 + max(extent(name, 9) for name in names) if names else 12
    head, left, below, gap = 62, 70, 48, 14
    wide, tall = PANEL
    width = max(left + across * (wide + gap) + side, extent(data.heading, 12) + 30)
    height = head + down * (tall + below) + (down - 1) * 20
    figure = blank(width, height)
    figure.text(14 / width, 1 - 14 / height, data.heading, size=12, va="center", **VERBATIM)
    of = {"pictures": "over pictures, which all settings share", "points": "of measuring on some points alone"}[error]
    if any(mean.error for mean in data.means.values()):
        figure.text(14 / width, 1 - 33 / height, f"Bars: ± 1 standard error {of}", size=9, color="#444444", va="center")
    first: Axes | None = None
    for number, (title, inside) in enumerate(panels):
        row, column = divmod(number, across)
        bottom = below + (down - 1 - row) * (tall + below + 20)
        axes = figure.add_axes(
            ((left + column * (wide + gap)) / width, bottom / height, wide / width, tall / height),
            sharex=first, sharey=first,
        )  # fmt: skip
        first = first or axes
        for kind, colour in zip(kinds, colours, strict=True):
            found = [(p, inside.get((v,) if lines is None else (v, kind))) for p, v in zip(places, along, strict=True)]
            there = [(place, mean) for place, mean in found if mean is not None and isfinite(mean.value)]
            if there:
                at, values = zip(*((place, mean.value * scale.factor) for place, mean in there), strict=True)
                bars = [mean.error * scale.factor for _, mean in there]
                axes.errorbar(at, values, bars, color=colour, marker="o", ms=3.5, lw=1.4, capsize=2, elinewidth=0.8)
            lost = [place for place, mean in found if mean is not None and not isfinite(mean.value)]
            axes.plot(lost, [0.97] * len(lost), "x", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)
        if title:
            axes.set_title(title, size=fitting([title], 10, wide, 6), pad=4, **VERBATIM)
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8, labelleft=column == 0)
        axes.set_xlabel(x, size=10, **VERBATIM)
        if column == 0:
            axes.set_ylabel(scale.unit(data.measure), size=9)
        for spine in ("top", "right"):
            axes.spines[spine].set_visible(False)
    assert first is not None
    _ticks(first, places, along, data, scale)
    if names:
        handles = [first.plot([], [], color=colour, marker="o", ms=3.5)[0] for colour in colours]
        place = ((left + across * (wide + gap)) / width, 1 - head / height)
        verbatim(figure.legend(handles, names, loc="upper left", bbox_to_anchor=place, fontsize=9, frameon=False))
    return figure


def _ticks(axes: Axes, places: Sequence[float], along: Sequence[Any], data: Panels, scale: Scale) -> None:
    """The scales that all panels share."""
    step = -(-len(places) // 11)
    axes.set_xticks(places[::step], [told(value) for value in along[::step]])
    _heights(axes, data, scale)


def _heights(axes: Axes, data: Panels, scale: Scale) -> None:
    """The scale of the measure: logarithmic where numbers are of several magnitudes."""
    norm = norm_of(data)
    axes.set_yscale("log" if isinstance(norm, LogNorm) else "linear")
    ticks = {tick * scale.factor: label for tick, label in scale.ticks(norm).items()}
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.yaxis.set_minor_locator(NullLocator())


def _colours(kinds: Sequence[Any]) -> list[Any]:
    """A colour a line: in the order of the numbers from dark to bright, or as far apart as can be."""
    if len(kinds) > 2 and all(map(is_number, kinds)):
        return [colormaps["viridis"](share) for share in np.linspace(0, 0.9, len(kinds))]
    return [COLOURS[(2 + number) % len(COLOURS)] for number in range(len(kinds))]


def best_under(sweep: Swept, measure: str = "mse", where: Mapping[str, Any] | None = None) -> list[tuple[int, Place]]:
    """The settings that none with as few network calls betters, the Pareto front: calls, and the values on the axes."""
    data = panels_of(sweep, (), measure, where)
    sign = 1 if data.measure.better == "lower" else -1
    known = [(mean.calls, sign * mean.value, place) for place, mean in data.whole.items() if mean.calls is not None]
    front: list[tuple[int, Place]] = []
    least = float("inf")
    for calls, value, place in sorted(known, key=lambda each: each[:2]):
        if value < least:
            least = value
            front.append((calls, place))
    return front


@plain
def front(
    sweep: Swept,
    colour: str | None = None,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    under: int | None = None,
) -> Figure:
    """A measure of each setting against its network calls, and the front of the best under so many calls.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    colour : str, optional
        The axis by whose values the settings are coloured.
    measure : str
        One of the sweep's.
    where : dict, optional
        The values of axes that are shown alone.
    under : int, optional
        A number of calls: the best setting with no more of them is marked.

    Raises
    ------
    ValueError
        As for `plane`, or if no setting has so few calls.
    """
    data = panels_of(sweep, () if colour is None else (colour,), measure, where)
    scale = Scale.of(data.finite)
    best = best_under(sweep, measure, where)
    few = [(calls, place) for calls, place in best if under is None or calls <= under]
    if not few:
        raise ValueError(f"no setting has {under} network calls or fewer; accepted are numbers from {best[0][0]}")
    varying = [w for w in range(len(data.names)) if len({place[w] for place in data.means}) > 1]
    figure = blank(1000, 500)
    axes = figure.add_axes((0.075, 0.11, 0.56, 0.79))
    figure.text(0.016, 0.955, data.heading + ", against network calls", size=12, va="center", **VERBATIM)
    kinds = [None] if colour is None else data.values(data.shown[0])
    for kind, ink in zip(kinds, ["#9a9a9a"] if colour is None else _colours(kinds), strict=True):
        each = [m for p, m in data.means.items() if (colour is None or p[data.shown[0]] == kind) and isfinite(m.value)]
        name = "a setting" if colour is None else f"{colour} = {told(kind)}"
        values = [mean.value * scale.factor for mean in each]
        axes.plot([mean.calls or 0 for mean in each], values, "o", ms=5, color=ink, alpha=0.75, mew=0, label=name)
    at = [(calls, data.means[place].value * scale.factor) for calls, place in best]
    last = max(mean.calls or 0 for mean in data.means.values())
    axes.step(
        *zip(*at, (last, at[-1][1]), strict=True),
        where="post",
        color="black",
        lw=1.3,
        label="the best with no more calls",
    )
    axes.plot(*zip(*at, strict=True), "o", mfc="none", mec="black", ms=9)
    for number, (calls, value) in enumerate(at, start=1):
        axes.annotate(
            str(number), (calls, value), (0, -15), textcoords="offset points", size=9, ha="center", weight="bold"
        )
    if under is not None:
        axes.axvline(under, color="#d55e00", ls=":", lw=1.2, label=f"{under} calls")
        axes.plot(
            *at[len(few) - 1], "*", ms=17, color="#d55e00", mec="white", label=f"the best with {under} calls or fewer"
        )
    lines = []
    for number, (calls, place) in enumerate(best, start=1):
        settings = ", ".join(f"{data.names[w]}\u00a0=\u00a0{told(place[w])}" for w in varying)
        lines += [
            f"{number}:  {calls} calls, {scale(data.means[place].value)}",
            *wrap(settings, 54, initial_indent="     ", subsequent_indent="     "),
        ]
    figure.text(0.655, 0.89, "\n".join(lines), size=min(9, 9 * 23 / len(lines)), va="top", linespacing=1.4, **VERBATIM)
    axes.set_xscale("log")
    ticks = sorted({mean.calls for mean in data.means.values() if mean.calls is not None})
    shown: list[int] = []
    for tick in ticks:
        if not shown or tick >= 1.14 * shown[-1]:
            shown.append(tick)
    axes.set_xticks(shown, [str(tick) for tick in shown], size=9)
    axes.xaxis.set_minor_locator(NullLocator())
    _heights(axes, data, scale)
    axes.margins(y=0.08)
    axes.set_xlabel("network calls a point (logarithmic)")
    axes.set_ylabel(f"{scale.unit(data.measure)}{' (logarithmic)' if axes.get_yscale() == 'log' else ''}", **VERBATIM)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    verbatim(axes.legend(frameon=False, fontsize=9))
    return figure
