"""The decoder's blocks, and the random numbers of a step, as compiled functions, where there is a C++ compiler.

`engine.Decoder` and `noise` work without it, through torch. Compiled, the three MLPs are computed for a strip of
points at a time, and nothing between two layers leaves the innermost cache; `benchmarks` tells what that brings. The
compiler runs once on a machine, for about a second (with ``CXX`` and ``CXXFLAGS`` where they are set). What it made is
kept in the user's cache folder, for the processor and the flags it was made with, whichever compiler that was. The
environment variable ``FRANTOOLS_KERNEL=off``
does without.
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
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import Tensor

from ..files import replacing

SOURCE = Path(__file__).with_suffix(".cpp")
COMPILERS = ("c++", "g++", "clang++")
NATIVE = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
OPTIONS = ("-O3", NATIVE, "-std=c++17", "-shared", "-fPIC")
FAILURES = (OSError, ValueError, AttributeError, subprocess.SubprocessError)  # none of them keeps torch from working


def _asked(*command: str) -> str:
    """What a command prints; an error if it fails. It is asked nothing back, and not for ever."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return done.stdout


def _processor() -> str:
    """What a compiled function may ask of the processor."""
    if sys.platform == "darwin":
        return _asked("sysctl", "-n", "machdep.cpu.brand_string")
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())


def _compile(out: Path) -> None:
    """Compile the source to a shared library; one of `FAILURES` says why there is none."""
    if sys.platform == "darwin":
        _asked("xcode-select", "-p")  # where it fails, c++ is a stub that offers to install a compiler
    named = shlex.split(os.environ.get("CXX", ""))
    compilers = [named] if named else [[name] for name in COMPILERS]
    looked_for = ", ".join(compiler[0] for compiler in compilers)
    failure: Exception = FileNotFoundError(f"there is no C++ compiler; looked for are {looked_for}")
    for compiler in compilers:
        try:
            with replacing(out) as temporary:
                flags = shlex.split(os.environ.get("CXXFLAGS", ""))
                _asked(*compiler, *OPTIONS, *flags, str(SOURCE), "-o", str(temporary))
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


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _load(path: Path) -> ctypes.CDLL:
    """The library that is kept at a path, made there if it is not there or damaged."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(path.parent):
        raise OSError(f"others may write to {path.parent}")
    digest = path.with_suffix(".sha256")  # a damaged library would not raise an error, but end Python
    if path.exists() and _is_ours(path) and digest.is_file() and digest.read_text() == _digest(path):
        with suppress(OSError):
            return ctypes.CDLL(str(path))
    _compile(path)
    with replacing(digest) as temporary:
        temporary.write_text(_digest(path))
    return ctypes.CDLL(str(path))


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, or None where there are none: without a compiler, and on Windows.

    (There, GCC leaves vectors on the stack unaligned: its bug 54412.)
    """
    if os.environ.get("FRANTOOLS_KERNEL") == "off" or sys.platform == "win32":
        return None
    try:
        made_of = [SOURCE.read_text(), platform.machine(), _processor(), *OPTIONS, os.environ.get("CXXFLAGS", "")]
        name = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
        found = _load(user_cache_path("frantools") / f"kernel-{name}.so")
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        found.normal.argtypes = [pointer, ctypes.c_uint64, pointer, pointer, whole]
        found.prepare_float32.argtypes = [pointer, pointer, whole, pointer, pointer, pointer, whole, whole]
        found.decode_float32.argtypes = [pointer, pointer, pointer, pointer, pointer, whole, ctypes.c_int]
        found.decode_bfloat16.argtypes = found.decode_float32.argtypes
    except FAILURES as error:
        logging.getLogger(__name__).info("no compiled kernel: %s", getattr(error, "stderr", None) or error)
        return None
    return found


def at_hand(device: torch.device) -> bool:
    """Whether there are compiled functions for `device`."""
    return device.type == "cpu" and library() is not None


def normal(keys: Tensor, step: int, table: Tensor) -> Tensor | None:
    """`noise.normal`, compiled; None where it is not at hand.

    Parameters
    ----------
    keys : Tensor
        (N,) int64.
    step : int
        What the draw adds to them.
    table : Tensor
        (65536,) float32: the number that each int16 stands for, from the lowest on.
    """
    compiled = library() if keys.device.type == "cpu" else None
    if compiled is None:
        return None
    keys, draws = keys.contiguous(), _empty(3, len(keys))
    compiled.normal(keys.data_ptr(), step % (1 << 64), table.data_ptr(), draws.data_ptr(), len(keys))
    return draws.T


def _empty(*shape: int) -> Tensor:
    """float32 in the processor's memory, whatever torch's defaults are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


class _Weights(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("first", "hidden", "bias", "out", "out_bias")]


class Blocks:
    """The decoder's blocks, their weights in the order in which the compiled function reads them.

    Parameters
    ----------
    dtype : torch.dtype
        Of the products of the hidden layers and the last: float32 or bfloat16. All else is float32. A processor
        without instructions for bfloat16 multiplies the rounded numbers as float32.
    first : Tensor
        (3, 64, 6): how the first layers read the value and the sum so far.
    hidden, hidden_bias : Tensor
        (3, 2, 64, 64) and (3, 2, 64).
    out, out_bias : Tensor
        (3, 3, 64) and (3, 3).
    local : Tensor
        (3, 64, 64): how the first layers read the local latents.
    columns : Tensor
        (3, W, 64): what they get in each column of the grid.
    """

    def __init__(
        self,
        dtype: torch.dtype,
        *,
        first: Tensor,
        hidden: Tensor,
        hidden_bias: Tensor,
        out: Tensor,
        out_bias: Tensor,
        local: Tensor,
        columns: Tensor,
    ) -> None:
        self._library = library()
        assert self._library is not None
        self._strip, group = self._library.strip(), self._library.group()
        emulated = dtype == torch.bfloat16 and self._library.pair() == 1
        cast = lambda w: w.to(dtype).float() if emulated else w.to(dtype)  # noqa: E731
        self._decode = getattr(self._library, f"decode_{str(dtype).removeprefix('torch.')}")
        self._kept = (
            _packed(first, group),
            _packed(cast(hidden), group),
            hidden_bias.contiguous(),
            _packed(cast(out), out.shape[1]),
            out_bias.contiguous(),
        )
        self._weights = _Weights(*(tensor.data_ptr() for tensor in self._kept))
        self._local = _packed(local, group)
        self._columns = columns.transpose(1, 2).contiguous()

    def tile(self, local: Tensor, rows: Tensor, start: int, stop: int) -> Callable[[Tensor, Tensor, bool], Tensor]:
        """The blocks at a part of the grid.

        Parameters
        ----------
        local : Tensor
            (H * W, 64): the local latents, row by row.
        rows : Tensor
            (H, 3 * 64) float32: what the first layers get in each row.
        start, stop : int
            Columns `start` to `stop` - 1 of the grid; W of them.

        Returns
        -------
        callable
            ``answer(value, time, from_value)``: the blocks' (H * W, 3) float32 answer to values of that shape, at a
            step at which the first layers get `time`, (3, 64) float32. They add to the value, or to 0.
        """
        points, strips = len(local), -(-len(local) // self._strip)
        fixed = _empty(strips, *self._local.shape[:1], 64, self._strip)
        fixed[-1] = 0  # the last strip may have fewer points
        local, rows = local.float().contiguous(), rows.float().contiguous()
        columns = self._columns.data_ptr() + start * self._columns.element_size()
        stride = self._columns.shape[-1]
        assert self._library is not None
        self._library.prepare_float32(
            self._local.data_ptr(),
            columns,
            stride,
            rows.data_ptr(),
            local.data_ptr(),
            fixed.data_ptr(),
            stop - start,
            len(rows),
        )

        def answer(value: Tensor, time: Tensor, from_value: bool) -> Tensor:
            # Channel by channel, as `noise.normal` lays values out.
            value, time, total = value.float().expand(points, 3).T.contiguous(), time.float(), _empty(3, points)
            self._decode(
                ctypes.addressof(self._weights),
                fixed.data_ptr(),
                time.data_ptr(),
                value.data_ptr(),
                total.data_ptr(),
                points,
                from_value,
            )
            return total.T

        return answer


def _packed(weight: Tensor, group: int) -> Tensor:
    """(..., outputs, inputs) weights in the order (groups of outputs, inputs, outputs of the group).

    As many inputs as four bytes hold stand together: one float32, or two bfloat16.
    """
    pair = 4 // weight.element_size()
    return weight.unflatten(-2, (-1, group)).unflatten(-1, (-1, pair)).transpose(-2, -3).contiguous()
