"""The layout of figures, in pixels: pictures in rows and columns. Nothing here samples or imports pyplot."""

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
"""A picture, or a message to show in its place."""
Pictures = Mapping[str, Mapping[str, Image]]

CELL = 256  # pixels that a picture is wide
GAP = 8  # pixels between pictures
TITLE = 34  # pixels above the first row
LABEL = 30  # pixels left of the first column, if rows have labels
CAPTION = 22  # pixels for a line below a picture
NARROW = 180  # pixels; captions of narrower pictures are broken at wide gaps
DPI = 100
VERBATIM: dict[str, Any] = {"parse_math": False}  # users' titles and names may contain $, which starts no formula
INK = "#797979"  # legible on JupyterLab's white and on its near-black: a contrast of 4.3 to either
P = ParamSpec("P")
Result = TypeVar("Result")
STYLE = {
    name: value
    for name, value in matplotlib.rcParamsDefault.items()
    if name.split(".")[0] not in ("backend", "interactive", "toolbar", "webagg", "tk", "timezone", "date", "savefig")
    and not name.startswith(("backend", "figure.max_open", "figure.hooks"))
}
COLOURS = ("#767676", "#b8860b", "#0072b2", "#d55e00", "#009e73", "#cc79a7")  # the colour-blind can distinguish them
FONT = "DejaVu Sans"
"""The default font, which matplotlib ships."""
GENERIC = ("serif", "sans-serif", "cursive", "fantasy", "monospace")
OUTLINE = "#ffd60a"  # visible on skin, cloth and sky, with a dark edge


def with_default_style(draw: Callable[P, Result]) -> Callable[P, Result]:
    """Draw with matplotlib's default settings: a figure does not depend on the user's style.

    The user's fonts come after matplotlib's own, for letters that it lacks.
    """

    @wraps(draw)
    def draw_with_default_style(*arguments: P.args, **options: P.kwargs) -> Result:
        with matplotlib.rc_context({**STYLE, "font.family": fonts()}):
            return draw(*arguments, **options)

    return draw_with_default_style


def fonts() -> list[str]:
    """The fonts of all text: matplotlib's own, then the installed ones of the user's settings, by name."""
    settings: Any = matplotlib.rcParams
    families: list[str] = []
    for family in settings["font.family"]:
        families += settings[f"font.{family}"] if family in GENERIC else [family]
    installed = {font.name.lower() for font in fontManager.ttflist}
    return list(dict.fromkeys([FONT, *(family for family in families if family.lower() in installed)]))


class InlineFigure(Figure):
    """A figure that a notebook displays as laid out, whether or not pyplot and a backend are loaded."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw, with texts changed to what fonts can show."""
        for text in self.findobj(Text):
            if (label := as_label(text.get_text())) != text.get_text():
                text.set_text(label)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        with matplotlib.rc_context({"savefig.bbox": None}):
            self.savefig(file, format="png", dpi=self.dpi, facecolor=self.get_facecolor())
        return file.getvalue()


class Canvas:
    """A figure whose axes and texts are placed in pixels from the top left corner.

    Parameters
    ----------
    width, height : float
        Pixels.
    figure : Figure, optional
        A figure to clear and draw in, as widgets do. Default: a new one.
    """

    def __init__(self, width: float, height: float, figure: Figure | None = None) -> None:
        self.width, self.height = width, height
        self.figure = blank(width, height, figure)

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Add axes in a box."""
        bottom = self.height - top - height
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box, **options)

    def point(self, left: float, top: float) -> tuple[float, float]:
        """A point in fractions of the figure, as matplotlib places legends."""
        return left / self.width, 1 - top / self.height

    def text(self, left: float, top: float, text: str, **options: Any) -> Text:
        """Add a text, centred vertically by default."""
        return self.figure.text(*self.point(left, top), text, **{"va": "center", **VERBATIM, **options})


@dataclass(frozen=True)
class Row:
    """A row of a figure: pictures of one shape.

    Parameters
    ----------
    images : sequence of ndarray, Restoration or str
        (H, W, 3) or (H, W): uint8, or floats in [0, 1]. A string is shown as a message in place of a picture.
    label : str
        A vertical label to the left of the row.
    outlines : sequence of sequences of Roi
        For each picture, the rectangles to outline in it, in its own pixels.
    captions : sequence of str
        For each picture, the lines below it.
    """

    images: Sequence[Image]
    label: str = ""
    outlines: Sequence[Sequence[Roi]] = ()
    captions: Sequence[str] = ()


def adapt_to_theme(figure: Figure) -> None:
    """Make a figure legible on light and dark pages: no background, and gray instead of black.

    Axes with a background colour, such as that of a message, keep it.
    """
    figure.patch.set_alpha(0)
    for text in figure.findobj(Text):
        if text.get_color() == "black":
            text.set_color(INK)
    for axes in figure.findobj(Axes):
        if to_hex(axes.get_facecolor()) == "#ffffff":
            axes.patch.set_alpha(0)
        axes.tick_params(colors=INK)
        for spine in axes.spines.values():
            spine.set_edgecolor(INK)


@with_default_style
def grid(
    rows: Sequence[Row],
    titles: Sequence[str] = (),
    cell: int = CELL,
    figure: Figure | None = None,
    headings: Sequence[str] = (),
) -> Figure:
    """Draw pictures in rows and columns, each `cell` pixels wide at the figure's own resolution.

    Parameters
    ----------
    rows : sequence of Row
        A picture's height follows from its shape.
    titles : sequence of str
        Titles of the columns.
    cell : int
        Pixels.
    figure : Figure, optional
        A figure to clear and draw in, as widgets do. Default: a new one.
    headings : sequence of str
        Lines above all.

    Returns
    -------
    Figure
        A matplotlib figure, laid out at 100 pixels an inch; `frantools.save_figure` writes it.

    Raises
    ------
    ValueError
        If there are no rows, or a row has more pictures than the first.
    """
    if not rows or not rows[0].images:
        raise ValueError("a figure needs at least one picture")
    columns = len(rows[0].images)
    if any(len(row.images) > columns for row in rows) or len(titles) not in (0, columns):
        raise ValueError(f"the first row has {columns} pictures; the other rows and the titles must not have more")
    left = LABEL if any(row.label for row in rows) else GAP
    head = 14 + 20 * len(headings) if headings else 0
    top = head + (TITLE if titles else GAP)
    heights = [max(1, round(cell * aspect(row.images))) for row in rows]
    line_break = "\n" if cell < NARROW else "   "
    captions = [[text.replace("   ", line_break) for text in row.captions] for row in rows]
    gaps = [GAP + _caption_height(texts) for texts in captions]
    caption_size = fit_font_size([text for texts in captions for text in texts], 9, cell, 6)
    title_size = fit_font_size(titles, 14, cell, 8)

    canvas = Canvas(left + columns * (cell + GAP), top + sum(heights) + sum(gaps), figure)
    for number, heading in enumerate(headings):
        size = fit_font_size([heading], 12 - 2 * number, 0.94 * (canvas.width - 16), 5)
        canvas.text(8, 17 + 20 * number, heading, size=size)
    for row, texts, height, gap in zip(rows, captions, heights, gaps, strict=True):
        for column, image in enumerate(row.images):
            axes = canvas.axes(left + column * (cell + GAP), top, cell, height)
            show(axes, image)
            if column < len(row.outlines) and not isinstance(image, str):
                outline(axes, row.outlines[column])
            if column < len(texts):
                text = axes.text(0.5, -4 / height, texts[column], transform=axes.transAxes, **VERBATIM)
                text.set(size=caption_size, ha="center", va="top")
            if row is rows[0] and titles:
                axes.set_title(shorten(titles[column], title_size, cell), fontsize=title_size, pad=8, **VERBATIM)
            if column == 0 and row.label:
                axes.set_ylabel(row.label, fontsize=11, labelpad=6, **VERBATIM)
        top += height + gap
    return canvas.figure


def text_width(text: str, size: float) -> float:
    """The pixels that the widest line of a text takes, at `size` points."""
    font, lines = FontProperties(size=size), as_label(text).split("\n")
    widths = [text_to_path.get_text_width_height_descent(line, font, False)[0] for line in lines]
    return float(max(widths)) * DPI / 72


def fit_font_size(texts: Sequence[str], size: float, width: float, minimum: float) -> float:
    """The font size, from `size` down to `minimum` points, at which all texts are at most `width` pixels wide."""
    widest = max((text_width(text, size) for text in texts), default=0.0)
    return size if widest <= width else max(minimum, size * width / widest)


def shorten(text: str, size: float, width: float) -> str:
    """Cut the end of a line that is wider than `width` pixels."""
    start = text
    while start and text_width(start + "\u2026" * (start != text), size) > width + 1:
        start = start[:-1]
    return text if start == text else start.rstrip() + "\u2026"


def set_verbatim(legend: Legend) -> None:
    """Show the texts of a legend as they are, without formulas."""
    for text in legend.get_texts():
        text.set(**VERBATIM)


def hide_spines(axes: Axes, *names: str) -> None:
    """Hide spines of axes, all by default."""
    for name in names or axes.spines:
        axes.spines[name].set_visible(False)


def add_grid(axes: Axes, colour: str = "#dddddd", **options: Any) -> None:
    """Add thin grid lines behind the data."""
    axes.grid(color=colour, linewidth=0.6, **options)
    axes.set_axisbelow(True)


def spread_ticks(values: Sequence[int], ratio: float) -> list[int]:
    """The values of a logarithmic axis that get a tick: each at least `ratio` times the one before."""
    ticks: list[int] = []
    for value in sorted(set(values)):
        if not ticks or value >= ratio * ticks[-1]:
            ticks.append(value)
    return ticks


def _caption_height(captions: Sequence[str]) -> int:
    """The pixels that captions take below their pictures."""
    return max((CAPTION + 15 * text.count("\n") for text in captions), default=0)


def blank(width: float, height: float, figure: Figure | None = None) -> Figure:
    """An empty figure of a size in pixels: a new one, or `figure` cleared."""
    inches = (width / DPI, height / DPI)
    if figure is None:
        return InlineFigure(figsize=inches, dpi=DPI, facecolor="white")
    figure.clear()
    if tuple(figure.get_size_inches()) != inches:
        figure.set_size_inches(*inches)
    return figure


def aspect(images: Sequence[Image]) -> float:
    """Height over width of the first picture; 1 if there are only messages."""
    shapes = [pixels(image).shape for image in images if not isinstance(image, str)]
    return shapes[0][0] / shapes[0][1] if shapes else 1.0


def pixels(image: Image) -> NDArray[Any]:
    """The array of a restoration, or the array itself."""
    return image.image if isinstance(image, Restoration) else np.asarray(image)


def show(axes: Axes, image: Image) -> None:
    """Show a picture without ticks and without interpolation, or a message."""
    if isinstance(image, str):
        axes.set_facecolor("#f2f2f2")
        size, lines = _wrap_message(image, axes.bbox.width, axes.bbox.height)
        text = axes.text(0.5, 0.5, lines, transform=axes.transAxes, size=size, color="#8a1c1c", **VERBATIM)
        text.set(ha="center", va="center")
    else:
        array = pixels(image)
        axes.imshow(array, cmap="gray" if array.ndim == 2 else None, vmin=0, vmax=1 if array.dtype.kind == "f" else 255)
        if abs(array.shape[0] / array.shape[1] / (axes.bbox.height / axes.bbox.width) - 1) < 0.03:  # but for rounding
            axes.set_aspect("auto")
    axes.set(xticks=[], yticks=[])
    hide_spines(axes)


def _wrap_message(text: str, width: float, height: float) -> tuple[float, str]:
    """The font size and the lines of a message that fit into a box; truncated at the smallest size."""
    for size in (9, 8, 7, 6, 5):
        characters, count = max(6, int(width / size / 0.8)), max(2, int(height / size / 1.85))
        lines = textwrap.wrap(text, characters)
        if len(lines) <= count:
            break
    else:
        lines = textwrap.wrap(text, characters, max_lines=count, placeholder="\u2026")
    return size, "\n".join(lines)


def outline(axes: Axes, rois: Sequence[Roi]) -> None:
    """Draw rectangles over a picture, numbered if there are several."""
    for number, roi in enumerate(rois, start=1):
        corner, width, height = (roi.left - 0.5, roi.top - 0.5), roi.right - roi.left, roi.bottom - roi.top
        rectangle = Rectangle(corner, width, height, fill=False, edgecolor=OUTLINE, linewidth=1.6, clip_on=False)
        rectangle.set_path_effects([patheffects.Stroke(linewidth=3, foreground="black"), patheffects.Normal()])
        axes.add_patch(rectangle)
        if len(rois) > 1:
            label = axes.annotate(str(number), (roi.left, roi.top), (3, -3), textcoords="offset points")
            label.set(ha="left", va="top", color=OUTLINE, fontsize=9, fontweight="bold")
            label.set_path_effects([patheffects.Stroke(linewidth=2, foreground="black"), patheffects.Normal()])
