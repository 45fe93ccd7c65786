"""Sections of FranNet's configs: settings are taken out, and the rest is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...checks import is_integer
from ...files import to_json

REQUIRED = object()


class KerasSection:
    """A section of a config, as a tree of the settings that are still to be read.

    Parameters
    ----------
    path : Path
        The file, for messages.
    tree : mapping
        Names and values.
    prefix : str
        The full name of the section, for messages.
    """

    def __init__(self, path: Path, tree: Mapping[str, Any], prefix: str = "") -> None:
        self.path, self.prefix = path, prefix
        self.tree = dict(tree)

    def key(self, name: str) -> str:
        """Return the full name of a setting."""
        return f"{self.prefix}{name}"

    def unsupported(self, name: str, value: Any, accepted: str) -> ValueError:
        """Return the error of an unsupported value."""
        return ValueError(f"{self.path}: {self.key(name)} must be {accepted}, got {to_json(value)}")

    def missing(self, name: str) -> ValueError:
        """Return the error of a missing setting."""
        return ValueError(f"{self.path}: the setting {self.key(name)!r} is missing")

    def take(self, name: str, accepted: Iterable[Any] | type[Any], default: Any = REQUIRED) -> Any:
        """Take a setting: one of some values, an integer from 1 (`int`), a number (`float`) or a list of `int`."""
        value = self.tree.pop(name, default)
        if value is REQUIRED:
            raise self.missing(name)
        if value is default:
            return value
        if accepted is int:
            if not is_integer(value) or value < 1:
                raise self.unsupported(name, value, "an integer from 1")
        elif accepted is float:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self.unsupported(name, value, "a number")
        elif accepted is list:
            if not isinstance(value, list) or not all(is_integer(item) and item > 0 for item in value):
                raise self.unsupported(name, value, "a list of integers from 1")
        elif not isinstance(accepted, type):
            choices = list(accepted)
            if not any(value == item and type(value) is type(item) for item in choices):
                raise self.unsupported(name, value, " or ".join(map(to_json, choices)))
        return value

    def ignore(self, *names: str) -> None:
        """Drop settings that have no effect."""
        for name in names:
            self.tree.pop(name, None)

    def section(self, name: str, default: Any = REQUIRED) -> KerasSection:
        """Return a nested section; a plain string is one with that name alone."""
        value = self.tree.get(name, default)
        if value is REQUIRED:
            return KerasSection(self.path, {}, f"{self.key(name)}.")
        value = {"name": value} if isinstance(value, str) else value
        if not isinstance(value, Mapping):
            raise self.unsupported(name, value, "an object")
        section = KerasSection(self.path, value, f"{self.key(name)}.")
        self.tree[name] = section
        return section

    def sections(self, name: str) -> list[KerasSection]:
        """Return a list of nested sections."""
        values = self.tree.get(name)
        if not isinstance(values, list) or not all(isinstance(value, (Mapping, str)) for value in values):
            raise self.unsupported(name, values, "a list of objects")
        trees = [{"name": value} if isinstance(value, str) else value for value in values]
        sections = [KerasSection(self.path, tree, f"{self.key(name)}.{index}.") for index, tree in enumerate(trees)]
        self.tree[name] = sections
        return sections

    def is_null(self, name: str) -> bool:
        """Whether a setting is null; a ValueError if it is missing."""
        if name not in self.tree:
            raise self.missing(name)
        return self.tree[name] is None

    def unread(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the settings that have not been read, by their full names."""
        for name, value in self.tree.items():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, KerasSection):
                    yield from item.unread()
                elif isinstance(item, Mapping):
                    yield from KerasSection(self.path, item, f"{self.key(name)}.").unread()
                else:
                    yield self.key(name), value

    def check_read(self, ignored: tuple[str, ...] = ()) -> None:
        """Raise a ValueError if a setting that has not been read is neither null nor false, nor begins as ignored."""
        for key, value in self.unread():
            if not key.startswith(ignored) and value not in (None, False):
                raise ValueError(f"{self.path}: {key} = {to_json(value)} is not supported")
