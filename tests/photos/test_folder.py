"""Tests of folders of pictures."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import frantools as ft
from frantools.photos import decode
from frantools.photos.folder import Pictures
from frantools.photos.shared_cache import SharedPictureCache

COLOURS = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
MODES = ("RGB", "RGBA", "L", "P", "1")
# Formats that Pillow reads and does not write.
UNWRITTEN = {".blp", ".cur", ".dcx", ".flc", ".fli", ".ftc", ".ftu", ".gbr", ".iim", ".pcd", ".psd", ".pxr", ".ras"}
UNWRITTEN |= {".xpm", ".pfm"}


def write(path: Path) -> bool:
    """Write a picture whose format is that of the ending, if Pillow writes it."""
    Image.init()
    form = Image.registered_extensions()[path.suffix]
    for mode in MODES:
        try:
            Image.fromarray(COLOURS).convert(mode).save(path, form)
        except (KeyError, OSError, ValueError):
            path.unlink(missing_ok=True)
        else:
            return True
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures."""
    for number in range(4):
        Image.fromarray(np.roll(COLOURS, number, axis=0)).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.mark.filterwarnings("ignore:IM image format")
def test_files_with_every_extension_are_listed(tmp_path: Path) -> None:
    written = {ending for ending in decode.extensions() if write(tmp_path / f"a{ending}")}
    pictures = Pictures(tmp_path)
    assert {path.suffix for path in pictures.paths} == written
    assert {".jfif", ".jp2", ".jpg", ".jpe", ".mpo", ".png", ".tif", ".webp", ".bmp", ".pgm", ".gif"} <= written
    assert decode.extensions() - written <= UNWRITTEN
    assert pictures.skipped == []
    for index, path in enumerate(pictures.paths):
        np.testing.assert_array_equal(pictures.read(index), ft.load_image(path))


def test_extensions_may_be_in_capitals_or_of_another_format(folder: Path) -> None:
    (folder / "0.png").rename(folder / "0.PNG")
    Image.fromarray(COLOURS).save(folder / "1.png", "JPEG")
    assert [path.name for path in Pictures(folder).paths] == ["0.PNG", "1.png", "2.png", "3.png"]


def test_skipped_pictures_are_listed_and_other_files_are_not(folder: Path) -> None:
    Image.fromarray(COLOURS).save(folder / "unnamed", "JPEG")
    Image.fromarray(COLOURS).save(folder / "0.png.bak", "PNG")
    for name in ("phone.heic", "raw.NEF", "drawing.svg", "empty.jpg", "notes.txt", "card.json", "weights.bin"):
        (folder / name).write_bytes(b"")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")
    pictures = Pictures(folder)
    assert len(pictures) == 4
    outcome = {reason.split(": ", 1)[0]: reason.split(": ", 1)[1] for reason in pictures.skipped}
    assert outcome.pop("pipe.png", "it is a broken link").startswith("it is a broken link")
    assert outcome.keys() == {"unnamed", "0.png.bak", "phone.heic", "raw.NEF", "drawing.svg", "empty.jpg", "gone.png"}
    assert outcome["unnamed"] == "it is a JPEG file without the extension of one"
    assert outcome["phone.heic"].startswith(".heic files cannot be read; accepted: JPEG, PNG")
    assert all(outcome.values())
    assert pictures.summary()["skipped"] == len(pictures.skipped)


def test_a_truncated_picture_is_listed_and_loads_with_a_warning(folder: Path) -> None:
    path = folder / "1.png"
    path.write_bytes(path.read_bytes()[:-100])
    pictures = Pictures(folder)
    assert (len(pictures), pictures.skipped) == (4, [])
    with pytest.warns(UserWarning, match=r"1\.png is truncated"):
        assert pictures[1].shape == COLOURS.shape


def test_a_picture_with_a_large_text_is_listed(folder: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 2_000_000, zip=True)
    Image.fromarray(COLOURS).save(folder / "4.png", pnginfo=info)
    pictures = Pictures(folder)
    assert (len(pictures), pictures.skipped) == (5, [])
    np.testing.assert_array_equal(pictures[4], COLOURS)


@pytest.mark.parametrize("how", ["gone", "a folder", "damaged", "not to be read"])
def test_a_picture_that_disappears_is_skipped_with_a_warning(folder: Path, how: str) -> None:
    pictures = Pictures(folder)
    path = folder / "1.png"
    if how == "damaged":
        path.write_bytes(path.read_bytes()[:30])
    elif how == "not to be read":
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user reads everything")
    else:
        path.unlink()
        if how == "a folder":
            path.mkdir()
    before = pictures.summary()
    with pytest.warns(UserWarning, match=r"skipped: .*1\.png"):
        np.testing.assert_array_equal(pictures[1], pictures[2])
    with pytest.raises(ValueError, match=r"1\.png"):
        pictures.read(1)
    assert pictures.summary() == before
    with pytest.warns(UserWarning, match=r"skipped: .*1\.png"):
        assert ft.evaluate("bicubic", pictures, size=16).pictures == 3


def read_all(pictures: Pictures) -> None:
    for index in range(len(pictures)):
        pictures.read(index)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_forked_processes_share_decoded_pictures(folder: Path) -> None:
    pictures = Pictures(folder)
    part = pictures.part(1, 3)
    worker = multiprocessing.get_context("fork").Process(target=read_all, args=(part,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    for path in folder.glob("*.png"):
        path.unlink()
    for number in (1, 2):
        np.testing.assert_array_equal(pictures.read(number), np.roll(COLOURS, number, axis=0))
    for number in (0, 3):
        with pytest.raises(ValueError, match="there is no picture"):
            pictures.read(number)


def test_a_pickled_folder_caches_no_pictures(folder: Path) -> None:
    pictures = Pictures(folder)
    pictures.read(0)
    copied = pickle.loads(pickle.dumps(pictures))
    np.testing.assert_array_equal(copied.read(0), pictures.read(0))
    assert not np.shares_memory(copied.read(0), copied.read(0))


def test_a_shared_cache_has_room_for_the_first_pictures_at_the_stated_sizes() -> None:
    sizes = {Path(name): (20, 24) for name in "abc"}
    cache = SharedPictureCache(sizes, 2 * COLOURS.nbytes)
    for path in sizes:
        assert cache.get(path) is None
        cache.put(path, COLOURS)
    cached = [cache.get(path) for path in sizes]
    np.testing.assert_array_equal(cached[:2], [COLOURS, COLOURS])
    assert cached[2] is None
    assert cached[0] is not None
    assert not cached[0].flags.writeable
    cache = SharedPictureCache(sizes, 10**9)
    cache.put(Path("a"), COLOURS[1:])
    assert cache.get(Path("a")) is None
    assert SharedPictureCache({}, 10**9).get(Path("a")) is None
    turned = COLOURS.swapaxes(0, 1)
    cache.put(Path("b"), turned)
    np.testing.assert_array_equal(cache.get(Path("b")), turned)


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links to folders and pictures elsewhere, to itself, and to what lies in it."""
    for number, name in enumerate(
        ("data/own/a.png", "data/b.png", "far/c.png", "far/deep/d.png", "far/e.png", "f.png")
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(COLOURS, number, axis=1)).save(path)
    links = {
        "data/aside": "far", "data/own/deep": "far/deep", "far/back": "data/own", "data/own/up": "data",
        "data/top": ".", "data/again": "data/own", "data/f.png": "f.png", "data/0.png": "data/b.png", "far/loop": "far",
    }  # fmt: skip
    for link, target in links.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    (tmp_path / "data/itself").symlink_to("itself")
    return tmp_path / "data"


def test_linked_pictures_are_listed_once_and_loops_end(linked: Path) -> None:
    pictures = Pictures(linked)
    assert [path.name for path in pictures.paths] == ["c.png", "d.png", "e.png", "b.png", "f.png", "a.png"]
    assert pictures.paths == sorted(pictures.paths)
    skipped = {reason.split(": ")[0]: reason for reason in pictures.skipped}
    assert skipped.keys() == {"again", "back", "deep", "loop", "up", "top", "0.png"}
    assert skipped["top"] == "top: it is a link to a folder that contains data"
    assert skipped["0.png"] == "0.png: it is a link to the picture b.png, which is listed already"


def test_a_folder_may_be_a_link_itself(linked: Path) -> None:
    (linked.parent / "link").symlink_to(linked)
    assert len(Pictures(linked.parent / "link")) == 6


def test_links_to_files_without_an_extension_are_pictures(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    Image.fromarray(COLOURS).save(tmp_path / "blobs/5f3e", "PNG")  # as stores that are addressed by content have it
    (tmp_path / "cat.png").symlink_to(tmp_path / "blobs/5f3e")
    assert [path.name for path in Pictures(tmp_path).paths] == ["cat.png"]


def test_linked_pictures_are_evaluated_and_swept(linked: Path) -> None:
    assert ft.evaluate("bicubic", linked, size=16).pictures == 6
    found = ft.sweep({"K": [99]}, linked, ft.Column("B", "B"), measures=("mse",), points=4).to_frame()
    assert found["picture"].nunique() == 6


def test_a_folder_column_counts_two_links_to_one_file_once(tmp_path: Path, folder: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "cat_x2.png").symlink_to(folder / "0.png")
    (results / "cat_x4.png").symlink_to(folder / "0.png")
    (tmp_path / "linked").symlink_to(results)
    photo = ft.Photo(COLOURS, "whole", name="cat.jpg")
    result = ft.compare(photo, [("linked", str(tmp_path / "linked"))], size=24)
    np.testing.assert_array_equal(result["linked"].image * 255, ft.load_image(folder / "0.png"))
