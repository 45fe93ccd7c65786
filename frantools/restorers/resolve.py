"""The door: whatever restores a picture, as a restorer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from os.path import exists
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..frannet.engine.arguments import explain_unsuitable_setup
from ..frannet.network.ablations import check_ablation
from ..frannet.network.coordinate_model import unwrap
from ..frannet.network.fingerprints import weights_hash
from ..frannet.network.model import FranNet
from ..frannet.sampling.named_setups import is_setup_name, named_setup
from ..frannet.sampling.samplers import Sampler
from ..frannet.sampling.setup import QUICK, SETUPS, Setup
from ..frannet.weights.checkpoints import is_shipped
from ..photos.decode import extensions
from ..system.devices import find_device
from .base import Restorer, RestorerError, is_restorer
from .custom import CustomRestorer, check_timeout
from .frannet import FranNetRestorer, is_model, shared_model
from .functions import FunctionRestorer, from_file
from .modules import ModuleRestorer
from .published import ENDINGS as WEIGHTS
from .published import published
from .resizing import BASELINES, baseline
from .saved import SavedArray, SavedPictures

DEFAULT = "diffusion-basic"  # the model of a setup's name: the note's
NOTE_COLUMNS: Mapping[str, tuple[str, Setup | None]] = MappingProxyType(
    {
        "Input": ("input", None),
        "Original": ("original", None),
        **{name: (DEFAULT, setup) for name, setup in SETUPS.items()},
        "masking-32": ("single-masking-32", None),
        "masking-8": ("single-masking-8", None),
        "diffusion-best": ("diffusion-best", SETUPS["B"]),
        "diffusion-best, 6 calls": ("diffusion-best", QUICK),
        "single-best": ("single-best", None),
    }
)
"""What restores in the note's columns and in those beyond the note, by title, and its setup."""
ACCEPTED = (
    "a named column (input, original, bicubic ...), one of the note's (masking-32 ...), a model, a setup, a path, "
    "FILE.py:FUNCTION, a function, a torch module and an array"
)


class MissingRestorer(Restorer):
    """What a recipe could not name again, or what may not be run: asked to restore, it says so."""

    interruptible = True

    def __init__(self, content: Mapping[str, Any], why: str) -> None:
        self.content, self.why, self.title = dict(content), why, str(content.get("title", "this column"))

    def restore(self, *_: Any, **__: Any) -> Any:
        """Raise what is missing."""
        raise RestorerError(self.why)

    def to_dict(self) -> dict[str, Any]:
        return self.content


def interpretations(text: str) -> dict[str, str]:
    """What a string can stand for: for each kind, what it is called in a message."""
    file, _, function = text.rpartition(":")
    if file.endswith(".py") and function and not exists(text):
        return {"function": f"the function {function} of {file}"}
    if text.startswith((".", "/", "~")):
        return {"path": f"the path {text}"}
    found: dict[str, str] = {}
    if text in BASELINES:
        found["named"] = f"the named column {text}"
    if is_shipped(text):
        found["model"] = f"the shipped model {text}"
    if is_setup_name(text):
        found["setup"] = f"the setup {text}"
    if text in NOTE_COLUMNS and not found:  # the others are models and setups by the same names
        found["note"] = f"the note's column {text}"
    if Path(text).suffix.lower() in {*WEIGHTS, ".h5", *extensions()} or exists(text) or "/" in text or os.sep in text:
        found["path"] = f"the path {text}"
    return found


def interpretation(text: str) -> str:
    """The one thing that a string stands for: "named", "model", "setup", "note", "function" or "path".

    Raises a ValueError if it stands for nothing, or for two things.
    """
    found = interpretations(text)
    if not found:
        raise ValueError(f"{text!r} names nothing that restores a picture; accepted are {ACCEPTED}")
    if len(found) > 1:
        raise ValueError(f"{text!r} could be {' or '.join(found.values())}; for the path write ./{text}")
    return next(iter(found))


def resolve(
    what: Any,
    setup: Sampler | str | None = None,
    settings: Mapping[str, Any] | None = None,
    title: str | None = None,
    precision: str = "float32",
    device: str | torch.device | None = None,
    timeout: float | None = None,
) -> Restorer:
    """Whatever restores a picture, as a `Restorer`.

    Parameters
    ----------
    what : object
        See the table of kinds in the README: a name, a path, a FranNet, a function, a module, an array, a restorer.
    setup : Sampler or str, optional
        For FranNet's diffusion models alone.
    settings : dict
        Of functions and modules; and a FranNet's `ablation`.
    title : str, optional
        What it is called.
    precision, device : str, optional
        For FranNet alone; default: float32, on the model's own device.
    timeout : float, optional
        For functions, modules and restorers of a user's own: seconds after which a restoration is no longer waited for.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If it is none of these, or an argument does not go with it.
    """
    setup = named_setup(setup) if isinstance(setup, str) else setup
    made = _made(what, setup, dict(settings or {}), title, precision, device, check_timeout(timeout))
    if setup is not None and not isinstance(made, FranNetRestorer):
        raise ValueError(explain_unsuitable_setup(setup, f"{made.title} has no sampler"))
    return made


def _made(
    what: Any,
    setup: Sampler | None,
    settings: dict[str, Any],
    title: str | None,
    precision: str,
    device: str | torch.device | None,
    timeout: float | None,
) -> Restorer:
    if isinstance(what, str) and interpretation(what) == "function":
        file, _, name = what.rpartition(":")
        what = from_file(file, name)
    if isinstance(what, type):
        raise ValueError(f"{what.__name__} is a class; accepted is an object of it, or {ACCEPTED}")
    if is_restorer(what):
        interruptible = isinstance(what, Restorer) and what.interruptible
        return _plain(what if interruptible else CustomRestorer(what, title, timeout), settings, title)
    if isinstance(what, nn.Module) and not is_model(what):
        return ModuleRestorer(what, settings, title, timeout)
    if callable(what) and not is_model(what) and not isinstance(what, Sampler):
        return FunctionRestorer(what, settings, title, timeout)

    def frannet(model: FranNet | str, chosen: Sampler | None) -> Restorer:
        network = shared_model(model) if isinstance(model, str) else unwrap(model)
        if device is not None:
            network = _moved(network, device)
        name = model if isinstance(model, str) else None
        others = {key: value for key, value in settings.items() if key != "ablation"}
        ablation = settings.get("ablation")
        made = FranNetRestorer(network, chosen, precision, title, name, check_ablation(ablation))
        return _plain(made, others, title)

    if is_model(what):
        return frannet(what, setup)
    if isinstance(what, Sampler):
        if setup is not None:
            raise ValueError("a setup is given twice; accepted is one")
        return frannet(what.default_model, what)
    if isinstance(what, (str, os.PathLike)):
        kind = interpretation(what) if isinstance(what, str) else "path"
        if kind == "note":
            model, chosen = NOTE_COLUMNS[str(what)]
            if setup is not None and chosen is not None:
                raise ValueError(f"{what!r} has a setup, and another is given; accepted is one")
            return _made(model, chosen if setup is None else setup, settings, title, precision, device, timeout)
        if kind == "named":
            return _plain(baseline(str(what), title), settings, title)
        if kind == "model":
            return frannet(str(what), setup)
        if kind == "setup":
            if setup is not None:
                raise ValueError(f"{what!r} is a setup, and another is given; accepted is one")
            of_name = named_setup(str(what))
            return frannet(of_name.default_model, of_name)
        return _of_path(str(what), settings, title, timeout, lambda: frannet(str(what), setup))
    if isinstance(what, np.ndarray):
        return _plain(SavedArray(what, title), settings, title)
    if isinstance(what, Tensor):
        raise ValueError(f"a tensor of shape {tuple(what.shape)} is no column; accepted are arrays (H, W, 3)")
    raise ValueError(f"{what!r} is nothing that restores a picture; accepted are {ACCEPTED}")


def _plain(made: Restorer, settings: Mapping[str, Any], title: str | None) -> Restorer:
    """A restorer that takes no settings."""
    if settings and not isinstance(made, MissingRestorer):
        raise ValueError(f"{title or made.title} takes no settings, got {', '.join(settings)}")
    return made


def _of_path(
    path: str, settings: dict[str, Any], title: str | None, timeout: float | None, frannet: Callable[[], Restorer]
) -> Restorer:
    file = Path(path).expanduser()
    suffix = file.suffix.lower()
    if file.is_dir() or suffix in extensions():
        return _plain(SavedPictures(path, title), settings, title)
    if suffix == ".h5" or (suffix == ".safetensors" and is_frannet(file)):
        return frannet()
    if suffix in WEIGHTS:
        return published(path, settings, title, timeout)
    if not file.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    raise ValueError(
        f"{path} restores nothing; accepted are weight files, pictures, folders of them and FILE.py:FUNCTION"
    )


def is_frannet(path: Path) -> bool:
    """Whether a safetensors file is one of FranTools' own, or cannot be read, which `load_model` tells of."""
    try:
        with safe_open(path, framework="pt") as file:
            return str((file.metadata() or {}).get("format", "")).startswith("frantools")
    except (SafetensorError, OSError):
        return True


_on_devices: WeakKeyDictionary[FranNet, dict[str, tuple[str, FranNet]]] = WeakKeyDictionary()


def _moved(model: FranNet, device: str | torch.device) -> FranNet:
    """A model on another device, moved once, and again where its weights have changed; the given one stays as it is."""
    found = find_device(str(device))
    if found == next(model.parameters()).device:
        return model
    state = weights_hash(model)
    copies = _on_devices.setdefault(model, {})
    before, moved = copies.get(str(found), ("", model))
    if before != state:
        moved = deepcopy(model).to(found)
        copies[str(found)] = state, moved
    return moved
