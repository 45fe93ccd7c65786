"""C++ libraries, compiled for the user's processor and cached.

The compiler runs once for each source, for about a second; the environment variables ``CXX`` and ``CXXFLAGS`` are used
if set. The library is stored in the user's cache folder, for each processor and set of flags. If compiling or storing
fails, `library` returns None, and its callers work without it. ``FRANTOOLS_KERNEL=off`` disables compilation.
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
FAILURES = (OSError, ValueError, AttributeError, subprocess.SubprocessError)  # torch works in spite of them


def library(source: Path, **sizes: int) -> ctypes.CDLL | None:
    """Return the functions of a C++ file, or None without a compiler and on Windows.

    (On Windows, GCC leaves vectors on the stack unaligned: its bug 54412.)

    Parameters
    ----------
    source : Path
        A file whose functions are ``extern "C"``.
    sizes : int
        Integer constants of the source, by name.
    """
    if os.environ.get("FRANTOOLS_KERNEL") == "off" or sys.platform == "win32":
        return None
    defines = [f"-D{name}={size}" for name, size in sizes.items()]
    flags = shlex.split(os.environ.get("CXXFLAGS", ""))
    try:
        key = [source.read_text(encoding="utf-8"), platform.machine(), _processor(), *OPTIONS, *defines, *flags]
        name = hashlib.sha256("\n".join(key).encode()).hexdigest()[:16]
        return _load(cache_folder() / f"{source.stem}-{name}.so", source, [*defines, *flags])
    except FAILURES as error:
        reason = getattr(error, "stderr", None) or error
        logging.getLogger(__name__).info("compiling %s failed: %s", source.name, reason)
        return None


def cache_folder() -> Path:
    """Return the user's cache folder, or for a user without a home a folder among the temporary files."""
    try:
        folder = user_cache_path("frantools")
    except (RuntimeError, KeyError):  # neither HOME nor the list of users has a home
        folder = Path()
    if folder.is_absolute():
        return folder
    return Path(tempfile.gettempdir()) / f"frantools-{os.getuid()}"


def _run(*command: str) -> str:
    """Run a command without input and return its output."""
    process = subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    return process.stdout.decode("utf-8", "replace")  # whatever the locale is


@cache
def _processor() -> str:
    """Return a description of the processor's instructions."""
    if sys.platform == "darwin":
        return _run("sysctl", "-n", "machdep.cpu.brand_string")
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())


def _compile(source: Path, out: Path, flags: Sequence[str]) -> None:
    """Compile a source to a shared library; raise one of `FAILURES` if that is impossible."""
    if sys.platform == "darwin":
        _run("xcode-select", "-p")  # if it fails, c++ is a stub that offers to install a compiler
    choice = shlex.split(os.environ.get("CXX", ""))
    compilers = [choice] if choice else [[name] for name in COMPILERS]
    names = ", ".join(compiler[0] for compiler in compilers)
    failure: Exception = FileNotFoundError(f"no C++ compiler found among {names}")
    for compiler in compilers:
        try:
            with replacing(out) as temporary:
                _run(*compiler, *OPTIONS, *flags, str(source), "-o", str(temporary))
        except FileNotFoundError:
            continue
        except FAILURES as error:
            failure = error
        else:
            out.chmod(0o700)
            return
    raise failure


def _is_ours(path: Path) -> bool:
    """Whether only this user can have written a file or folder."""
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _load(path: Path, source: Path, flags: Sequence[str]) -> ctypes.CDLL:
    """Load the cached library at a path, which is compiled first if it is missing or damaged."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(path.parent):
        raise OSError(f"{path.parent}: other users may write to the folder")
    digest = path.with_suffix(".sha256")  # loading a damaged library would crash Python
    if path.exists() and _is_ours(path) and digest.is_file() and digest.read_text(encoding="utf-8") == hash_of(path):
        with suppress(OSError):
            return ctypes.CDLL(str(path))
    _compile(source, path, flags)
    with replacing(digest) as temporary:
        temporary.write_text(hash_of(path), encoding="utf-8")
    return ctypes.CDLL(str(path))
