"""The comparisons, the note's four figures, and the recipes that make them again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

import frantools as ft
from frantools import note
from frantools.comparisons import comparison as comparison
from frantools.comparisons import recipes
from frantools.comparisons.cache import Cache
from frantools.comparisons.tables import Table
from frantools.note import findings, four_figures
from frantools.reports import figures
from frantools.reports.figures import RoiSearch, Row
from frantools.restorers.columns import COLUMNS, Column
from frantools.views.layout import fit_font_size, shorten

SEARCH = RoiSearch(size=24, count=2, sub_size=8, sub_count=2)


@pytest.fixture(scope="module")
def cache() -> Cache:
    """Figures 2 and 3 share their restorations."""
    return Cache()


@pytest.fixture(scope="module", params=list(note.FIGURES))
def made(request: pytest.FixtureRequest, cache: Cache) -> tuple[recipes.Recipe, dict[str, dict[str, ft.Restoration]]]:
    """A figure's recipe and restorations, small."""
    recipe = note.recipe(request.param, size=64, search=SEARCH)
    return recipe, note.restorations(recipe, cache=cache)


def test_a_figure_has_the_notes_columns_and_coloured_pictures(made):
    recipe, pictures = made
    assert list(pictures) == ["astronaut", "hopper"]
    for columns in pictures.values():
        assert tuple(columns) == note.FIGURES[recipe["figure"]]
        for title, made_of in columns.items():
            assert made_of.image.shape == (64, 64, 3)
            chroma = np.ptp(made_of.image, axis=2).mean()
            assert chroma == 0 if title == "Input" else chroma > 0.01


def test_a_saved_figure_carries_the_recipe_that_makes_the_same_pixels_again(made, tmp_path):
    recipe, pictures = made
    path = tmp_path / "figure.png"
    recipes.save_figure(note.draw(recipe, pictures), path, recipe)
    again = ft.load_recipe(path)
    assert again == recipe
    recipes.save_figure(ft.render(again), tmp_path / "again.png", again)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(tmp_path / "again.png")))


def test_titles_and_names_are_shown_as_they_are_given(tmp_path):
    name = r"a$_$b"
    picture = np.zeros((8, 8, 3))
    estimates = [figures.MeanInterval(name, name, 0.2, 0.1, 0.3)]
    for figure in (
        figures.grid([Row([picture], label=name, captions=[name])], [name]),
        figures.losses({name: estimates}),
        figures.loss_against_calls({name: [(1, 0.2), (2, 0.1)]}, (name, 0.1)),
    ):
        recipes.save_figure(figure, tmp_path / "figure.png", {})
        shown = [text for text in figure.findobj(Text) if name in text.get_text()]
        assert shown
        assert not any(text.get_parse_math() for text in shown)


def test_the_figures_show_each_picture_at_256_pixels_and_nothing_is_cut_off(made):
    recipe, pictures = made
    figure = note.draw(recipe, pictures)
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.width == pytest.approx(256)
        assert box.x0 >= -0.5
        assert box.x1 <= width + 0.5
        assert box.y0 >= -0.5
        assert box.y1 <= height + 0.5
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        inside = min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height
        assert inside or not text.get_text() or not text.get_visible(), text


def test_figure_3_outlines_the_same_sub_regions_in_each_crop_of_a_row(cache):
    recipe = note.recipe("roi-crops", pictures=["hopper"], size=64, search=SEARCH)
    pictures = note.restorations(recipe, cache=cache)
    figure = note.draw(recipe, pictures)
    rows = SEARCH.regions(list(pictures["hopper"].values()))
    assert len(figure.axes) == 5 * len(rows)
    for number in range(len(rows)):
        where, *crops = figure.axes[5 * number : 5 * number + 5]
        assert not where.patches
        boxes = {tuple(patch.get_bbox().extents for patch in crop.patches).__repr__() for crop in crops}
        assert len(boxes) == 1
        assert crops[0].patches


def test_a_recipe_of_changed_weights_or_pictures_is_refused(tmp_path):
    photo = tmp_path / "me.png"
    Image.fromarray(ft.portraits()["hopper"]).save(photo)
    recipe = note.recipe("entire-image", pictures=[str(photo)], size=16)
    four_figures.check(recipe)
    other = {**recipe, "models": {**recipe["models"], "single-masking-8": "0" * 64}}
    with pytest.raises(ValueError, match="single-masking-8 has other weights"):
        four_figures.check(other)
    Image.fromarray(ft.portraits()["astronaut"]).save(photo)
    with pytest.raises(ValueError, match=r"me\.png has changed"):
        four_figures.check(recipe)


@pytest.mark.parametrize("recipe", [{}, {"figure": "entire-image"}, {"figure": "mona-lisa"}, {"model": "x"}])
def test_what_is_no_recipe_of_a_figure_is_refused(recipe):
    with pytest.raises(
        ValueError, match=r"not the recipe of a figure; figures are .*ddpm-vs-ddim|is damaged: it has no columns"
    ):
        ft.render(recipe)


@pytest.mark.parametrize("part", ["pictures", "columns", "size", "region", "models", "search"])
@pytest.mark.parametrize("value", [-7, ["x"], {"x": 1}, None])
def test_a_damaged_recipe_is_refused_without_a_traceback(part, value):
    recipe = note.recipe("roi-crops", pictures=["hopper"], size=16)
    with pytest.raises((ValueError, FileNotFoundError)):
        four_figures.check({**recipe, part: value})


@pytest.mark.parametrize(("figure", "columns"), [("ddpm-vs-ddim", 3), ("entire-image", 5), ("local-region", 4)])
def test_a_row_beyond_the_note_stands_below_each_picture(figure, columns, tmp_path):
    recipe = note.recipe(figure, size=8, beyond=True)
    second = recipe["beyond"]
    assert second == list(note.BEYOND[:columns])
    assert {"diffusion-best", "single-best"} <= recipe["models"].keys()
    drawn = ft.render(recipe)
    assert len(drawn.axes) == 2 * (columns + len(second))
    assert [text.get_text() for axes in drawn.axes[columns : columns + len(second)] for text in axes.texts] == second
    recipes.save_figure(drawn, tmp_path / "figure.png", recipe)
    assert ft.load_recipe(tmp_path / "figure.png") == recipe
    with pytest.raises(ValueError, match="it has no column mona-lisa"):
        four_figures.check({**recipe, "beyond": ["mona-lisa"]})


def test_figure_3_has_no_row_beyond_the_note():
    assert note.recipe("roi-crops", size=16, beyond=True).keys() == note.recipe("roi-crops", size=16).keys()


def test_two_pictures_of_one_file_name_are_two_rows(tmp_path):
    paths = [tmp_path / folder / "me.png" for folder in "ab"]
    for path, portrait in zip(paths, ft.portraits().values(), strict=True):
        recipes.save_picture(portrait, path)
    recipe = note.recipe("entire-image", [str(path) for path in paths], [COLUMNS["masking-32"]], size=16)
    assert list(note.restorations(recipe)) == [str(path) for path in paths]


def test_an_unknown_figure_is_refused_with_the_accepted_names():
    with pytest.raises(ValueError, match=r"figure must be 'ddpm-vs-ddim', 'entire-image', .*, got 'fig-9'"):
        note.recipe("fig-9")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a picture", "contains no recipe"),
        (None, "contains no recipe"),
    ],
)
def test_a_file_without_a_recipe_is_refused(tmp_path, content, message):
    path = tmp_path / "x.png"
    if content is None:
        Image.new("RGB", (4, 4)).save(path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        ft.load_recipe(path)


def test_a_missing_recipe_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ft.load_recipe(tmp_path / "none.png")


def test_a_restored_picture_keeps_its_recipe_and_its_pixels(tmp_path):
    made = ft.restore(ft.load_model("single-masking-8"), ft.portraits()["hopper"], size=24)
    recipes.save_picture(made.image, tmp_path / "new" / "hopper.png", made.recipe)
    assert ft.load_recipe(tmp_path / "new" / "hopper.png") == made.recipe
    read = ft.load_image(tmp_path / "new" / "hopper.png")
    assert np.abs(read / 255 - made.image).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("name", ["picture.jpg", "picture"])
def test_pictures_and_figures_are_written_in_known_formats_only(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.png"):
        recipes.save_picture(np.zeros((4, 4, 3)), tmp_path / name)
    with pytest.raises(ValueError, match="the file name of a figure must end in"):
        recipes.save_figure(figures.grid([Row([np.zeros((4, 4, 3))])]), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_figure_that_cannot_be_drawn_leaves_no_file(tmp_path):
    figure = figures.grid([Row([np.zeros((4, 4, 3))])])
    figure.axes[0].set_title("$\\no-such-command$")
    with pytest.raises(ValueError, match="no-such-command"):
        recipes.save_figure(figure, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_the_cache_returns_what_was_kept_and_forgets_the_least_recently_used():
    images = [np.zeros((100, 100, 3), np.float32) for _ in range(4)]  # 0.12 MB each
    kept = [ft.Restoration(image, 0.0, 1, {}) for image in images]
    cache = Cache(megabytes=1)
    cache._limit = 3 * images[0].nbytes
    for number, restoration in enumerate(kept[:3]):
        cache.put(str(number), restoration)
    assert cache.get("0") is kept[0]  # used: now "1" is the oldest
    cache.put("3", kept[3])
    assert [cache.get(str(number)) for number in range(4)] == [kept[0], None, kept[2], kept[3]]
    assert cache.bytes == cache._limit
    with pytest.raises(ValueError, match="read-only"):
        images[0][:] = 1  # it is what the next one who asks is given
    cache.put("wide", ft.Restoration(np.zeros((100, 400, 3), np.float32), 0.0, 1, {}))
    assert cache.get("wide") is None, "one that is larger than all that may be kept leaves the others"
    assert len(cache) == 3


def test_compare_reuses_the_cache_and_reports_rising_progress():
    cache, shares = Cache(), []
    columns = [COLUMNS["Input"], COLUMNS["masking-32"], Column("mine", "diffusion-basic", ft.Setup(K=50))]
    image = ft.portraits()["astronaut"]
    first = comparison.compare(image, columns, size=32, progress=shares.append, cache=cache)
    second = comparison.compare(image, columns, size=32, cache=cache)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert all(first[c.title] is second[c.title] for c in columns[1:])
    assert not np.allclose(comparison.compare(image, columns, size=32, seed=1)["mine"].image, first["mine"].image)


def test_two_columns_of_one_title_are_refused():
    with pytest.raises(ValueError, match="titles of columns must differ"):
        comparison.compare(ft.portraits()["hopper"], [COLUMNS["B"], COLUMNS["B"]], size=8)


@pytest.mark.parametrize("column", COLUMNS.values(), ids=list(COLUMNS))
def test_a_column_survives_json(column):
    assert Column.from_dict(column.to_dict()) == column


def test_the_original_of_a_region_is_its_crop():
    image = ft.portraits()["hopper"][:320, :320]
    region = ft.Region(0.25, 0.5, 0.5, 0.25)
    crop = ft.Photo(image, "square").resample((160, 80), region)
    np.testing.assert_allclose(crop, image[160:240, 80:240] / 255, atol=1e-6)


def test_the_seen_picture_shows_the_64_by_64_input_as_squares():
    image = ft.portraits()["hopper"]
    seen = comparison.compare(image, ["input"], 128)["input"].image
    want = (ft.prepare_input(image)[0, 0].numpy() + 1) / 2
    np.testing.assert_allclose(seen[::2, ::2, 0], want, atol=1e-6)
    np.testing.assert_allclose(seen[1::2, 1::2, 2], want, atol=1e-6)


def test_a_table_reads_the_same_in_markdown_and_in_a_terminal():
    table = Table([{"column": "A", "loss": 0.00312, "calls": 100}, {"column": "B", "loss": 0.1, "calls": 15}])
    assert repr(table).split() == ["column", "loss", "network", "calls", "A", "0.0031", "100", "B", "0.1000", "15"]
    assert table._repr_markdown_().splitlines() == [
        "| column | loss | network calls |",
        "| --- | --: | --: |",
        "| A | 0.0031 | 100 |",
        "| B | 0.1000 | 15 |",
    ]


def test_the_shipped_results_bear_the_notes_finding_out():
    """The bars of the project: on the held-out portraits, 128 of them."""
    results = findings.held_out_results()
    loss = {name: row["mse"] for name, row in results.items()}
    assert all(row["pictures"] == 128 for row in results.values())
    assert loss["masking-32"] <= 0.0032
    assert loss["masking-8"] <= 0.0032
    assert loss["B"] <= 0.0031
    assert abs(loss["A"] / loss["B"] - 1) <= 0.05
    assert min(loss["DDPM"], loss["DDIM"]) >= 1.25 * max(loss["A"], loss["B"])


def test_the_shipped_results_are_those_of_the_shipped_models(shared: Path):
    """Measured anew on the first portraits, picture by picture."""
    for name in ("masking-32", "B"):
        row = findings.held_out_results()[name]
        setup = ft.SETUPS.get(name)
        fresh = ft.evaluate(ft.load_model(row["model"]), shared / "portraits" / "test", setup, limit=3)
        np.testing.assert_allclose(fresh.per_picture["mse"], row["each"]["mse"][:3], rtol=1e-2)


@pytest.mark.parametrize("count", [1, 3, 5, 6, 8, 12])
def test_titles_and_captions_stay_within_their_columns(count):
    picture = np.zeros((20, 20, 3))
    columns = [(f"a function with a very long name {n}", lambda given: given / 2) for n in range(count)]
    figure = ft.compare(picture, columns, size=20).figure()
    figure.canvas.draw()
    titles = [axes.title.get_window_extent() for axes in figure.axes]
    captions = [axes.texts[0].get_window_extent() for axes in figure.axes]
    for boxes in (titles, captions):
        assert boxes[0].x0 >= 0
        assert boxes[-1].x1 <= figure.bbox.x1
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert min(box.y0 for box in captions) >= 0
    assert all(axes.title.get_text().startswith("a f") for axes in figure.axes)


def test_a_title_that_fits_is_left_as_it_is():
    assert shorten("masking-32", 14, 240) == "masking-32"
    assert fit_font_size(["masking-32", "two\nlines"], 14, 240, 8) == 14
    assert shorten("masking-32", 14, 60).endswith("\u2026")


@pytest.mark.parametrize("count", [1, 6, 12])
def test_a_sentence_stays_within_the_picture_that_it_stands_for(count):
    def fail(picture):
        raise ValueError("a long story of what went wrong " * 5)

    columns = [("fails", fail), *((f"{n}", "nearest") for n in range(1, count))]
    figure = ft.compare(np.zeros((20, 20, 3)), columns, size=20).figure()
    figure.canvas.draw()
    axes = figure.axes[0]
    said, place = axes.texts[0].get_window_extent(), axes.get_window_extent()
    assert place.x0 <= said.x0
    assert place.x1 >= said.x1
    assert place.y0 <= said.y0
    assert place.y1 >= said.y1


EXTRA = "\U0001d487"
"""A letter of STIX, which matplotlib brings, and not of its default font."""
FALLBACKS = [
    {"font.family": ["DejaVu Sans", "STIXGeneral"]},
    {"font.family": "STIXGeneral"},
    {"font.family": "sans-serif", "font.sans-serif": ["No Such Font", "STIXGeneral", "DejaVu Sans"]},
    {"font.family": ["monospace", "serif"], "font.serif": ["STIXGeneral"]},
]


def draw_titles(tmp_path: Path) -> None:
    """Write figures of several kinds with the letter in their titles."""
    row = Row([np.zeros((9, 9, 3))], label=f"{EXTRA} row", captions=[EXTRA])
    ft.save_picture(np.zeros((9, 9, 3)), tmp_path / f"m{EXTRA}.png")
    sweep = ft.sweep({"model": [str(tmp_path / f"m{EXTRA}.png"), "nearest"], "seed": [0, 1]}, ["hopper"], size=8)
    made = [
        ft.compare("hopper", [(f"a{EXTRA}", "bicubic"), "nearest"], size=32).figure(),
        figures.grid([row], [f"title {EXTRA}"]),
        figures.plane(sweep, "model", "seed"),
        figures.slices(sweep, "model"),
    ]
    for figure in made:
        for ending in ("pdf", "svg", "png"):
            ft.save_figure(figure, tmp_path / f"figure.{ending}")


@pytest.mark.parametrize("settings", FALLBACKS, ids=str)
def test_letters_come_from_the_users_fonts_where_the_default_lacks_them(tmp_path, settings, recwarn):
    with matplotlib.rc_context(settings):
        draw_titles(tmp_path)
    assert [str(each.message) for each in recwarn if "missing from" in str(each.message)] == []


@pytest.mark.parametrize("settings", FALLBACKS, ids=str)
def test_what_the_default_font_has_is_drawn_with_it(settings):
    def drawn() -> np.ndarray:
        figure = ft.compare("hopper", ["bicubic", "nearest"], size=32).figure()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[:30]  # the titles: below them stand seconds

    plain = drawn()
    with matplotlib.rc_context(settings):
        np.testing.assert_array_equal(drawn(), plain)
