"""Sweeps with a full disk, a shared or read-only store, or a script that cannot start processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas
import pytest

import frantools as ft
from frantools.sweeps.store import Store, StoreError

resource = pytest.importorskip("resource", reason="needs the limits of Unix")

PICTURES = [np.random.default_rng(n).integers(0, 256, (12, 12, 3), np.uint8) for n in range(3)]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(ft.__file__).parent.parent), "OMP_NUM_THREADS": "1"}
PATIENCE = 240  # seconds, on a machine that has other things to do
LOGGED = """
import os, time

def logged(picture, strength=1.0, log=""):
    with open(log, "a") as file:
        file.write(f"{strength} {picture.sum():.4f}\\n")
    time.sleep(0.05)
    return picture * strength
"""


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Limit files to `size` bytes, as on a full disk: writing more is an OSError."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@contextmanager
def unprivileged() -> Iterator[None]:
    """Drop the rights of root, who can write to any folder."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def cells(store: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in store.glob("cells/*/*/*.jsonl"))


def test_a_full_disk_ends_the_sweep_with_an_error_and_it_can_be_resumed(tmp_path):
    calls: list[tuple[float, float]] = []
    existing: list[int] = []

    def counted(picture, strength):
        calls.append((strength, picture.sum()))
        time.sleep(0.2)  # otherwise the next task may finish before the last is reported
        return picture * strength

    def fill(share):
        if share.done and not existing:  # a task: a picture
            existing.append(share.done)
            full.enter_context(files_end_at(0))

    arguments = ({"strength": [0.5, 1.0]}, PICTURES, ft.Column("mine", counted))
    with (
        ExitStack() as full,
        pytest.raises(StoreError, match=r"cannot be written: .* are kept: run the same sweep again to resume$"),
    ):
        ft.sweep(*arguments, size=12, store=tmp_path, progress=fill)
    assert [cells(tmp_path)] == existing
    result = ft.sweep(*arguments, size=12, store=tmp_path)
    assert len(result) == cells(tmp_path) == 6
    assert not result.failures.rows
    assert sorted(Counter(calls).values()) == [1, 1, 1, 1, 2, 2]  # cells that were not written are computed again
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_a_changed_picture_is_an_error_of_its_cells_until_it_is_restored(tmp_path):
    folder, store = tmp_path / "pictures", tmp_path / "store"
    for number, picture in enumerate(PICTURES):
        ft.save_picture(picture, folder / f"{number}.png")
    ft.save_picture(PICTURES[0], tmp_path / "other.png")

    def change(share):
        if (tmp_path / "other.png").exists():
            (folder / "1.png").rename(tmp_path / "kept.png")
            (tmp_path / "other.png").rename(folder / "1.png")

    arguments = {"axes": {"model": ["bicubic"]}, "photos": folder, "size": 6, "store": store}
    result = ft.sweep(**arguments, progress=change)
    assert [row["sentence"] for row in result.rows] == [
        *("", f"the picture {folder / '1.png'} has changed during the sweep", "")
    ]
    (tmp_path / "kept.png").rename(folder / "1.png")
    assert not ft.sweep(**arguments, retry=True).failures.rows
    assert cells(store) == 4


def test_a_long_task_writes_intermediate_results(tmp_path, monkeypatch):
    monkeypatch.setattr("frantools.sweeps.tasks.WRITE_INTERVAL", 0.0)
    existing = []

    def counted(picture, strength):
        existing.append(cells(tmp_path))
        return picture * strength

    ft.sweep({"strength": [0.25, 0.5, 1.0]}, PICTURES[:1], ft.Column("mine", counted), size=12, store=tmp_path)
    assert (existing, cells(tmp_path)) == ([0, 1, 2], 3)


@pytest.mark.parametrize("size", [0, 100], ids=["nothing", "the id alone"])
def test_a_store_is_created_after_a_failed_attempt(size, tmp_path):
    with files_end_at(size), pytest.raises(StoreError, match="the store cannot be created: "):
        Store(tmp_path)
    assert len(ft.sweep({"model": ["bicubic"]}, PICTURES[:1], size=6, store=tmp_path)) == cells(tmp_path) == 1


def test_a_read_only_store_is_read_and_writing_to_it_is_an_error():
    with tempfile.TemporaryDirectory() as name:  # accessible to other users, unlike tmp_path
        folder = Path(name)
        result = ft.sweep({"model": ["bicubic"]}, PICTURES, size=6, store=folder / "store")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            with unprivileged():
                assert ft.sweep({"model": ["bicubic"]}, PICTURES, size=6, store=folder / "store").rows == result.rows
                for store, wrong in (("store", "cannot be written"), ("new", "cannot be created")):
                    with pytest.raises(StoreError, match=rf"{store}: the store {wrong}: .*Permission denied"):
                        ft.sweep({"model": ["area"]}, PICTURES, size=6, store=folder / store)
        finally:
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755)
        assert cells(folder / "store") == 3


def test_concurrent_processes_create_one_store(tmp_path):
    begin = Barrier(8)

    def result(folder: Path) -> str:
        begin.wait()
        return Store(folder).id

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            assert len(set(pool.map(result, [tmp_path / str(number)] * 8))) == 1
    assert {path.name for path in (tmp_path / "0").iterdir()} == {"store.json", "README.md"}


def test_two_processes_share_a_store_and_compute_each_cell_once(tmp_path):
    (tmp_path / "mine.py").write_text(LOGGED)
    for number, picture in enumerate(PICTURES):
        ft.save_picture(picture, tmp_path / "pictures" / f"{number}.png")
    command = [sys.executable, "-m", "frantools", "sweep", "--data", "pictures", "--model", "mine.py:logged"]
    command += ["--size", "12", "--workers", "0", "--axis", "strength=0:1:0.25", "--axis", "log=log"]
    both = [
        subprocess.Popen([*command, "--store", "store", "--out", f"{number}.csv"], cwd=tmp_path, env=ENVIRONMENT)
        for number in range(2)
    ]
    assert [item.wait(PATIENCE) for item in both] == [0, 0]
    started = Counter((tmp_path / "log").read_text().splitlines())
    assert len(started) == started.total() == cells(tmp_path / "store") == 15
    first, second = (pandas.read_csv(tmp_path / f"{number}.csv") for number in range(2))
    assert first.equals(second)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("work()\n", "put the sweep under"),
        ("if __name__ == '__main__':\n    Thread(target=work).start()\n", "let it wait for its threads"),
    ],
    ids=["no main guard", "after the last line"],
)
def test_a_script_that_cannot_start_workers_says_what_to_do(script, message, tmp_path):
    pytest.importorskip("distributed", reason="needs Dask: pip install 'frantools[sweeps]'")
    path = tmp_path / "mine.py"
    path.write_text(
        "from threading import Thread\nimport time\nimport frantools as ft\n\nft.sweep\n\n\ndef work():\n"
        f"    time.sleep(0.5)\n    ft.sweep({{}}, ['hopper'], 'bicubic', size=8, client=2)\n\n\n{script}"
    )
    run = subprocess.run([sys.executable, str(path)], env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
    assert message in run.stderr
