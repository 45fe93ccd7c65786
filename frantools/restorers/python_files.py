"""Functions of Python files and modules."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from threading import RLock, get_ident
from types import ModuleType
from typing import Any

_loading = RLock()
PREFIX = "frantools_file_"  # of the names of modules that are run as files
FILES: dict[str, str] = {}
"""The paths of files loaded by `from_file`, by module name."""


def from_file(path: str, name: str) -> Callable[..., Any]:
    """Load a function of a Python file. Running the file, and calling the function, can import files beside it.

    Raises a FileNotFoundError or ValueError if there is no such file, it raises an error, or it has no such function.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    digest = hashlib.sha256(os.fsencode(file.resolve()) + file.read_bytes()).hexdigest()[:16]
    module_name = f"{PREFIX}{file.stem}_{digest}"
    with _loading:  # otherwise another thread could see a module that is still running
        module = sys.modules.get(module_name) or _run(file, module_name)
        FILES[module_name] = str(path)
    return _get_function(module, name, str(path))


def _run(file: Path, module_name: str) -> ModuleType:
    neighbours = _Neighbours(file.resolve().parent)
    spec = importlib.util.spec_from_file_location(module_name, file, loader=_Loader(module_name, str(file), neighbours))
    if spec is None or spec.loader is None:
        raise ValueError(f"{file}: not a Python file, as in FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        with neighbours.importable():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # user code may raise anything
        del sys.modules[module_name]
        raise ValueError(f"{file}: running it raised {type(error).__name__}: {error}") from error
    return module


class _Neighbours(MetaPathFinder):
    """The modules beside a Python file, which can import each other at any time, as if the folder were on `sys.path`.

    They are in `sys.modules` only during an import, because other folders may contain files with the same names.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: dict[str, ModuleType] = {}
        self.thread = 0

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """Find a module if it is in the folder."""
        if self.thread != get_ident():
            return None
        spec = PathFinder.find_spec(name, [str(self.folder), *sys.path] if path is None else path)
        if spec is None or not self._contains(
            spec.origin if spec.has_location else None, spec.submodule_search_locations
        ):
            return None
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self)
        return spec

    def _contains(self, file: str | None, folders: Iterable[str] | None) -> bool:
        """Whether a module, with a file or with several folders, is in the folder."""
        path = file or next(iter(folders or ()), None)
        return path is not None and Path(path).is_relative_to(self.folder)

    def _may_contain(self, name: str) -> bool:
        """Whether the folder may have a module of this name."""
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return False
        if (self.folder / f"{top}.py").is_file() or (self.folder / top / "__init__.py").is_file():
            return True
        return (self.folder / top).is_dir() and (top in self.modules or top not in sys.modules)

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> ModuleType:
        """Import a module; see Python's `__import__`."""
        level = args[3] if len(args) > 3 else kwargs.get("level", 0)
        if not level and not self._may_contain(name):
            return builtins.__import__(name, *args, **kwargs)
        with self.importable("" if level else name.partition(".")[0]):
            return builtins.__import__(name, *args, **kwargs)

    @contextmanager
    def importable(self, top: str = "") -> Iterator[None]:
        """Let this thread import the modules, and no module `top` of another folder."""
        on_path = str(self.folder) in sys.path or (self.folder == Path.cwd() and "" in sys.path)
        with _loading:
            if on_path:
                yield
                return
            outermost = self not in sys.meta_path
            if outermost:
                self._enter()
            self._hide([name for name in self.foreign & set(sys.modules) if name.partition(".")[0] == top])
            try:
                yield
            finally:
                if outermost:
                    self._leave()

    def _hide(self, names: Iterable[str]) -> None:
        """Remove modules from `sys.modules` until the import ends."""
        self.hidden |= {name: sys.modules.pop(name) for name in names}

    def _enter(self) -> None:
        self.hidden: dict[str, ModuleType] = {}
        self._hide(self.modules.keys() & set(sys.modules))
        self.foreign = set(sys.modules)
        sys.modules.update(self.modules)
        self.thread = get_ident()
        sys.meta_path.insert(0, self)
        importlib.invalidate_caches()  # otherwise a new file is not found

    def _leave(self) -> None:
        sys.meta_path.remove(self)
        new = set(sys.modules) - self.foreign | self.hidden.keys() & set(sys.modules)
        # All before any is removed: a folder without __init__.py needs its parent.
        own = [name for name in new if self._is_own(name)]
        self.modules |= {name: sys.modules.pop(name) for name in own}
        sys.modules.update(self.hidden)

    def _is_own(self, name: str) -> bool:
        """Whether an imported module is in the folder."""
        module = sys.modules[name]
        in_folder = self._contains(getattr(module, "__file__", None), getattr(module, "__path__", None))
        return in_folder and not name.startswith(PREFIX)


class _Loader(SourceFileLoader):
    """Load a module that may import its neighbours, also when its functions are called later."""

    def __init__(self, name: str, path: str, neighbours: _Neighbours) -> None:
        super().__init__(name, path)
        self.neighbours = neighbours

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self.neighbours}
        super().exec_module(module)


def from_module(module: str, name: str) -> Callable[..., Any]:
    """Import a function of an installed module.

    Raises a ValueError if there is no such module or function.
    """
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # user code may raise anything
        raise ValueError(f"importing the module {module} raised {type(error).__name__}: {error}") from None
    return _get_function(imported, name, module)


def _get_function(module: ModuleType, name: str, place: str) -> Callable[..., Any]:
    function = look_up(module, name)
    if not callable(function):
        functions = sorted(
            key for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")
        )
        raise ValueError(f"{place} has no function {name}; its functions: {', '.join(functions) or 'none'}")
    result: Callable[..., Any] = function
    return result


def look_up(module: ModuleType | None, name: str) -> Any:
    """The value of a qualified name in a module, or None."""
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


def split_file_function(text: Any) -> tuple[str, str] | None:
    """Split FILE.py:FUNCTION at its colon; None for anything else."""
    if not isinstance(text, str):
        return None
    file, _, name = text.rpartition(":")
    return (file, name) if file.endswith(".py") and name and not os.path.exists(text) else None
