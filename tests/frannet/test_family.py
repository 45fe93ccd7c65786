"""FranNet's whole family: networks, samplers and ablations against its own arrays, and in pictures."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft
from frantools import cli
from frantools.frannet.engine import kernel
from frantools.frannet.engine.pictures import make_grid_decoder
from frantools.frannet.engine.plain_decoder import PlainDecoder
from frantools.frannet.engine.points import prepare_points, sample_prepared_points
from frantools.frannet.engine.trajectory import trace
from frantools.frannet.network.ablations import random_positions
from frantools.frannet.network.config import Config
from frantools.frannet.network.extractors import CombinedExtractor, Neighbourhood
from frantools.frannet.network.model import FranNet
from frantools.frannet.sampling.autoregressive import FRANNET_DEFAULT
from frantools.frannet.sampling.named_setups import named_setup, setup_from_dict
from frantools.frannet.sampling.schedule import make, steps
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos.regions import axes

HERE = Path(__file__).parents[1] / "data/family"
SHARED = Path(__file__).parents[3] / "shared/family"
SMALL = ("small-constant-shared", "small-global-only", "small-local-only")
OTHERS = (
    "ddim-v-residual-gray-bgr",
    "direction",
    "direction-complex-hsv",
    "direction-gray-yiq",
    "direction-v2-residual-lab",
    "interpolant-fixed-yuv",
    "single-v2-fixed-hsl",
)
CONTEXTS = {"Both": "both", "Only local": "local", "Only global": "global"}


class Member:
    """A model of the family, and the arrays that FranNet made with it."""

    def __init__(self, name: str) -> None:
        folder = HERE if name in SMALL else SHARED
        self.name, self.stem = name, folder / name
        self.model = ft.load_model(f"{self.stem}.h5", config=f"{self.stem}.json")
        self.arrays = dict(np.load(f"{self.stem}.npz"))
        self.samples = [s for s in json.loads(Path(f"{self.stem}.samples.json").read_text()) if "index" in s]
        self.x = self.tensor("input").permute(0, 3, 1, 2)
        self.points = self.tensor("pos")[None].expand(2, -1, -1)
        self.hue = self.model.config.colours in ("hsv", "hsl")

    def tensor(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[key])


@cache
def member(name: str) -> Member:
    if name not in SMALL and not SHARED.is_dir():
        pytest.skip("needs ../shared/family (the full golden set), which is not in the repository")
    return Member(name)


@pytest.fixture(params=SMALL + OTHERS)
def member_data(request: pytest.FixtureRequest) -> Member:
    return member(request.param)


@pytest.fixture(params=SMALL)
def small(request: pytest.FixtureRequest) -> Member:
    return member(request.param)


def close(got: torch.Tensor, want: np.ndarray, tolerance: float, hue: bool = False) -> None:
    error = np.abs(got.numpy().reshape(want.shape) - want) / max(1.0, want.std())
    # A float32 step of the squeezed hue is 6e-5 in a channel: a few points of hsv and hsl may be further off.
    assert max(np.quantile(error, 0.85), error.max() / 20) < tolerance if hue else error.max() < tolerance


def setup_of(sample: dict[str, Any], default: Any) -> Any:
    """A sample's settings over the model's own."""
    if "ar" in sample:
        names = {"convergeThreshold": "converge_threshold", "noise": "noise_stddev"}
        return ft.AutoregressiveSetup(**{names.get(name, name): value for name, value in sample["ar"].items()})
    if isinstance(default, ft.AutoregressiveSetup) or default is None:
        return default
    changes: dict[str, Any] = {"start": sample.get("startStep"), "stop": sample.get("endStep")}
    names = {"noise": "noise_stddev", "projectNoise": "noise_projection", "eta": "stochasticity"}
    for name, value in sample.get("ddim", {}).items():
        if name == "steps":
            changes |= {"steps": value["name"], "K": value.get("K", 1)}
        elif name == "clipping":
            changes["clipping"] = value and (value["min"], value["max"])
        else:
            changes[names[name]] = value
    return dataclasses.replace(default, **changes)


# The network


def test_networks_are_frannets(member_data: Member) -> None:
    with torch.no_grad():
        encoded = member_data.model.encode(member_data.x)
        close(encoded.context, member_data.arrays["context"], 1e-4)
        latents = member_data.model.latents(encoded, member_data.points)
        close(latents, member_data.arrays["latents"], 2e-4)
        for index, time in enumerate(member_data.arrays["times"]):
            got = member_data.model.decode(latents, member_data.points, float(time), member_data.tensor("initial"))
            close(got, member_data.arrays[f"answer/{index}"], 2e-4)
            encoding = member_data.model.encode_time(float(time))
            close(encoding, member_data.arrays["time-encoding"][index], 4e-4)
        close(
            member_data.model.encode_position(member_data.points),
            np.tile(member_data.arrays["position-encoding"].reshape(-1, 48, encoding_width(member_data)), (2, 1, 1))[
                :2
            ],
            4e-4,
        )


def encoding_width(member_data: Member) -> int:
    return sum(member_data.model.coordinate_parts[:-1])


@pytest.mark.parametrize("name", ["small-constant-shared", "direction-complex-hsv"])
def test_extractors_are_frannets(name: str) -> None:
    of = member(name)
    extractor = of.model.local
    assert isinstance(extractor, CombinedExtractor)
    with torch.no_grad():
        maps = of.model.encode(of.x).maps
        for index, part in enumerate(extractor.parts):
            close(part(maps, of.points), of.arrays[f"extractor{index}"], 1e-4)
            if isinstance(part, Neighbourhood):
                patches = part.patches(maps, of.points)[0, :8].permute(0, 2, 3, 1)
                close(patches, of.arrays[f"extractor{index}/patches"], 1e-4)


def test_steps_are_whole_numbers_and_times_are_not(small: Member) -> None:
    model, last = small.model, small.model.config.steps - 1
    assert torch.equal(model.encode_time(last), model.encode_time(1.0))
    assert torch.equal(model.encode_time(torch.tensor([last])), model.encode_time(torch.tensor([1.0])))
    assert not torch.equal(model.encode_time(1), model.encode_time(1.0))
    assert torch.equal(model.encode_time(None), model.encode_time(0.0))
    beyond = (last + 1, -1, torch.tensor([0, last + 1]), torch.tensor([[0.5, 1.5]]), np.int64(last + 1))
    for wrong in (True, 1.5, -0.1, float("nan"), np.bool_(True), "3", *beyond):
        with pytest.raises(ValueError, match=r"t must be a diffusion step, an integer from 0 to .*, or a time"):
            model.encode_time(wrong)


# Samples


def test_samples_are_frannets(member_data: Member) -> None:
    for sample in member_data.samples:
        rows: Iterator[np.ndarray] = iter(member_data.arrays["noise"])
        calls: list[tuple[int, ...]] = []

        def draw(shape: tuple[int, ...], rows: Any = rows, calls: Any = calls) -> torch.Tensor:
            calls.append(shape)
            return torch.from_numpy(next(rows)).reshape(shape)

        off, ablation = sample.get("ablation"), None
        if off is not None:
            random = member_data.arrays["uniform"][0].reshape(2, 48, 2) if off.get("randomizePositions") else None
            ablation = ft.Ablation(CONTEXTS[off["context"]], off["maps"], random)
        none = sample.get("drawn") or sample.get("initial") is False
        got = ft.sample_points(
            member_data.model,
            member_data.x,
            member_data.arrays["pos"][None].repeat(2, 0),
            setup_of(sample, member_data.model.setup),
            None if none else member_data.arrays["initial"],
            draw,
            ablation,
        )
        close(
            got, member_data.arrays[f"sample/{sample['index']}/out"], 3e-4 if member_data.hue else 1e-4, member_data.hue
        )
        settled = sample.get("ar", {}).get("threshold") != 0  # at 0 a point is done at a distance of exactly 0
        assert len(calls) <= sample["normal_draws"] or not settled, "FranNet draws also where nothing is added"
        assert set(calls) <= {(2, 48, 3)}


@pytest.mark.parametrize("name", ["small-global-only", "single-v2-fixed-hsl"])
def test_pictures_are_frannets(name: str) -> None:
    of = member(name)
    for key, size, region in (("region7", 7, ft.Region(0.2, 0.2, 0.2, 0.4)), ("grid8", 8, ft.Region.full())):
        for index in range(2):
            result = ft.restore(of.model, of.x[index : index + 1], size=size, region=region).image
            close(torch.from_numpy(result) * 2 - 1, of.arrays[f"{key}/out"][index].clip(-1, 1), 5e-4, of.hue)


def test_a_diffusion_model_and_its_conversion_have_the_same_weights() -> None:
    of = member("interpolant-fixed-yuv")
    diffusion = ft.load_model(f"{of.stem}.h5", config=f"{of.stem}.diffusion.json")
    assert (diffusion.config.restorator, of.model.config.restorator) == ("diffusion", "interpolant")
    assert diffusion.setup == ft.SETUPS["B"] == of.model.setup
    whole = ft.Setup(0.0, 5, False, "zero", start=60, stop=10)
    for index, setup in enumerate([None, dataclasses.replace(ft.SETUPS["DDPM"], start=30, stop=5), whole]):
        rows = iter(of.arrays["noise"])
        draw = lambda shape, rows=rows: torch.from_numpy(next(rows)).reshape(shape)  # noqa: E731
        got = ft.sample_points(diffusion, of.x, of.points, setup, of.arrays["initial"], draw)
        close(got, of.arrays[f"diffusion/{index}/out"], 1e-4)


def test_decayed_shares_are_frannets() -> None:
    decayed = np.load(HERE / "decayed.npz")
    for key in sorted(decayed):
        if key.endswith("parameters"):
            start, end, count, decay = decayed[key].tolist()
            shares = ft.AutoregressiveSetup(start, end, int(count), decay).shares()
            of = key.removesuffix("parameters")
            np.testing.assert_allclose(shares[:-1], decayed[f"{of}T"], rtol=1e-6)
            np.testing.assert_allclose(shares[1:], decayed[f"{of}prevT"], rtol=1e-6)


def test_steps_may_begin_and_end_anywhere() -> None:
    whole = steps("uniform", 8)
    for got, want in zip(steps("uniform", 8, 100, 100, 0), whole, strict=True):
        assert got.tolist() == want.tolist()
    t, t_prev = steps("uniform", 20, 100, 60, 10)
    assert (t.tolist(), t_prev.tolist()) == ([59, 51, 31, 11, 10], [51, 31, 11, 10, 9])
    assert ft.Setup(K=20, start=60, stop=10).calls == 5
    assert ft.Setup(K=8, start=40).to_dict()["start"] == 40
    assert "start" not in ft.Setup().to_dict()
    for wrong in ({"start": 5, "stop": 5}, {"start": -1}, {"stop": 2.5}, {"start": 9, "steps": "quadratic"}):
        with pytest.raises(ValueError, match=r"must be|require"):
            ft.Setup(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="start must be above stop and at most 100"):
        _ = ft.Setup(start=101).calls


# The fast path and the plain one


@pytest.mark.parametrize("compiled", [True, False])
def test_both_paths_agree(member_data: Member, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(kernel, "is_available", lambda device: False)
    model, (columns, rows) = member_data.model, axes((20, 14), ft.Region(0.1, 0.3, 0.7, 0.6))
    for ablation in (ft.Ablation(), ft.Ablation("local", [1]), ft.Ablation("global")):
        with torch.inference_mode():
            encoded = ablation.apply(model, model.encode(member_data.x[:1]))
        fast, reference = make_grid_decoder(model, encoded, columns), PlainDecoder(model, encoded, columns)
        assert (type(fast) is PlainDecoder) == (member_data.name == "small-constant-shared")
        value = torch.randn(280, 3)
        for t in (0, 1, 1.0, 0.37):
            answers = [decoder.tile(rows.float())(value, t) for decoder in (fast, reference)]
            torch.testing.assert_close(*answers, rtol=0, atol=1e-5)
        torch.testing.assert_close(
            fast.colours(value, rows.float()),
            reference.colours(value, rows.float()),
            rtol=0,
            atol=1e-3 if member_data.hue else 1e-5,
        )


def test_points_are_those_of_the_picture(small: Member) -> None:
    x, setup = small.x[:1], quick(small.model)
    picture = ft.restore(small.model, x, setup, size=8, seed=3).image
    centres = (np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2) + 0.5) / 8
    result = sample_prepared_points(prepare_points(small.model, x, centres), setup, seed=3)
    np.testing.assert_allclose(result, picture.reshape(-1, 3), atol=1e-4)


def quick(model: FranNet) -> Any:
    """A setup of a model with few steps, or None."""
    if isinstance(model.setup, ft.AutoregressiveSetup):
        return dataclasses.replace(model.setup, steps=6)
    return model.setup and ft.Setup(K=30)


# Pictures


def test_every_setting_restores_pictures(member_data: Member) -> None:
    for sample in member_data.samples[:6]:
        setup = setup_of(sample, member_data.model.setup)
        result = ft.restore(member_data.model, member_data.x[:1], setup, size=6)
        assert np.isfinite(result.image).all()
        assert 1 <= result.calls <= (1 if setup is None else setup.calls)


def test_a_region_is_coloured_as_in_the_whole_picture(small: Member) -> None:
    setup = quick(small.model)
    for ablation in (None, ft.Ablation(positions="random")):
        whole = ft.restore(small.model, small.x[:1], setup, size=16, seed=2, ablation=ablation).image
        part = ft.Region(0.25, 0.5, 0.5, 0.5)
        result = ft.restore(small.model, small.x[:1], setup, size=8, region=part, seed=2, ablation=ablation).image
        np.testing.assert_allclose(result, whole[8:16, 4:12], atol=1e-4)


def test_a_trace_ends_in_the_restoration_and_keeps_what_is_done() -> None:
    of = member("small-local-only")
    result = trace(of.model, of.x[:1], of.model.setup, (8, 8), 0)  # type: ignore[arg-type]
    restored = ft.restore(of.model, of.x[:1], size=8)
    assert len(result.t) == len(result.value) == restored.calls < of.model.setup.calls  # type: ignore[union-attr]
    assert list(result.t) == list(range(restored.calls))[::-1]
    np.testing.assert_allclose(result.value[-1].astype(np.float32).clip(0, 1), restored.image, atol=1e-3)


def test_columns_and_recipes_hold_ablations_and_setups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(member("small-local-only").model, "local.safetensors")
    what = "./local.safetensors"
    columns = [
        ft.Column("as it is", what),
        ft.Column("no local context", what, ablation=ft.Ablation(context="global")),
        ft.Column("astray", what, "AR:steps=4", ablation=ft.Ablation(without=[1], positions="random")),
        ft.Column("of another kind", what, "B"),
    ]
    result = ft.compare("hopper", columns, size=12)
    assert list(result.errors) == ["of another kind"]
    assert "AutoregressiveSetup" in result.errors["of another kind"]
    images = [result[title].image for title in result]
    assert all(np.abs(images[0] - other).max() > 1e-3 for other in images[1:])
    for column in columns:
        assert ft.Column.from_dict(json.loads(json.dumps(column.to_dict()))) == column
    ft.save_figure(result.figure(), "made.png", result.recipe)
    recipe = ft.load_recipe("made.png")
    assert [column.settings for column in recipe.columns] == [column.settings for column in columns]
    held = ft.Column("held", member("small-local-only").model, ablation=ft.Ablation(positions=np.zeros((1, 1, 2))))
    assert "missing" in held.to_dict()


def test_the_command_line_imports_and_restores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for ending in (".h5", ".json"):
        shutil.copyfile(HERE / f"small-local-only{ending}", f"local{ending}")
    assert not cli.main(["import-keras", "local.h5"])
    command = "restore hopper --model local.safetensors --size 8 --out made.png"
    assert not cli.main(f"{command} --setup AR:steps=3 --noise-stddev zero".split())
    assert "3 network call(s)" in capsys.readouterr().out
    assert ft.load_recipe("made.png").columns[0].setup == dataclasses.replace(
        FRANNET_DEFAULT, steps=3, noise_stddev="zero"
    )
    assert cli.main(f"{command} --setup AR --K 3".split())
    assert "--K cannot be combined with AR" in capsys.readouterr().err


def test_an_autoregressive_restorer_says_what_it_costs() -> None:
    model = member("small-local-only").model
    restorer = ft.Column("x", model).resolve()
    assert restorer.random
    assert restorer.calls == 100  # type: ignore[attr-defined]
    assert restorer.cost is not None
    run_once = ft.Column("x", model, "AR:steps=1").resolve()
    assert run_once.cost is not None
    assert run_once.cost < restorer.cost < run_once.cost * 10, "about 15 steps of 100 are taken"


# Setups and configs


@given(
    start=st.floats(0.5, 2),
    end=st.floats(0, 0.5),
    count=st.integers(1, 200),
    decay=st.floats(0.1, 1),
    threshold=st.floats(0, 1),
    rule=st.sampled_from(["normal", "squared", "zero"]),
)
def test_autoregressive_setups_have_names(
    start: float, end: float, count: int, decay: float, threshold: float, rule: str
) -> None:
    setup = ft.AutoregressiveSetup(start, end, count, decay, threshold, noise_stddev=rule)
    assert named_setup(setup.name) == setup
    assert setup_from_dict(json.loads(json.dumps(setup.to_dict()))) == setup
    assert 1 <= setup.likely_calls <= count


def test_frannets_own_setup_is_ar() -> None:
    assert named_setup("AR") == FRANNET_DEFAULT == Config("direction").setup
    assert FRANNET_DEFAULT.name == "AR"
    assert FRANNET_DEFAULT.threshold == 0.001
    for wrong in ("AR:K=3", "AR:decay=2", "AR:start=0.1,end=0.2", "AR:steps=0", "AR:noise_stddev=loud"):
        with pytest.raises(ValueError, match=r"must be|has no K"):
            named_setup(wrong)


@pytest.fixture(scope="module")
def direction_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("direction") / "way.safetensors"
    save_model(member("small-local-only").model, path)
    return str(path)


@pytest.mark.parametrize(
    ("what", "setup"),
    [
        *product(["single-basic", "bicubic"], ["B", "AR:steps=2"]),
        *product(["direction"], ["B", "UniPCMultistep:3"]),
        ("diffusion-basic", "AR:steps=2"),
    ],
)
def test_a_setup_of_another_kind_is_refused_in_a_sentence_that_names_its_own(
    what: str, setup: str, direction_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever a setup is given."""
    autoregressive = setup.startswith("AR")
    what = direction_file if what == "direction" else what
    other_values = "autoregressive models" if autoregressive else "diffusion models, such as diffusion-basic and"
    sentence = rf"setup is {setup}, and .*(takes a|has no sampler).*; {setup} goes with {other_values}"
    column = ft.Column("x", what, setup)
    requests: list[Any] = [
        lambda: ft.restore(what, "hopper", setup, size=4),
        lambda: ft.evaluate(what, ["hopper"], setup, size=4),
        column.resolve,
        lambda: ft.sweep({"seed": [1, 2]}, ["hopper"], base=column, size=4),
        lambda: ft.sweep({"setup": [named_setup(setup)]}, ["hopper"], base=what, size=4),
    ]
    for ask in requests:
        with pytest.raises(ValueError, match=sentence):
            ask()
    result = ft.compare("hopper", ["input", column], size=4)
    assert re.search(sentence, result.errors["x"])
    out = str(tmp_path / "x.png")
    assert cli.main(["restore", "hopper", "--model", what, "--setup", setup, "--size", "4", "--out", out]) == 2
    assert re.search(sentence, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"model": "single-basic"}, r"model must be a FranNet, as load_model.* returns it, got 'single-basic'"),
        ({"model": torch.nn.Linear(2, 2)}, r"model must be a FranNet, as load_model.* returns it, got a Linear"),
        ({"x": "hopper"}, r"x must be a tensor or an array of numbers, got 'hopper'"),
        ({"x": torch.full((2, 1, 64, 64), 255.0)}, r"x must lie in \[-1, 1\], got 255 to 255"),
        ({"x": torch.full((2, 1, 64, 64), torch.nan)}, r"x must be finite"),
        ({"x": np.zeros((340, 340, 3))}, r"x must have shape \(B, 1, 64, 64\), got \(340, 340, 3\)"),
        ({"points": None}, r"points must be a tensor or an array of numbers, got None"),
        ({"points": [[1], [2, 3]]}, r"points must be a tensor or an array of numbers, got a list"),
        ({"points": torch.zeros(4, 2)}, r"points must have shape \(B, N, 2\), .*, got \(4, 2\)"),
        ({"points": torch.full((2, 4, 2), 1.5)}, r"points must lie in \[0, 1\], got 1.5 to 1.5"),
        ({"initial": "zero"}, r"initial must be a tensor or an array of numbers, got 'zero'"),
        ({"initial": torch.zeros(2, 48)}, r"initial must have shape \(2, 48, 3\), got \(2, 48\)"),
        ({"initial": np.full((2, 48, 3), np.inf)}, r"initial must be finite"),
        ({"noise": lambda shape: None}, r"noise must be a tensor or an array of numbers, got None"),
        ({"setup": "C"}, r"unknown setup 'C'; accepted: "),
        ({"setup": ft.AutoregressiveSetup}, r"setup must be a Setup, .*, got <class "),
        ({"ablation": "local"}, r"ablation must be an Ablation, .*, got 'local'"),
    ],
)
def test_points_that_cannot_be_sampled_are_refused_in_a_sentence(wrong: dict[str, Any], sentence: str) -> None:
    of = member("small-local-only")
    with pytest.raises(ValueError, match=f"^{sentence}"):
        ft.sample_points(**{"model": of.model, "x": of.x, "points": of.points, **wrong})


def test_points_are_sampled_under_a_setup_by_its_name() -> None:
    of = member("small-local-only")
    draw = lambda shape: torch.zeros(shape)  # noqa: E731
    setups = ("AR:steps=3", named_setup("AR:steps=3"))
    result, same = (ft.sample_points(of.model, of.x, of.points, setup, noise=draw) for setup in setups)
    assert torch.equal(result, same)


def test_an_autoregressive_setup_stands_for_its_own_model_in_a_sweep_too() -> None:
    if "direction-basic" not in ft.models():
        pytest.skip("direction-basic is not shipped yet")
    result = ft.sweep({"decay": [0.5, 0.6]}, ["hopper"], base=FRANNET_DEFAULT, size=4)
    assert {column.what for _, column in result.columns} == {"direction-basic"}


def test_what_does_not_go_together_is_refused() -> None:
    direction, single = member("small-local-only"), member("small-global-only")
    for of, setup in ((direction, ft.Setup()), (single, ft.AutoregressiveSetup())):
        with pytest.raises(ValueError, match=r"setup is .* and the .* model .*; .* goes with"):
            ft.sample_points(of.model, of.x, of.points, setup)
    array = ft.Ablation(positions=np.zeros((2, 48, 2)))
    with pytest.raises(ValueError, match=r"requires sample_points"):
        ft.restore(direction.model, direction.x[:1], size=4, ablation=array)
    with pytest.raises(ValueError, match=r"positions must have shape .*, got"):
        ft.sample_points(direction.model, direction.x, direction.points[:, :5], ablation=array)
    with pytest.raises(ValueError, match=r"noise must be a function"):
        ft.sample_points(direction.model, direction.x, direction.points, noise=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"noise must have shape .*, got \(7, 3\)"):
        ft.sample_points(direction.model, direction.x, direction.points, noise=lambda _: torch.zeros(7, 3))
    for wrong in ({"context": "none"}, {"without": [0]}, {"without": [12]}, {"without": "1"}, {"positions": "far"}):
        with pytest.raises(ValueError, match=r"must be|accepted are"):
            ft.Ablation(**wrong)  # type: ignore[arg-type]


def test_random_positions_are_uniform_and_belong_to_the_point() -> None:
    points = torch.rand(4000, 2)
    result = random_positions(points)
    assert torch.equal(random_positions(points[100:110]), result[100:110])
    counts, *_ = np.histogram2d(*result.numpy().T, bins=4, range=[[0, 1], [0, 1]])
    assert counts.sum() == 4000
    assert np.abs(counts - 250).max() < 80


def changed(name: str, place: str, value: Any, path: Path) -> Path:
    """The config of a model, with one setting changed."""
    config = json.loads((HERE / f"{name}.json").read_text())
    *parents, last = place.split(".")
    part = config
    for parent in parents:
        part = part[parent]
    part[last] = value
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("restorator.sampler.threshold", 0.0, "must be a number above 0"),
        ("restorator.sampler.interpolant.name", "spline", 'must be "direction"'),
        ("restorator.sampler.name", "Euler", 'must be "autoregressive" or "DDIM"'),
        (
            "renderer.position encoding",
            {"name": "learned", "N": 7},
            "bands must be even for a learned encoding, got 7",
        ),
        ("nerf.format", {"name": "lab", "illuminant": "D50"}, 'must be "rgb"'),
        ("nerf.extra latents", [{"name": "depth"}], 'must be "grayscale"'),
        ("encoder.head.local context", None, "extractors require a local context"),
        ("encoder.head.local context.activation", "maxout", 'must be "linear"'),
        ("encoder.contexts mixer.extractor.name", "attention", 'must be "interpolate"'),
        ("encoder.head.stride", 3, "is not supported"),
    ],
)
def test_what_frannet_cannot_run_is_refused(tmp_path: Path, place: str, value: Any, message: str) -> None:
    config = changed("small-local-only", place, value, tmp_path / "other.json")
    with pytest.raises(ValueError, match=message):
        ft.load_model(HERE / "small-local-only.h5", config=config)


def test_models_are_saved_and_loaded_as_they_are(member_data: Member, tmp_path: Path) -> None:
    save_model(member_data.model, tmp_path / "model.safetensors")
    loaded = ft.load_model(tmp_path / "model.safetensors")
    assert loaded.config == member_data.model.config
    assert loaded.setup == member_data.model.setup
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in member_data.model.state_dict().items())


def test_configs_of_the_shipped_models_are_what_they_were() -> None:
    for name in ft.models():
        config = ft.load_model(name).config
        assert set(config.to_dict()) == {
            "restorator",
            "position",
            "schedule",
            "target",
            "features",
            "objective",
            "steps",
        }
        assert config.setup == (None if config.restorator == "single-pass" else Config(config.restorator).setup)
    assert make().steps == 100
