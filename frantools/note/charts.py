"""Charts of what was measured: losses with their intervals; against network calls, and against the length of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..photos.file_names import as_label
from ..views.layout import COLOURS, VERBATIM, blank, extent, plain, verbatim


@dataclass(frozen=True)
class Estimate:
    """A mean over pictures, with how sure it is.

    Parameters
    ----------
    name : str
        Of the model.
    kind : str
        What models are told apart by: those of a kind have one colour.
    mean, low, high : float
        The mean and its interval.
    note : float, optional
        What FranNet's note reports for its own model of that kind, on other pictures.
    """

    name: str
    kind: str
    mean: float
    low: float
    high: float
    note: float | None = None


LINE = 19  # pixels that a model's line is high


@plain
def losses(panels: Mapping[str, Sequence[Estimate]]) -> Figure:
    """Means with their intervals, a line a model.

    Parameters
    ----------
    panels : dict of sequences of Estimate
        By what is measured, such as "loss"; each of the same models in the same order.

    Returns
    -------
    Figure
        One panel beside the other, on logarithmic axes. What the note reports is a hollow diamond.

    Raises
    ------
    ValueError
        If there is no panel, or one without models.
    """
    if not panels or not all(panels.values()):
        raise ValueError("a figure of losses needs at least one model")
    first = next(iter(panels.values()))
    kinds = list(dict.fromkeys(estimate.kind for estimate in first))
    colours = {kind: COLOURS[index % len(COLOURS)] for index, kind in enumerate(kinds)}
    left = 26 + 1.08 * max(extent(estimate.name, 9) for estimate in first)  # drawn letters are a little wider
    below, above, panel = 50, 64, 330
    width, height = left + len(panels) * (panel + 20), above + LINE * len(first) + below
    figure = blank(width, height)
    for column, (title, estimates) in enumerate(panels.items()):
        axes = figure.add_axes(
            (
                (left + column * (panel + 20)) / width,
                below / height,
                panel / width,
                LINE * len(first) / height,
            )
        )
        _estimates(axes, estimates, colours, names=column == 0)
        axes.set_xlabel(f"{title}: mean and 95 % interval (logarithmic)", **VERBATIM)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    verbatim(figure.legend(handles, labels, loc="upper center", ncols=3, fontsize=9, frameon=False))
    return figure


def _estimates(axes: Axes, estimates: Sequence[Estimate], colours: Mapping[str, str], names: bool) -> None:
    """One panel: a line each, from top to bottom."""
    for kind, colour in colours.items():
        lines, shown = zip(*((y, e) for y, e in enumerate(estimates) if e.kind == kind), strict=True)
        means = [estimate.mean for estimate in shown]
        errors = [[max(e.mean - e.low, 0) for e in shown], [max(e.high - e.mean, 0) for e in shown]]
        axes.errorbar(means, lines, xerr=errors, fmt="o", color=colour, markersize=5, capsize=3, label=kind)
    if noted := [(e.note, y) for y, e in enumerate(estimates) if e.note is not None]:
        values, lines = zip(*noted, strict=True)
        axes.errorbar(values, lines, fmt="D", mfc="none", mec="black", ms=6, label="the note's own, on CelebA")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    axes.set_yticks(
        range(len(estimates)), [as_label(e.name) for e in estimates] if names else [], fontsize=9, **VERBATIM
    )
    axes.grid(axis="both", which="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


@plain
def loss_against_calls(
    curves: Mapping[str, Sequence[tuple[int, float]]], bar: tuple[str, float] | None = None
) -> Figure:
    """The loss of samplers that are given more and more calls of the network.

    Parameters
    ----------
    curves : dict of sequences of (int, float)
        By sampler: network calls and the loss.
    bar : (str, float), optional
        A loss to compare with, and its name: a line across.

    Returns
    -------
    Figure
        Both axes logarithmic.

    Raises
    ------
    ValueError
        If there is no curve, or one without points.
    """
    if not curves or not all(curves.values()):
        raise ValueError("a figure of loss against calls needs at least one sampler")
    figure = blank(760, 420)
    axes = figure.add_axes((0.12, 0.13, 0.85, 0.83))
    for index, (name, points) in enumerate(curves.items()):
        calls, losses = zip(*sorted(points), strict=True)
        axes.plot(calls, losses, marker="osD^v"[index % 5], color=COLOURS[index % len(COLOURS)], label=name)
    if bar is not None:
        axes.axhline(bar[1], color="black", linestyle=":", linewidth=1, label=bar[0])
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = sorted({calls for points in curves.values() for calls, _ in points})
    shown, apart = ticks[:1], max(1.12, (ticks[-1] / ticks[0]) ** 0.045)  # their numbers do not touch
    for tick in ticks:
        if tick >= apart * shown[-1]:
            shown.append(tick)
    shown = [*(tick for tick in shown if apart * tick <= ticks[-1]), ticks[-1]]
    axes.set_xticks(shown, [str(tick) for tick in shown])
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("network calls a point")
    axes.set_ylabel("loss")
    axes.grid(which="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    verbatim(axes.legend(frameon=False))
    return figure


@plain
def lengths(panels: Mapping[str, Sequence[Estimate]]) -> Figure:
    """What is measured at some lengths of noise: a panel a measure, a line a sampler.

    Parameters
    ----------
    panels : dict of sequences of Estimate
        By what is measured. An estimate's kind is the sampler, and its name the length, in pixels: those are labels, in
        the order in which they come.

    Returns
    -------
    Figure
        Panels beside each other, three in a row, with their 95 % intervals.

    Raises
    ------
    ValueError
        If there is no panel, or one without lengths.
    """
    if not panels or not all(panels.values()):
        raise ValueError("a figure of lengths needs at least one length")
    first = next(iter(panels.values()))
    kinds, names = (list(dict.fromkeys(getattr(each, part) for each in first)) for part in ("kind", "name"))
    across = min(3, len(panels))
    rows = -(-len(panels) // across)
    left, above, panel, gap, high, below = 68, 58, 250, 76, 190, 64
    width, height = left + across * panel + (across - 1) * gap + 16, above + rows * (high + below)
    figure = blank(width, height)
    for number, (title, estimates) in enumerate(panels.items()):
        row, column = divmod(number, across)
        bottom = height - above - row * (high + below) - high
        place = (left + column * (panel + gap)) / width, bottom / height, panel / width, high / height
        axes = figure.add_axes(place)
        for index, kind in enumerate(kinds):
            shown = [each for each in estimates if each.kind == kind]
            # Side by side, or intervals that are alike would hide each other.
            at = [names.index(each.name) + 0.12 * (index - (len(kinds) - 1) / 2) for each in shown]
            means = [each.mean for each in shown]
            errors = [[max(e.mean - e.low, 0) for e in shown], [max(e.high - e.mean, 0) for e in shown]]
            marker, colour = "osD^v"[index % 5], COLOURS[index % len(COLOURS)]
            axes.errorbar(at, means, errors, marker=marker, color=colour, ms=5, lw=1, capsize=2, label=kind)
        axes.set_xticks(range(len(names)), [as_label(name).replace("inf", "one draw") for name in names])
        axes.set_title(title, fontsize=10, **VERBATIM)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        if row == rows - 1 or number + across >= len(panels):
            axes.set_xlabel("length of the noise, pixels")
    verbatim(
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="upper center", ncols=len(kinds), fontsize=9, frameon=False
        )
    )
    return figure
