"""A folder of results: small files, each written once by the process that computed its content."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any

from ..comparisons.cache import ENGINE
from ..files import from_json, read_json, replacing, to_json
from .records import Record, check_record

try:
    import fcntl
except ImportError:  # on Windows nothing is claimed: two processes may compute the same cell, with the same result
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
README = f"""Results of `frantools sweep`; format {FORMAT}.

cells/*/CONTEXT/*.jsonl        one result per line: one setting on one picture. One file per task, or per few seconds of
                               a long one. Files never change.
cells/*/CONTEXT/context.json   the conditions of these results: the hash of the picture, the size, the points ...
arrays/                        restored pictures, cached by widgets; may be deleted
claims/                        empty files, locked while a task is computed; may be deleted when no sweep runs

To read it without FranTools:

    import glob, pandas
    pandas.concat(pandas.read_json(name, lines=True) for name in glob.glob("cells/*/*/*.jsonl"))

`key` is the hash of everything that a result depends on: the picture, the weights, the setup and its seed, the
degradation, the size, the points, the measures, the precision, and the version of the engine (now {ENGINE}). No sweep
computes a key that is already in the store. A new version of the engine ignores the results of older ones. The versions
of Python and torch and the processor are not part of the key: they change the last digits. `sentence` is the error
message, empty if the cell succeeded; failed cells are retried only on request. `worker` is the machine and the process
that computed the result. Infinity and NaN are the texts "inf", "-inf" and "nan".

The files are plain because a store may be on a network drive, where SQLite's write-ahead log is not safe. A file is
written under a temporary name and renamed, so no file is ever half written. Any number of processes can share a store.
To merge two stores, copy one's cells/ over the other's.
"""


class StoreError(OSError):
    """A store cannot be read or written."""


class Store:
    """Results in a folder.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    id : str, optional
        The id of an existing store, because another machine may have a different folder of the same name.

    Raises
    ------
    StoreError
        If the folder cannot be created or read, or is not a store or not the one with this id.
    """

    def __init__(self, folder: str | PathLike[str], id: str | None = None) -> None:
        self.folder = Path(folder).expanduser().absolute()
        path = self.folder / "store.json"
        try:
            if id is None and not path.exists():
                self._create(path)
            content = read_json(path)
        except StoreError:
            raise
        except FileNotFoundError:
            raise StoreError(f"{folder}: there is no store; use a folder that all machines share") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{folder}: is not a store: {error}") from None
        if not isinstance(content, dict) or not isinstance(content.get("id"), str):
            raise StoreError(f"{path}: must be a JSON object with a format and a text as id")
        self.id: str = content["id"]
        if content.get("format") != FORMAT:
            raise StoreError(f"{folder}: the store has format {content.get('format')}, not {FORMAT}: update FranTools")
        if id is not None and self.id != id:
            raise StoreError(f"{folder}: is a different store on this machine; use a folder that all machines share")

    def _create(self, path: Path) -> None:
        """Turn a new or empty folder into a store, unless another process does so at the same time."""
        if self.folder.is_dir() and any(map(_is_foreign, self.folder.iterdir())) and not path.exists():
            raise StoreError(f"{self.folder}: contains other files; use a new or empty folder, or a store")
        temporary = self.folder / f".{uuid.uuid4().hex}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_text(to_json({"format": FORMAT, "id": uuid.uuid4().hex}), encoding="utf-8")
            try:
                os.link(temporary, path)  # fails if the file exists: the first process decides the id
            except FileExistsError:
                pass
            except OSError:  # a drive without links
                os.replace(temporary, path)
            # Written last, because a folder with nothing but a README would count as someone's own.
            with replacing(self.folder / "README.md") as readme:
                readme.write_text(README, encoding="utf-8")
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder}: the store cannot be created: {error}") from None
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _path(self, context: str) -> Path:
        return self.folder / "cells" / context[:2] / context

    def read(self, context: str, values: Collection[str], damage: list[str] | None = None) -> dict[str, Record]:
        """Read the records of one picture under its conditions.

        Parameters
        ----------
        context : str
            The hash of the conditions.
        values : collection of str
            The names of the measured values; a record that lacks one of them is damaged.
        damage : list of str, optional
            Receives a message for each file with damaged lines, which are skipped.

        Returns
        -------
        dict
            Records by key. If a cell failed and later succeeded, the later record.
        """
        records: dict[str, Record] = {}
        with suppress(FileNotFoundError, NotADirectoryError):
            for path in sorted(self._path(context).iterdir()):
                if path.suffix == ".jsonl" and not path.name.startswith("."):
                    lines, error = _read_lines(path, values)
                    if error and damage is not None:
                        damage.append(f"{path}: {error}; damaged lines are skipped")
                    for record in lines:
                        if not record["sentence"] or record["key"] not in records:
                            records[record["key"]] = record
        return records

    def write(self, context: str, conditions: Mapping[str, Any], records: Sequence[Record]) -> None:
        """Add records, all or none; a StoreError if they cannot be written, for example on a full disk."""
        text = "".join(to_json(record) + "\n" for record in records)
        folder = self._path(context)
        try:
            if not (folder / "context.json").exists():
                with replacing(folder / "context.json") as temporary:
                    temporary.write_text(to_json(conditions, indent=2) + "\n", encoding="utf-8")
            with replacing(folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl") as temporary:
                temporary.write_text(text, encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._write_error(error) from None

    def _write_error(self, error: Exception) -> StoreError:
        return StoreError(
            f"{self.folder}: the store cannot be written: {error}; its results are kept: run the same sweep again to "
            "resume"
        )

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Lock a task; False if another process has locked it. The lock ends with its process."""
        if fcntl is None:
            yield True
            return
        path = self.folder / "claims" / name
        try:
            path.parent.mkdir(exist_ok=True)
            file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise self._write_error(error) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            except OSError:  # a drive without locks
                yield True
                return
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)  # a process that has it open will read the results


def _is_foreign(path: Path) -> bool:
    """Whether a file prevents its folder from becoming a store; widgets may have cached arrays there."""
    return not path.name.startswith(".") and path.name != "arrays"


def _read_lines(path: Path, values: Collection[str]) -> tuple[list[Record], str]:
    """Read the valid records of a file, and the error of its first damaged line."""
    records, first_error = [], ""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        return [], f"cannot be read: {error.strerror}"
    for number, line in enumerate(lines, 1):
        try:
            records.append(check_record(from_json(line.decode("utf-8")), values))
        except ValueError as error:
            first_error = first_error or f"line {number}: {error}"
    return records, first_error
