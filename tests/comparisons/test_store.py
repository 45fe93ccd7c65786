"""Restorations on disk: found by another process, bounded, and never in the way."""

from __future__ import annotations

import os

import numpy as np
import pytest

import frantools as ft
from frantools.comparisons import cache
from frantools.comparisons.cache import Cache, Disk
from frantools.restorers.base import Restoration


def picture(shade: float) -> Restoration:
    return Restoration(np.full((100, 100, 3), shade, np.float32), 0.5, 7, {"size": [100, 100]}, ("A remark",))


def test_what_a_name_makes_is_found_by_the_next_process(tmp_path, monkeypatch):
    columns = ["B:K=50", "bicubic", ("dim", lambda given: given * 0.5), ("loaded", ft.load_model("single-basic"))]
    made = ft.compare("hopper", columns, size=16, cache=Cache(disk=Disk(tmp_path)))
    kept = list(tmp_path.glob("arrays/*/*.npy"))
    assert len(kept) == 3  # all but the function, which has no name
    for path in kept:
        np.load(path, allow_pickle=False)
    monkeypatch.setattr("frantools.restorers.frannet.FranNetRestorer.restore", None)  # which nobody calls again
    again = ft.compare("hopper", columns[:2], size=16, cache=Cache(disk=Disk(tmp_path)))
    for title in again.titles:
        np.testing.assert_array_equal(again[title].image, made[title].image)
        assert again[title].calls == made[title].calls
        assert not again[title].image.flags.writeable
    assert again.recipe == made.recipe.replace(columns=again.recipe.columns, models=again.recipe.models)


def test_the_least_recently_used_goes_first(tmp_path):
    disk = Disk(tmp_path, megabytes=1)  # eight of 120 kB
    for number in range(8):
        disk.put(str(number), picture(number / 10))
        os.utime(disk._path(str(number)), ns=(number, number))
    assert disk.get("0") is not None  # and is now the last one used
    for number in range(8, 11):
        disk.put(str(number), picture(number / 10))
    found = {number: disk.get(str(number)) for number in range(11)}
    assert [number for number, made in found.items() if made is None] == [1, 2, 3]
    assert found[10].image[0, 0, 0] == np.float32(1)
    assert (found[10].seconds, found[10].calls, found[10].recipe, found[10].remarks) == (
        *(0.5, 7, {"size": [100, 100]}),
        ("A remark",),
    )
    assert len(list(tmp_path.glob("arrays/*/*"))) == 16


@pytest.mark.parametrize("damage", ["array", "json", "missing"])
def test_what_is_damaged_is_made_again(tmp_path, damage):
    disk = Disk(tmp_path)
    disk.put("a", picture(0.5))
    path = disk._path("a")
    if damage == "missing":
        path.with_suffix(".json").unlink()
    else:
        path.with_suffix(".npy" if damage == "array" else ".json").write_bytes(b"\x93NUMPY{")
    assert disk.get("a") is None
    disk.put("a", picture(0.5))
    assert disk.get("a") is not None


def test_another_version_of_the_engine_finds_nothing_old(tmp_path, monkeypatch):
    Disk(tmp_path).put("a", picture(0.5))
    monkeypatch.setattr(cache, "ENGINE", cache.ENGINE + 1)
    assert Disk(tmp_path).get("a") is None


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "arrays").write_text("in the way")
    Disk(tmp_path).put("a", picture(0.5))
    assert Disk(tmp_path).get("a") is None


def test_the_map_of_a_sweep_finds_restorations_of_another_kernel_in_its_store(tmp_path, monkeypatch):
    first = ft.widgets.sweep({"K": [50, 99]}, "hopper", points=16, size=24, store=tmp_path / "store")
    first.chosen = {"K": 50}
    assert first.wait()
    shown = first.result["restored"].image
    first.close()
    assert len(list(tmp_path.glob("store/arrays/*/*.npy"))) == 1
    monkeypatch.setattr("frantools.restorers.frannet.FranNetRestorer.restore", None)  # which nobody calls again
    again = ft.widgets.sweep(tmp_path / "store", "hopper", size=24)
    again.chosen = {"K": 50}
    assert again.wait()
    np.testing.assert_array_equal(again.result["restored"].image, shown)
    again.close()
