"""Measurements in separate processes, and the peak performance of the processor."""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from frantools.frannet.engine import fast_decoder, kernel

PRELOADED = [
    "torch",
    "frantools.frannet.engine.pictures",
    "frantools.frannet.weights.checkpoints",
    "frantools.comparisons.comparison",
    "frantools.scores.roi_search",
]


class Measured(NamedTuple):
    """The time and memory of some work."""

    seconds: float
    peak: int
    """The highest use of memory, less that after the imports, in bytes."""
    grown: int
    """The highest use of memory, less that after a first small picture."""

    def better(self, other: Measured | None) -> Measured:
        """The shorter time; the higher use of memory."""
        if other is None:
            return self
        return Measured(min(self.seconds, other.seconds), max(self.peak, other.peak), max(self.grown, other.grown))


def alone(work: Callable[..., Any], *args: Any) -> Any:
    """Return ``work(*args)`` of a new process, forked from one that has only imported torch."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *args).result()


def best(work: Callable[[], Any], enough: float = 1.0) -> float:
    """Return the shortest time of the runs that start within `enough` seconds, in seconds."""
    seconds: list[float] = []
    start_time = time.perf_counter()
    while not seconds or time.perf_counter() - start_time < enough:
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak() -> int:
    """Return the peak memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def roofs(enough: float) -> list[tuple[str, str, str, float]]:
    """Measure products of matrices: (precision, library, shape, FLOP a second).

    Parameters
    ----------
    enough : float
        Seconds for each.
    """
    torch.manual_seed(0)
    products: dict[tuple[str, str], Callable[[Tensor, Tensor], Tensor]] = {
        ("float32", "torch.mm"): lambda x, weight: torch.mm(x, weight.T),
        ("bfloat16", "torch.mm"): lambda x, weight: torch.mm(x, weight.T),
    }
    for precision in ("float32", "bfloat16"):
        if fast_decoder.has_fused_linear(torch.device("cpu"), getattr(torch, precision)):
            products[precision, "oneDNN"] = lambda x, weight: torch.ops.mkldnn._linear_pointwise(
                x, weight, None, "none", [], ""
            )
    rates = []
    with torch.inference_mode():
        for (precision, library), product in products.items():
            dtype = getattr(torch, precision)
            for rows, columns in ((2048, 2048), (65536, 64)):
                x, weight = torch.randn(rows, columns).to(dtype), torch.randn(columns, columns).to(dtype)
                rate = 2 * rows * columns**2 / best(partial(product, x, weight), enough)
                rates.append((precision, library, f"{rows} x {columns} by {columns} x {columns}", rate))
            rates.append(
                (precision, library, "2048 x 64 by 64 x 64 on each core", _on_each_core(product, dtype, enough))
            )
    return rates


def _on_each_core(product: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype, enough: float) -> float:
    """Measure products of a tile, one tile for each thread as in the engine, in FLOP a second."""
    repeats, threads = 100, torch.get_num_threads()

    def many(_: int) -> None:
        with torch.inference_mode():
            x, weight = torch.randn(2048, 64).to(dtype), torch.randn(64, 64).to(dtype)
            for _ in range(repeats):
                product(x, weight)

    with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        seconds = best(lambda: list(pool.map(many, range(threads))), enough)
    torch.set_num_threads(threads)
    return 2 * 2048 * 64**2 * repeats * threads / seconds


def machine() -> dict[str, str]:
    """Describe the machine and the date."""
    load = f"{os.getloadavg()[0]:.1f} at the start (0 where nothing else runs)"
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
        "threads": str(torch.get_num_threads()),
        "compiled kernel": "yes" if kernel.library() else "no",
        "load": load,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in facts.items()}
    if "model name" not in named:
        return platform.processor() or platform.machine()
    place = f" (family {named['cpu family']}, model {named['model']})" if "cpu family" in named else ""
    return named["model name"] + place
