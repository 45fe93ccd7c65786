"""The metrics are those of the literature, and `evaluate` measures what a model makes of pictures."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats
from skimage import color
from skimage import metrics as reference

import frantools as ft
from frantools.comparisons.evaluation import Metrics, summarise
from frantools.frannet.network.model import FranNet
from frantools.photos.folder import Pictures
from frantools.photos.images import crop_square
from frantools.scores.intervals import interval, paired_interval
from frantools.scores.measures import Measure, distance, measure, sharpness

samples = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def pair(seed: int, shape: tuple[int, int] = (24, 31)) -> tuple[np.ndarray, np.ndarray]:
    """A random picture and a noisy copy of it, floats in [0, 1]."""
    rng = np.random.default_rng(seed)
    original = rng.random((*shape, 3))
    return np.clip(original + rng.normal(0, 0.1, original.shape), 0, 1), original


def damage(path: Path) -> None:
    """Put wrong bytes into the compressed pixels of a PNG."""
    content = path.read_bytes()
    start = content.index(b"IDAT") + 100
    path.write_bytes(content[:start] + bytes(20) + content[start + 20 :])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four portraits of different sizes, and a file that is none."""
    for name, portrait in ft.portraits().items():
        for side in (60, 80):
            Image.fromarray(crop_square(portrait, side)).save(tmp_path / f"{name}-{side}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


@given(st.integers(0, 2**32))
def test_loss_psnr_and_ssim_are_those_of_scikit_image(seed):
    restored, original = pair(seed)
    measured = measure(restored, original)
    assert measured["mse"] == pytest.approx(reference.mean_squared_error(original, restored))
    assert measured["psnr"] == pytest.approx(reference.peak_signal_noise_ratio(original, restored, data_range=1))
    expected = reference.structural_similarity(original, restored, data_range=1, channel_axis=2)
    assert measured["ssim"] == pytest.approx(expected)


def test_values_that_can_be_worked_out_by_hand():
    black, red = np.zeros((8, 8, 3)), np.zeros((8, 8, 3))
    red[..., 0] = 0.5
    measured = measure(red, black)
    assert measured["mse"] == pytest.approx(0.25 / 3)
    assert measured["mse_gray"] == pytest.approx((0.5 * 0.2989) ** 2)
    assert measured["psnr"] == pytest.approx(10 * np.log10(12))


def test_the_gray_loss_is_blind_to_what_gray_is_blind_to():
    original = np.full((8, 8, 3), 0.5)
    changed = original + np.array([0.587, -0.2989, 0]) * 0.3
    measured = measure(changed, original)
    assert measured["mse_gray"] == pytest.approx(0, abs=1e-12)
    assert measured["mse"] > 0.01


def test_equal_pictures_have_no_loss():
    _, original = pair(0)
    assert measure(original, original) == {"mse": 0, "mse_gray": 0, "psnr": float("inf"), "ssim": 1}


def test_bytes_and_floats_are_measured_alike():
    restored, original = ((image * 255).round().astype(np.uint8) for image in pair(1))
    assert measure(restored, original) == pytest.approx(measure(restored / 255, original / 255))


@pytest.mark.parametrize("side", [1, 6])
def test_a_picture_smaller_than_its_window_has_no_ssim_and_all_else(side):
    measured = measure(*pair(2, (side, side)))
    assert np.isnan(measured["ssim"])
    assert measured["mse"] > 0


ZEROS = np.zeros((8, 8, 3))
HOLE = np.where(np.indices((8, 8, 3)).sum(axis=0) == 5, np.nan, 0.5)


@pytest.mark.parametrize("name", ft.measures)
@pytest.mark.parametrize(
    ("restored", "original", "message"),
    [
        (ZEROS, np.zeros((8, 9, 3)), "restored and original must have the same shape"),
        (HOLE, ZEROS, r"restored has [0-9]+ values that are NaN or infinite"),
        (ZEROS, ZEROS + 2, r"original has values from 2 to 2; accepted: uint8, and floats in \[0, 1\]"),
        (ZEROS.astype(int), ZEROS, "restored must be uint8 or floats .*, got int64"),
        (ZEROS > 0, ZEROS, "restored must be .*, got bool"),
        (np.zeros((8, 8, 4)), np.zeros((8, 8, 4)), r"restored must be a picture .*, got shape \(8, 8, 4\)"),
        (np.zeros((0, 8, 3)), np.zeros((0, 8, 3)), r"restored must be a picture .*, got shape \(0, 8, 3\)"),
        (np.zeros(8), np.zeros(8), r"restored must be a picture .*, got shape \(8,\)"),
    ],
)
def test_invalid_pairs_of_pictures_are_errors_of_every_measure(name, restored, original, message):
    for asked in (ft.measures[name], lambda *pair: measure(*pair, names=[name])):
        with pytest.raises(ValueError, match=message):
            asked(restored, original)


def test_the_registry_lists_its_measures_and_each_gives_the_number_that_measure_gives():
    restored, original = pair(5)
    assert [*ft.measures] == ["mse", "mse_gray", "psnr", "ssim"]
    assert measure(restored, original) == {name: ft.measures[name](restored, original) for name in ft.measures}
    assert [*measure(restored, original, ["ssim", "mse"])] == ["ssim", "mse"]
    worse = np.clip(original + 3 * (restored - original), 0, 1)
    for each in ft.measures.values():
        rises = each(worse, original) > each(restored, original)
        assert each.better == ("lower" if rises else "higher"), each.name


def test_an_unknown_measure_is_told_with_those_that_are_known():
    with pytest.raises(ValueError, match="there is no measure 'l1'; accepted: 'mse', 'mse_gray', 'psnr', 'ssim'"):
        ft.measures["l1"]
    assert "l1" not in ft.measures
    assert ft.measures.get("l1") is None


def test_a_measure_of_ones_own_is_measured_and_its_column_has_its_head(monkeypatch):
    known = ft.measures
    monkeypatch.setattr(known, "_measures", dict(known._measures))
    known.add(Measure("l1", lambda a, b: np.abs(a - b).mean(), "mean absolute error", ".1f"))
    measured = measure(np.full((9, 9), 0.25), np.zeros((9, 9)))
    assert measured["l1"] == 0.25
    assert repr(ft.Table([{"l1": measured["l1"]}])).split("\n")[0] == "mean absolute error"
    known.add(Measure("l1", lambda a, b: 2 * np.abs(a - b).mean(), "twice", ".1f"))  # a cell that is run again
    assert measure(np.full((9, 9), 0.25), np.zeros((9, 9)), ["l1"]) == {"l1": 0.5}
    assert [*known] == ["mse", "mse_gray", "psnr", "ssim", "l1"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.mean, "measure must be a Measure"),
        (Measure("psnr", lambda a, b: 0.0, "mine"), "the name 'psnr' is taken by a measure of the package"),
    ],
)
def test_invalid_measures_are_not_added(wrong, message):
    with pytest.raises(ValueError, match=message):
        ft.measures.add(wrong)


def test_metrics_have_the_mean_of_every_builtin_measure(random_models):
    metrics = ft.evaluate(random_models["single-pass"], [*ft.portraits().values()], size=16)
    assert [*metrics.means] == [*metrics.per_picture] == [*ft.measures.builtin]
    assert all(getattr(metrics, name) == mean for name, mean in metrics.means.items())
    assert Metrics.from_dict(metrics.to_dict()) == metrics == pickle.loads(pickle.dumps(metrics))
    with pytest.raises(AttributeError, match="no attribute 'l1'"):
        _ = metrics.l1


@given(seed=st.integers(0, 2**32), border=st.integers(0, 9))
def test_psnr_of_y_is_that_of_the_definition_inside_its_border(seed, border):
    restored, original = ((image * 255).round().astype(np.uint8) for image in pair(seed))
    a, b = (
        color.rgb2ycbcr(image)[..., 0][border : 24 - border, border : 31 - border] for image in (restored, original)
    )
    expected = reference.peak_signal_noise_ratio(a, b, data_range=255)
    assert ft.measures.psnr_y(border)(restored, original) == pytest.approx(expected)
    assert ft.measures.psnr_y(border)(restored / 255, original / 255) == pytest.approx(expected)


def test_psnr_of_y_is_blind_to_its_border_and_names_it():
    original = np.full((20, 20, 3), 0.5)
    framed = np.zeros_like(original)
    framed[4:-4, 4:-4] = 0.5
    assert ft.measures.psnr_y()(framed, original) == float("inf")
    assert ft.measures.psnr_y(3)(framed, original) < 60
    assert [ft.measures.psnr_y(border).name for border in (4, 3)] == ["psnr_y", "psnr_y_3"]
    with pytest.raises(ValueError, match="a border of 10 leaves nothing of 20 x 20 pixels; make it smaller"):
        ft.measures.psnr_y(10)(framed, original)
    for wrong in (-1, 1.5):
        with pytest.raises(ValueError, match=f"border must be an integer from 0, got {wrong}"):
            ft.measures.psnr_y(wrong)


def test_a_gray_picture_is_measured_as_one_of_three_equal_channels():
    gray, other = pair(7)[0][..., 0], pair(7)[1][..., 0]
    expected = measure(np.stack([gray] * 3, axis=-1), np.stack([other] * 3, axis=-1))
    assert measure(gray, other) == measure(gray[..., None], other[..., None]) == expected


def test_means_are_over_the_pictures():
    rows = [measure(*pair(seed)) for seed in range(3)]
    summary = summarise(rows, calls=15, seconds=6.0)
    assert (summary.pictures, summary.calls, summary.seconds) == (3, 15, 2.0)
    for name in ft.measures.builtin:
        assert summary.per_picture[name] == [row[name] for row in rows]
        assert getattr(summary, name) == pytest.approx(np.mean(summary.per_picture[name]))


@given(values=samples, seed=st.integers(0, 2**32))
def test_an_interval_holds_the_mean_and_lies_between_the_values(values, seed):
    low, high = interval(values, draws=500, seed=seed)
    assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@given(values=samples, scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_an_interval_goes_along_with_its_values(values, scale, shift):
    bounds = np.array(interval(values, draws=200))
    np.testing.assert_allclose(interval(scale * np.array(values) + shift, draws=200), scale * bounds + shift, atol=1e-9)


@given(values=samples)
def test_the_difference_of_values_with_themselves_is_0(values):
    assert paired_interval(values, values, draws=100) == (0, 0)


@given(values=samples, seed=st.integers(0, 2**32))
def test_differences_turned_round_are_the_negative(values, seed):
    others = np.random.default_rng(seed).random(len(values))
    low, high = paired_interval(values, others, draws=200)
    np.testing.assert_allclose(paired_interval(others, values, draws=200), (-high, -low), atol=1e-12)


def test_an_interval_is_that_of_scipy():
    values = np.random.default_rng(0).gamma(1.5, size=128)
    for level in (0.5, 0.95):
        expected = stats.bootstrap((values,), np.mean, confidence_level=level, n_resamples=20_000, method="percentile")
        low, high = interval(values, level, draws=20_000)
        assert low == pytest.approx(expected.confidence_interval.low, abs=0.02)
        assert high == pytest.approx(expected.confidence_interval.high, abs=0.02)


def test_about_19_in_20_intervals_hold_the_mean_of_all_pictures():
    rng = np.random.default_rng(1)
    intervals = [interval(rng.gamma(1.5, size=128), draws=500, seed=seed) for seed in range(400)]
    assert 0.91 <= np.mean([low <= 1.5 <= high for low, high in intervals]) <= 0.98


def test_pairs_reveal_a_difference_that_separate_intervals_do_not():
    rng = np.random.default_rng(2)
    hard = rng.gamma(1.5, size=128)
    better, worse = hard + rng.normal(0, 0.01, 128), hard + 0.02 + rng.normal(0, 0.01, 128)
    assert interval(better)[1] > interval(worse)[0]
    low, high = paired_interval(worse, better)
    assert 0 < low < 0.02 < high


def test_the_same_seed_draws_the_same_and_more_pictures_are_surer():
    values = np.random.default_rng(3).random(400)
    assert interval(values, seed=5) == interval(values, seed=5) != interval(values, seed=6)
    few, many = (np.ptp(interval(values[:count])) for count in (40, 400))
    assert many < 0.5 * few
    assert np.ptp(interval(values, level=0.5)) < np.ptp(interval(values, level=0.99))


def test_a_bootstrap_in_chunks_draws_all_resamples(monkeypatch):
    values = np.random.default_rng(4).random(50)
    whole = interval(values, draws=1000)
    monkeypatch.setattr("frantools.scores.intervals.CHUNK", 333)
    np.testing.assert_allclose(interval(values, draws=1000), whole, atol=0.02)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"values": []}, "values must be one or more finite numbers"),
        ({"values": [0.1, float("nan")]}, "values must be one or more finite numbers"),
        ({"values": [0.1, float("inf")]}, "values must be one or more finite numbers"),
        ({"values": [[0.1, 0.2]]}, "values must be one or more finite numbers"),
        ({"level": 0}, "level must be a number above 0 and below 1, got 0"),
        ({"level": 95}, "level must be a number above 0 and below 1, got 95"),
        ({"draws": 0}, "draws must be an integer from 1, got 0"),
        ({"draws": 1.5}, "draws must be an integer from 1, got 1.5"),
    ],
)
def test_invalid_values_have_no_interval(wrong, message):
    with pytest.raises(ValueError, match=message):
        interval(**{"values": [0.1, 0.2], **wrong})


def test_unpaired_values_are_an_error():
    with pytest.raises(ValueError, match="values and baseline must be of the same pictures, got 3 and 2 numbers"):
        paired_interval([1, 2, 3], [1, 2])


def test_distance_is_the_root_of_the_loss_and_symmetric():
    restored, original = pair(3)
    assert distance(restored, original) == distance(original, restored)
    assert distance(restored, original) ** 2 == pytest.approx(measure(restored, original)["mse"])


def test_sharpness_falls_when_a_picture_is_blurred():
    portrait = ft.portraits()["hopper"]
    blurred = crop_square(crop_square(portrait, 40), len(portrait))
    assert sharpness(blurred / 255) < 0.8 * sharpness(portrait / 255)


@pytest.mark.parametrize("kind", ["single-pass", "diffusion"])
def test_evaluate_measures_restorations_of_what_the_network_is_given(random_models: dict[str, FranNet], kind):
    model, images = random_models[kind], list(ft.portraits().values())
    setup = ft.Setup(K=50) if kind == "diffusion" else None
    measured = ft.evaluate(model, images, setup, size=32, seed=5)
    for index, image in enumerate(images):
        original = crop_square(image, 32)
        restored = ft.restore(model, ft.prepare_input(original), setup, 32, seed=5 + index).image
        for name, value in measure(restored, original).items():
            # Equal but for the reference's float32.
            assert measured.per_picture[name][index] == pytest.approx(value, rel=1e-5)
    assert measured.pictures == len(images)
    assert measured.calls == (setup.calls if setup else 1)
    assert measured.seconds > 0


def test_a_folder_is_measured_as_the_pictures_in_it(random_models, folder):
    model = random_models["single-pass"]
    listed = ft.evaluate(model, [ft.load_image(path) for path in sorted(folder.glob("*.png"))], size=24)
    for given_as in (folder, str(folder), Pictures(folder)):
        measured = ft.evaluate(model, given_as, size=24)
        assert measured.per_picture == listed.per_picture
        assert measured.pictures == 4


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (3, 3), (4, 4), (99, 4)])
def test_the_limit_keeps_the_first_pictures(random_models, folder, limit, count):
    every = ft.evaluate(random_models["single-pass"], folder, size=16)
    some = ft.evaluate(random_models["single-pass"], folder, size=16, limit=limit)
    assert some.pictures == count
    assert some.per_picture["mse"] == every.per_picture["mse"][:count]


def test_progress_is_reported_after_each_picture(random_models, folder):
    shares: list[float] = []
    ft.evaluate(random_models["single-pass"], folder, size=8, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": 0}, "limit must be an integer from 1, got 0"),
        ({"limit": -1}, "limit must be an integer from 1, got -1"),
        ({"limit": 1.5}, "limit must be an integer from 1, got 1.5"),
        ({"size": 0}, "size must be an integer from 1 to 16384, got 0"),
        ({"size": (8, 9)}, r"size must be an integer"),
        ({"setup": ft.Setup()}, "has no sampler"),
        ({"precision": "half"}, "must be 'float32'"),
        ({"size": 16385}, "size must be an integer from 1 to 16384, got 16385"),
        (
            {"folder_or_images": np.zeros((9, 9))},
            r"must be a folder or a sequence of pictures, got an array of shape \(9, 9\)",
        ),
        (
            {"folder_or_images": np.zeros((9, 9, 3))},
            r"must be a folder or a sequence of pictures, got an array of shape \(9, 9, 3\)",
        ),
        ({"folder_or_images": []}, "there is no picture to measure on"),
        ({"folder_or_images": "nowhere"}, "there is no folder nowhere"),
        ({"folder_or_images": [np.zeros(5)]}, "is not a picture"),
    ],
)
def test_invalid_arguments_of_evaluate_are_errors(random_models, wrong, message):
    arguments = {"folder_or_images": [ft.portraits()["hopper"]], "size": 8, **wrong}
    with pytest.raises(ValueError, match=message):
        ft.evaluate(random_models["single-pass"], **arguments)


def test_a_folder_without_pictures_is_refused(random_models, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"contains no readable picture \(1 unreadable\)"):
        ft.evaluate(random_models["single-pass"], tmp_path)


def test_a_folder_lists_what_it_skips_and_keeps_the_rest(folder):
    (folder / "broken.png").write_bytes(b"no picture")
    pictures = Pictures(folder)
    assert len(pictures) == 4
    assert len(pictures.skipped) == 1
    assert pictures.skipped[0].startswith("broken.png: ")
    assert pictures.summary()["pictures"] == 4
    assert pictures.summary()["skipped"] == 1


def test_pixels_that_turn_out_damaged_are_skipped_with_a_warning_and_the_next_picture_stands_in(folder):
    path = folder / "hopper-60.png"
    damage(path)
    pictures = Pictures(folder)
    assert len(pictures) == 4
    with pytest.warns(UserWarning, match=r"skipped: .*hopper-60\.png is damaged"):
        stand_in = pictures[2]
    np.testing.assert_array_equal(stand_in, pictures[3])


def test_the_summary_of_a_folder_changes_with_its_pictures(folder):
    before = Pictures(folder).summary()
    Image.fromarray(ft.portraits()["hopper"]).save(folder / "one-more.png")
    after = Pictures(folder).summary()
    assert before["sha256"] != after["sha256"]
    assert str(folder) not in str(after), "no path of a machine is kept"


def test_a_damaged_picture_is_not_counted(random_models, folder):
    model = random_models["single-pass"]
    whole = ft.evaluate(model, folder, size=16)
    shares: list[float] = []
    path = folder / "hopper-60.png"  # the third
    damage(path)
    with pytest.warns(UserWarning, match=r"skipped: .*hopper-60\.png is damaged"):
        rest = ft.evaluate(model, folder, size=16, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1]
    assert rest.pictures == 3
    assert rest.per_picture["mse"] == [loss for index, loss in enumerate(whole.per_picture["mse"]) if index != 2]


def test_a_folder_of_damaged_pictures_alone_is_refused(random_models, folder):
    for path in folder.glob("*.png"):
        damage(path)
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(ValueError, match="none of the pictures could be read"),
    ):
        ft.evaluate(random_models["single-pass"], folder, size=16)


def test_a_folder_is_walked_through_once_and_knows_its_ends(folder):
    pictures = Pictures(folder)
    assert len(list(pictures)) == 4
    np.testing.assert_array_equal(pictures[-1], pictures[3])
    for index in (4, -5):
        with pytest.raises(IndexError):
            pictures[index]


def test_decoded_pictures_are_kept_while_there_is_room_for_their_bytes(folder, monkeypatch):
    first = Pictures(folder)[0]
    monkeypatch.setattr("frantools.photos.folder.CACHE_BYTES", first.nbytes)
    pictures = Pictures(folder)
    np.testing.assert_array_equal(pictures[0], first)
    assert np.shares_memory(pictures[0], pictures[0])
    assert not np.shares_memory(pictures[1], pictures[1])
    np.testing.assert_array_equal(pictures[1], pictures[1])


def test_a_picture_of_more_pixels_than_are_read_is_skipped(folder):
    Image.new("1", (20_000, 20_000)).save(folder / "huge.png")
    pictures = Pictures(folder)
    assert len(pictures) == 4
    assert pictures.skipped[0].startswith("huge.png: ")
