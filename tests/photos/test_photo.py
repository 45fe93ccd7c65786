"""Tests of photos."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft
from frantools.files import ContentChangedError
from frantools.photos import photo as photos
from frantools.photos.images import crop_square
from frantools.photos.photo import Photo
from frantools.photos.photo_reference import PhotoReference
from frantools.photos.regions import Region


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


sides = st.integers(1, 90)


@given(width=sides, height=sides, size=st.integers(1, 120), frame=st.sampled_from(["square", "whole", None]))
def test_the_size_is_the_longer_side_of_the_frame(width, height, size, frame):
    photo = Photo(noise(width, height), frame)
    result = photo.size(size)
    assert max(result) == size
    if frame == "whole":
        assert abs(result[0] * height - result[1] * width) <= max(width, height) or 1 in result
    else:
        assert result == (size, size)
    assert photo.resample(size).shape == (result[1], result[0], 3)


@given(width=sides, height=sides, size=st.integers(1, 60), frame=st.sampled_from(["square", "whole"]))
def test_a_downscaled_photo_is_not_resampled_again(width, height, size, frame):
    down = Photo(noise(width, height), frame).at(size)
    assert max(down.picture.shape[:2]) == size
    np.testing.assert_array_equal(down.resample(size), down.picture / np.float32(255))


def test_with_a_region_one_number_is_both_sides():
    photo = Photo(noise(60, 40), "whole")
    assert photo.size(24) == (24, 16)
    assert photo.size(24, Region(0, 0, 0.5, 0.25)) == (24, 24)
    assert photo.size((24, 7), Region(0, 0, 0.5, 0.25)) == (24, 7)


def test_a_region_of_whole_pixels_is_those_pixels():
    picture = noise(60, 40)
    output = Photo(picture, "whole").resample((15, 20), Region(0.25, 0.5, 0.25, 0.5))
    np.testing.assert_array_equal(output, picture[20:40, 15:30] / np.float32(255))


def test_a_photo_does_not_change_when_its_array_does():
    picture = noise(20, 20)
    photo = Photo(picture)
    before, sha256 = photo.pixels.copy(), photo.sha256
    picture[:] = 0
    np.testing.assert_array_equal(photo.pixels, before)
    assert photo.sha256 == sha256 == Photo(before).sha256
    picture[:] = 1  # the array stays the user's to write to


def test_a_file_that_changed_is_read_again(tmp_path: Path):
    path = tmp_path / "a.png"
    ft.save_picture(noise(8, 8), path)
    before = Photo(path).sha256
    ft.save_picture(noise(8, 9, 1), path)
    assert Photo(path).sha256 != before


def test_the_small_pictures_match_frannets_input():
    photo = Photo("hopper", "square")
    np.testing.assert_allclose(photo.small[..., 0] * 2 - 1, ft.prepare_input(photo.pixels)[0, 0].numpy(), atol=1e-6)
    gray = photo.small_colour @ np.array([0.2989, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(gray, photo.small[..., 0], atol=1e-5)


def test_the_reference_is_the_photo_none_or_another_picture():
    picture, sharp = noise(30, 20), noise(60, 40, 1)
    assert Photo(picture, reference=None).reference(10) is None
    np.testing.assert_array_equal(Photo(picture).reference(10), Photo(picture).resample(10))
    photo = Photo(picture, "whole", reference=sharp)
    np.testing.assert_array_equal(photo.reference((60, 40)), sharp / np.float32(255))
    np.testing.assert_array_equal(photo.restorer_pixels((60, 40)), picture / np.float32(255))
    np.testing.assert_array_equal(
        Photo(picture, "square", reference=sharp).reference(40), crop_square(sharp) / np.float32(255)
    )


@pytest.mark.parametrize("photo", [Photo("hopper", "square"), Photo("hopper", reference=None), Photo("hopper").at(20)])
def test_a_reference_loads_the_same_photo(photo):
    found = PhotoReference.from_photo(photo).load()
    assert found.key == photo.key


def test_a_reference_refuses_another_photo_and_one_without_a_file():
    source = PhotoReference.from_photo(Photo(noise(9, 9)))
    with pytest.raises(FileNotFoundError, match=r"given as an array.*photo=PATH"):
        source.load()
    with pytest.raises(ContentChangedError, match="another picture"):
        source.load(noise(9, 9, 1))
    assert source.load(noise(9, 9)).name == "picture"


@pytest.mark.parametrize("arguments", [{"frame": "round"}, {"reference": "missing.png"}])
def test_invalid_arguments_are_errors_of_one_line(arguments):
    with pytest.raises((ValueError, FileNotFoundError), match=r"^[^\n]+$"):
        Photo("hopper", **arguments)


@pytest.mark.parametrize("size", [0, 16385, 1.5, True, "10", None])
def test_photos_are_downscaled_to_valid_sizes_only(size):
    with pytest.raises(ValueError, match="must be an integer"):
        Photo("hopper").at(size)


def test_threads_share_the_memo(monkeypatch):
    calls = []
    monkeypatch.setattr(photos, "prepare_input", lambda *a, **k: calls.append(1) or ft.prepare_input(*a, **k))
    photo = Photo(noise(50, 50), "square")
    with ThreadPoolExecutor(4) as pool:
        result = list(pool.map(lambda n: (photo.input, photo.resample(n % 20 + 1)), range(200)))
    assert len(calls) == 1
    assert all(x is photo.input for x, _ in result)
    assert sum(key[0] == "resampled" for key in photo._memo if isinstance(key, tuple)) <= photos.MEMO_LIMIT


def test_a_photo_can_be_pickled():
    photo = Photo(noise(12, 10), "whole")
    again = pickle.loads(pickle.dumps(photo))
    assert again.key == photo.key
