"""C++ that is compiled on the user's machine, for its processor, and kept.

The compiler runs once for each source, for about a second (with ``CXX`` and ``CXXFLAGS`` where they are set). What it
made is kept in the user's cache folder, for the processor and the flags it was made with, whichever compiler that was.
Where nothing can be compiled or kept, `library` answers None, and its callers work without it. The environment variable
``FRANTOOLS_KERNEL=off`` does without.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from ..files import hash_of, replacing

COMPILERS = ("c++", "g++", "clang++")
NATIVE = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
OPTIONS = ("-O3", NATIVE, "-std=c++17", "-shared", "-fPIC")
FAILURES = (OSError, ValueError, AttributeError, subprocess.SubprocessError)  # none of them keeps torch from working


def library(source: Path, **sizes: int) -> ctypes.CDLL | None:
    """The functions of a C++ file, or None where there are none: without a compiler, and on Windows.

    (There, GCC leaves vectors on the stack unaligned: its bug 54412.)

    Parameters
    ----------
    source : Path
        One file, whose functions are ``extern "C"``.
    sizes : int
        Whole numbers that the source is compiled with, by the names that it knows them by.
    """
    if os.environ.get("FRANTOOLS_KERNEL") == "off" or sys.platform == "win32":
        return None
    defines = [f"-D{name}={size}" for name, size in sizes.items()]
    flags = shlex.split(os.environ.get("CXXFLAGS", ""))
    try:
        made_of = [source.read_text(encoding="utf-8"), platform.machine(), _processor(), *OPTIONS, *defines, *flags]
        name = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
        return _load(cache_folder() / f"{source.stem}-{name}.so", source, [*defines, *flags])
    except FAILURES as error:
        reason = getattr(error, "stderr", None) or error
        logging.getLogger(__name__).info("nothing is compiled of %s: %s", source.name, reason)
        return None


def cache_folder() -> Path:
    """The user's cache folder; where the user has no home, one of their own among the temporary files."""
    try:
        folder = user_cache_path("frantools")
    except (RuntimeError, KeyError):  # neither HOME nor the list of users tells the home
        folder = Path()
    if folder.is_absolute():
        return folder
    return Path(tempfile.gettempdir()) / f"frantools-{os.getuid()}"


def _asked(*command: str) -> str:
    """What a command prints; an error if it fails. It is asked nothing back, and not for ever."""
    done = subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    return done.stdout.decode("utf-8", "replace")  # whatever the locale is


@cache
def _processor() -> str:
    """What a compiled function may ask of the processor."""
    if sys.platform == "darwin":
        return _asked("sysctl", "-n", "machdep.cpu.brand_string")
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())


def _compile(source: Path, out: Path, flags: Sequence[str]) -> None:
    """Compile a source to a shared library; one of `FAILURES` says why there is none."""
    if sys.platform == "darwin":
        _asked("xcode-select", "-p")  # where it fails, c++ is a stub that offers to install a compiler
    named = shlex.split(os.environ.get("CXX", ""))
    compilers = [named] if named else [[name] for name in COMPILERS]
    looked_for = ", ".join(compiler[0] for compiler in compilers)
    failure: Exception = FileNotFoundError(f"there is no C++ compiler; looked for are {looked_for}")
    for compiler in compilers:
        try:
            with replacing(out) as temporary:
                _asked(*compiler, *OPTIONS, *flags, str(source), "-o", str(temporary))
        except FileNotFoundError:
            continue
        except FAILURES as error:
            failure = error
        else:
            out.chmod(0o700)
            return
    raise failure


def _is_ours(path: Path) -> bool:
    """Whether nobody but this user can have written a file or folder."""
    facts = path.stat()
    return facts.st_uid == os.getuid() and not facts.st_mode & 0o022


def _load(path: Path, source: Path, flags: Sequence[str]) -> ctypes.CDLL:
    """The library that is kept at a path, made there if it is not there or damaged."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(path.parent):
        raise OSError(f"others may write to {path.parent}")
    digest = path.with_suffix(".sha256")  # a damaged library would not raise an error, but end Python
    if path.exists() and _is_ours(path) and digest.is_file() and digest.read_text(encoding="utf-8") == hash_of(path):
        with suppress(OSError):
            return ctypes.CDLL(str(path))
    _compile(source, path, flags)
    with replacing(digest) as temporary:
        temporary.write_text(hash_of(path), encoding="utf-8")
    return ctypes.CDLL(str(path))
