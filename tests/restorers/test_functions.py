"""Functions of pictures: what they are given, what they may answer, and what becomes of those that misbehave."""

from __future__ import annotations

import functools
import json
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, inpaint_biharmonic, richardson_lucy

import frantools as ft
from frantools.comparisons.recipes import Recipe
from frantools.files import ContentChangedError
from frantools.photos.degradation import Degradation
from frantools.restorers.base import Cancelled
from frantools.restorers.columns import Column
from frantools.restorers.functions import FunctionRestorer, named_function
from frantools.restorers.kinds import MissingRestorer
from frantools.restorers.python_files import from_file, from_module

PHOTO = ft.Photo(np.random.default_rng(0).random((24, 36, 3)).astype(np.float32), "whole")
PSF = np.full((3, 3), 1 / 9)


def sharpened(picture: np.ndarray, num_iter: int = 3) -> np.ndarray:
    return np.stack([richardson_lucy(picture[..., c], PSF, num_iter=num_iter) for c in range(3)], axis=-1)


def test_scikit_images_restorers_are_columns():
    mask = np.zeros((24, 36), bool)
    mask[5:8, 9:14] = True
    columns = [
        Column("TV", denoise_tv_chambolle, weight=0.1),
        Column("NLM", denoise_nl_means, patch_size=3, patch_distance=3, h=0.1),
        Column("RL", sharpened, num_iter=2),
        Column("inpainted", inpaint_biharmonic, mask=mask),
    ]
    worse = Degradation(noise=0.05)
    made = ft.compare(PHOTO, columns, size=36, given=worse)
    assert not made.errors
    given_ = worse.apply(PHOTO.resample(36))
    expected = {
        "TV": denoise_tv_chambolle(given_, weight=0.1, channel_axis=-1),
        "NLM": denoise_nl_means(given_, 3, 3, 0.1, sigma=0.05, channel_axis=-1),
        "RL": sharpened(given_, 2),
        "inpainted": inpaint_biharmonic(given_, mask, channel_axis=-1),
    }
    for title, picture in expected.items():
        np.testing.assert_allclose(made[title].image, picture.clip(0, 1), atol=1e-6)


def test_what_a_signature_names_is_given():
    seen: dict[str, Any] = {}

    def f(picture, sigma, *, seed, size, region=None, channel_axis=None, other=7):
        seen.update(sigma=sigma, seed=seed, size=size, region=region, channel_axis=channel_axis, other=other)
        return picture

    region = ft.Region(0.25, 0.5, 0.25, 0.5)
    ft.restore(f, PHOTO, size=16, region=region, seed=5, given=Degradation(noise=0.2))
    assert seen == {"sigma": 0.2, "seed": 5, "size": (16, 16), "region": region, "channel_axis": -1, "other": 7}
    ft.compare(PHOTO, [Column("f", f, seed=9, other=8)], size=12, seed=5)
    assert seen == {"sigma": 0.0, "seed": 9, "size": (12, 8), "region": None, "channel_axis": -1, "other": 8}


def test_a_default_stands_where_nothing_is_known_of_the_noise():
    seen = []
    ft.restore(lambda picture, sigma=0.3: seen.append(sigma) or picture, PHOTO, size=8)
    assert seen == [0.3]


@pytest.mark.parametrize(
    "function", [np.sqrt, np.flipud, functools.partial(np.clip, a_min=0.2, a_max=0.8), np.negative]
)
def test_functions_with_and_without_signatures_are_called(function):
    made = ft.restore(function, PHOTO, size=36).image
    np.testing.assert_allclose(made, function(PHOTO.resample(36)).clip(0, 1), atol=1e-6)


def test_a_partial_is_its_function_with_settings():
    column = Column("TV", functools.partial(functools.partial(denoise_tv_chambolle, weight=0.3), eps=1e-3), weight=0.1)
    assert column.to_dict()["settings"] == {"weight": 0.1, "eps": 1e-3}
    assert column.to_dict()["function"] == "denoise_tv_chambolle"
    assert "missing" in Column("x", functools.partial(np.power, 2.0)).to_dict()


class Gain:
    """An object that is called, with a method of the same kind."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        return picture * self.gain

    def apply(self, picture: np.ndarray) -> np.ndarray:
        return self(picture)


@pytest.mark.parametrize("function", [Gain(0.5), Gain(0.5).apply])
def test_objects_and_methods_are_called_and_no_name_finds_them(function):
    np.testing.assert_allclose(ft.restore(function, PHOTO, size=36).image, PHOTO.resample(36) / 2)
    assert "no recipe can name" in Column("gain", function).to_dict()["missing"]


def test_a_region_is_cut_out_of_the_whole_where_the_function_knows_no_region():
    shapes = []
    made = ft.compare(PHOTO, [("f", lambda p: shapes.append(p.shape) or p)], size=36, region=ft.Region(0.5, 0, 0.5, 1))
    assert shapes == [(24, 36, 3)]
    assert made["f"].image.shape == (36, 36, 3)
    assert "cropped from the whole picture, 36 x 24" in made.measure().caption
    same = ft.compare(PHOTO, [("f", lambda p: p)], size=(18, 24), region=ft.Region(0.5, 0, 0.5, 1))
    whole = ft.compare(PHOTO, [("f", lambda p: p)], size=24)["f"].image
    assert same["f"].image.shape == (24, 18, 3)
    assert same["f"].image.mean() == pytest.approx(whole[:, 12:].mean(), abs=0.02)


def raises(picture: np.ndarray) -> np.ndarray:
    raise ZeroDivisionError("no\nway")


def exits(picture: np.ndarray) -> np.ndarray:
    sys.exit(3)


WRONG: dict[str, tuple[Any, str]] = {
    "raises": (raises, "raised ZeroDivisionError: no way"),
    "exits": (exits, "called sys.exit"),
    "none": (lambda p: None, "returned None"),
    "nan": (lambda p: p * np.nan, "returned 2,592 values that are NaN or infinite"),
    "inf": (lambda p: np.where(p > 0.5, np.inf, p), "NaN or infinite"),
    "shape": (lambda p: p[0, 0], "returned an array of shape (3,)"),
    "batch": (lambda p: p[None], "returned an array of shape (1, 24, 36, 3)"),
    "empty": (lambda p: p[:0], "returned an array of shape (0, 36, 3)"),
    "channels": (lambda p: p[..., :2], "returned 2 channels"),
    "gray": (lambda p: p[..., 0], "returned an array of shape (24, 36)"),
    "bytes": (lambda p: p * 255, "returned values from"),
    "whole": (lambda p: (p * 255).astype(int), "returned values of int64"),
    "bool": (lambda p: p > 0.5, "returned values of bool"),
    "complex": (lambda p: p * 1j, "returned values of complex64"),
    "text": (lambda p: "done", "it must return an array"),
    "ragged": (lambda p: [[1], [1, 2]], "returned list"),
    "objects": (lambda p: object(), "returned object"),
    "arguments": (lambda: None, "raised TypeError"),
    "grad": (lambda p: torch.from_numpy(p).requires_grad_(), "returned Tensor"),
    "long": (lambda p: (_ for _ in ()).throw(ValueError("x " * 9000)), "long: x x"),
}


def test_what_goes_wrong_is_one_sentence_in_its_column_and_the_others_go_on():
    columns = [(title, function) for title, (function, _) in WRONG.items()]
    made = ft.compare(PHOTO, [*columns, ("right", lambda p: p)], size=36)
    assert list(made) == ["right"]
    assert made.titles == [*WRONG, "right"]
    for title, (_, said) in WRONG.items():
        assert said in made.errors[title]
        assert made.errors[title].startswith(title)
        assert "\n" not in made.errors[title]
        assert len(made.errors[title]) < 400
        with pytest.raises(KeyError, match="has no restoration"):
            made[title]
    table = made.measure()
    assert [row["error"] for row in table.rows] == [*made.errors.values(), ""]
    assert table.rows[-1]["mse"] == 0
    assert made._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize("title", ["none", "channels", "raises"])
def test_alone_it_is_raised(title):
    function, said = WRONG[title]
    with pytest.raises(Exception, match=said if title != "raises" else "no\nway"):
        ft.restore(function, PHOTO, size=36)
    with pytest.raises(ValueError, match=said):
        ft.evaluate(Column(title, function), [PHOTO], size=36)


def test_other_pictures_than_asked_for_are_taken():
    uint8 = ft.restore(lambda p: (p * 255).astype(np.uint8), PHOTO, size=36).image
    np.testing.assert_allclose(uint8, PHOTO.resample(36), atol=1 / 255)
    for convert in (lambda p: p.astype(np.float64), lambda p: torch.from_numpy(p), lambda p: p.tolist()):
        np.testing.assert_array_equal(ft.restore(convert, PHOTO, size=36).image, PHOTO.resample(36))
    rings = ft.restore(lambda p: p * 1.5 - 0.25, PHOTO, size=36).image
    np.testing.assert_allclose(rings, (PHOTO.resample(36) * 1.5 - 0.25).clip(0, 1), atol=1e-6)


def test_a_function_may_change_what_it_is_given():
    def spoils(picture):
        picture[:] = 0
        return picture

    made = ft.compare(PHOTO, [("spoils", spoils), ("keeps", lambda p: p)], size=36, given=Degradation(blur=1))
    assert made["spoils"].image.max() == 0
    np.testing.assert_array_equal(made["keeps"].image, Degradation(blur=1).apply(made.reference))


@given(scale=st.integers(1, 4), size=st.integers(8, 24))
def test_other_sizes_are_shown_as_they_are_and_measured_after_one_stated_resampling(scale, size):
    made = ft.compare(PHOTO, [("big", lambda p: p.repeat(scale, 0).repeat(scale, 1))], size=size)
    width, height = made.size
    assert made["big"].image.shape == (height * scale, width * scale, 3)
    assert made.fitted("big").shape == (height, width, 3)
    said = f"big is {width * scale} x {height * scale} and was resampled (bicubic, antialiased) to be measured"
    assert (said in made.measure(["mse"]).caption) == (scale > 1)


def test_the_number_of_torchs_threads_is_the_same_after():
    before, new = torch.get_num_threads(), []

    def greedy(picture):
        torch.set_num_threads(before + 3)
        return picture

    def look():
        new.append(torch.get_num_threads())

    ft.restore(greedy, PHOTO, size=8)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert [torch.get_num_threads(), *new] == [before, before]


@pytest.fixture
def hanging():
    """A function that does not answer before it is let go, and the event that does."""
    go, begun = threading.Event(), threading.Event()

    def hangs(picture):
        begun.set()
        go.wait(60)
        return picture

    yield hangs, begun
    go.set()


def test_an_answer_is_not_waited_for_longer_than_the_timeout(hanging):
    made = ft.compare(PHOTO, [("hangs", hanging[0]), ("bicubic", "bicubic")], size=8, timeout=0.1)
    assert "hangs did not return within 0.1 s; it is still running" in made.errors["hangs"]
    assert "bicubic" in made


def test_stop_gives_control_back_and_says_that_the_function_still_runs(hanging):
    function, begun = hanging

    def stop(share):
        if begun.is_set():
            raise Cancelled

    with pytest.raises(
        Cancelled, match="hangs cannot be interrupted: it is still running, and its result will be dropped"
    ):
        ft.compare(PHOTO, [("hangs", function)], size=8, progress=stop)


class Enough(Exception):  # noqa: N818
    """Raised by a caller's progress."""


@pytest.mark.parametrize("error", [Enough("now"), Cancelled("now"), KeyboardInterrupt(), ValueError("now")])
def test_what_progress_raises_ends_all_and_is_raised_as_it_is(error):
    called = []

    def stop(share):
        raise error

    columns = [("first", lambda p: called.append(1) or p), ("second", lambda p: called.append(2) or p)]
    with pytest.raises(type(error)) as caught:
        ft.compare(PHOTO, columns, size=8, progress=stop)
    assert caught.value is error
    assert 2 not in called
    with pytest.raises(type(error)) as caught:
        ft.evaluate(columns, [PHOTO, PHOTO], size=8, progress=stop)
    assert caught.value is error
    assert called.count(2) == 1


def test_an_interrupt_inside_a_function_ends_all():
    def interrupted(picture):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ft.compare(PHOTO, [("a", interrupted), ("b", "bicubic")], size=8)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_progress_grows_from_0_to_1(costs):
    shares: list[float] = []
    ft.compare(PHOTO, [(str(n), lambda p: p) for n in range(len(costs))], size=4, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


WRITES = """
from pathlib import Path
Path({path!r}).write_text("run")

def restore(picture, weight=1.0):
    Path({path!r}).write_text("called")
    return picture * weight
"""


@pytest.fixture(params=["file", "module"])
def stranger(request, tmp_path, monkeypatch):
    """A figure whose recipe names a function of a stranger, the file that it would write, and the code."""
    trace, code = tmp_path / "trace", tmp_path / "strange_restorers.py"
    code.write_text(WRITES.format(path=str(trace)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    what = from_file(str(code), "restore") if request.param == "file" else from_module("strange_restorers", "restore")
    made = ft.compare("hopper", [Column("theirs", what, weight=0.5), "bicubic"], size=24)
    path = tmp_path / "figure.png"
    ft.save_figure(made.figure(), path, made.recipe)
    sys.modules.pop("strange_restorers", None)
    trace.unlink()
    return path, trace, code


def test_opening_a_strangers_picture_runs_no_code(stranger):
    path, trace, _ = stranger
    recipe = ft.load_recipe(path)
    with pytest.raises(ValueError, match=r"theirs is the function restore of .*columns=.*trust=True") as told:
        ft.render(path)
    assert "\n" not in str(told.value)
    made = ft.compare("hopper", recipe.columns, size=24)
    assert "runs no code" in made.errors["theirs"]
    assert json.loads(json.dumps(recipe.to_dict())) == recipe.to_dict() == ft.load_recipe(path).to_dict()
    assert not trace.exists()
    ft.render(path, columns={"theirs": lambda picture, weight: picture * weight})
    assert not trace.exists()


def test_a_trusted_function_is_run_unless_it_has_changed(stranger):
    path, trace, code = stranger
    for recipe in (path, ft.load_recipe(path)):
        ft.render(recipe, trust=True)
        assert trace.read_text() == "called"
    code.write_text(code.read_text().replace("picture * weight", "picture"))
    sys.modules.pop("strange_restorers", None)
    with pytest.raises(ContentChangedError, match=r"the function restore of .* has changed since the recipe was made"):
        ft.render(path, trust=True)


@pytest.mark.parametrize("key", ["model", "path", "function"])
def test_no_other_way_to_name_a_function_runs_it(tmp_path, monkeypatch, key):
    monkeypatch.chdir(tmp_path)
    Path("theirs.py").write_text(WRITES.format(path="trace"))
    names = {"function": "restore", "file": "theirs.py"} if key == "function" else {key: "theirs.py:restore"}
    recipe = {**ft.compare("hopper", ["bicubic"], size=8).recipe, "columns": [{"title": "theirs", **names}]}
    assert isinstance(Recipe.from_dict(recipe).columns[0].what, MissingRestorer)
    with pytest.raises(ValueError, match="a recipe runs no code"):
        ft.render(recipe)
    assert not Path("trace").exists()
    ft.render(recipe, trust=True)
    assert Path("trace").exists()


def test_a_lambda_must_be_given_again():
    made = ft.compare("hopper", [Column("mine", lambda picture, weight: picture * weight, weight=0.5)], size=24)
    recipe = json.loads(json.dumps(made.recipe.to_dict()))
    with pytest.raises(ValueError, match=r"mine is a lambda, .* pass it: columns=\{'mine': \.\.\.\}"):
        ft.render(recipe)
    with pytest.raises(ValueError, match="the recipe has no column 'yours'; accepted: mine"):
        ft.render(recipe, columns={"yours": "bicubic"})
    weights = []
    ft.render(recipe, columns={"mine": lambda picture, weight: weights.append(weight) or picture})
    assert weights == [0.5]
    ft.render(recipe, columns={"mine": Column("any", lambda picture: picture)})


@pytest.mark.parametrize(
    ("content", "said"),
    [("def f(:\n", "running it raised SyntaxError"), ("import sys\nsys.exit(1)", "running it raised SystemExit"),
     ("def g(p): return p", "no function f; its functions: g"), ("f = 3", "no function f; its functions: none")],
)  # fmt: skip
def test_a_file_without_the_function_is_told(tmp_path, content, said):
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(ValueError, match=said):
        ft.restore(f"{path}:f", PHOTO, size=8)


def test_a_function_of_a_file_is_read_again_when_the_file_changes(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f(picture): return picture * 0")
    column = Column("f", f"{path}:f")
    assert ft.restore(column, PHOTO, size=8).image.max() == 0
    path.write_text("def f(picture): return picture * 0 + 1")
    assert ft.restore(column, PHOTO, size=8).image.min() == 1


def test_a_file_imports_what_lies_beside_it(tmp_path):
    path, modules = list(sys.path), set(sys.modules)
    for folder, value in (("first", 0), ("second", 1)):
        (tmp_path / folder / "parts").mkdir(parents=True)
        (tmp_path / folder / "beside.py").write_text("from parts.inner import VALUE\n")
        (tmp_path / folder / "parts" / "inner.py").write_text(f"VALUE = {value}\n")
        (tmp_path / folder / "mine.py").write_text("import beside\ndef f(p): return p * 0 + beside.VALUE\n")
        assert (ft.restore(f"{tmp_path / folder}/mine.py:f", PHOTO, size=8).image == value).all()
    (tmp_path / "wrong.py").write_text("import first.beside\n1 / 0\n")
    with pytest.raises(ValueError, match="raised ModuleNotFoundError"):
        ft.restore(f"{tmp_path}/wrong.py:f", PHOTO, size=8)
    assert sys.path == path
    assert not {"beside", "parts", "parts.inner", "first.beside"} & (set(sys.modules) - modules)


def test_what_must_be_given_again_keeps_its_settings():
    for function in (lambda p, weight, eps: p, Gain(0.5).apply):
        described = named_function(function, "mine", {"weight": 0.5, "eps": 1})
        assert described["settings"] == {"weight": 0.5, "eps": 1}
    column = Column("mine", functools.partial(lambda p, weight, eps: p * weight, eps=1), weight=0.5)
    assert column.to_dict()["settings"] == {"weight": 0.5, "eps": 1}
    assert Column.from_dict(column.to_dict()).to_dict() == column.to_dict()


OWN = ["title", "what", "model", "setup", "seed", "given", "settings"]


@pytest.mark.parametrize("name", OWN)
def test_a_function_may_have_arguments_of_the_columns_own_names(name):
    seen: list[dict[str, Any]] = []

    def f(picture, *, title=0.0, what=0.0, model=0.0, setup=0.0, seed=0.0, given=0.0, settings=0.0):
        seen.append({"title": title, "what": what, "model": model, "setup": setup, "seed": seed, "given": given,
                     "settings": settings})  # fmt: skip
        return picture

    columns = [Column("t", f, settings={name: 1.0}), Column("t", f, settings={name: 1.0}).replace(title="t")]
    for column in columns:
        assert column.title == "t"
        assert column.settings == {name: 1.0}
        assert f"settings={{{name!r}: 1.0}}" in repr(column)
        ft.compare(PHOTO, [column], size=8)
        assert {key for key, value in seen[-1].items() if value == 1.0} == {name}
    described = Column("t", denoise_tv_chambolle, settings={name: 1.0}, eps=1).to_dict()
    assert Column("t", f, settings={name: 1.0}, eps=1).settings == {name: 1.0, "eps": 1}
    assert Column.from_dict(Column("t", f, settings={name: 1.0}).to_dict()).to_dict()["settings"] == {name: 1.0}
    assert "missing" in described


@pytest.mark.parametrize("settings", [3, "weight", [1], {1: 2}])
def test_settings_are_arguments_by_name(settings):
    with pytest.raises(ValueError, match="settings must be a dict of arguments by name, got"):
        Column("t", lambda p: p, settings=settings)


def test_nothing_is_warned_of_in_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ft.compare(PHOTO, [Column("TV", denoise_tv_chambolle, weight=0.1)], size=16).measure()


def test_a_restorer_says_what_it_is():
    made = FunctionRestorer(denoise_tv_chambolle, {"weight": 0.1})
    assert (made.title, made.random, made.continuous) == ("denoise_tv_chambolle", False, False)
    assert FunctionRestorer(lambda p, seed, size, region: p).random
    assert FunctionRestorer(lambda p, seed, size, region: p).continuous


LATE = {
    "an import": "def f(p):\n    import late\n    return p * 0 + late.VALUE",
    "a name": "def f(p):\n    from late import VALUE\n    return p * 0 + VALUE",
    "a package": "def f(p):\n    from parts import inner\n    return p * 0 + inner.value()",
    "a folder": "def f(p):\n    import plain.deep.er.still.inner as inner\n    return p * 0 + inner.VALUE",
    "a neighbour's import": "import chain\ndef f(p):\n    return p * 0 + chain.value()",
    "a class": "class F:\n    def __call__(self, p):\n        import late\n        return p * 0 + late.VALUE\nf = F()",
    "at once": "import late\ndef f(p):\n    return p * 0 + late.VALUE",
}


def late_files(folder: Path, body: str, value: float) -> str:
    """A file whose function imports others beside it, which give a value; the column that it is."""
    files = {
        "late.py": f"VALUE = {value}", "chain.py": "def value():\n    import late\n    return late.VALUE",
        "parts/__init__.py": "", "parts/inner.py": "def value():\n    from . import other\n    return other.late.VALUE",
        "parts/other.py": "import late", "plain/deep/er/still/inner.py": f"VALUE = {value}", "mine.py": body,
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return f"{folder}/mine.py:f"


@pytest.mark.parametrize("body", LATE.values(), ids=LATE)
def test_a_function_imports_what_lies_beside_it_when_it_is_called(tmp_path, monkeypatch, body):
    path, finders, modules = list(sys.path), list(sys.meta_path), dict(sys.modules)
    columns = [(str(value), late_files(tmp_path / str(value), body, value)) for value in (0.25, 0.75)]
    (tmp_path / "late.py").write_text("VALUE = 1")
    monkeypatch.syspath_prepend(tmp_path)
    theirs = __import__("late")  # another module of that name, which the user has imported
    try:
        made = ft.compare(PHOTO, columns, size=8)
        again = ft.compare(PHOTO, columns[::-1], size=8)
        assert made.errors == again.errors == {}
        for found in (made, again):
            assert {title: float(each.image.mean()) for title, each in found.items()} == {"0.25": 0.25, "0.75": 0.75}
        assert sys.modules["late"] is theirs
        assert sys.meta_path == finders
        assert sys.path == [str(tmp_path), *path]
        assert not {"parts", "parts.inner", "plain", "chain"} & (sys.modules.keys() - modules.keys())
    finally:
        del sys.modules["late"]


def test_a_neighbour_is_run_once(tmp_path):
    (tmp_path / "count.py").write_text("import builtins\nCALLS = []\n")
    (tmp_path / "mine.py").write_text(
        "def f(p):\n import count\n count.CALLS.append(1)\n return p * 0 + len(count.CALLS) / 8"
    )
    column = Column("f", f"{tmp_path}/mine.py:f")
    assert [ft.restore(column, PHOTO, size=8).image.max() for _ in range(3)] == [1 / 8, 2 / 8, 3 / 8]


def test_functions_of_several_threads_each_import_their_own_neighbour(tmp_path):
    columns = [late_files(tmp_path / str(value), LATE["a name"], value / 8) for value in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda column: ft.restore(column, PHOTO, size=8).image.max(), columns))
    assert made == [value / 8 for value in range(8)]


def test_a_neighbour_that_is_missing_is_told(tmp_path):
    (tmp_path / "mine.py").write_text("def f(p):\n import nowhere_at_all")
    made = ft.compare(PHOTO, [("f", f"{tmp_path}/mine.py:f")], size=8)
    assert "No module named 'nowhere_at_all'" in made.errors["f"]


def test_a_folder_of_a_packages_name_does_not_hide_it(tmp_path):
    (tmp_path / "skimage").mkdir()
    (tmp_path / "mine.py").write_text(
        "def f(p):\n import skimage.filters, json\n return skimage.filters.gaussian(p, 1)"
    )
    assert ft.compare(PHOTO, [("f", f"{tmp_path}/mine.py:f")], size=8).errors == {}
