"""Setups as short texts and as what JSON can hold: how a sampler is named, on the command line and in recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ..files import finite, from_json, to_json, with_infinite
from .adapters import COMMON, SchedulerSetup
from .autoregressive import FRANNETS, AutoregressiveSetup
from .samplers import SETUPS, WHITE, Setup, Solver, coloured

AUTOREGRESSIVE = "AR"
"""The name of FranNet's own autoregressive setup."""


def setup_from_dict(made: Mapping[str, Any]) -> Setup | AutoregressiveSetup | SchedulerSetup:
    """The setup that a `to_dict` described.

    Raises a ValueError if it describes neither, as that of a user's own `Solver`, which is made again by giving the
    solver itself.
    """
    for kind in (SchedulerSetup, AutoregressiveSetup, Setup):
        names = {field.name for field in fields(kind)}
        told = [name for name in ("scheduler", "decay") if name in made and name in names] if made else []
        known = isinstance(made, Mapping) and made and made.keys() <= names
        if known and (told or kind is Setup):
            return kind(**with_infinite(dict(made)))
    raise ValueError(
        f"{_short(made)} is no setup that can be named; accepted are the settings of a Setup or a SchedulerSetup. "
        "Where it is of a solver of your own, give the solver itself as the setup"
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
        noise = {key: values.pop(key) for key in WHITE if key in values}
        return SchedulerSetup(name, values.pop("steps", SchedulerSetup.steps), values, **noise)
    except (ValueError, ModuleNotFoundError) as error:
        if name.removesuffix("Scheduler") in COMMON:
            raise
        raise ValueError(f"unknown setup {name!r}; accepted are {', '.join(named)}, and schedulers ({error})") from None


def setup_name(setup: Setup | Solver) -> str:
    """The shortest text that names a setup.

    `named_setup` makes the same one of it, but for a `Solver` of the user's own: that is called by its `name`, where
    it has one, or its class.
    """
    if isinstance(setup, SchedulerSetup):
        name = f"{setup.scheduler}Scheduler" if setup.scheduler.upper() in SETUPS else setup.scheduler
        return f"{name}:{','.join([str(setup.steps), *_listed({**setup.options, **coloured(setup)})])}"
    if isinstance(setup, AutoregressiveSetup):
        usual = FRANNETS.to_dict()
        changes = _listed({key: value for key, value in setup.to_dict().items() if value != usual.get(key)})
        return f"{AUTOREGRESSIVE}:{','.join(changes)}" if changes else AUTOREGRESSIVE
    if not isinstance(setup, Setup):
        return str(getattr(setup, "name", type(setup).__name__))
    names = []
    alike = {name: named for name, named in SETUPS.items() if named.sampler == setup.sampler}  # it reads best
    for name, named in (alike or SETUPS).items():
        before = named.to_dict()
        changes = _listed({key: value for key, value in setup.to_dict().items() if value != before.get(key)})
        names.append(f"{name}:{','.join(changes)}" if changes else name)
    return min(reversed(names), key=len)  # of two as short as each other, the note's last: B


def _listed(settings: Mapping[str, Any]) -> list[str]:
    said = finite(dict(settings))
    return [f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in said.items()]
