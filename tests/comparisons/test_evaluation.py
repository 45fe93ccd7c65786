"""What is measured on many pictures is what a comparison measures on one."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

import frantools as ft
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model

PICTURES = [np.random.default_rng(n).integers(0, 256, (190 + 10 * n, 230, 3), np.uint8) for n in range(2)]
NAMES = ("mse", "mse_gray", "psnr", "ssim")


def darker(picture):
    return picture * 0.9


def twice(picture):
    return picture.repeat(2, 0).repeat(2, 1)


@pytest.mark.parametrize("given", [None, ft.Degradation(shrink=3, noise=0.05)])
@pytest.mark.parametrize(
    "what",
    ["model", "bicubic", "area-colour", "original", darker, twice, nn.Identity(), PICTURES[1], "folder"],
    ids=["model", "bicubic", "area", "original", "function", "scaled", "module", "array", "folder"],
)
@pytest.mark.parametrize("frame", [None, "whole"])
def test_evaluate_gives_digit_for_digit_what_compare_measures(what, given, frame, tmp_path):
    if isinstance(what, str) and what == "model":
        what = tmp_path / "mine.safetensors"
        save_model(FranNet(Config("single-pass")), what)
    if isinstance(what, str) and what == "folder":
        what = tmp_path
        ft.save_picture(PICTURES[0], tmp_path / "picture_x2.png")
    photo = ft.Photo(PICTURES[0], frame)
    row = ft.compare(photo.at(178), [what], size=178, given=given).measure().rows[0]
    made = ft.evaluate(what, [photo], given=given)
    assert [made.per_picture[name] for name in NAMES] == [[row[name]] for name in NAMES]
    assert (made.mse, made.pictures, made.calls) == (row["mse"], 1, row["calls"])
    several = ft.evaluate([what], [photo], given=given)
    assert [several.rows[0][name] for name in NAMES] == [row[name] for name in NAMES]


def test_a_samplers_seeds_are_those_of_the_pictures():
    photos = [ft.Photo(picture) for picture in PICTURES]
    made = ft.evaluate("A:K=1", photos, size=12, seed=7)
    for index, photo in enumerate(photos):
        row = ft.compare(photo.at(12), ["A:K=1"], size=12, seed=7 + index).measure().rows[0]
        assert [made.per_picture[name][index] for name in NAMES[:3]] == [row[name] for name in NAMES[:3]]


def test_a_list_gives_a_table_with_every_pictures_numbers():
    table = ft.evaluate(["bicubic", ("mine", darker), ft.Column("yours", darker)], PICTURES, size=40)
    assert table.names == ["picture", "column", *ft.measures, "calls", "seconds"]
    assert [row["column"] for row in table.rows] == ["bicubic", "mine", "yours"] * 2
    assert "Each picture is downscaled to 40 pixels first" in table.caption
    assert "whole frame" in table.caption
    assert table.rows[1]["mse"] == table.rows[2]["mse"] > 0


def fails_on_the_second(picture, calls=[]):  # noqa: B006 - remembers that it was called
    calls.append(1)
    if len(calls) == 2:
        raise RuntimeError("enough")
    return picture


def test_what_fails_is_a_sentence_in_its_rows_and_alone_it_raises():
    table = ft.evaluate([("fails", fails_on_the_second), "bicubic"], PICTURES, size=20)
    assert [row["error"] for row in table.rows] == ["", "", "fails raised RuntimeError: enough", ""]
    assert [row["mse"] is None for row in table.rows] == [False, False, True, False]
    with pytest.raises(ValueError, match=r"^wrong returned None"):
        ft.evaluate(("wrong", lambda picture: None), PICTURES, size=20)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"what": ["bicubic"], "setup": "A"}, "columns of a list have their own"),
        ({"what": ft.Column("a", "A"), "setup": "B"}, "a column has its own"),
        ({"what": []}, "must be a list of at least one column"),
        ({"folder_or_images": []}, "there is no picture"),
        ({"folder_or_images": PICTURES[0]}, "must be a folder or a sequence"),
        ({"size": 0}, "size must be an integer from 1 to 16384, got 0"),
        ({"limit": 0}, "limit must be an integer from 1, got 0"),
    ],
)
def test_arguments_are_checked(arguments, said):
    with pytest.raises(ValueError, match=said):
        ft.evaluate(**{"what": "bicubic", "folder_or_images": PICTURES, "size": 8, **arguments})


def test_progress_is_told_after_each_picture():
    shares: list[float] = []
    ft.evaluate(["bicubic", darker], PICTURES, size=16, progress=shares.append)
    assert shares == [0.5, 1]


def test_a_folder_is_read_file_by_file_and_damaged_ones_are_skipped(tmp_path):
    for n, picture in enumerate(PICTURES):
        ft.save_picture(picture, tmp_path / f"{n}.png")
    content = (tmp_path / "1.png").read_bytes()
    start = content.index(b"IDAT") + 20
    (tmp_path / "2.png").write_bytes(content[:start] + bytes(20) + content[start + 20 :])
    with pytest.warns(UserWarning, match="skipped"):
        made = ft.evaluate(darker, tmp_path, size=16)
    assert made.pictures == 2
    assert made.per_picture["mse"] == ft.evaluate(darker, PICTURES, size=16).per_picture["mse"]
