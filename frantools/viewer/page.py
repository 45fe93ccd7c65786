"""A viewer as one self-contained page."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import chain, count
from pathlib import Path
from typing import Any

from ..checks import is_integer
from ..comparisons.comparison import Comparison
from ..comparisons.recipe_files import marked
from ..comparisons.recipes import Recipe
from ..files import replacing, to_json
from .encoding import EncodedPicture, collect, encode, lossy, reference_of
from .scripts import script, style

LIMIT = 500_000_000  # bytes of a page: Chromium opens 506 MB and not 539, as its strings end at 2**29 characters
BY_TITLE = ("chips", "numbers", "best", "notes")
_ROOT = r"(?<![\w./\\<])(?:(?:file:/+)?[A-Za-z]:[\\/]+|file:/+|\\\\|(?<!:)//|/(?!/))"
_FOLDER = r"(?!\s)(?:[^/\\'\"<>|:;\n]|(?<=\w)'(?=\w)|[:;](?![\s/\\]))+(?<!\s)[\\/]+"
_FOLDERS = re.compile(rf"{_ROOT}(?:{_FOLDER})+(?=[^\s/\\])")
"""The folders of an absolute path within a sentence. Rather a word too much than a folder too few: they have spaces."""
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|/)(?!.*(?:: |\s[\\/])).*[\\/].*")
"""A text that is an absolute path, and no sentence."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="ft-page">
<noscript>The pictures in this page need JavaScript to be shown.</noscript>
{recipe}<script type="application/json" id="frantools-viewer">{content}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def made(
    pictures: Mapping[str, EncodedPicture | None],
    state: Mapping[str, Any],
    recipe: Recipe | None,
    quality: int | None = None,
) -> bytes:
    """The page.

    Parameters
    ----------
    pictures : mapping
        By title, in their order; None where a note stands in the place of a picture.
    state : mapping
        What the viewer shows, by the names of its traits.
    recipe : Recipe, optional
        What makes the pictures again.
    quality : int, optional
        Of lossy WebP, 1 to 100. Default: the very pixels, as PNG.

    Raises
    ------
    ValueError
        If the quality is not as above, or the page would be larger than browsers open.
    """
    if quality is not None and not (is_integer(quality) and 1 <= quality <= 100):
        raise ValueError(f"quality is {quality!r}; accepted are None and whole numbers from 1 to 100")
    held = {each.key: each for each in pictures.values() if each is not None}
    if quality is not None:
        held = {key: lossy(each, quality) for key, each in held.items()}
    _check_size(held.values())
    made_by = None if recipe is None else recipe.to_dict()
    folders = sorted(_parents([made_by, list(pictures), state]), key=len, reverse=True)
    names = _names(pictures, folders)
    told = {name: _renamed(value, names) if name in BY_TITLE else value for name, value in state.items()}
    told |= {name: names.get(state[name]) for name in ("selected", "_reference")}
    told["_panes"] = [
        {"title": names[title], "picture": each and each.key, "details": []} for title, each in pictures.items()
    ]
    content = _anonymous(told, folders) | {"pictures": {key: _content(each) for key, each in held.items()}}
    code, sheet = script("page"), style()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
        f"script-src '{_hash(code)}'; style-src '{_hash(sheet)}'"
    )
    return PAGE.format(
        policy=policy,
        title=_plain(" · ".join(names.values())),
        style=sheet,
        recipe="" if made_by is None else f"<!-- {marked(to_json(_anonymous(made_by, folders)))} -->\n",
        content=_json(content),
        script=code,
    ).encode("utf-8", "backslashreplace")


def save(path: Path, content: bytes) -> None:
    """Write a page, whole or not at all; the name ends in ``.html``."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{path} cannot be written; accepted are names that end in .html")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def of_comparison(comparison: Comparison, quality: int | None = None) -> bytes:
    """The page of a comparison, with its numbers, how they came about, and its recipe."""
    found = collect(comparison)
    titles = list(found.pictures)
    state = {
        "view": {"x": 0, "y": 0, "width": 1, "height": 1},
        "boxes": [],
        "selected": None,
        "chips": {},
        "numbers": found.numbers,
        "best": found.best,
        "notes": found.notes,
        "caption": found.caption,
        "outlines": [],
        "_frame": list(comparison.size),
        "_reference": reference_of(titles, found.reference),
    }
    encoded = {title: None if each is None else encode(each) for title, each in found.pictures.items()}
    return made(encoded, state, comparison.recipe, quality)


def _check_size(pictures: Iterable[EncodedPicture]) -> None:
    """Refuse a page that browsers would not open."""
    parts = (part for each in pictures for part in (each.overview, *(tile.data for tile in each.tiles)))
    size = sum(-(-len(part) // 3) * 4 for part in parts if part is not None)  # as base64
    if size > LIMIT:
        raise ValueError(
            f"the page must be at most {LIMIT / 1e6:.0f} MB, which browsers open, got {size / 1e6:.0f} MB; "
            "save fewer or smaller pictures, or with a lower quality"
        )


def _content(encoded: EncodedPicture) -> dict[str, Any]:
    tiles = [tile.to_dict(b64encode(tile.data).decode()) for tile in encoded.tiles]
    overview = None if encoded.overview is None else b64encode(encoded.overview).decode()
    return {**encoded.content(), "tiles": tiles, "overview": overview}


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _json(content: Any) -> str:
    """JSON that is text and no markup between the tags of a script."""
    return to_json(content).replace("<", r"\u003c").replace(">", r"\u003e")


def _parents(content: Any) -> set[str]:
    """The folders of all texts in some content that are absolute paths."""
    if isinstance(content, Mapping):
        return _parents(list(content)) | _parents(list(content.values()))
    if isinstance(content, (list, tuple)):
        return {folder for each in content for folder in _parents(each)}
    if not isinstance(content, str) or not _PATH.fullmatch(content):
        return set()
    return {re.split(r"[^\\/]*$", content)[0]}


def _anonymous(content: Any, folders: Iterable[str]) -> Any:
    """The same content without these folders, and those that other absolute paths in it name."""
    if isinstance(content, Mapping):
        return {_anonymous(key, folders): _anonymous(value, folders) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_anonymous(each, folders) for each in content]
    if not isinstance(content, str):
        return content
    for folder in folders:
        content = content.replace(folder, "")
    return _FOLDERS.sub("", content)


def _names(titles: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """Titles without the folders of this machine, which still differ."""
    made: dict[str, str] = {}
    for title in titles:
        name = _anonymous(title, folders)
        others = (f"{name} ({number})" for number in count(2))
        made[title] = next(each for each in chain([name], others) if each not in made.values())
    return made


def _renamed(said: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[title]: each for title, each in said.items() if title in names}


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
