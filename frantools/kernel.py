"""The decoder's blocks, and the random numbers of a step, as compiled functions, where there is a C++ compiler.

`engine.Decoder` and `noise` work without it, through torch. Compiled, the three MLPs are computed for a strip of
points at a time and nothing between two layers leaves the innermost cache: two to three times as fast. The compiler
runs once on a machine, for about a second; what it made is kept in the user's cache folder, for the processor it was
made on. The environment variable ``FRANTOOLS_KERNEL=off`` does without.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shlex
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import Tensor

from .files import replacing

SOURCE = Path(__file__).with_suffix(".cpp")
COMPILERS = ("c++", "g++", "clang++")


def _processor() -> str:
    """What a compiled function may ask of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return f"{platform.system()} {platform.machine()} {platform.processor()} {features}"


def _compile(out: Path) -> None:
    """Compile the source to a shared library. An OSError or a CalledProcessError says why there is none."""
    named = os.environ.get("CXX")
    native = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
    for compiler in [shlex.split(named)] if named else [[name] for name in COMPILERS]:
        options = ["-O3", native, "-std=c++17", "-shared", "-fPIC", str(SOURCE), "-o"]
        try:
            with replacing(out) as temporary:
                subprocess.run([*compiler, *options, str(temporary)], check=True, capture_output=True, text=True)
            return
        except FileNotFoundError:
            pass
    raise FileNotFoundError(f"there is no C++ compiler; looked for are {named or ', '.join(COMPILERS)}")


def _load(path: Path) -> ctypes.CDLL:
    """The library that is kept at a path, made there if it is not there or damaged."""
    if path.exists():
        with suppress(OSError):
            return ctypes.CDLL(str(path))
    _compile(path)
    return ctypes.CDLL(str(path))


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, or None where there are none."""
    if os.environ.get("FRANTOOLS_KERNEL") == "off":
        return None
    made_from = hashlib.sha256(SOURCE.read_bytes() + _processor().encode()).hexdigest()[:16]
    try:
        found = _load(user_cache_path("frantools") / f"kernel-{made_from}.so")
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        logging.getLogger(__name__).info("no compiled kernel: %s", getattr(error, "stderr", None) or error)
        return None
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    found.prepare_float32.argtypes = [pointer, pointer, whole, pointer, pointer, pointer, whole, whole]
    found.normal.argtypes = [pointer, ctypes.c_uint64, pointer, pointer, whole]
    for name in ("decode_float32", "decode_bfloat16"):
        if hasattr(found, name):
            getattr(found, name).argtypes = [pointer, pointer, pointer, pointer, pointer, whole, ctypes.c_int]
    return found


def at_hand(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether there is a compiled function for products of `dtype` on `device`."""
    return device.type == "cpu" and hasattr(library(), f"decode_{str(dtype).removeprefix('torch.')}")


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
    keys, draws = keys.contiguous(), torch.empty(3, len(keys))
    compiled.normal(keys.data_ptr(), step % (1 << 64), table.data_ptr(), draws.data_ptr(), len(keys))
    return draws.T


class _Weights(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("first", "hidden", "bias", "out", "out_bias")]


class Blocks:
    """The decoder's blocks, their weights in the order in which the compiled function reads them.

    Parameters
    ----------
    dtype : torch.dtype
        Of the products of hidden layers: float32 or bfloat16. All else is float32.
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
        self._decode = getattr(self._library, f"decode_{str(dtype).removeprefix('torch.')}")
        self._kept = (
            _packed(first, group),
            _packed(hidden.to(dtype), group),
            hidden_bias.contiguous(),
            _packed(out.to(dtype), out.shape[1]),
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
        fixed = torch.empty(strips, *self._local.shape[:1], 64, self._strip)
        fixed[-1] = 0  # the last strip may have fewer points
        local, rows = local.float().contiguous(), rows.contiguous()
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
            value, total = value.T.contiguous(), torch.empty(3, points)  # as `noise.normal` lays them out
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
