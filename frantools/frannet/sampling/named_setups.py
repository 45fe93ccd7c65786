"""Samplers by their names, as on the command line, and by their settings, as in recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ...files import from_json, with_infinite
from .adapters import COMMON, SchedulerSetup
from .autoregressive import FRANNETS, AutoregressiveSetup
from .setup import SETUPS, Setup

AUTOREGRESSIVE = "AR"
"""The name of FranNet's own autoregressive setup."""


def setup_from_dict(made: Mapping[str, Any]) -> Setup | AutoregressiveSetup | SchedulerSetup:
    """The setup that a `to_dict` described.

    Raises a ValueError if it describes none of them, as that of a custom `Sampler`, which has to be passed again.
    """
    for kind in (SchedulerSetup, AutoregressiveSetup, Setup):
        names = {field.name for field in fields(kind)}
        told = [name for name in ("scheduler", "decay") if name in made and name in names] if made else []
        known = isinstance(made, Mapping) and made and made.keys() <= names
        if known and (told or kind is Setup):
            return kind(**with_infinite(dict(made)))
    raise ValueError(
        f"{_short(made)} are not the settings of a Setup, an AutoregressiveSetup or a SchedulerSetup; pass a custom "
        "sampler itself as the setup"
    )


def _short(made: object) -> str:
    text = repr(made)
    return text if len(text) <= 100 else f"{text[:97]}..."


def named_setup(text: str) -> Setup | AutoregressiveSetup | SchedulerSetup:
    """The setup that a short text names, as on the command line.

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
    name, _, rest = text.partition(":")
    named: Mapping[str, Setup | AutoregressiveSetup] = {**SETUPS, AUTOREGRESSIVE: FRANNETS}
    name = name.upper() if name.upper() in named else name
    values: dict[str, Any] = {}
    for part in filter(None, re.split(r",(?![^\[{]*[\]}])", rest)):  # not at the commas of a list or a mapping
        key, equals, value = part.partition("=")
        if not equals and name in named:
            example = "decay=0.8" if name == AUTOREGRESSIVE else "K=10"
            raise ValueError(
                f"{part!r} in {text!r} is no setting; accepted are settings by name, as in {name}:{example}"
            )
        if not equals:
            key, value = "steps", key
        try:
            values[key.strip()] = from_json(value)
        except ValueError:
            values[key.strip()] = value.strip()
    if name in named:
        known = [entry.name for entry in fields(named[name])]
        if unknown := values.keys() - set(known):
            told = f"the setup {name} has no {', '.join(sorted(unknown))} (in {text!r})"
            raise ValueError(f"{told}; accepted are {', '.join(known)}")
        return replace(named[name], **with_infinite(values))
    if not (name.isidentifier() and name[0].isupper()):  # no class of diffusers, which takes a second to import
        raise ValueError(f"unknown setup {name!r}; accepted are {', '.join(named)}, and schedulers of diffusers")
    try:
        noise_length = values.pop("noise_length", 0.0)
        return SchedulerSetup(name, values.pop("steps", SchedulerSetup.steps), values, noise_length)
    except (ValueError, ModuleNotFoundError) as error:
        if name.removesuffix("Scheduler") in COMMON:
            raise
        raise ValueError(f"unknown setup {name!r}; accepted are {', '.join(named)}, and schedulers ({error})") from None
