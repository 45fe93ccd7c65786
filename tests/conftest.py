"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from golden import COMMITTED, Golden
from hypothesis import settings

from frantools.frannet.engine import pictures as restoration
from frantools.frannet.network.model import FranNet

SHARED = Path(__file__).parent.parent.parent / "shared"

settings.register_profile("frantools", deadline=None, max_examples=50)  # a slow machine is no failure
settings.load_profile("frantools")


SLOW = {
    "browser",
    "benchmarks",
    "figures",
    "kernel",
    "published",
    "sweeps_dask",
    "training",
    "viewer_browser",
    "widgets",
    "widget_columns",
    "widget_work",
}
"""Files of tests that take longest; `make check` leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.removeprefix("test_") in SLOW:
            item.add_marker(pytest.mark.slow)


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
    count, sample_grid = Sampling(), restoration.sample_grid

    def counted(decoder: Any, columns: Any, rows: Any, setup: Any, *rest: Any, **named: Any) -> Any:
        count.pictures += 1
        calls = 1 if setup is None else setup.calls_on(restoration.schedule_of(decoder.model))
        count.point_calls += len(columns) * len(rows) * calls
        return sample_grid(decoder, columns, rows, setup, *rest, **named)

    monkeypatch.setattr(restoration, "sample_grid", counted)
    return count
