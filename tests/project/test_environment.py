"""The machine and the user's settings: cores, read-only folders, torch's defaults, random generators."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import frantools as ft
from frantools.comparisons.cache import Disk
from frantools.restorers.base import Restoration
from frantools.system.cores import map_on_threads, usable_cores

CGROUPS = {
    "version 2": ("0::/job\n", {"sys/fs/cgroup/job/cpu.max": "150000 100000\n"}, 2),
    "the root of a container": ("0::/\n", {"sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3),
    "a parent": (
        "0::/a/b\n",
        {"sys/fs/cgroup/a/cpu.max": "100000 100000", "sys/fs/cgroup/a/b/cpu.max": "max 100000"},
        1,
    ),
    "less than a core": ("0::/a\n", {"sys/fs/cgroup/a/cpu.max": "10000 100000\n"}, 1),
    "version 1": (
        "4:memory:/x\n3:cpu,cpuacct:/job\n",
        {
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        },
        3,
    ),
    "version 1, a container": (
        "3:cpu:/docker/1f\n",
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
        2,
    ),
    "no quota": ("0::/a\n", {"sys/fs/cgroup/a/cpu.max": "max 100000\n"}, 8),
    "no quota in version 1": (
        "3:cpu:/\n",
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
        8,
    ),
    "something else": ("what is this", {"sys/fs/cgroup/cpu.max": "a b c"}, 8),
}


@pytest.mark.parametrize("name", CGROUPS)
def test_cores_are_bounded_by_the_quota_of_a_control_group(name, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    listed, files, cores = CGROUPS[name]
    for path, content in {"proc/self/cgroup": listed, **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    assert usable_cores(tmp_path) == cores


def test_cores_are_bounded_by_affinity(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5}, raising=False)
    assert usable_cores(tmp_path) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores(tmp_path) == os.cpu_count()


def test_only_usable_cores_share_the_work(monkeypatch):
    from frantools.frannet.engine.threads import worker_count

    monkeypatch.setattr("frantools.system.cores.usable_cores", lambda: 1)
    monkeypatch.setattr("frantools.frannet.engine.threads.usable_cores", lambda: 1)
    monkeypatch.setattr("threading.Thread.start", lambda thread: pytest.fail("a thread is started"))
    assert map_on_threads(lambda number: number * 2, [1, 2, 3]) == [2, 4, 6]
    assert worker_count(5) == 1


def test_a_read_only_cache_is_read(tmp_path, monkeypatch):
    Disk(tmp_path).put("a", Restoration(np.full((4, 4, 3), 0.5, np.float32), 0.5, 7, {}, ()))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for name in ("utime", "replace", "link", "chmod"):
        monkeypatch.setattr(os, name, refused)
    cached = Disk(tmp_path).get("a")
    assert cached is not None
    Disk(tmp_path).put("b", cached)
    assert Disk(tmp_path).get("b") is None


@contextmanager
def defaults(device: str | None = None, dtype: torch.dtype | None = None) -> Iterator[None]:
    """Torch with other defaults, as a user may have set them for other work."""
    before = torch.get_default_dtype()
    try:
        torch.set_default_device(device)
        torch.set_default_dtype(dtype or before)
        yield
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(before)


class Mixing(nn.Module):
    """A module in float32 on the processor, wherever torch's defaults are."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((3, 3, 1, 1), 0.2, device="cpu", dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, self.weight)


def results() -> dict[str, object]:
    """Pictures and numbers of all that is computed through torch."""
    model = ft.load_model("diffusion-basic")
    columns = ["bicubic", "area-colour", "input", "B", "direction-basic", ("m", Mixing())]
    columns += [("field", "B:noise_length=0.05"), "EulerAncestralDiscrete:4"]
    result = ft.compare("hopper", columns, size=24, given=ft.Degradation(True, 2, 0.1, 1, 50))
    images = {title: result[title].image.tolist() for title in result.titles}
    images["region"] = ft.restore(model, "hopper", size=20, region=ft.Region(0.1, 0.2, 0.3, 0.3)).image.tolist()
    images["tiled"] = ft.restore(Mixing(), "hopper", size=64, tile=16).image.tolist()
    swept = ft.sweep({"K": [50]}, ["hopper"], size=16, points=64)
    return {
        **images,
        "errors": result.errors,
        "mse": swept.rows[0]["mse"],
        "evaluated": ft.evaluate(model, ["hopper"], size=16).mse,
    }


def trained(folder: Path) -> list[float]:
    from frantools.training import Settings
    from frantools.training.loop import train

    for number in range(2):
        ft.save_picture(ft.portraits()["hopper"][number:], folder / "pictures" / f"{number}.png")
    train(folder / "pictures", folder / "m.safetensors", Settings(steps=1, batch=2, points=8, masking="dynamic"))
    weights = ft.load_model(folder / "m.safetensors").state_dict().values()
    return [float(value.double().sum()) for value in weights]


def test_torchs_defaults_change_nothing(tmp_path):
    usual, weights = results(), trained(tmp_path / "usual")
    for number, chosen in enumerate(({"device": "meta"}, {"dtype": torch.float64})):
        with defaults(**chosen):
            assert results() == usual
            assert trained(tmp_path / str(number)) == weights
            assert torch.get_default_device().type == chosen.get("device", "cpu")
            assert torch.get_default_dtype() == chosen.get("dtype", torch.float32)


def test_the_users_random_generators_do_not_change(tmp_path):
    torch.manual_seed(1)
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    for name in ("diffusion-basic", "single-best", "direction-basic"):
        ft.load_model(name)
    results()
    trained(tmp_path)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1][1])
    assert random.getstate() == before[2]


def test_loading_a_published_model_draws_no_random_numbers(tmp_path, monkeypatch):
    """Its architecture draws weights, which the file's then replace."""
    from types import SimpleNamespace

    from safetensors.torch import save_file

    from frantools.restorers import published

    class Described(nn.Module):
        input_channels = output_channels = 3

        def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
            super().__init__()
            self.model = nn.Conv2d(3, 3, 1)
            self.model.load_state_dict(tensors)

    loader = SimpleNamespace(load_from_state_dict=Described)
    spandrel = SimpleNamespace(
        ModelLoader=lambda: loader, ImageModelDescriptor=Described, UnsupportedModelError=KeyError
    )
    monkeypatch.setattr(published, "_import_spandrel", lambda: spandrel)
    save_file({"weight": torch.ones(3, 3, 1, 1), "bias": torch.zeros(3)}, tmp_path / "a.safetensors")
    before = torch.get_rng_state()
    with defaults(device="meta"):
        result = published.load_published(tmp_path / "a.safetensors")
    assert torch.equal(torch.get_rng_state(), before)
    assert {value.device.type for value in result.module.parameters()} == {"cpu"}
