"""Settings that are declared once, as dataclass fields with a label, a help text and a range or choices.

Validation, error messages, widget forms, command-line options and reference tables are generated from the declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .checks import boolean, choice, integer, invalid, number, set_fields

KEY = "declaration"  # of a field's metadata


@dataclass(frozen=True)
class Declaration:
    """What is known of a setting; see `setting`."""

    label: str
    help: str
    default: Any
    range: tuple[Any, Any] = (None, None)
    choices: tuple[Any, ...] = ()
    step: float | None = None
    slider: tuple[Any, Any] = (None, None)
    ticks: tuple[Any, ...] = ()
    check: Callable[[Any], Any] | None = None
    applies: Callable[[Any], bool] = lambda settings: True
    advanced: bool = False
    kind: type = str
    optional: bool = False

    def validate(self, name: str, value: Any) -> Any:
        """Return a value as Python's own type, which JSON takes; raise a ValueError if it is not accepted."""
        if value is None and self.optional:
            return None
        if self.check is not None:
            return self.check(value)
        if self.choices:
            choice(name, value, self.choices)
            return value
        if self.kind is bool:
            return boolean(name, value)
        if self.kind is str:
            if not isinstance(value, str):
                raise invalid(name, "a string", value)
            return value
        return (integer if self.kind is int else number)(name, value, *self.range)

    @property
    def description(self) -> str:
        """The help text with what is accepted and the default."""
        low, high = self.range
        accepted = ", ".join(map(str, self.choices))
        if low is not None:
            accepted = f"from {low}" if high is None else f"{low} to {high}"
        default = "" if self.default is None else f"default: {self.default}"
        notes = "; ".join(note for note in (accepted, default) if note)
        return f"{self.help} ({notes})" if notes else self.help


def setting(
    default: Any,
    label: str,
    help: str,
    *,
    range: tuple[Any, Any] = (None, None),
    choices: tuple[Any, ...] = (),
    step: float | None = None,
    slider: tuple[Any, Any] | None = None,
    ticks: tuple[Any, ...] = (),
    check: Callable[[Any], Any] | None = None,
    applies: Callable[[Any], bool] = lambda settings: True,
    advanced: bool = False,
) -> Any:
    """Declare a setting as a dataclass field.

    Parameters
    ----------
    default : object
        The default value.
    label : str
        The name in forms.
    help : str
        One sentence, for tooltips, ``--help`` and reference tables.
    range : (number, number), optional
        The bounds of a number; None for none.
    choices : tuple, optional
        The accepted values.
    step : float, optional
        The step of a slider.
    slider : (number, number), optional
        The bounds of a slider where the range has none, or is wider. Default: `range`.
    ticks : tuple, optional
        The values that a slider offers. Default: all from one bound to the other.
    check : callable, optional
        ``check(value)`` returns the value as it is stored, or raises a ValueError. Default: a check of the type, the
        range and the choices.
    applies : callable, optional
        ``applies(settings)`` tells whether the setting has an effect beside the others.
    advanced : bool
        Whether forms fold the setting away.
    """
    declaration = Declaration(
        label, help, default, range, choices, step, slider or range, ticks, check, applies, advanced
    )
    return field(default=default, metadata={KEY: declaration})


@cache
def declarations(settings_type: Any) -> Mapping[str, Declaration]:
    """Return the declared settings of a dataclass by name, in order."""
    hints = get_type_hints(settings_type)
    declared = {}
    for entry in fields(settings_type):
        if KEY in entry.metadata:
            hint = hints[entry.name]
            members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
            optional = type(None) in members
            kind = next(member for member in members if member is not type(None))
            kind = get_origin(kind) or kind
            declared[entry.name] = replace(entry.metadata[KEY], kind=kind, optional=optional)
    return MappingProxyType(declared)


def validate(instance: Any) -> None:
    """Check all declared settings of a frozen dataclass, from its ``__post_init__``, and store Python's own values."""
    for name, declaration in declarations(instance.__class__).items():
        set_fields(instance, **{name: declaration.validate(name, getattr(instance, name))})


def reference(settings_type: type) -> list[dict[str, str]]:
    """Return a row for each declared setting: its name, label, help, what is accepted, and the default."""
    return [
        {"setting": name, "label": declaration.label, "description": declaration.description}
        for name, declaration in declarations(settings_type).items()
    ]
