"""Tables that read well in a notebook, in a terminal and in a Markdown file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMATS = {
    "loss": ".4f",
    "loss_gray": ".5f",
    "psnr": ".1f",
    "ssim": ".3f",
    "sharpness": ".4f",
    "distance": ".4f",
    "seconds": ".2f",
    "score": ".1f",
}
HEADS = {
    "loss_gray": "gray loss",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "calls": "network calls",
    "seconds": "seconds a picture",
}


@dataclass(frozen=True)
class Table:
    """Rows of named values.

    Parameters
    ----------
    rows : sequence of dict
        The names of the first row are the columns. Known names, such as "psnr", are rounded to what is meaningful.
    """

    rows: Sequence[Mapping[str, Any]]

    def _cells(self) -> list[list[str]]:
        names = list(self.rows[0]) if self.rows else []
        return [
            [HEADS.get(name, name) for name in names],
            *([_format(name, row.get(name)) for name in names] for row in self.rows),
        ]

    def __repr__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        numeric = [_is_number(value) for value in (self.rows[0].values() if self.rows else ())]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in cells
        )

    def _repr_markdown_(self) -> str:
        head, *body = self._cells()
        rule = ["--:" if _is_number(value) else "---" for value in (self.rows[0].values() if self.rows else ())]
        return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _format(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, FORMATS.get(name, "g")) if isinstance(value, float) else str(value)
