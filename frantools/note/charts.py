"""Charts of losses with confidence intervals, against network calls, and against the length of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..photos.file_names import as_label
from ..views.layout import (
    COLOURS,
    VERBATIM,
    Canvas,
    add_grid,
    set_verbatim,
    spread_ticks,
    text_width,
    with_default_style,
)

LINE = 19  # pixels that a model's line is high


@dataclass(frozen=True)
class MeanInterval:
    """A mean over pictures with its confidence interval.

    Parameters
    ----------
    name : str
        Of the model.
    kind : str
        Models of a kind have the same colour.
    mean, low, high : float
        The mean and its interval.
    note : float, optional
        The mean that FranNet's note reports for its own model of that kind, on other pictures.
    """

    name: str
    kind: str
    mean: float
    low: float
    high: float
    note: float | None = None


@with_default_style
def losses(panels: Mapping[str, Sequence[MeanInterval]]) -> Figure:
    """Means with their intervals, a line per model.

    Parameters
    ----------
    panels : dict of sequences of MeanInterval
        By measure, such as "loss"; all of the same models in the same order.

    Returns
    -------
    Figure
        Panels side by side, on logarithmic axes. The note's numbers are hollow diamonds.

    Raises
    ------
    ValueError
        If there are no panels, or one has no models.
    """
    if not panels or not all(panels.values()):
        raise ValueError("a figure of losses needs at least one model")
    first = next(iter(panels.values()))
    kinds = list(dict.fromkeys(estimate.kind for estimate in first))
    colours = {kind: COLOURS[index % len(COLOURS)] for index, kind in enumerate(kinds)}
    left = 26 + 1.08 * max(text_width(estimate.name, 9) for estimate in first)  # rendered text is a little wider
    below, above, panel, tall = 50, 64, 330, LINE * len(first)
    canvas = Canvas(left + len(panels) * (panel + 20), above + tall + below)
    for column, (title, estimates) in enumerate(panels.items()):
        axes = canvas.axes(left + column * (panel + 20), above, panel, tall)
        _draw_losses(axes, estimates, colours, names=column == 0)
        axes.set_xlabel(f"{title}: mean and 95 % interval (logarithmic)", **VERBATIM)
    handles, labels = canvas.figure.axes[0].get_legend_handles_labels()
    set_verbatim(canvas.figure.legend(handles, labels, loc="upper center", ncols=3, fontsize=9, frameon=False))
    return canvas.figure


def _draw_losses(axes: Axes, estimates: Sequence[MeanInterval], colours: Mapping[str, str], names: bool) -> None:
    """Draw one panel, a line per model from top to bottom."""
    for kind, colour in colours.items():
        lines, members = zip(*((y, e) for y, e in enumerate(estimates) if e.kind == kind), strict=True)
        means = [estimate.mean for estimate in members]
        axes.errorbar(means, lines, xerr=_errors(members), fmt="o", color=colour, markersize=5, capsize=3, label=kind)
    if noted := [(e.note, y) for y, e in enumerate(estimates) if e.note is not None]:
        values, lines = zip(*noted, strict=True)
        axes.errorbar(values, lines, fmt="D", mfc="none", mec="black", ms=6, label="the note's own, on CelebA")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    labels = [as_label(e.name) for e in estimates] if names else []
    axes.set_yticks(range(len(estimates)), labels, fontsize=9, **VERBATIM)
    add_grid(axes, axis="both", which="both")


def _errors(estimates: Sequence[MeanInterval]) -> list[list[float]]:
    """The distances from the means down and up to the ends of their intervals."""
    return [[max(e.mean - e.low, 0) for e in estimates], [max(e.high - e.mean, 0) for e in estimates]]


@with_default_style
def loss_against_calls(
    curves: Mapping[str, Sequence[tuple[int, float]]], bar: tuple[str, float] | None = None
) -> Figure:
    """The loss of samplers by their number of network calls.

    Parameters
    ----------
    curves : dict of sequences of (int, float)
        By sampler: network calls and the loss.
    bar : (str, float), optional
        The name of a loss to compare with, and the loss: a horizontal line.

    Returns
    -------
    Figure
        With two logarithmic axes.

    Raises
    ------
    ValueError
        If there are no curves, or one has no points.
    """
    if not curves or not all(curves.values()):
        raise ValueError("a figure of loss against calls needs at least one sampler")
    canvas = Canvas(760, 420)
    axes = canvas.figure.add_axes((0.12, 0.13, 0.85, 0.83))
    for index, (name, points) in enumerate(curves.items()):
        calls, losses = zip(*sorted(points), strict=True)
        axes.plot(calls, losses, marker="osD^v"[index % 5], color=COLOURS[index % len(COLOURS)], label=name)
    if bar is not None:
        axes.axhline(bar[1], color="black", linestyle=":", linewidth=1, label=bar[0])
    axes.set_xscale("log")
    axes.set_yscale("log")
    counts = sorted({calls for points in curves.values() for calls, _ in points})
    ratio = max(1.12, (counts[-1] / counts[0]) ** 0.045)  # so that labels do not touch
    ticks = [*(tick for tick in spread_ticks(counts, ratio) if ratio * tick <= counts[-1]), counts[-1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("network calls a point")
    axes.set_ylabel("loss")
    add_grid(axes, which="both")
    set_verbatim(axes.legend(frameon=False))
    return canvas.figure


@with_default_style
def lengths(panels: Mapping[str, Sequence[MeanInterval]]) -> Figure:
    """Measures by the length of noise: a panel per measure, a line per sampler.

    Parameters
    ----------
    panels : dict of sequences of MeanInterval
        By measure. The kind of an estimate is the sampler, and its name the length in pixels; both are labels, in the
        order of their first occurrence.

    Returns
    -------
    Figure
        Panels with 95 % intervals, three in a row.

    Raises
    ------
    ValueError
        If there are no panels, or one has no lengths.
    """
    if not panels or not all(panels.values()):
        raise ValueError("a figure of lengths needs at least one length")
    first = next(iter(panels.values()))
    kinds = list(dict.fromkeys(estimate.kind for estimate in first))
    names = list(dict.fromkeys(estimate.name for estimate in first))
    across = min(3, len(panels))
    rows = -(-len(panels) // across)
    left, above, panel, gap, high, below = 68, 58, 250, 76, 190, 64
    canvas = Canvas(left + across * panel + (across - 1) * gap + 16, above + rows * (high + below))
    for number, (title, estimates) in enumerate(panels.items()):
        row, column = divmod(number, across)
        axes = canvas.axes(left + column * (panel + gap), above + row * (high + below), panel, high)
        for index, kind in enumerate(kinds):
            members = [estimate for estimate in estimates if estimate.kind == kind]
            # Side by side, so that similar intervals do not hide each other.
            places = [names.index(e.name) + 0.12 * (index - (len(kinds) - 1) / 2) for e in members]
            style: dict[str, Any] = {"marker": "osD^v"[index % 5], "color": COLOURS[index % len(COLOURS)]}
            means = [estimate.mean for estimate in members]
            axes.errorbar(places, means, _errors(members), ms=5, lw=1, capsize=2, label=kind, **style)
        axes.set_xticks(range(len(names)), [as_label(name).replace("inf", "one draw") for name in names])
        axes.set_title(title, fontsize=10, **VERBATIM)
        add_grid(axes, axis="y")
        if row == rows - 1 or number + across >= len(panels):
            axes.set_xlabel("length of the noise, pixels")
    handles, labels = canvas.figure.axes[0].get_legend_handles_labels()
    legend = canvas.figure.legend(handles, labels, loc="upper center", ncols=len(kinds), fontsize=9, frameon=False)
    set_verbatim(legend)
    return canvas.figure
