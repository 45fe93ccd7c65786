"""Any function of a picture as a restorer."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from threading import RLock, get_ident
from types import ModuleType
from typing import Any

import numpy as np

from ..checks import to_python
from ..files import to_json
from ..photos.regions import Region
from .base import Progress, Restoration, RestorationInput, Restorer, checked_picture, missing
from .custom import run_with_timeout


class FunctionRestorer(Restorer):
    """A function ``f(picture) -> picture``.

    Parameters
    ----------
    function : callable
        It takes float32 (H, W, 3) in [0, 1], its own to change, and answers with the same of any size. Where its
        signature names them, it is given `seed`, `size` (the width and height that are asked for), `region`, `sigma`
        (the standard deviation of the noise in the picture; where nothing is known of it, its default or 0) and
        `channel_axis` (-1, as scikit-image's functions take it).
    settings : dict
        Further arguments, by name.
    title : str, optional
        Default: the function's name.
    timeout : float, optional
        Seconds after which an answer is no longer waited for. Default: never.

    Raises
    ------
    ValueError
        If the function does not take one of the settings.
    """

    interruptible = True

    def __init__(
        self,
        function: Callable[..., Any],
        settings: Mapping[str, Any] | None = None,
        title: str | None = None,
        timeout: float | None = None,
    ) -> None:
        while isinstance(function, partial) and not function.args:  # a function and its settings
            settings = {**function.keywords, **(settings or {})}
            function = function.func
        self.function, self.settings, self.timeout = function, to_python(dict(settings or {})), timeout
        self.title = title or name_of(function)
        self.names, open_ended = parameters(function)
        unknown = self.settings.keys() - self.names.keys()
        if unknown and not open_ended:
            accepted = ", ".join(sorted(self.names)) or "none"
            raise ValueError(f"{self.title} takes no {', '.join(sorted(unknown))}; accepted are {accepted}")
        self.random = "seed" in self.names.keys() - self.settings.keys()
        self.continuous = {"size", "region"} <= self.names.keys()

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Call the function; see `Restorer`."""
        offered: dict[str, Any] = {"seed": seed, "size": size, "region": region, "channel_axis": -1}
        if given.degradation is not None or self.names.get("sigma"):
            offered["sigma"] = given.degradation.noise if given.degradation is not None else 0.0
        named = {name: value for name, value in offered.items() if name in self.names} | self.settings
        begun, picture = time.perf_counter(), np.array(given.picture)
        answer = run_with_timeout(
            lambda: self.function(picture, **named), self.title, lambda: progress(0.0), self.timeout
        )
        image, remarks = checked_picture(answer, self.title)
        return Restoration(image, time.perf_counter() - begun, calls=0, remarks=remarks)

    def state(self) -> str:
        """The module that it is of, which for a file has the hash of its content."""
        return str(getattr(self.function, "__module__", ""))

    def to_dict(self) -> dict[str, Any]:
        """The function by its module, name and the hash of its source."""
        return named_function(self.function, self.title, self.settings)


def parameters(function: Callable[..., Any]) -> tuple[dict[str, bool], bool]:
    """The arguments that can be given by name, less the picture: which are required; and whether others can be."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of some builtins
        return {}, True
    own = [p for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return {p.name: p.default is p.empty for p in own}, any(p.kind == p.VAR_KEYWORD for p in parameters)


def name_of(function: Callable[..., Any]) -> str:
    """What a callable is called."""
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def source_hash(function: Callable[..., Any]) -> str | None:
    """The hash of a function's source, or None where there is none to read."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode()).hexdigest()


def named_function(function: Callable[..., Any], title: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What names a function in a recipe, or says that nothing does; with its settings, for what is given again."""
    try:
        kept = json.loads(to_json(dict(settings)))
    except (TypeError, ValueError):
        return missing(title, f"{title} has settings that JSON cannot hold")
    why = _unnamed(function)
    if why:
        return missing(title, f"{title} {why}") | ({"settings": kept} if kept else {})
    module, name = function.__module__, function.__qualname__
    where = {"file": FILES[module]} if module in FILES else {"module": module}
    return {"function": name, **where, "sha256": source_hash(function), "settings": kept}


def _unnamed(function: Callable[..., Any]) -> str:
    """Why no name finds a function again; empty where one does."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name:
        return f"is a {type(function).__name__}, which no name finds again"
    if "<lambda>" in name:
        return "is a lambda, which no name finds again"
    if "<locals>" in name:
        return "was made inside another function, and no name finds it again"
    if module == "__main__":
        return "was defined in a notebook or script, and no name finds it again"
    if _found(sys.modules.get(module), name) is not function:  # a method of an object, or a name that changed hands
        return f"is not what {name} of {module} is, and no name finds it again"
    return ""


_loading = RLock()
PREFIX = "frantools_file_"  # of the names of modules that are run as files
FILES: dict[str, str] = {}
"""The files of functions that were loaded by `from_file`, by the names of their modules."""


def from_file(path: str, name: str) -> Callable[..., Any]:
    """A function of a Python file. The file is run, and imports what lies beside it, also when the function is called.

    Raises a FileNotFoundError or ValueError if there is no such file, it cannot be run, or it has no such function.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    digest = hashlib.sha256(os.fsencode(file.resolve()) + file.read_bytes()).hexdigest()[:16]
    module_name = f"{PREFIX}{file.stem}_{digest}"
    with _loading:  # or another thread would find it half run
        module = sys.modules.get(module_name) or _run(file, module_name)
        FILES[module_name] = str(path)
    return _attribute(module, name, str(path))


def _run(file: Path, module_name: str) -> ModuleType:
    neighbours = _Neighbours(file.resolve().parent)
    spec = importlib.util.spec_from_file_location(module_name, file, loader=_Loader(module_name, str(file), neighbours))
    if spec is None or spec.loader is None:
        raise ValueError(f"{file} is not a Python file; accepted is FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        with neighbours.importable():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # of whatever kind: it is a user's file
        del sys.modules[module_name]
        raise ValueError(f"{file} cannot be run: {type(error).__name__}: {error}") from error
    return module


class _Neighbours(MetaPathFinder):
    """The modules beside a Python file, which it and they may import at any time, as if the folder were on `sys.path`.

    Only during an import are they in `sys.modules`: another folder may have files of the same names.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: dict[str, ModuleType] = {}
        self.thread = 0

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """The module of a name, if the folder is where Python finds it."""
        if self.thread != get_ident():
            return None
        spec = PathFinder.find_spec(name, [str(self.folder), *sys.path] if path is None else path)
        if spec is None or not self._holds(spec.origin if spec.has_location else None, spec.submodule_search_locations):
            return None
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self)
        return spec

    def _holds(self, file: str | None, folders: Iterable[str] | None) -> bool:
        """Whether a module, of a file or of several folders, is one of the folder's."""
        where = file or next(iter(folders or ()), None)
        return where is not None and Path(where).is_relative_to(self.folder)

    def _names(self, name: str) -> bool:
        """Whether a module of that name may be one of the folder's."""
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return False
        if (self.folder / f"{top}.py").is_file() or (self.folder / top / "__init__.py").is_file():
            return True
        return (self.folder / top).is_dir() and (top in self.modules or top not in sys.modules)

    def __call__(self, name: str, *args: Any, **others: Any) -> ModuleType:
        """Import a module; see Python's `__import__`."""
        level = args[3] if len(args) > 3 else others.get("level", 0)
        if not level and not self._names(name):
            return builtins.__import__(name, *args, **others)
        with self.importable("" if level else name.partition(".")[0]):
            return builtins.__import__(name, *args, **others)

    @contextmanager
    def importable(self, top: str = "") -> Iterator[None]:
        """Let this thread import the modules; of `top`, no other folder's."""
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
        """Take modules out of `sys.modules`, until the import ends."""
        self.hidden |= {name: sys.modules.pop(name) for name in names}

    def _enter(self) -> None:
        self.hidden: dict[str, ModuleType] = {}
        self._hide(self.modules.keys() & set(sys.modules))
        self.foreign = set(sys.modules)
        sys.modules.update(self.modules)
        self.thread = get_ident()
        sys.meta_path.insert(0, self)
        importlib.invalidate_caches()  # or a file that was written just now is not seen

    def _leave(self) -> None:
        sys.meta_path.remove(self)
        new = set(sys.modules) - self.foreign | self.hidden.keys() & set(sys.modules)
        own = [
            name for name in new if self._owns(name)
        ]  # a folder without __init__.py asks its parent: before any goes
        self.modules |= {name: sys.modules.pop(name) for name in own}
        sys.modules.update(self.hidden)

    def _owns(self, name: str) -> bool:
        """Whether an imported module is one of the folder's."""
        module = sys.modules[name]
        in_folder = self._holds(getattr(module, "__file__", None), getattr(module, "__path__", None))
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
    """A function of an installed module. The module is imported.

    Raises a ValueError if there is no such module or function.
    """
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # of whatever kind: it is a user's module
        raise ValueError(f"the module {module} cannot be imported: {type(error).__name__}: {error}") from None
    return _attribute(imported, name, module)


def _attribute(module: ModuleType, name: str, where: str) -> Callable[..., Any]:
    found = _found(module, name)
    if not callable(found):
        listed = sorted(n for n, each in vars(module).items() if inspect.isfunction(each) and n[0] != "_")
        raise ValueError(f"{where} has no function {name}; it has {', '.join(listed) or 'none'}")
    made: Callable[..., Any] = found
    return made


def _found(module: ModuleType | None, name: str) -> Any:
    """What a qualified name is in a module, or None."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
