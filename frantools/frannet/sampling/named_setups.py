"""Samplers by their names, as on the command line, and by their settings, as in recipes."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from textwrap import shorten
from typing import Any

from ...files import from_json, with_infinite
from .adapters import COMMON_SCHEDULERS, SchedulerSetup
from .samplers import NAMED_SAMPLERS, RECIPE_SAMPLERS, Sampler

for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):  # a sampler's module adds it to the registries
    if _module.name != "named_setups":
        import_module(f"{__package__}.{_module.name}")


def setup_from_dict(settings: Mapping[str, Any]) -> Sampler:
    """Return the sampler whose `to_dict` returned these settings.

    Raises a ValueError for other settings, such as those of a custom `Sampler`, which has to be passed itself.
    """
    if isinstance(settings, Mapping) and settings:
        for kind in sorted(RECIPE_SAMPLERS, key=lambda kind: len(kind.recipe_settings), reverse=True):
            assert is_dataclass(kind)
            names = {field.name for field in fields(kind)}
            if set(kind.recipe_settings) <= settings.keys() <= names:
                return kind(**with_infinite(dict(settings)))
    kinds = ", ".join(kind.__name__ for kind in RECIPE_SAMPLERS)
    raise ValueError(
        f"{shorten(repr(settings), 100)} are not the settings of a known sampler ({kinds}); "
        "pass a custom sampler itself as the setup"
    )


@cache
def is_setup_name(text: str) -> bool:
    """Whether a text names a setup, alone or with settings; the settings may be invalid."""
    name = text.partition(":")[0]
    if name.upper() in NAMED_SAMPLERS or name.removesuffix("Scheduler") in COMMON_SCHEDULERS:
        return True
    try:
        named_setup(text)
    except (ValueError, ImportError):
        return False
    return True


def named_setup(text: str) -> Sampler:
    """Return the setup that a short text names, as on the command line.

    Parameters
    ----------
    text : str
        The name of one of the note's setups, or of a scheduler of diffusers with its steps; then settings:
        "B", "B:K=25", "AR:decay=0.8" (FranNet's autoregressive sampler),
        "A:noise_length=0.05", "UniPCMultistep:6", "DPMSolverMultistep:15,solver_order=3".

    Raises
    ------
    ValueError
        If there is no such setup or setting.
    """
    name, _, settings = text.partition(":")
    name = name.upper() if name.upper() in NAMED_SAMPLERS else name
    values: dict[str, Any] = {}
    for part in filter(None, re.split(r",(?![^\[{]*[\]}])", settings)):  # not at the commas of a list or a mapping
        key, equals, value = part.partition("=")
        if not equals and name in NAMED_SAMPLERS:
            raise ValueError(f"{part!r} in {text!r} must be a setting and its value, as in B:K=10 or AR:decay=0.8")
        if not equals:
            key, value = "steps", key
        try:
            values[key.strip()] = from_json(value)
        except ValueError:
            values[key.strip()] = value.strip()
    if name in NAMED_SAMPLERS:
        sampler: Any = NAMED_SAMPLERS[name]
        known = [field.name for field in fields(sampler)]
        if unknown := values.keys() - set(known):
            raise ValueError(
                f"the setup {name} has no {', '.join(sorted(unknown))} (in {text!r}); it has {', '.join(known)}"
            )
        return replace(sampler, **with_infinite(values))
    accepted = f"accepted: {', '.join(NAMED_SAMPLERS)}, and schedulers of diffusers"
    if not (name.isidentifier() and name[0].isupper()):  # not a class of diffusers, which takes a second to import
        raise ValueError(f"unknown setup {name!r}; {accepted}")
    try:
        noise_length = values.pop("noise_length", 0.0)
        return SchedulerSetup(name, values.pop("steps", SchedulerSetup.steps), values, noise_length)
    except (ValueError, ModuleNotFoundError) as error:
        if name.removesuffix("Scheduler") in COMMON_SCHEDULERS:
            raise
        raise ValueError(f"unknown setup {name!r}; {accepted} ({error})") from None
