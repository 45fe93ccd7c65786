"""Restorers of names, paths and objects."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from os.path import exists
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from ..frannet.engine.arguments import explain_unsuitable_setup
from ..frannet.sampling.named_setups import named_setup
from ..frannet.sampling.samplers import Sampler
from ..frannet.sampling.setup import QUICK, SETUPS, Setup
from ..photos.decode import extensions
from .base import Restorer
from .custom import CUSTOM, check_timeout
from .frannet import DEFAULT_MODEL, MODEL, MODEL_FILE, SAMPLER, SETUP, SHIPPED_MODEL
from .functions import FILE_FUNCTION, FUNCTION
from .kinds import Kind, Options
from .modules import MODULE
from .published import EXTENSIONS, PUBLISHED
from .resizing import BASELINE
from .saved import ARRAY, PICTURES

NOTE_COLUMNS: Mapping[str, tuple[str, Setup | None]] = MappingProxyType(
    {
        "Input": ("input", None),
        "Original": ("original", None),
        **{name: (DEFAULT_MODEL, setup) for name, setup in SETUPS.items()},
        "masking-32": ("single-masking-32", None),
        "masking-8": ("single-masking-8", None),
        "diffusion-best": ("diffusion-best", SETUPS["B"]),
        "diffusion-best, 6 calls": ("diffusion-best", QUICK),
        "single-best": ("single-best", None),
    }
)
"""The model and the setup of each of the note's columns, and of those that go beyond the note, by title."""
ACCEPTED = (
    "a named column (input, original, bicubic ...), one of the note's (masking-32 ...), a model, a setup, a path, "
    "FILE.py:FUNCTION, a function, a torch module or an array"
)


def _is_note_column(what: Any) -> bool:
    """Whether a string is the title of one of the note's columns, and not also the name of a model or a setup."""
    return isinstance(what, str) and what in NOTE_COLUMNS and not (SHIPPED_MODEL.accepts(what) or SETUP.accepts(what))


def _is_path(what: Any) -> bool:
    if isinstance(what, os.PathLike):
        return True
    if not isinstance(what, str):
        return False
    suffixes = {*EXTENSIONS, ".h5", *extensions()}
    return "/" in what or os.sep in what or Path(what).suffix.lower() in suffixes or exists(what)


def _build_from_path(what: Any, options: Options) -> Restorer:
    path = Path(what).expanduser()
    for kind in FILE_KINDS:
        if kind.accepts(path):
            return kind.build(str(what), options)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {what}")
    raise ValueError(f"{what}: not a weight file, a picture, a folder of pictures or FILE.py:FUNCTION")


NOTE_COLUMN = Kind(
    "note column",
    _is_note_column,
    expand=NOTE_COLUMNS.__getitem__,
    label="the note's column",
    names=lambda: NOTE_COLUMNS,
)
PATH = Kind("path", _is_path, _build_from_path, label="the path", title=lambda what: Path(what).stem or str(what))

KINDS = (
    BASELINE,
    SHIPPED_MODEL,
    SETUP,
    NOTE_COLUMN,
    FILE_FUNCTION,
    PATH,
    CUSTOM,
    MODEL,
    SAMPLER,
    MODULE,
    FUNCTION,
    ARRAY,
)
"""All kinds of restorers. An object is of the first kind that accepts it; a string must be of one kind only."""
FILE_KINDS = (PICTURES, MODEL_FILE, PUBLISHED)
"""The kinds of files and folders, by the first that accepts the path."""


def interpretations(text: str) -> list[Kind]:
    """The kinds of restorer that a string can name. A function of a file, and a path with ./, are nothing else."""
    if FILE_FUNCTION.accepts(text):
        return [FILE_FUNCTION]
    if text.startswith((".", "/", "~")):
        return [PATH]
    return [kind for kind in KINDS if kind.accepts(text)]


def interpretation(what: Any) -> Kind:
    """Return the kind of restorer that a string or an object means; raise a ValueError for no kind, or several."""
    if not isinstance(what, str):
        kind = next((kind for kind in KINDS if kind.accepts(what)), None)
        if kind is not None:
            return kind
        if isinstance(what, type):
            raise ValueError(f"{what.__name__} is a class; pass an object of it, or {ACCEPTED}")
        if isinstance(what, torch.Tensor):
            raise ValueError(f"a column must not be a tensor, got one of shape {tuple(what.shape)}; pass an array")
        raise ValueError(f"{what!r} is not a known restorer; accepted: {ACCEPTED}")
    kinds = interpretations(what)
    if not kinds:
        names = {name.lower(): name for kind in KINDS for name in kind.names()}
        closest = difflib.get_close_matches(what.lower(), names, 1, 0.7)
        suggestion = f"; did you mean {names[closest[0]]!r}?" if closest else "."
        raise ValueError(f"{what!r} is not a known restorer{suggestion} Accepted: {ACCEPTED}")
    if len(kinds) > 1:
        labels = " or ".join(f"{kind.label} {what}" for kind in kinds)
        raise ValueError(f"{what!r} could be {labels}; for the path write ./{what}")
    return kinds[0]


def expand_setup(what: Any, setup: Sampler | None = None) -> tuple[Any, Sampler | None]:
    """Replace a sampler, its name, or one of the note's columns by its model and its sampler."""
    expand = interpretation(what).expand
    if expand is None:
        return what, setup
    model, own_setup = expand(what)
    if setup is not None and own_setup is not None:
        raise ValueError(f"pass the setup once: {what if isinstance(what, str) else own_setup.name} has a setup")
    return model, own_setup if setup is None else setup


def resolve(
    what: Any,
    setup: Sampler | str | None = None,
    settings: Mapping[str, Any] | None = None,
    title: str | None = None,
    precision: str = "float32",
    device: str | torch.device | None = None,
    timeout: float | None = None,
) -> Restorer:
    """Resolve a name, a path or an object to a restorer.

    Parameters
    ----------
    what : object
        See the table in the README: a name, a path, a FranNet, a function, a module, an array, a restorer.
    setup : Sampler or str, optional
        For FranNet's diffusion models only.
    settings : dict
        Of functions and modules; and a FranNet's `ablation`.
    title : str, optional
        The title of the restorer.
    precision, device : str, optional
        For FranNet only; default: float32, on the model's own device.
    timeout : float, optional
        For functions, modules and custom restorers: seconds to wait for a restoration.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If it is none of these, or an argument does not apply to it.
    """
    what, setup = expand_setup(what, named_setup(setup) if isinstance(setup, str) else setup)
    options = Options(setup, dict(settings or {}), title, precision, device, check_timeout(timeout))
    restorer = interpretation(what).build(what, options)
    if setup is not None and restorer.model is None:
        raise ValueError(explain_unsuitable_setup(setup, f"{restorer.title} has no sampler"))
    return restorer
