"""Pictures in rows and columns: what all figures are drawn with. No sampling in here, and no pyplot."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from io import BytesIO
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.legend import Legend
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from ..photos.file_names import as_label
from ..restorers.base import Restoration
from ..scores.roi_search import Roi

Image = NDArray[Any] | Restoration | str
"""A picture, or a sentence that says why there is none."""
Pictures = Mapping[str, Mapping[str, Image]]

CELL = 256  # pixels that a picture is wide
GAP = 8  # pixels between pictures
TITLE = 34  # pixels above the first row
LABEL = 30  # pixels left of the first column, where rows have labels
CAPTION = 22  # pixels for a line below a picture
NARROW = 180  # pixels; below pictures less wide than that, a wide gap in a line is the end of it
DPI = 100
VERBATIM: dict[str, Any] = {"parse_math": False}  # titles and names are a user's: a $ in them begins no formula
INK = "#797979"  # legible on JupyterLab's white and on its near-black: a contrast of 4.3 to either
P = ParamSpec("P")
Made = TypeVar("Made")
STYLE = {
    name: value
    for name, value in matplotlib.rcParamsDefault.items()
    if name.split(".")[0] not in ("backend", "interactive", "toolbar", "webagg", "tk", "timezone", "date", "savefig")
    and not name.startswith(("backend", "figure.max_open", "figure.hooks"))
}
COLOURS = ("#767676", "#b8860b", "#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by the colour-blind too
FONT = "DejaVu Sans"
"""The font that matplotlib brings and uses by default."""
GENERIC = ("serif", "sans-serif", "cursive", "fantasy", "monospace")
OUTLINE = "#ffd60a"  # seen on skin, cloth and sky alike, with a dark edge


def plain(draw: Callable[P, Made]) -> Callable[P, Made]:
    """Draw with matplotlib's own settings: a figure is the same whatever the user's style is.

    The user's fonts come after matplotlib's own, for letters that it lacks.
    """

    @wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> Made:
        with matplotlib.rc_context({**STYLE, "font.family": fonts()}):
            return draw(*arguments, **named)

    return drawn


def fonts() -> list[str]:
    """The fonts of all text: matplotlib's own, then the installed ones among the user's, by name."""
    settings: Any = matplotlib.rcParams
    families: list[str] = []
    for family in settings["font.family"]:
        families += settings[f"font.{family}"] if family in GENERIC else [family]
    installed = {font.name.lower() for font in fontManager.ttflist}
    return list(dict.fromkeys([FONT, *(family for family in families if family.lower() in installed)]))


@dataclass(frozen=True)
class Row:
    """A row of a figure: pictures of one shape.

    Parameters
    ----------
    images : sequence of ndarray, Restoration or str
        (H, W, 3) or (H, W): uint8, or floats in [0, 1]. A sentence stands in the place of a picture that there is not.
    label : str
        Stands left of the row, upright.
    outlines : sequence of sequences of Roi
        For each picture, the rectangles to outline in it, in its own pixels.
    captions : sequence of str
        For each picture, the lines below it.
    """

    images: Sequence[Image]
    label: str = ""
    outlines: Sequence[Sequence[Roi]] = ()
    captions: Sequence[str] = ()


class Shown(Figure):
    """A figure that a notebook shows as it is laid out, whether or not pyplot and a backend are loaded."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw with texts that fonts can show, whatever the names in them are."""
        for text in self.findobj(Text):
            if (label := as_label(text.get_text())) != text.get_text():
                text.set_text(label)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        with matplotlib.rc_context({"savefig.bbox": None}):
            self.savefig(file, format="png", dpi=self.dpi, facecolor=self.get_facecolor())
        return file.getvalue()


def ink(figure: Figure) -> None:
    """Make a figure legible on a page, whatever its theme: no background, and gray for black.

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


@plain
def grid(rows: Sequence[Row], titles: Sequence[str] = (), cell: int = CELL, figure: Figure | None = None) -> Figure:
    """Pictures in rows and columns, each `cell` pixels wide at the figure's own resolution.

    Parameters
    ----------
    rows : sequence of Row
        A picture's height follows from its shape.
    titles : sequence of str
        Stand above the columns.
    cell : int
        Pixels.
    figure : Figure, optional
        One to draw in anew, as widgets do. Default: a new one.

    Returns
    -------
    Figure
        Of matplotlib, laid out at 100 pixels an inch; `frantools.save_figure` writes it.

    Raises
    ------
    ValueError
        If there is no row, or a row has more pictures than the first.
    """
    if not rows or not rows[0].images:
        raise ValueError("a figure needs at least one picture")
    columns = len(rows[0].images)
    if any(len(row.images) > columns for row in rows) or len(titles) not in (0, columns):
        raise ValueError(f"the first row has {columns} pictures; the other rows and the titles must not have more")
    left = LABEL if any(row.label for row in rows) else GAP
    top = TITLE if titles else GAP
    heights = [max(1, round(cell * aspect(row.images))) for row in rows]
    parting = "\n" if cell < NARROW else "   "
    captions = [[text.replace("   ", parting) for text in row.captions] for row in rows]
    below = [GAP + _lines(texts) for texts in captions]
    small = fitting([text for texts in captions for text in texts], 9, cell, 6)
    large = fitting(titles, 14, cell, 8)
    width = left + columns * (cell + GAP)
    height = top + sum(heights) + sum(below)

    figure = blank(width, height, figure)
    y = height - top
    for row, texts, tall, gap in zip(rows, captions, heights, below, strict=True):
        y -= tall
        for column, image in enumerate(row.images):
            x = left + column * (cell + GAP)
            axes = figure.add_axes((x / width, y / height, cell / width, tall / height))
            show(axes, image)
            if column < len(row.outlines) and not isinstance(image, str):
                outline(axes, row.outlines[column])
            if column < len(texts):
                text = axes.text(0.5, -4 / tall, texts[column], transform=axes.transAxes, size=small, **VERBATIM)
                text.set(ha="center", va="top")
            if row is rows[0] and titles:
                axes.set_title(shortened(titles[column], large, cell), fontsize=large, pad=8, **VERBATIM)
            if column == 0 and row.label:
                axes.set_ylabel(row.label, fontsize=11, labelpad=6, **VERBATIM)
        y -= gap
    return figure


def extent(text: str, size: float) -> float:
    """Pixels that the widest line of a text takes, at so many points."""
    font, lines = FontProperties(size=size), as_label(text).split("\n")
    widths = [text_to_path.get_text_width_height_descent(line, font, False)[0] for line in lines]
    return float(max(widths)) * DPI / 72


def fitting(texts: Sequence[str], size: float, width: float, least: float) -> float:
    """The points, from `size` down to `least`, at which each of some texts is at most `width` pixels wide."""
    widest = max((extent(text, size) for text in texts), default=0.0)
    return size if widest <= width else max(least, size * width / widest)


def shortened(text: str, size: float, width: float) -> str:
    """A text of one line, its end left out where it is wider than `width` pixels."""
    kept = text
    while kept and extent(kept + "\u2026" * (kept != text), size) > width + 1:
        kept = kept[:-1]
    return text if kept == text else kept.rstrip() + "\u2026"


def verbatim(legend: Legend) -> None:
    for text in legend.get_texts():
        text.set(**VERBATIM)


def _lines(captions: Sequence[str]) -> int:
    """Pixels that captions take below their pictures."""
    return max((CAPTION + 15 * text.count("\n") for text in captions), default=0)


def blank(width: float, height: float, figure: Figure | None = None) -> Figure:
    """An empty figure of so many pixels: a new one, or `figure` cleared."""
    inches = (width / DPI, height / DPI)
    if figure is None:
        return Shown(figsize=inches, dpi=DPI, facecolor="white")
    figure.clear()
    if tuple(figure.get_size_inches()) != inches:
        figure.set_size_inches(*inches)
    return figure


def aspect(images: Sequence[Image]) -> float:
    """Height over width of the first picture; 1 where there is none."""
    shapes = [pixels(image).shape for image in images if not isinstance(image, str)]
    return shapes[0][0] / shapes[0][1] if shapes else 1.0


def pixels(image: Image) -> NDArray[Any]:
    """The array of a restoration, or the array itself."""
    return image.image if isinstance(image, Restoration) else np.asarray(image)


def show(axes: Axes, image: Image) -> None:
    """A picture without ticks, its pixels as they are: enlarged ones stay squares. A sentence is set as text."""
    if isinstance(image, str):
        axes.set_facecolor("#f2f2f2")
        size, lines = _sentence(image, axes.bbox.width, axes.bbox.height)
        axes.text(0.5, 0.5, lines, transform=axes.transAxes, size=size, ha="center", va="center",
                  color="#8a1c1c", **VERBATIM)  # fmt: skip
    else:
        array = pixels(image)
        top = 1 if array.dtype.kind == "f" else 255
        axes.imshow(array, cmap="gray" if array.ndim == 2 else None, vmin=0, vmax=top)
        shape = (array.shape[0] / array.shape[1]) / (axes.bbox.height / axes.bbox.width)
        if 0.97 < shape < 1.03:  # of one aspect but for rounding: the pictures of a row stand in line
            axes.set_aspect("auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _sentence(text: str, width: float, height: float) -> tuple[float, str]:
    """The points and the lines of a sentence in a picture's place: smaller, and at last cut, where there is no room."""
    for size in (9, 8, 7, 6, 5):
        across, room = max(6, int(width / size / 0.8)), max(2, int(height / size / 1.85))
        lines = textwrap.wrap(text, across)
        if len(lines) <= room:
            break
    else:
        lines = textwrap.wrap(text, across, max_lines=room, placeholder="\u2026")
    return size, "\n".join(lines)


def outline(axes: Axes, rois: Sequence[Roi]) -> None:
    """Rectangles over a picture, numbered where there are several."""
    edge = [patheffects.Stroke(linewidth=3, foreground="black"), patheffects.Normal()]
    for number, roi in enumerate(rois, start=1):
        axes.add_patch(
            Rectangle(
                (roi.left - 0.5, roi.top - 0.5),
                roi.right - roi.left,
                roi.bottom - roi.top,
                fill=False,
                edgecolor=OUTLINE,
                linewidth=1.6,
                path_effects=edge,
                clip_on=False,
            )
        )
        if len(rois) > 1:
            axes.annotate(
                str(number),
                (roi.left, roi.top),
                (3, -3),
                textcoords="offset points",
                ha="left",
                va="top",
                color=OUTLINE,
                fontsize=9,
                fontweight="bold",
                path_effects=[patheffects.Stroke(linewidth=2, foreground="black"), patheffects.Normal()],
            )
