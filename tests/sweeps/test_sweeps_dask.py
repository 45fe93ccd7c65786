"""Sweeps on a real Dask cluster, whose processes are killed."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import frantools as ft
from frantools import cli
from frantools.sweeps.dask_backend import LOST, connect
from frantools.sweeps.plan import make_plan
from frantools.sweeps.store import StoreError
from frantools.sweeps.tasks import WorkerError

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'frantools[sweeps]'")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes as Windows does not")

ROOT = Path(ft.__file__).parent.parent
HERE = "127.0.0.1"
PATIENCE = 240  # seconds, on a machine that has other things to do
SLOW = """
import os, time

def slow(picture, strength=1.0, pause=0.0, log=""):
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {strength} {picture.sum():.4f}\\n")
    time.sleep(pause)
    return picture * strength
"""

FULL = """
import os, resource

def filling(picture, strength=1.0, log="", full=""):
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {strength} {picture.sum():.4f}\\n")
    if os.path.exists(full):  # no file of this worker can grow, as on a disk that is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    return picture * strength
"""


def wait_until(condition: Callable[[], Any], what: str, driver: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for other processes."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} took longer than {PATIENCE} s"
        assert driver is None or driver.poll() is None, f"{driver.args} ended before {what}"
        time.sleep(0.02)


class Cluster:
    """A scheduler and workers, each in its own process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind((HERE, 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://{HERE}:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        connect = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": f"{PATIENCE}s"}
        self.environment = {**os.environ, **connect, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{len(self.processes)}.txt").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder, env=self.environment | environment, stdout=output, stderr=output,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        options = ["--host", HERE, "--port", str(self.port), "--dashboard-address", f"{HERE}:0"]
        return self.start("dask", "scheduler", *options)

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-nanny", "--host", HERE, "--dashboard-address", f"{HERE}:0"]
        return self.start("dask", "worker", self.address, *options, **environment)

    def sweep(self, data: Path, store: Path, **axes: Any) -> subprocess.Popen[bytes]:
        """Run the command line on this cluster."""
        named = [part for name, values in axes.items() for part in ("--axis", f"{name}={values}")]
        return self.start(
            *("frantools", "sweep", "--data", str(data), "--model", str(self.folder / "slow.py:slow"), "--size", "12"),
            *("--store", str(store), "--scheduler", self.address, *named),
        )

    def wait_for(self, workers: int) -> None:
        """Wait for a number of workers."""
        with distributed.Client(self.address, timeout=PATIENCE) as client:
            wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == workers, f"{workers} workers")

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
        for process in self.processes:
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    (cluster.folder / "slow.py").write_text(SLOW)
    (cluster.folder / "full.py").write_text(FULL)
    try:
        cluster.scheduler()
        cluster.worker()
        cluster.worker()
        cluster.wait_for(2)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(4):
        ft.save_picture(
            np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8), tmp_path / f"{number}.png"
        )
    return tmp_path


def logged(log: Path) -> list[str]:
    """Read the log, with one line for each cell that a worker started."""
    return log.read_text().splitlines() if log.exists() else []


def cells(log: Path) -> Counter[str]:
    """Count how often each cell was started."""
    return Counter(line.partition(" ")[2] for line in logged(log))


def test_results_are_bit_identical_on_any_number_of_workers(cluster):
    axes = {"K": [25, 50], "stochasticity": [0.0, 1.0]}
    here = ft.sweep(axes, ["hopper", "astronaut"], size=32, points=128)
    two = ft.sweep(axes, ["hopper", "astronaut"], size=32, points=128, client=cluster.address)
    assert [(row["mse"], row["mse_se"]) for row in here.rows] == [(row["mse"], row["mse_se"]) for row in two.rows]
    model = ft.load_model("single-basic")  # in memory, and a picture that lies nowhere
    with distributed.Client(cluster.address) as client:
        sent = ft.sweep({"model": [model]}, [np.zeros((9, 9, 3))], size=9, client=client)
    assert sent.rows[0]["mse"] == ft.sweep({"model": [model]}, [np.zeros((9, 9, 3))], size=9).rows[0]["mse"]


def test_a_number_starts_that_many_workers():
    plan = make_plan({"model": ["bicubic"]}, ["hopper"], None, ("mse",), None, 9, 0, None, "float32")
    with connect(3, plan) as client:
        assert list(client.nthreads().values()) == [1, 1, 1]


def test_a_finished_sweep_starts_no_cluster(tmp_path):
    result = ft.sweep({"model": ["bicubic"]}, ["hopper"], size=9, store=tmp_path)
    again = ft.sweep({"model": ["bicubic"]}, ["hopper"], size=9, store=tmp_path, client="tcp://127.0.0.1:9")
    assert again.rows == result.rows


def test_a_restorer_that_cannot_be_pickled_is_named():
    lock = Lock()

    def holding(picture):
        with lock:
            return picture

    with pytest.raises(WorkerError, match=r"^holding cannot be sent to workers: "):
        ft.sweep({"model": [holding]}, ["hopper"], size=9, client="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"^client must be None, 'local', .*, got 1\.5$"):
        ft.sweep({"model": ["bicubic"]}, ["hopper"], size=9, client=1.5)


def test_a_worker_with_another_version_is_refused(cluster, tmp_path):
    (tmp_path / "frantools").mkdir()
    (tmp_path / "frantools" / "__init__.py").write_text('__version__ = "0.0.9"\n')
    worker = cluster.worker(PYTHONPATH=str(tmp_path))
    try:
        cluster.wait_for(3)
        with pytest.raises(WorkerError, match=r"^the worker tcp://.* has FranTools 0\.0\.9; this sweep needs"):
            ft.sweep({"model": ["bicubic"]}, ["hopper"], size=9, client=cluster.address)
    finally:
        worker.kill()
        worker.wait()
    cluster.wait_for(2)


def test_a_killed_sweep_resumes_without_computing_a_cell_twice(cluster, pictures, tmp_path):
    log, store = tmp_path / "log", tmp_path / "store"
    axes = {"strength": "1,0.5,0.25,0", "pause": "0.2", "log": str(log)}
    driver = cluster.sweep(pictures, store, **axes)
    wait_until(lambda: len(logged(log)) >= 3, "three cells", driver)
    driver.kill()
    driver.wait()
    again = cluster.sweep(pictures, store, **axes)
    wait_until(lambda: again.poll() is not None, "the sweep")
    assert again.returncode == 0
    assert cells(log).total() == len(cells(log)) == 16
    result = ft.sweep(
        {"strength": [1, 0.5, 0.25, 0], "pause": [0.2], "log": [str(log)]}, pictures,
        str(cluster.folder / "slow.py:slow"), size=12, store=store,
    )  # fmt: skip
    assert len(result.rows) == 16
    assert len(logged(log)) == 16  # all of it was in the store
    assert [row["mse"] for row in result.rows if row["strength"] == 1] == [0.0] * 4


def test_another_worker_computes_the_tasks_of_a_killed_one(cluster, pictures, tmp_path):
    log, store = tmp_path / "log", tmp_path / "store"
    driver = cluster.sweep(pictures, store, strength="1,0.5,0.25,0", pause="0.25", log=str(log))
    wait_until(lambda: len(logged(log)) >= 2, "two cells", driver)
    killed = int(logged(log)[0].split()[0])
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: driver.poll() is not None, "the sweep")
    assert driver.returncode == 0
    assert len(cells(log)) == 16
    # Only the task that it had not finished was started again, which is one picture.
    again = [cell for cell, number in cells(log).items() if number > 1]
    assert len({cell.split()[1] for cell in again}) == 1
    assert {line.split()[0] for line in logged(log) if line.partition(" ")[2] in again} >= {str(killed)}
    cluster.worker()
    cluster.wait_for(2)


def test_a_full_disk_of_a_worker_ends_the_sweep_and_it_can_be_resumed(cluster, pictures, tmp_path):
    log, store, full = tmp_path / "log", tmp_path / "store", tmp_path / "full"
    axes = {"strength": [1.0, 0.5, 0.25, 0.0], "log": [str(log)], "full": [str(full)]}
    arguments = (axes, pictures, str(cluster.folder / "full.py:filling"))

    def fill(share: Any) -> None:
        if share.done:  # a task: a picture
            full.touch()

    with pytest.raises(StoreError, match=r"cannot be written: .* are kept: run the same sweep again to resume$"):
        ft.sweep(*arguments, size=12, store=store, client=cluster.address, progress=fill)
    stored = {line["key"] for path in store.glob("cells/*/*/*.jsonl") for line in map(json.loads, path.open())}
    assert 0 < len(stored) < 16
    started = cells(log).total()
    full.unlink()
    result = ft.sweep(*arguments, size=12, store=store, client=cluster.address)
    assert len(result) == 16
    assert not result.failures.rows
    assert cells(log).total() - started == 16 - len(stored), "what is kept is not computed again"


def test_ctrl_c_keeps_results_and_says_how_to_resume(cluster, pictures, tmp_path):
    log, store = tmp_path / "log", tmp_path / "store"
    command = [sys.executable, "-m", "frantools", "sweep", "--data", str(pictures), "--store", str(store)]
    command += ["--model", str(cluster.folder / "slow.py:slow"), "--size", "12", "--workers", "1"]
    command += ["--axis", "strength=1,0.5,0.25,0", "--axis", "pause=0.2", "--axis", f"log={log}"]
    driver = subprocess.Popen(
        command, env=cluster.environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip
    cluster.processes.append(driver)
    wait_until(lambda: len(list(store.glob("cells/*/*/*.jsonl"))) >= 1, "a task", driver)
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, messages = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130
    assert re.search(
        r"interrupted; \d+ of 16 cells are done and kept in .*store; run the same sweep again to resume", messages
    )
    assert "Traceback" not in messages


def test_a_lost_scheduler_ends_the_sweep_and_it_can_be_resumed(pictures, tmp_path):
    cluster = Cluster(tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    log, store = tmp_path / "log", tmp_path / "store"
    arguments = (
        {"strength": [1.0, 0.5, 0.25, 0.0], "pause": [0.1], "log": [str(log)]},
        pictures,
        f"{tmp_path}/slow.py:slow",
    )
    try:
        scheduler = cluster.scheduler()
        cluster.worker()

        def kill(progress: Any) -> None:
            if progress.done:
                scheduler.kill()

        with pytest.raises(ConnectionError, match=f"^{LOST}$"):
            ft.sweep(*arguments, size=12, store=store, client=cluster.address, progress=kill)
    finally:
        cluster.close()
    computed = len(cells(log))
    assert 0 < computed < 16
    assert len(ft.sweep(*arguments, size=12, store=store)) == 16
    assert cells(log).total() - computed < 16, "results in the store are not computed again"


AXES = {"model": ["bicubic", "area"]}


def test_an_asynchronous_client_is_refused():
    async def swept() -> None:
        async with distributed.Client(
            processes=False, n_workers=1, asynchronous=True, dashboard_address=None
        ) as client:
            ft.sweep(AXES, ["hopper"], size=8, client=client)

    with pytest.raises(ValueError, match=r"^client must be a synchronous Dask client, got the asynchronous <Client"):
        asyncio.run(swept())


def test_a_closed_client_is_refused():
    client = distributed.Client(processes=False, n_workers=1, dashboard_address=None)
    client.close()
    with pytest.raises(ValueError, match=r"^client must be connected to a scheduler, got <Client.* which is closed$"):
        ft.sweep(AXES, ["hopper"], size=8, client=client)


@pytest.mark.parametrize("client", ["local", 2])
def test_a_daemonic_process_cannot_start_workers(client, monkeypatch):
    monkeypatch.setattr(multiprocessing, "current_process", lambda: SimpleNamespace(daemon=True))
    with pytest.raises(ValueError, match=r"^client=.* starts processes, .* use client=None$"):
        ft.sweep(AXES, ["hopper"], size=8, client=client)


@pytest.mark.parametrize("client", [ThreadPoolExecutor, object(), {}, True, 2.0, distributed.Client])
def test_an_invalid_client_is_refused(client):
    with pytest.raises(ValueError, match=r"^client must be None, 'local', a number of workers, .*, got "):
        ft.sweep(AXES, ["hopper"], size=8, client=client)


@pytest.mark.parametrize("error", [AssertionError(), OSError("timed out"), RuntimeError("no loop")])
def test_an_unreachable_scheduler_is_an_error(error, monkeypatch):
    class Client:
        def __init__(self, address: str) -> None:
            raise error

    monkeypatch.setattr(distributed, "Client", Client)
    why = str(error) or "AssertionError"
    with pytest.raises(OSError, match=rf"^there is no Dask scheduler at somewhere:1: {why}$"):
        ft.sweep(AXES, ["hopper"], size=8, client="somewhere:1")


def test_an_empty_address_starts_no_cluster(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ft.save_picture(ft.portraits()["hopper"][:8, :8] / 255, "data/a.png")
    monkeypatch.setattr(distributed, "LocalCluster", lambda **_: pytest.fail("a cluster is started"))
    command = ["sweep", "--data", "data", "--axis", "model=bicubic,nearest", "--scheduler", ""]
    assert cli.main(command) == 2
    assert "there is no Dask scheduler" in capsys.readouterr().err


def test_local_starts_a_worker_per_usable_core(monkeypatch):
    monkeypatch.setattr("frantools.sweeps.dask_backend.usable_cores", lambda: 3)
    counted: list[int] = []

    def cluster(n_workers: int, **_: Any) -> None:
        counted.append(n_workers)
        raise OSError("counted")

    monkeypatch.setattr(distributed, "LocalCluster", cluster)
    with pytest.raises(OSError, match="counted"):
        ft.sweep(AXES, ["hopper"], size=8, client="local")
    assert counted == [3]
