"""Results that survive: small plain files in a folder, each written once by whoever computed what is in it."""

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

try:
    import fcntl
except ImportError:  # on Windows nothing is claimed: two processes may then compute the same, and both are right
    fcntl = None  # type: ignore[assignment]

Record = dict[str, Any]
FORMAT = 1
README = f"""Results of `frantools sweep`; format {FORMAT}.

cells/*/CONTEXT/*.jsonl   a line a result: one setting on one picture. A file a task or some seconds of it, never
                          changed once it is there.
cells/*/CONTEXT/context.json   what these results share: the hash of the picture's pixels, the size, the points ...
arrays/                   restored pictures that widgets keep; the oldest go first, and all may be deleted
claims/                   empty files, locked while a task is computed; may be deleted when nothing runs

To read it without FranTools:

    import glob, pandas
    pandas.concat(pandas.read_json(name, lines=True) for name in glob.glob("cells/*/*/*.jsonl"))

`key` is the hash of all that a number depends on: the picture, the weights, the setup and its seed, what the restorer
is given, the size, the points, the measures, the precision, and the version of the engine (now {ENGINE}). A result
whose key is here is not computed again, by whatever sweep. A new version of the engine makes all older results invalid:
they stay, and are not found any more. Versions of Python, torch and the processor are not part of it: they change last
digits. `sentence` says what went wrong, and is empty where nothing did; such a cell is tried again on request alone.
`worker` is the machine and the process that computed it. Not finite numbers are the texts "inf" and "nan".

The files are plain because a folder of a network drive is a store too, where SQLite's write-ahead log is not safe. A
file is written under another name and renamed, so a process that dies leaves none half written. Any number of processes
share a store. To merge two, copy one's cells/ over the other's.
"""


class StoreError(OSError):
    """A store cannot be read or written, in a sentence."""


class Store:
    """Results in a folder.

    Parameters
    ----------
    folder : path
        Made where it is missing.
    id : str, optional
        Of the store that is meant, where it was made before: another machine may have another folder of that name.

    Raises
    ------
    StoreError
        If it cannot be made or read, or is no store, or another one.
    """

    def __init__(self, folder: str | PathLike[str], id: str | None = None) -> None:
        self.folder = Path(folder).expanduser().absolute()
        about = self.folder / "store.json"
        try:
            if id is None and not about.exists():
                self._make(about)
            content = read_json(about)
            kind, self.id = content["format"], content["id"]
            if not isinstance(self.id, str):
                raise ValueError(f"{about}: its id must be a text, got {self.id!r}")
        except StoreError:
            raise
        except FileNotFoundError:
            raise StoreError(f"there is no store {folder} here; accepted is a folder that all machines share") from None
        except (KeyError, TypeError):
            raise StoreError(f"{about}: it must be a JSON object with a format and an id") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{folder} is no store: {error}; accepted is a folder that a sweep made") from None
        if kind != FORMAT:
            raise StoreError(f"{folder} is a store of format {kind}; accepted is {FORMAT}: update FranTools")
        if id is not None and self.id != id:
            raise StoreError(f"{folder} is another store here; accepted is a folder that all machines share")

    def _make(self, about: Path) -> None:
        """Make a store of a new or empty folder, unless another process makes one meanwhile."""
        other = self.folder.is_dir() and any(_is_other(each) for each in self.folder.iterdir())
        if other and not about.exists():
            raise StoreError(f"{self.folder} holds other things; accepted is a new or empty folder, or a store")
        temporary = self.folder / f".{uuid.uuid4().hex}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_text(to_json({"format": FORMAT, "id": uuid.uuid4().hex}), encoding="utf-8")
            try:
                os.link(temporary, about)  # and not replace: who is first gives the id
            except FileExistsError:
                pass
            except OSError:  # a drive without links
                os.replace(temporary, about)
            # Last, since a folder with no more than this in it would be taken for somebody's own.
            with replacing(self.folder / "README.md") as readme:
                readme.write_text(README, encoding="utf-8")
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the store {self.folder} cannot be made: {error}; accepted is a folder to write to"
            ) from None
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _context(self, context: str) -> Path:
        return self.folder / "cells" / context[:2] / context

    def read(self, context: str, numbers: Collection[str], damage: list[str] | None = None) -> dict[str, Record]:
        """Read the results of one picture under its conditions.

        Parameters
        ----------
        context : str
            The picture under its conditions.
        numbers : collection of str
            What was measured: a result that lacks one of these numbers is damaged.
        damage : list of str, optional
            Gets a sentence for each file with damaged lines, which are skipped.

        Returns
        -------
        dict
            Results by key. Of a cell that failed and then succeeded, the latter.
        """
        results: dict[str, Record] = {}
        with suppress(FileNotFoundError, NotADirectoryError):
            for path in sorted(self._context(context).iterdir()):
                if path.suffix == ".jsonl" and not path.name.startswith("."):
                    records, wrong = _lines(path, numbers)
                    if wrong and damage is not None:
                        damage.append(f"{path}: {wrong}; what is damaged is skipped")
                    for record in records:
                        if not record["sentence"] or record["key"] not in results:
                            results[record["key"]] = record
        return results

    def write(self, context: str, facts: Mapping[str, Any], records: Sequence[Record]) -> None:
        """Add results, all or none.

        Raises
        ------
        StoreError
            If they cannot be written, as on a full disk.
        """
        text = "".join(to_json(record) + "\n" for record in records)
        folder = self._context(context)
        try:
            if not (folder / "context.json").exists():
                with replacing(folder / "context.json") as temporary:
                    temporary.write_text(to_json(facts, indent=2) + "\n", encoding="utf-8")
            with replacing(folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl") as temporary:
                temporary.write_text(text, encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: Exception) -> StoreError:
        return StoreError(
            f"the store {self.folder} cannot be written: {error}; what is in it is kept, and the same sweep goes on "
            "from there"
        )

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Whether a task is ours to compute: no other process has it now. A process that dies gives up what it has."""
        if fcntl is None:
            yield True
            return
        path = self.folder / "claims" / name
        try:
            path.parent.mkdir(exist_ok=True)
            file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from None
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
                path.unlink(missing_ok=True)  # who has opened it before finds the results written


def _is_other(path: Path) -> bool:
    """Whether a file or folder keeps a folder from becoming a store; what widgets keep does not."""
    return not path.name.startswith(".") and path.name != "arrays"


def _lines(path: Path, numbers: Collection[str]) -> tuple[list[Record], str]:
    """The results of a file, less the damaged ones, and what is wrong with the first of these."""
    records, wrong = [], ""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        return [], f"it cannot be read: {error.strerror}"
    for number, line in enumerate(lines, 1):
        try:
            records.append(check_record(from_json(line.decode("utf-8")), numbers))
        except ValueError as error:
            wrong = wrong or f"line {number} is damaged: {error}"
    return records, wrong


TEXT, NUMBER, NOTHING = (str,), (int, float), (type(None),)
FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("key", "picture", "model", "sentence"), TEXT),
    **dict.fromkeys(("setup", "given"), TEXT + NOTHING),
    "seed": (int,),
    "seconds": NUMBER + NOTHING,
}
"""What each result has, whatever was measured."""
OPTIONAL: dict[str, tuple[type, ...]] = {"calls": NUMBER + NOTHING, "worker": TEXT, "time": TEXT}


def check_record(record: Any, numbers: Collection[str]) -> Record:
    """Check a result that was read from a file.

    Parameters
    ----------
    record : object
        What JSON holds.
    numbers : collection of str
        The names of what was measured.

    Raises
    ------
    ValueError
        If a field is missing, or is not of its type.
    """
    if not isinstance(record, dict):
        raise ValueError(f"a result must be an object, got {record!r:.60}")
    for name, kinds in FIELDS.items():
        if name not in record:
            raise ValueError(f"it has no {name}")
        _check_type(name, record[name], kinds)
    for name, value in record.items():
        if name in numbers:
            _check_number(name, value)
        elif name in OPTIONAL:
            _check_type(name, value, OPTIONAL[name])
        elif name not in FIELDS:
            check_setting(name, value)
    if not record["sentence"] and (missing := [name for name in numbers if name not in record]):
        raise ValueError(f"it has no {', '.join(missing)}")
    return record


def check_setting(name: str, value: Any) -> None:
    """Raise a ValueError if a value is not one that a table can hold; see `axes.said`."""
    if isinstance(value, list):
        for each in value:
            check_setting(name, each)
    else:
        _check_type(name, value, (*TEXT, *NUMBER, bool, *NOTHING))


def _check_type(name: str, value: Any, kinds: tuple[type, ...]) -> None:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        accepted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        raise ValueError(f"{name} must be {accepted}, got {value!r:.60}")


def _check_number(name: str, value: Any) -> None:
    try:
        if isinstance(value, bool) or (isinstance(value, str) and value not in ("inf", "-inf", "nan")):
            raise TypeError
        float(value)
    except (TypeError, OverflowError):
        raise ValueError(f"{name} must be a number, got {value!r:.60}") from None
