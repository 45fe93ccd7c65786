"""Settings are declared once: what is checked, shown and offered comes from the declaration."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest

import frantools as ft
from frantools.settings import declarations, reference, setting, validate


@dataclass(frozen=True)
class Example:
    size: int = setting(4, "Size", "The side in pixels", range=(1, 8))
    share: float | None = setting(None, "Share", "A part of the whole", range=(0, 1))
    mode: str = setting("a", "Mode", "One of two", choices=("a", "b"))
    flag: bool = setting(False, "Flag", "On or off")
    other: int = 3

    def __post_init__(self) -> None:
        validate(self)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "size must be an integer from 1 to 8, got 0"),
        ({"size": 2.5}, "size must be an integer from 1 to 8, got 2.5"),
        ({"share": 2}, "share must be a number from 0 to 1, got 2"),
        ({"mode": "c"}, "mode must be 'a' or 'b', got 'c'"),
        ({"flag": 1}, "flag must be True or False, got 1"),
    ],
)
def test_a_value_outside_the_declaration_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Example(**values)


def test_values_are_stored_as_pythons_own() -> None:
    example = Example(size=np.int64(3), share=np.float32(0.1), flag=np.bool_(True))
    assert [type(value) for value in (example.size, example.share, example.flag)] == [int, float, bool]
    assert example.share == 0.1
    assert Example().share is None


def test_the_reference_lists_declared_settings_alone() -> None:
    rows = {row["setting"]: row["description"] for row in reference(Example)}
    assert list(rows) == ["size", "share", "mode", "flag"]
    assert rows["size"] == "The side in pixels (1 to 8; default: 4)"
    assert rows["mode"] == "One of two (a, b; default: a)"


@pytest.mark.parametrize("settings_type", [ft.Setup, ft.AutoregressiveSetup, ft.Degradation])
def test_every_field_of_the_public_settings_is_declared(settings_type: Any) -> None:
    declared = declarations(settings_type)
    assert set(declared) == {field.name for field in fields(settings_type)}
    assert all(declaration.label and declaration.help for declaration in declared.values())


def test_settings_without_effect_are_known() -> None:
    declared = declarations(ft.Setup)
    assert [name for name, declaration in declared.items() if not declaration.applies(ft.SETUPS["DDPM"])] == [
        "stochasticity", "K", "noise_projection", "steps",
    ]  # fmt: skip
    assert not declared["noise_stddev"].applies(ft.SETUPS["DDIM"])
