"""Charts of trajectories: the values and predictions of samplers from call to call."""

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
from ..views.layout import GAP, OUTLINE, VERBATIM, Canvas, Row, grid, show, with_default_style
from ..views.trajectories import CHANNELS, tracer

INKS = ("#d62728", "#2ca02c", "#1f77b4")  # of the channels
MARKS = 28  # the maximum number of predictions to measure
SIDE = 210  # pixels that the picture next to the paths is wide


def traces(photo: Any, columns: Sequence[Any], size: int = 128, seed: int = 0) -> dict[str, Trace]:
    """Trace all steps of several restorations of a photo.

    Parameters
    ----------
    photo : Photo, path or ndarray
        The photo to restore; its centre square if it has no frame.
    columns : sequence
        FranNet models that are sampled: columns, or anything that `frantools.compare` accepts as a column.
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
    framed, traces = as_photo(photo).with_frame("square"), {}
    for column in as_columns(columns):
        column_seed = seed if column.seed is None else column.seed
        traces[column.title] = tracer(column.resolve(), column.title)(framed, framed.size(size), column_seed)
    return traces


def predicted_losses(traces: Mapping[str, Trace], photo: Any) -> dict[str, list[tuple[int, float]]]:
    """The losses of predicted pictures: for each trace (network calls, loss), for `loss_against_calls`.

    The calls are spaced geometrically, from the first to the last.
    """
    framed, losses = as_photo(photo).with_frame("square"), {}
    for title, trace in traces.items():
        original = framed.resample((trace.x0.shape[2], trace.x0.shape[1]))
        calls = sorted(set(np.geomspace(1, len(trace.t), MARKS).round().astype(int).tolist()))
        predicted = {call: trace.x0[call - 1].astype(np.float32).clip(0, 1) for call in calls}
        losses[title] = [(call, measures["mse"](picture, original)) for call, picture in predicted.items()]
    return losses


def strips(traces: Mapping[str, Trace], across: int = 6, cell: int = 132) -> Figure:
    """Draw two rows of pictures per trace, the value and the prediction, from the first call to the last.

    Parameters
    ----------
    traces : dict of Trace
        From `traces`.
    across : int
        The number of calls to show, spaced geometrically; fewer if there are not as many.
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


@with_default_style
def paths(
    traces: Mapping[str, Trace], points: Sequence[tuple[float, float]], original: NDArray[Any] | None = None
) -> Figure:
    """Draw the colour of a few points from call to call: a column per trace, a row per point.

    Parameters
    ----------
    traces : dict of Trace
        From `traces`.
    points : sequence of (float, float)
        x and y, in fractions of the picture.
    original : ndarray, optional
        (H, W, 3) floats in [0, 1]: the photo. Its colours are marked at the right edge, and its picture, with the
        points, is at the left. Default: the last picture of the first trace.

    Raises
    ------
    ValueError
        If there are no traces or no points.
    """
    if not traces or not points:
        raise ValueError("a figure of paths needs at least one trace and one point")
    left, right, below, above, high, gap = SIDE + 2 * GAP + 44, 16, 46, 34, 118, 26
    canvas = Canvas(968, above + high * len(points) + below)
    across = (canvas.width - left - right - gap * (len(traces) - 1)) / len(traces)
    picture = next(iter(traces.values())).value[-1].astype(np.float32).clip(0, 1) if original is None else original
    tall = SIDE * picture.shape[0] / picture.shape[1]
    axes = canvas.axes(GAP, above, SIDE, tall)
    show(axes, picture)
    for number, (x, y) in enumerate(points, start=1):
        place = (x * picture.shape[1] - 0.5, y * picture.shape[0] - 0.5)
        axes.plot(*place, "o", color=OUTLINE, markeredgecolor="black", markersize=13)
        axes.annotate(str(number), place, ha="center", va="center", fontsize=9, fontweight="bold")
    for column, (title, trace) in enumerate(traces.items()):
        for row, (x, y) in enumerate(points):
            axes = canvas.axes(left + column * (across + gap), above + (row + 0.1) * high, across, 0.9 * high)
            _draw_path(axes, trace, x, y, original)
            if row == 0:
                axes.set_title(title, fontsize=12, pad=8, **VERBATIM)
            if column == 0:
                axes.set_ylabel(f"point {row + 1}", fontsize=10)
            axes.tick_params(labelleft=column == 0, labelbottom=row == len(points) - 1, labelsize=8)
        axes.set_xlabel("network calls", fontsize=10)
    handles, names = canvas.figure.axes[1].get_legend_handles_labels()
    place = canvas.point(GAP + SIDE / 2, above + tall + 4)
    canvas.figure.legend(handles, names, loc="upper center", bbox_to_anchor=place, ncols=2, fontsize=9, frameon=False)
    return canvas.figure


def _draw_path(axes: Any, trace: Trace, x: float, y: float, original: NDArray[Any] | None) -> None:
    """Draw one point's channels through the calls of one trace."""
    rows, across = trace.value.shape[1:3]
    place, calls = (int(y * rows), int(x * across)), np.arange(1, len(trace.t) + 1)
    axes.axhspan(0, 1, color="#f2f2f2", zorder=0)  # the range of colours
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
