"""FranTools: what do the sampler's settings do to an image that a diffusion model restores?"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time, see `_Package`
    from . import adapters, figures, findings, note, samplers, schedule, widgets
    from .checkpoints import load_model, models
    from .images import load_image, portraits, prepare_input
    from .metrics import Metrics, evaluate
    from .recipes import load_recipe, save_figure, save_picture
    from .regions import Region
    from .restore import Restoration, restore
    from .roi import Roi, find_rois, merge_rois
    from .samplers import SETUPS, Setup

__version__ = "0.1.0"

__all__ = [
    "SETUPS",
    "Metrics",
    "Region",
    "Restoration",
    "Roi",
    "Setup",
    "adapters",
    "evaluate",
    "figures",
    "find_rois",
    "findings",
    "load_image",
    "load_model",
    "load_recipe",
    "merge_rois",
    "models",
    "note",
    "portraits",
    "prepare_input",
    "restore",
    "samplers",
    "save_figure",
    "save_picture",
    "schedule",
    "widgets",
]

_NAMES = {
    "checkpoints": ("load_model", "models"),
    "images": ("load_image", "portraits", "prepare_input"),
    "metrics": ("Metrics", "evaluate"),
    "recipes": ("load_recipe", "save_figure", "save_picture"),
    "regions": ("Region",),
    "restore": ("Restoration", "restore"),
    "roi": ("Roi", "find_rois", "merge_rois"),
    "samplers": ("SETUPS", "Setup"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


class _Package(ModuleType):
    """Imports a public name when it is first used.

    PyTorch takes a second or two, which `frantools --help` need not wait for, and a script that only samples needs
    neither matplotlib nor ipywidgets.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f".{_HOMES.get(name, name)}", __name__)
        value = getattr(module, name) if name in _HOMES else module
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # The import of the module `restore` must not hide the function of that name.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
