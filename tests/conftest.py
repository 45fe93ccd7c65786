"""Fixtures of several test files, and the order in which files run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import browser
import pytest
import torch
from golden import COMMITTED, Golden
from hypothesis import settings

from frantools.frannet.engine import pictures as restoration
from frantools.frannet.network.coordinate_model import schedule_of
from frantools.frannet.network.model import FranNet

SHARED = Path(__file__).parent.parent.parent / "shared"

settings.register_profile("frantools", deadline=None, max_examples=50)  # a slow machine is no failure
settings.load_profile("frantools")


SLOW = {
    "benchmarks",
    "browser",
    "figures",
    "kernel",
    "published",
    "sweeps_dask",
    "training",
    "viewer_browser",
    "widget_columns",
    "widget_work",
    "widgets",
}
"""Files whose tests take longest: `make check` leaves them out."""

SPLIT = {"benchmarks", "cli", "published", "sweep_faults", "training", "viewer", "weights", "widgets"}
"""Files whose tests run on any core; the tests of any other file, and a notebook's cells, run on one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests; notebooks and slow files run first, so that no core idles at the end."""
    rank = {}
    for item in items:
        is_slow = item.path.stem.removeprefix("test_") in SLOW
        if is_slow:
            item.add_marker(pytest.mark.slow)
        rank[item] = 0 if item.path.suffix == ".ipynb" else 1 if is_slow else 2
    items.sort(key=rank.__getitem__)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Send whole files to the cores, and the tests of `SPLIT` one by one, with ``--dist loadscope``."""
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return nodeid if Path(file).stem.removeprefix("test_") in SPLIT else file

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _threads() -> Iterator[None]:
    """One thread: the tests' tensors are too small to share out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs and full golden arrays that stands beside a checkout where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (photographs and the full golden set), which is not in the repository")
    return SHARED


@pytest.fixture(scope="session", params=["committed", "shared"])
def golden(request: pytest.FixtureRequest) -> Golden:
    """The golden arrays: those of this repository, and the full ones where they are at hand."""
    if request.param == "committed":
        return Golden(COMMITTED)
    return Golden(request.getfixturevalue("shared") / "golden")


@pytest.fixture(scope="session")
def random_models() -> dict[str, FranNet]:
    """FranNet's two kinds of model, "single-pass" and "diffusion", with random weights."""
    committed = Golden(COMMITTED)
    return {"single-pass": committed.single, "diffusion": committed.diffusion}


@dataclass
class Sampling:
    """How much FranNet has sampled since the counter was last reset."""

    pictures: int = 0
    point_calls: int = 0
    """Points times network calls."""

    def reset(self) -> None:
        self.pictures = self.point_calls = 0


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> Sampling:
    """Count what FranNet samples: work that is done twice shows here, whatever cache was to prevent it."""
    count, sample_tiles = Sampling(), restoration.sample_tiles

    def counted(model: Any, tiles: Any, shape: Any, setup: Any, *rest: Any, **named: Any) -> Any:
        count.pictures += 1
        calls = 1 if setup is None else setup.calls_on(schedule_of(model))
        count.point_calls += prod(shape) * calls
        return sample_tiles(model, tiles, shape, setup, *rest, **named)

    monkeypatch.setattr(restoration, "sample_tiles", counted)
    return count


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Lab]:
    """The JupyterLab of all tests in a browser, on an empty folder."""
    with browser.lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")) as server:
        yield server
