"""Sweeps: one worker and two on the same cells, what a task costs beside its work, and what the driver does a cell.

Run it with ``python benchmarks/sweeps.py --data FOLDER``: about two minutes on two idle cores. The clusters take turns,
and the best time of each counts. Seconds of a processor stand beside those of the clock: on a machine that has other
things to do they are what compares.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from distributed import Client, LocalCluster

import frantools as ft
from frantools.comparisons.evaluation import SIZE
from frantools.sweeps.plan import Plan, make_plan
from frantools.sweeps.run import read_records, to_sweep
from frantools.sweeps.store import Store

AXES = {"K": [1, 2, 4, 8], "stochasticity": [0.0, 0.5, 1.0], "noise_stddev": ["normal", "squared", "zero"]}
TINY = 100  # tasks of next to no work


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a folder of pictures")
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--points", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    clusters = {count: LocalCluster(n_workers=count, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
                                     silence_logs=logging.ERROR) for count in (1, 2)}  # fmt: skip
    clients = {count: Client(cluster) for count, cluster in clusters.items()}
    try:
        for client in clients.values():  # every worker imports what it needs
            for _ in range(2):
                ft.sweep({"K": [50], "seed": [1, 2, 3, 4]}, options.data, points=64, client=client, limit=4)
        best: dict[int, tuple[float, float, ft.Sweep]] = {}
        for _ in range(options.rounds):
            for count, client in clients.items():
                result = timed(client, AXES, options.data, points=options.points, limit=options.pictures)
                best[count] = min(best.get(count, result), result, key=lambda item: item[0])
        print("| workers | seconds | processor seconds | M point-steps/s | M point-steps a processor second |")
        print("| --: | --: | --: | --: | --: |")
        for count, (seconds, processor, result) in best.items():
            steps = sum(row["calls"] for row in result.rows) * options.points / 1e6
            print(f"| {count} | {seconds:.1f} | {processor:.1f} | {steps / seconds:.2f} | {steps / processor:.2f} |")
        print(f"\nTwo workers are {best[1][0] / best[2][0]:.2f} times as fast as one.")
        pictures = [np.full((8, 8, 3), shade, np.uint8) for shade in range(TINY)]
        tiny: Any = ({"model": ["original"]}, pictures)
        timed(clients[1], *tiny, size=8)
        base = time.process_time()
        seconds = timed(clients[1], *tiny, size=8)[0]
        base = time.process_time() - base
        start_time = time.perf_counter()
        ft.sweep(*tiny, size=8)
        local = time.perf_counter() - start_time
        with tempfile.TemporaryDirectory() as folder:
            start_time = time.perf_counter()
            ft.sweep(*tiny, size=8, store=Path(folder) / "store")
            stored = time.perf_counter() - start_time
        print(
            f"The overhead of a task: {local / TINY * 1e3:.1f} ms in this process, with a store "
            f"{(stored - local) / TINY * 1e3:.1f} ms more, on Dask {(seconds - local) / TINY * 1e3:.1f} ms more; "
            f"driver and scheduler, which share a process here, use {base / TINY * 1e3:.1f} ms of a processor for each."
        )
    finally:
        for client in clients.values():
            client.close()
        for cluster in clusters.values():
            cluster.close()
    driver(options.data)


def timed(client: Client, axes: Any, photos: Any, **options: Any) -> tuple[float, float, ft.Sweep]:
    """A sweep on a cluster: its seconds, those of the workers' processors, and what it gave."""
    pids = list(client.run(process).values())
    before, start_time = sum(map(used, pids)), time.perf_counter()
    result = ft.sweep(axes, photos, client=client, **options)
    return time.perf_counter() - start_time, sum(map(used, pids)) - before, result


def process() -> int:
    """The number of this process."""
    return os.getpid()


def used(pid: int) -> float:
    """The processor's seconds that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def driver(data: str) -> None:
    """What the driver does for each cell: its key, looking it up in a store, putting the results together."""
    axes = {"K": list(range(1, 21)), "stochasticity": [number / 10 for number in range(11)]}
    with tempfile.TemporaryDirectory() as folder:
        plan: Plan = make_plan(axes, data, None, ("mse",), 64, SIZE, 0, 16, "float32")
        start_time = time.process_time()
        keys = [(context, key) for _, _, context, key in plan.cells()]
        keyed = time.process_time() - start_time
        store = Store(Path(folder) / "store")
        contexts: dict[str, list[str]] = {}
        for context, key in keys:
            contexts.setdefault(context, []).append(key)
        for context, base in contexts.items():
            rows = [{"key": key, "picture": "portrait-000.png", "model": "diffusion-basic", "setup": "B:K=4", "seed": 0,
                     "given": None, "seconds": 0.1, "sentence": "", "worker": "machine:1234", "calls": 25,
                     "time": "2026-11-25T22:00:00+00:00", "mse": 0.01, "mse_se": 0.0001} for key in base]  # fmt: skip
            store.write(context, {}, rows)
        start_time = time.process_time()
        read_records(plan, store)
        read = time.process_time() - start_time - keyed
        tracemalloc.start()
        matches, tasks = read_records(plan, store), list(plan.tasks())
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        start_time = time.process_time()
        to_sweep(plan, matches)
        put = time.process_time() - start_time
        size = sum(path.stat().st_size for path in store.folder.rglob("*.jsonl"))
    count = len(plan)
    print(
        f"The driver, a cell: {keyed / count * 1e6:.0f} us for its key, {read / count * 1e6:.0f} us to look it up, "
        f"{put / count * 1e6:.0f} us to put it into the result; {memory / count:.0f} bytes of memory "
        f"({count} cells in {len(tasks)} tasks), {size / count:.0f} bytes in the store."
    )


if __name__ == "__main__":
    main()
