"""Whatever restores a picture is a column, and a column can be written down."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.restoration import denoise_tv_chambolle
from torch import nn

import frantools as ft
from frantools.comparisons import render_job
from frantools.comparisons.recipes import Recipe
from frantools.files import to_json
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.sampling.samplers import Sampler, Step
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos.degradation import Degradation
from frantools.restorers.base import Cancelled, Restoration, RestorationInput, RestorerError
from frantools.restorers.columns import COLUMNS, Column, as_column, as_columns
from frantools.restorers.frannet import FranNetRestorer, shared_model
from frantools.restorers.kinds import MissingRestorer
from frantools.restorers.resizing import BASELINES
from frantools.restorers.resolve import interpretation, resolve
from frantools.sweeps.keys import identity
from frantools.views.render import complete_columns

PICTURE = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)


class Darker:
    """A restorer of a user's own."""

    title, cost, continuous, random = "darker", 0.1, False, False

    def restore(self, given: RestorationInput, size: Any, region: Any, seed: int, progress: Any) -> Restoration:
        return Restoration(given.picture / 2, 0.0, 0)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "darker", "by": 2}


class Answers(Darker):
    """A restorer that answers with something else."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def restore(self, *arguments: Any) -> Any:
        return self.answer


def half(picture: np.ndarray) -> np.ndarray:
    return picture / 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one of each kind of file."""
    monkeypatch.chdir(tmp_path)
    save_model(FranNet(Config("single-pass")), tmp_path / "mine.safetensors")
    (tmp_path / "restorers.py").write_text("def bright(picture):\n    return 1 - (1 - picture) / 2\n")
    (tmp_path / "results").mkdir()
    for path in ("results/picture_x2.png", "picture.png"):
        ft.save_picture(PICTURE, path)
    return tmp_path


KINDS: list[Any] = [
    *BASELINES, "single-masking-32", ("model", "single-masking-8"), "A:K=1", Column("B", "diffusion-basic", "B:K=2"),
    ft.Setup(K=2), "mine.safetensors", Path("mine.safetensors"), "restorers.py:bright", "./restorers.py:bright",
    "results", "results/", Path("results"), "picture.png", half, functools.partial(denoise_tv_chambolle, weight=0.1),
    lambda p: p, Column("TV", denoise_tv_chambolle, weight=0.2), nn.Identity(), PICTURE,
    (PICTURE * 255).astype(np.uint8), Darker(),
]  # fmt: skip


@pytest.mark.parametrize("what", KINDS, ids=[f"{type(what).__name__}-{n}" for n, what in enumerate(KINDS)])
def test_every_kind_is_a_column_in_restore_compare_and_evaluate(folder, what):
    photo = ft.Photo(PICTURE, "square")
    made = ft.compare(photo, [what], size=16)
    assert not made.errors
    (title,) = made.titles
    alone = ft.restore(what, photo, size=16)
    np.testing.assert_array_equal(alone.image, made[title].image)
    assert alone.image.dtype == np.float32
    column = as_column(what)
    numbers = ft.evaluate(what, [photo], size=16)
    table = ft.compare(photo.at(16), [what], size=16).measure()
    assert {name: numbers.per_picture[name][0] for name in numbers.per_picture} == {
        name: table.rows[0][name] for name in numbers.per_picture
    }
    described = json.loads(json.dumps(column.to_dict()))
    again = Column.from_dict(described)
    assert again.to_dict() == described
    assert key(column) == key(column)
    json.loads(json.dumps(made.recipe.to_dict()))
    if not isinstance(again.what, MissingRestorer):
        assert key(again) == key(column)
        np.testing.assert_array_equal(ft.restore(again, photo, size=16).image, alone.image)


def test_pairs_and_columns_keep_their_titles():
    made = as_columns(
        [("mine", half), Column("yours", half), half, half, "bicubic", "bicubic", ("x", Column("y", half))]
    )
    assert [column.title for column in made] == ["mine", "yours", "half", "half (2)", "bicubic", "bicubic (2)", "x"]
    with pytest.raises(ValueError, match="titles of columns must differ"):
        as_columns([("a", half), ("a", "bicubic")])


@pytest.mark.parametrize("columns", ["bicubic", half, nn.Sequential(nn.Identity()), Column("a", half), PICTURE, [], 3])
def test_columns_are_a_list(columns):
    with pytest.raises(ValueError, match=r"must be a list of"):
        as_columns(columns)


@pytest.mark.parametrize("name", ["area", "A", "diffusion-basic", "Input", "DDIM", "masking-32"])
def test_a_string_with_two_meanings_is_refused_and_a_path_is_always_one(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_column(name)
    Path(name).mkdir()
    with pytest.raises(ValueError, match=rf"{name}.* or the path {name}; for the path write ./{name}"):
        as_column(name)
    ft.save_picture(PICTURE, f"{name}/picture.png")
    for path in (f"./{name}", Path(name), str(tmp_path / name)):
        made = ft.restore(path, ft.Photo(PICTURE, "whole"), size=30)
        assert made.image.shape == PICTURE.shape
    again = Column.from_dict(as_column(Path(name)).to_dict())
    assert ft.restore(again, ft.Photo(PICTURE, "whole"), size=30).image.shape == PICTURE.shape


@pytest.mark.parametrize("what", ["bicubics", "", "x" * 5000, "a\0b", "no.such:thing", "Results", "UniPC"])
def test_a_string_that_means_nothing_is_told_at_once(what):
    with pytest.raises(ValueError, match=r"is not a known restorer[.;] [^\n]+$"):
        ft.compare("hopper", [what])


@pytest.mark.parametrize("what", ["missing.safetensors", "missing.pth", "missing/", "missing.png", "missing.py:f"])
def test_what_is_not_there_is_told_at_once(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^there is no [^\n]*missing"):
        ft.restore(what, "hopper", size=8)
    made = ft.compare("hopper", ["bicubic", ("gone", what)], size=8)
    assert list(made) == ["bicubic"], "the others go on"
    assert re.match(r"gone: there is no [^\n]*missing", made.errors["gone"])


@pytest.mark.parametrize("what", [Darker, nn.Identity, FranNet, dict])
def test_a_class_is_not_an_object_of_it(what):
    with pytest.raises(ValueError, match=rf"{what.__name__} is a class; pass an object of it"):
        ft.restore(what, "hopper", size=8)


@pytest.mark.parametrize("what", [3, object(), torch.zeros(4, 4, 3), {"a": 1}, b"x"])
def test_what_restores_nothing_is_told(what):
    with pytest.raises(ValueError, match=r"is not a known restorer|must not be a tensor"):
        ft.restore(what, "hopper", size=8)


def test_settings_go_to_those_that_take_them():
    for what, settings in (("bicubic", {"weight": 1}), (PICTURE, {"a": 1}), (Darker(), {"b": 1}), ("A", {"tile": 3})):
        with pytest.raises(ValueError, match="takes no settings, got"):
            ft.restore(what, "hopper", size=8, **settings)
    with pytest.raises(ValueError, match="half has no parameter weight; its parameters: none"):
        ft.restore(half, "hopper", size=8, weight=1)
    for what in ("bicubic", half, nn.Identity()):
        with pytest.raises(ValueError, match=r"setup is A, and .* has no sampler; A goes with diffusion models"):
            ft.restore(what, "hopper", "A", size=8)
    with pytest.raises(ValueError, match="a setup"):
        ft.restore("A", "hopper", "B", size=8)


@pytest.mark.parametrize("device", ["cuda:7", "nonsense"])
def test_a_device_that_is_not_there_is_told(device):
    with pytest.raises(ValueError, match=rf"device must be 'auto', 'cpu' or an available 'cuda', got {device!r}"):
        ft.restore("single-masking-32", "hopper", size=8, device=device)


def changed_in_place(model: FranNet) -> None:
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(1.5)


def replaced(model: FranNet) -> None:
    for module in model.modules():
        for name, weights in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(weights.detach() * 1.5))


@pytest.mark.parametrize("change", [changed_in_place, replaced])
@pytest.mark.parametrize("inference", [False, True])
def test_a_copy_on_another_device_has_the_weights_of_now(change, inference):
    with torch.inference_mode(inference):
        torch.manual_seed(0)
        model = FranNet(Config("single-pass")).eval()
        column = Column("moved", model)
        before = ft.restore(column, "hopper", size=12, device="cpu:0").image  # another device by its name, a copy
        change(model)
        now = ft.restore(column, "hopper", size=12, device="cpu:0").image
        np.testing.assert_allclose(now, ft.restore(model, "hopper", size=12).image, atol=1e-6)
        assert np.abs(now - before).max() > 1e-3
        if not inference:
            assert column.resolve(device="cpu:0").model is column.resolve(device="cpu:0").model is not model


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "returned NoneType"), (PICTURE, "returned ndarray"), (Restoration(None, 0, 0), "returned None"),
     (Restoration(PICTURE[..., :1], 0, 0), "1 channels"), (Restoration(PICTURE * np.nan, 0, 0), "NaN")],
)  # fmt: skip
def test_a_restorer_of_a_users_own_that_answers_wrongly_is_a_sentence_in_its_column(answer, said):
    made = ft.compare("hopper", [("wrong", Answers(answer)), ("right", Darker())], size=16)
    assert said in made.errors["wrong"]
    assert any(what in made.errors["wrong"] for what in ("it must return", "replace them"))
    assert made["right"].image.mean() < 0.4


class Endless(Darker):
    """A restorer that goes on until its progress raises, or deaf, until it is let go."""

    def __init__(self, deaf: bool = False) -> None:
        self.deaf, self.begun, self.ended, self.go = deaf, threading.Event(), threading.Event(), threading.Event()

    def restore(self, given: RestorationInput, size: Any, region: Any, seed: int, progress: Any) -> Restoration:
        self.begun.set()
        try:
            while not self.go.wait(0.01):
                if not self.deaf:
                    progress(0.5)
        finally:
            self.ended.set()
        return super().restore(given, size, region, seed, progress)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_restorer_of_a_users_own_is_left_after_the_timeout(deaf):
    endless = Endless(deaf)
    made = ft.compare("hopper", [("endless", endless), ("right", Darker())], size=8, timeout=0.1)
    assert "endless did not return within 0.1 s" in made.errors["endless"]
    assert "right" in made
    if deaf:
        assert not endless.ended.is_set()
        endless.go.set()
    assert endless.ended.wait(60)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_restorer_of_a_users_own_is_left_at_stop(deaf):
    endless, shares = Endless(deaf), []

    def stop(share: float) -> None:
        shares.append(share)
        if endless.begun.is_set() and (deaf or share):
            raise Cancelled

    with pytest.raises(Cancelled, match="endless cannot be interrupted: it is still running" if deaf else None):
        ft.compare("hopper", [("endless", endless)], size=8, progress=stop)
    assert deaf or shares[-1] == 0.5
    endless.go.set() if deaf else None
    assert endless.ended.wait(60)


@pytest.mark.parametrize("timeout", [0, -1, np.nan, np.inf, True, "1", [1], np.float64(-2), 1j])
@pytest.mark.parametrize("what", [half, "bicubic", "A", nn.Identity(), Darker()])
def test_a_timeout_is_a_time(timeout, what):
    with pytest.raises(ValueError, match=r"^timeout must be seconds above 0, or None, got [^\n]*$"):
        ft.compare("hopper", [what], size=8, timeout=timeout)
    with pytest.raises(ValueError, match="must be seconds above 0"):
        ft.restore(what, "hopper", size=8, timeout=timeout)


@pytest.mark.parametrize("timeout", [60, 60.5, np.float32(60), np.int64(60), None])
def test_what_answers_in_time_is_taken(timeout):
    assert not ft.compare("hopper", [half, nn.Identity(), Darker()], size=8, timeout=timeout).errors


settings = st.dictionaries(
    st.sampled_from(["weight", "sigma", "n", "window"]),
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.builds(object) | st.builds(set)
    | st.builds(lambda n: np.arange(n), st.integers(0, 3)),
)  # fmt: skip
whats = st.sampled_from(
    [half, lambda p: p, PICTURE, nn.Identity(), Darker(), "bicubic", "A", "x.safetensors", 3, "?", dict]
)


@given(title=st.text(), what=whats, seed=st.none() | st.integers(), settings=settings)
def test_to_dict_and_key_never_raise(title, what, seed, settings):
    column = Column(title, what, seed=seed, given=Degradation(shrink=2), **settings)
    described = column.to_dict()
    again = Column.from_dict(json.loads(json.dumps(described)))
    assert (again.title, again.seed, again.given) == (title, seed, Degradation(shrink=2))
    assert again.to_dict() == described
    assert column == Column(title, what, seed=seed, given=Degradation(shrink=2), **settings)
    hash(column), repr(column)


class Breaks(Darker):
    """A restorer that cannot say what it is."""

    def to_dict(self) -> dict[str, Any]:
        raise RuntimeError("no idea")


@pytest.mark.parametrize("what", [Breaks(), Darker(), lambda p: p, nn.Identity(), PICTURE])
def test_what_nothing_finds_again_says_so_and_names_itself(what):
    described = Column("mine", what).to_dict()
    assert described["title"] == "mine"
    assert "mine" in described["missing"]


def key(column: Column) -> str:
    """What identifies a column's restorations of a photo."""
    restorer = render_job.resolve_columns([column])[id(column)][1]
    return to_json(identity(column, restorer, ft.Photo(PICTURE, name="picture.png")), sort_keys=True)


def closure(n: int) -> Any:
    return lambda picture: picture / n


def test_keys_tell_apart_what_differs(folder):
    module = nn.Conv2d(3, 3, 1)
    different = [
        Column("a", closure(1)), Column("a", closure(2)), Column("a", half),
        Column("a", half, given=Degradation(shrink=2)), Column("a", denoise_tv_chambolle, weight=0.1),
        Column("a", denoise_tv_chambolle, weight=0.2), Column("a", PICTURE), Column("a", PICTURE / 2),
        Column("a", module), Column("a", nn.Conv2d(3, 3, 1)), Column("a", module, tile=64), Column("a", "A"),
        Column("a", "B"), Column("a", "bicubic"), Column("a", Darker()), Column("a", Darker()),
        Column("a", lambda p, psf: p, psf=np.zeros(5000)), Column("a", FranNet(Config("single-pass")).eval()),
        Column("a", FranNet(Config("single-pass")).eval()),
    ]  # fmt: skip
    keys = [key(column) for column in different]
    assert len(set(keys)) == len(different)
    assert keys == [key(column) for column in different]
    before = key(different[8])
    with torch.no_grad():
        module.weight.add_(1)
    assert key(different[8]) != before


@pytest.mark.parametrize("what", ["mine.safetensors", "restorers.py:bright", "results", "picture.png"])
def test_a_file_that_changed_has_another_key(folder, what):
    column = Column("a", what)
    before = key(column)
    assert key(column) == before
    if what == "mine.safetensors":
        save_model(FranNet(Config("single-pass")), what)
        os.utime(what, ns=(0, 0))
    elif what == "restorers.py:bright":
        Path("restorers.py").write_text("HALF = 1\n" + Path("restorers.py").read_text())
    else:
        ft.save_picture(PICTURE[:9], "results/picture_x2.png" if what == "results" else what)
    assert key(column) != before


def test_arrays_among_settings_are_compared_as_wholes():
    first, second = (Column("a", half, psf=np.arange(n)) for n in (3, 4))
    assert first != second
    assert first == Column("a", half, psf=np.arange(3))
    assert Column("a", half, w=1) != Column("a", half, w=True)


def test_the_notes_columns_are_found_by_their_titles():
    assert as_column("DDPM") is COLUMNS["DDPM"]
    assert as_columns(["Input", "A"])[1].what == "diffusion-basic"
    assert {interpretation(name).name for name in ("UniPCMultistep:6", "B:K=25", "a")} == {"setup"}


class Slip:
    """A restorer that tells its progress and its remarks in ways that are not those of the protocol."""

    title, cost, continuous, random = "slip", None, False, False

    def __init__(self, share: Any, remarks: Any) -> None:
        self.share, self.remarks = share, remarks

    def restore(self, given: Any, size: Any, region: Any, seed: int, progress: Any) -> ft.Restoration:
        progress(self.share)
        return ft.Restoration(given.picture, 0.0, 0, remarks=self.remarks)

    def to_dict(self) -> dict[str, Any]:
        return {"missing": "it is of a test", "title": "slip"}


@pytest.mark.parametrize("share", [None, "half", [0.5]])
def test_progress_that_is_no_number_is_an_error_of_the_column_alone(share):
    made = ft.compare("hopper", [("slip", Slip(share, ())), "bicubic"], size=8)
    assert made.errors["slip"].startswith("slip raised TypeError" if share != "half" else "slip: could not convert")
    assert made["bicubic"].image.shape == (8, 8, 3)


def test_a_remark_that_is_a_text_is_one_remark():
    made = ft.compare("hopper", [("slip", Slip(0.5, "It is grey"))], size=8)
    assert made["slip"].remarks == ("It is grey",)
    assert ft.widgets.Viewer(made).notes == {"slip": "It is grey"}


class Strides(Sampler):
    """A custom sampler: down the schedule in equal strides, without noise."""

    count = 2

    def calls_on(self, schedule: Any) -> int:
        return self.count

    def sample(self, predict: Any, x: Any, schedule: Any, noise: Any) -> Any:
        for index in range(self.count):
            t, t_prev = (schedule.steps * (self.count - n) // self.count - 1 for n in (index, index + 1))
            x0, e = predict(x, t)
            x = schedule.alpha_bar[t_prev + 1] ** 0.5 * x0 + (1 - schedule.alpha_bar[t_prev + 1]) ** 0.5 * e
            yield Step(index, t, t_prev, x, x0)

    def to_dict(self) -> dict[str, Any]:
        return {"strides": self.count}


class Poses(Strides):
    """A sampler that describes itself as a `Setup` does."""

    def to_dict(self) -> dict[str, Any]:
        return ft.SETUPS["A"].to_dict()


class Silent(Strides):
    """A sampler that cannot describe itself."""

    def to_dict(self) -> dict[str, Any]:
        raise RuntimeError("no idea")


class Mine(ft.Setup):
    """A setup that is more than one."""


@pytest.mark.parametrize("solver", [Strides(), Poses(), Mine(K=50)], ids=lambda solver: type(solver).__name__)
@pytest.mark.parametrize("model", ["diffusion-basic", "diffusion-best", "itself", "./mine.safetensors", "restorer"])
def test_a_sampler_of_a_users_own_is_given_again(solver, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    save_model(FranNet(Config("diffusion")), "mine.safetensors")
    what: Any = {"itself": solver, "restorer": FranNetRestorer(shared_model("diffusion-basic"), solver)}.get(
        model, model
    )
    column = Column("s", what, setup=None if model in ("itself", "restorer") else solver)
    described = json.loads(json.dumps(column.to_dict()))
    assert type(solver).__name__ in described["missing"]
    assert key(column) == key(Column("other", what, setup=column.setup))
    recipe = render_job.recipe_of("compare", ft.Photo("hopper", "square"), [column], 12)
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    with pytest.raises(ValueError, match=rf"has the sampler {type(solver).__name__}, .*columns=\{{'s': \.\.\.\}}"):
        complete_columns(again)
    for found_again in (column, solver):
        (found,) = complete_columns(again, {"s": found_again}).columns
        assert found.title == "s"
        np.testing.assert_array_equal(
            ft.restore(found, "hopper", size=12).image, ft.restore(column, "hopper", size=12).image
        )


def test_a_sampler_that_cannot_describe_itself_is_given_again():
    described = Column("s", "diffusion-basic", setup=Silent()).to_dict()
    assert described["missing"] == "s has the sampler Silent, which no recipe can name"
    assert (
        complete_columns(Recipe(columns=(Column.from_dict(described),)), {"s": Silent()}).columns[0].what
        == described["model"]
    )


def test_samplers_of_a_users_own_have_keys_of_their_own():
    first, second = Strides(), Strides()
    keys = [key(Column("s", "diffusion-basic", setup=each)) for each in (first, second, first)]
    assert keys[0] == keys[2] != keys[1]
    first.count = 3
    assert key(Column("s", "diffusion-basic", setup=first)) != keys[0]


@pytest.mark.parametrize("name", [*COLUMNS, *BASELINES, "diffusion-basic", "B:K=25", "UniPCMultistep:6"])
def test_a_string_means_the_same_with_and_without_a_title(name):
    plain, pair = as_column(name), as_column(("mine", name))
    titled = Column("mine", name)
    assert titled.title == pair.title == "mine"
    for made in (titled, pair, Column.from_dict(titled.to_dict())):
        assert made.resolve().to_dict() == plain.resolve().to_dict()


def test_a_string_with_a_title_is_restored_as_without_one():
    made = ft.compare("hopper", ["masking-32", ("m", "masking-32"), "Input", Column("i", "Input")], size=16)
    np.testing.assert_array_equal(made["m"].image, made["masking-32"].image)
    np.testing.assert_array_equal(made["i"].image, made["Input"].image)
    with pytest.raises(ValueError, match="pass the setup once"):
        Column("x", "diffusion-best, 6 calls", "A").resolve()
    with pytest.raises(ValueError, match=r"setup is A, and .* has no sampler; A goes with diffusion models"):
        Column("x", "masking-32", "A").resolve()
    assert Column("x", "diffusion-best", "A").resolve().to_dict()["setup"] == ft.SETUPS["A"].to_dict()


@pytest.mark.parametrize("seed", [1.5, "1", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match="must be an integer"):
        Column("a", half, seed=seed)


def test_an_array_of_another_range_is_told():
    with pytest.raises(RestorerError, match=r"values from .* to 254.9; accepted: uint8, and floats in \[0, 1\]"):
        resolve(PICTURE * 255)


def test_pictures_of_other_kinds_become_arrays():
    gray = np.asarray(Image.new("L", (8, 8), 51))
    np.testing.assert_allclose(
        resolve(gray).restore(RestorationInput(ft.Photo("hopper"), (8, 8)), (8, 8), None, 0, print).image, 0.2
    )


def test_no_two_modules_define_a_class_or_a_type_of_the_same_name():
    found: Counter[str] = Counter()
    for path in Path(ft.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and path.parent.name in ("frannet", "restorers"):
                found[node.name] += 1
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] += node.targets[0].id in ("Progress", "Colours")
    assert [name for name, times in found.items() if times > 1] == []


@pytest.mark.parametrize("reference", ["itself", None, 1 - PICTURE])
@pytest.mark.parametrize("region", [None, ft.Region(0.25, 0, 0.5, 0.5)])
def test_original_is_the_photo_itself_whatever_is_measured_against(reference, region):
    photo = ft.Photo(PICTURE, "whole", reference)
    made = ft.compare(photo, ["original", "Original"], size=(12, 8), region=region)
    for title in made.titles:
        np.testing.assert_array_equal(made[title].image, photo.resample((12, 8), region))


class Dims:
    """An object with a `restore` method and nothing else."""

    def restore(self, given: Any, size: Any, region: Any, seed: int, progress: Any) -> Restoration:
        return Restoration(given.picture / 2, 0.0, 0)


def test_an_object_with_a_restore_method_alone_is_a_restorer():
    compared = ft.compare("hopper", [Dims()], size=16)
    assert compared.titles == ["Dims"]
    np.testing.assert_array_equal(compared["Dims"].image, compared.reference / 2)
    assert compared.recipe.to_dict()["columns"][0]["missing"] == "Dims is a Dims, which no recipe can name"


def test_a_class_derived_from_restorer_needs_its_restore_method_alone():
    class Halves(Dims, ft.Restorer):
        title = "halves"

    class Unwritten(ft.Restorer):
        title = "unwritten"

    compared = ft.compare("hopper", [Halves(), Unwritten()], size=16)
    np.testing.assert_array_equal(compared["halves"].image, compared.reference / 2)
    assert "Unwritten has no restore method" in compared.errors["unwritten"]
