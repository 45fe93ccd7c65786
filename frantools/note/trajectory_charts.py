"""Restorations step by step, side by side: what samplers hold, and what they predict, from call to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..frannet.engine.trajectory import Trace
from ..photos.photo import as_photo
from ..restorers.columns import as_columns
from ..scores.measures import measures
from ..views.layout import GAP, OUTLINE, VERBATIM, Row, blank, grid, plain, show
from ..views.trajectories import CHANNELS, tracer

INKS = ("#d62728", "#2ca02c", "#1f77b4")  # of the channels
MARKS = 28  # calls at most whose predictions are measured
SIDE = 210  # pixels that the picture beside the paths is shown at


def traces(photo: Any, columns: Sequence[Any], size: int = 128, seed: int = 0) -> dict[str, Trace]:
    """All steps of several restorations of a photo.

    Parameters
    ----------
    photo : Photo, path or ndarray
        What is restored; its centre square, where it has no frame.
    columns : sequence
        Models of FranNet that are sampled: columns, or what `frantools.compare` takes for them.
    size : int
        Pixels of the longer side.
    seed : int
        Of the random numbers, for columns without one of their own.

    Returns
    -------
    dict of Trace
        By the columns' titles.

    Raises
    ------
    ValueError
        If a column has no steps.
    """
    framed, made = as_photo(photo).with_frame("square"), {}
    for column in as_columns(columns):
        own = seed if column.seed is None else column.seed
        made[column.title] = tracer(column.resolve(), column.title)(framed, framed.size(size), own)
    return made


def predicted_losses(traces: Mapping[str, Trace], photo: Any) -> dict[str, list[tuple[int, float]]]:
    """How far predicted pictures are from the photo: for each trace (network calls, loss), for `loss_against_calls`.

    The first and the last call are among them, and in between ever fewer.
    """
    framed, made = as_photo(photo).with_frame("square"), {}
    for title, trace in traces.items():
        original = framed.resample((trace.x0.shape[2], trace.x0.shape[1]))
        calls = sorted(set(np.geomspace(1, len(trace.t), MARKS).round().astype(int).tolist()))
        predicted = {call: trace.x0[call - 1].astype(np.float32).clip(0, 1) for call in calls}
        made[title] = [(call, measures["mse"](each, original)) for call, each in predicted.items()]
    return made


def strips(traces: Mapping[str, Trace], across: int = 6, cell: int = 132) -> Figure:
    """What samplers hold and what they predict: for each trace two rows of pictures, from the first call to the last.

    Parameters
    ----------
    traces : dict of Trace
        From `traces`.
    across : int
        How many calls are shown, further apart from call to call. Fewer where there are not as many.
    cell : int
        Pixels that a picture is wide.
    """
    across, rows = min([across, *(len(trace.t) for trace in traces.values())]), []
    for title, trace in traces.items():
        calls = np.maximum(np.geomspace(1, len(trace.t), across).round().astype(int), np.arange(1, across + 1))
        captions = ["after 1 call", *(f"after {call} calls" for call in calls[1:])]
        for name, stack, texts in (("holds", trace.value, []), ("predicts", trace.x0, captions)):
            pictures = [stack[call - 1].astype(np.float32).clip(0, 1) for call in calls]
            rows.append(Row(pictures, f"{title} {name}", captions=texts))
    return grid(rows, cell=cell)


@plain
def paths(
    traces: Mapping[str, Trace], points: Sequence[tuple[float, float]], original: NDArray[Any] | None = None
) -> Figure:
    """The colour of a few points from call to call: a column a trace, a row a point.

    Parameters
    ----------
    traces : dict of Trace
        From `traces`.
    points : sequence of (float, float)
        x and y, in fractions of the picture.
    original : ndarray, optional
        (H, W, 3) floats in [0, 1]: the photo. Its colours stand at the right edge, and its picture, with the points,
        at the left. Default: the last picture of the first trace is shown.

    Raises
    ------
    ValueError
        If there is no trace or no point.
    """
    if not traces or not points:
        raise ValueError("a figure of paths needs at least one trace and one point")
    left, right, below, above, high, gap = SIDE + 2 * GAP + 44, 16, 46, 34, 118, 26
    width, height = 968, above + high * len(points) + below
    across = (width - left - right - gap * (len(traces) - 1)) / len(traces)
    figure = blank(width, height)
    shown = next(iter(traces.values())).value[-1].astype(np.float32).clip(0, 1) if original is None else original
    tall = SIDE * shown.shape[0] / shown.shape[1]
    axes = figure.add_axes((GAP / width, (height - above - tall) / height, SIDE / width, tall / height))
    show(axes, shown)
    for number, (x, y) in enumerate(points, start=1):
        at = (x * shown.shape[1] - 0.5, y * shown.shape[0] - 0.5)
        axes.plot(*at, "o", color=OUTLINE, markeredgecolor="black", markersize=13)
        axes.annotate(str(number), at, ha="center", va="center", fontsize=9, fontweight="bold")
    for column, (title, trace) in enumerate(traces.items()):
        for row, (x, y) in enumerate(points):
            bottom = below + high * (len(points) - 1 - row)
            box = ((left + column * (across + gap)) / width, bottom / height, across / width, 0.9 * high / height)
            _path(axes := figure.add_axes(box), trace, x, y, original)
            if row == 0:
                axes.set_title(title, fontsize=12, pad=8, **VERBATIM)
            if column == 0:
                axes.set_ylabel(f"point {row + 1}", fontsize=10)
            axes.tick_params(labelleft=column == 0, labelbottom=row == len(points) - 1, labelsize=8)
        axes.set_xlabel("network calls", fontsize=10)
    handles, names = figure.axes[1].get_legend_handles_labels()
    place = ((GAP + SIDE / 2) / width, (height - above - tall - 4) / height)
    figure.legend(handles, names, loc="upper center", bbox_to_anchor=place, ncols=2, fontsize=9, frameon=False)
    return figure


def _path(axes: Any, trace: Trace, x: float, y: float, original: NDArray[Any] | None) -> None:
    """One point's channels through the calls of one trace."""
    rows, across = trace.value.shape[1:3]
    place, calls = (int(y * rows), int(x * across)), np.arange(1, len(trace.t) + 1)
    axes.axhspan(0, 1, color="#f2f2f2", zorder=0)  # where colours lie
    for channel, (name, ink) in enumerate(zip(CHANNELS, INKS, strict=True)):
        axes.plot(calls, trace.value[:, *place, channel], color=ink, linewidth=1.4, label=name)
        axes.plot(calls, trace.x0[:, *place, channel], "--", color=ink, linewidth=1.1)
        if original is not None:
            height, width = original.shape[:2]
            true = original[int(y * height), int(x * width), channel]
            axes.plot(calls[-1], true, "D", color=ink, markeredgecolor="black", markersize=5, clip_on=False, zorder=3)
    axes.plot([], [], color="#444444", label="held")
    axes.plot([], [], "--", color="#444444", label="predicted")
    if original is not None:
        axes.plot([], [], "D", color="white", markeredgecolor="black", markersize=5, label="the photo")
    axes.set(xlim=(1, max(2, calls[-1])), ylim=(-0.7, 1.7), yticks=(0, 1))
    axes.xaxis.get_major_locator().set_params(integer=True)
