"""Work is done once: counts of what is resolved and decoded, since what is slow at a user's shows nowhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.photos import images
from frantools.restorers import columns as columns_module

PHOTO = ft.Photo(ft.portraits()["hopper"][:40, :30], "whole", name="photo")


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, key: Callable[..., Any]) -> Counter[Any]:
    """Count the calls of a function by what `key` makes of their arguments."""
    calls: Counter[Any] = Counter()
    function = getattr(module, name)

    def counting(*args: Any, **others: Any) -> Any:
        calls[key(*args, **others)] += 1
        return function(*args, **others)

    monkeypatch.setattr(module, name, counting)
    return calls


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a column was resolved, by title."""
    return counted(monkeypatch, columns_module, "resolve", lambda what, setup, settings, title, *_: title)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often a picture was decoded, by its content."""
    return counted(monkeypatch, images, "decode", lambda content, name: content)


@pytest.fixture
def mixed(tmp_path: Path) -> list[Any]:
    """Columns of all kinds, two of which fail."""
    (tmp_path / "mine.py").write_text("def f(picture): return picture")
    Image.fromarray(PHOTO.pixels).save(tmp_path / "photo.png")
    (tmp_path / "broken.py").write_text("1 / 0")
    return [
        "bicubic", ("model", "single-masking-8"), ("loaded", ft.load_model("single-masking-8")), ("setup", "B:K=99"),
        ("function", lambda picture: picture), ("file", f"{tmp_path}/mine.py:f"), ("module", nn.Identity()),
        ("folder", str(tmp_path)), ("array", np.array(PHOTO.pixels)), ("broken", f"{tmp_path}/broken.py:f"),
        ("missing", str(tmp_path / "nowhere.png")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [{}, {"device": "cpu"}, {"device": "auto", "precision": "auto"}, {"timeout": 60.0}, {"cache": Cache()},
     {"given": ft.Degradation(gray=True), "seed": 3}, {"region": ft.Region(0.1, 0.2, 0.5, 0.5)}],
    ids=lambda options: "-".join(options) or "plain",
)  # fmt: skip
def test_a_comparison_resolves_each_column_once(resolved, mixed, options):
    made = ft.compare(PHOTO, mixed, size=16, **options)
    assert made.errors.keys() == {"broken", "missing"}
    assert resolved == dict.fromkeys(made.titles, 1)
    made.protocol()
    made.measure(["mse"])
    assert resolved == dict.fromkeys(made.titles, 1)


def test_a_restoration_resolves_once(resolved, mixed):
    for title, what in mixed[1:9]:
        ft.restore(ft.Column(title, what), PHOTO, size=16, device="cpu")
    assert set(resolved.values()) == {1}


def test_a_second_comparison_calls_no_function_again(tmp_path):
    calls: list[int] = []
    column, cache = ft.Column("f", lambda picture: calls.append(1) or picture), Cache()
    for _ in range(3):
        ft.compare(PHOTO, [column], size=16, cache=cache)
    assert len(calls) == 1


@pytest.mark.parametrize("as_folder", [True, False])
@pytest.mark.parametrize("several", [1, 3])
def test_an_evaluation_decodes_each_file_once(tmp_path, decoded, as_folder, several):
    for folder, shift in (("photos", 0), ("results", 1)):
        (tmp_path / folder).mkdir()
        for number in range(3):
            pixels = np.roll(PHOTO.pixels, number + 5 * shift, axis=0)
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")
    names = ["bicubic", "nearest", "single-masking-8"][:several]
    photos: Any = tmp_path / "photos"
    if not as_folder:
        photos = sorted(photos.iterdir())
    found = ft.evaluate([*names, ("results", str(tmp_path / "results"))], photos, size=24)
    assert len(found.rows) == 3 * (several + 1)
    contents = [path.read_bytes() for path in tmp_path.glob("*/*.png")]
    assert decoded == dict.fromkeys(contents, 1)


def test_an_evaluation_of_one_restorer_decodes_each_file_once(tmp_path, decoded):
    for number in range(3):
        Image.fromarray(np.roll(PHOTO.pixels, number, axis=0)).save(tmp_path / f"{number}.png")
    assert ft.evaluate("bicubic", tmp_path, size=24).pictures == 3
    assert decoded == dict.fromkeys((path.read_bytes() for path in tmp_path.iterdir()), 1)


def test_a_comparison_decodes_its_photo_once(tmp_path, decoded):
    Image.fromarray(np.roll(PHOTO.pixels, 9, axis=1)).save(tmp_path / "one.png")
    made = ft.compare(tmp_path / "one.png", ["bicubic", "input", "original", ("file", tmp_path / "one.png")], size=20)
    made.figure()
    assert made.errors == {}
    assert decoded[(tmp_path / "one.png").read_bytes()] == 2  # as the photo, and as a column that is its own file


class Shares(list[float]):
    """A progress callback that is false until it was called."""

    def __call__(self, share: float) -> None:
        self.append(share)


class Sampler(ft.Setup):
    """A sampler that is false."""

    def __len__(self) -> int:
        return 0


class Falsy:
    """A restorer that is false."""

    title, cost, continuous, random = "falsy", None, False, False

    def __len__(self) -> int:
        return 0

    def restore(self, given: Any, *_: Any) -> ft.Restoration:
        return ft.Restoration(given.picture, 0.0, 0)

    def to_dict(self) -> dict[str, Any]:
        return {"missing": "it is of a test", "title": "falsy"}


def test_an_empty_cache_is_one():
    assert Cache()
    assert len(Cache()) == 0


@pytest.mark.parametrize(
    "work",
    [
        lambda progress: ft.compare(PHOTO, ["bicubic"], size=8, progress=progress),
        lambda progress: ft.restore("single-masking-8", PHOTO, size=8, progress=progress),
        lambda progress: ft.evaluate("bicubic", [PHOTO], size=8, progress=progress),
    ],
    ids=["compare", "restore", "evaluate"],
)
def test_progress_that_is_false_is_told_all_the_same(work):
    shares = Shares()
    work(shares)
    assert shares


def test_what_is_false_restores_all_the_same():
    assert ft.restore(Falsy(), PHOTO, size=8).image.shape == (8, 6, 3)
    made = ft.restore("diffusion-basic", PHOTO, Sampler(K=99), size=8)
    assert made.recipe["setup"]["K"] == 99
    model = nn.Sequential()  # without a layer it has no length
    assert ft.compare(PHOTO, [("nothing", model)], size=8).errors == {}


def test_no_pictures_are_not_the_default_ones():
    with pytest.raises(ValueError, match="must be one or more pictures"):
        ft.note.recipe("ddpm-vs-ddim", pictures=[], size=16)
    pixels = np.stack([PHOTO.pixels[:30], PHOTO.pixels[5:35]])
    assert len(ft.note.recipe("ddpm-vs-ddim", pictures=pixels, size=16).photos) == 2


def test_a_column_keeps_its_settings_where_none_are_given_beside_it():
    column = ft.Column("scaled", lambda picture, weight: picture * weight, weight=0.5)
    np.testing.assert_allclose(ft.restore(column, PHOTO, size=8).image, PHOTO.resample(8) * 0.5, atol=1e-6)
