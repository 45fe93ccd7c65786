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
from .encoding import EncodedPicture, encode_picture, to_webp
from .panes import find_reference, read_panes
from .scripts import script, style

LIMIT = 500_000_000  # bytes of a page: Chromium opens 506 MB and not 539, as its strings end at 2**29 characters
BY_TITLE = ("chips", "numbers", "best", "notes")
_ROOT = r"(?<![\w./\\<])(?:(?:file:/+)?[A-Za-z]:[\\/]+|file:/+|\\\\|(?<!:)//|/(?!/))"
_FOLDER = r"(?!\s)(?:[^/\\'\"<>|:;\n]|(?<=\w)'(?=\w)|[:;](?![\s/\\]))+(?<!\s)[\\/]+"
_FOLDERS = re.compile(rf"{_ROOT}(?:{_FOLDER})+(?=[^\s/\\])")
"""The folders of an absolute path within a text. It rather matches a word too much: folder names have spaces."""
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|/)(?!.*(?:: |\s[\\/])).*[\\/].*")
"""A text that is an absolute path."""

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


def build_page(
    pictures: Mapping[str, EncodedPicture | None],
    state: Mapping[str, Any],
    recipe: Recipe | None,
    quality: int | None = None,
) -> bytes:
    """Return the content of a page.

    Parameters
    ----------
    pictures : mapping
        By title, in their order; None if a note replaces the picture.
    state : mapping
        The state of the viewer, by the names of its traits.
    recipe : Recipe, optional
        The recipe of the pictures.
    quality : int, optional
        Quality of lossy WebP, 1 to 100. Default: the exact pixels, as PNG.

    Raises
    ------
    ValueError
        If the quality is out of range, or the page would be larger than browsers can open.
    """
    if quality is not None and not (is_integer(quality) and 1 <= quality <= 100):
        raise ValueError(f"quality must be None or an integer from 1 to 100, got {quality!r}")
    by_key = {encoded.key: encoded for encoded in pictures.values() if encoded is not None}
    if quality is not None:
        by_key = {key: to_webp(encoded, quality) for key, encoded in by_key.items()}
    _check_size(by_key.values())
    recipe_content = None if recipe is None else recipe.to_dict()
    folders = sorted(_parent_folders([recipe_content, list(pictures), state]), key=len, reverse=True)
    names = _anonymous_titles(pictures, folders)
    content = dict(state)
    content |= {
        name: {names[title]: item for title, item in state[name].items() if title in names} for name in BY_TITLE
    }
    content |= {name: names.get(state[name]) for name in ("selected", "_reference")}
    content["_panes"] = [
        {"title": names[title], "picture": encoded and encoded.key, "details": []}
        for title, encoded in pictures.items()
    ]
    content = _anonymous(content, folders) | {"pictures": {key: _as_base64(item) for key, item in by_key.items()}}
    code, style_sheet = script("page"), style()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
        f"script-src '{_hash(code)}'; style-src '{_hash(style_sheet)}'"
    )
    recipe_html = ""
    if recipe_content is not None:
        recipe_html = f"<!-- {marked(to_json(_anonymous(recipe_content, folders)))} -->\n"
    return PAGE.format(
        policy=policy,
        title=_escape(" · ".join(names.values())),
        style=style_sheet,
        recipe=recipe_html,
        content=_script_json(content),
        script=code,
    ).encode("utf-8", "backslashreplace")


def write_page(path: Path, content: bytes) -> None:
    """Write a page atomically; its name must end in ``.html``."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{path}: the name of a page must end in .html")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def comparison_page(comparison: Comparison, quality: int | None = None) -> bytes:
    """Return the page of a comparison, with its numbers, their protocol and its recipe."""
    panes = read_panes(comparison)
    state = {
        "view": {"x": 0, "y": 0, "width": 1, "height": 1},
        "boxes": [],
        "selected": None,
        "chips": {},
        "numbers": panes.numbers,
        "best": panes.best,
        "notes": panes.notes,
        "caption": panes.caption,
        "outlines": [],
        "_frame": list(comparison.size),
        "_reference": find_reference(list(panes.pictures), panes.reference),
    }
    encoded = {title: None if picture is None else encode_picture(picture) for title, picture in panes.pictures.items()}
    return build_page(encoded, state, comparison.recipe, quality)


def _check_size(pictures: Iterable[EncodedPicture]) -> None:
    """Raise a ValueError if browsers could not open the page."""
    parts = (part for encoded in pictures for part in (encoded.overview, *(tile.data for tile in encoded.tiles)))
    size = sum(-(-len(part) // 3) * 4 for part in parts if part is not None)  # as base64
    if size > LIMIT:
        raise ValueError(
            f"the page must be at most {LIMIT / 1e6:.0f} MB, which browsers open, got {size / 1e6:.0f} MB; "
            "save fewer or smaller pictures, or with a lower quality"
        )


def _as_base64(encoded: EncodedPicture) -> dict[str, Any]:
    tiles = [tile.to_dict(b64encode(tile.data).decode()) for tile in encoded.tiles]
    overview = None if encoded.overview is None else b64encode(encoded.overview).decode()
    return {**encoded.content(), "tiles": tiles, "overview": overview}


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _script_json(content: Any) -> str:
    """Return JSON without characters that are markup inside a script tag."""
    return to_json(content).replace("<", r"\u003c").replace(">", r"\u003e")


def _parent_folders(content: Any) -> set[str]:
    """Return the folders of all absolute paths in some content."""
    if isinstance(content, Mapping):
        return _parent_folders(list(content)) | _parent_folders(list(content.values()))
    if isinstance(content, (list, tuple)):
        return {folder for item in content for folder in _parent_folders(item)}
    if not isinstance(content, str) or not _PATH.fullmatch(content):
        return set()
    return {re.split(r"[^\\/]*$", content)[0]}


def _anonymous(content: Any, folders: Iterable[str]) -> Any:
    """Return the content without these folders, and without the folders of other absolute paths in it."""
    if isinstance(content, Mapping):
        return {_anonymous(key, folders): _anonymous(value, folders) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_anonymous(item, folders) for item in content]
    if not isinstance(content, str):
        return content
    for folder in folders:
        content = content.replace(folder, "")
    return _FOLDERS.sub("", content)


def _anonymous_titles(titles: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """Return each title without the folders of this machine; the results still differ."""
    names: dict[str, str] = {}
    for title in titles:
        name = _anonymous(title, folders)
        candidates = chain([name], (f"{name} ({number})" for number in count(2)))
        names[title] = next(candidate for candidate in candidates if candidate not in names.values())
    return names


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
