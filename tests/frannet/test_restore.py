"""The engine: the same colours however the work is cut, few resources, and a clean end."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import frantools as ft
from frantools import noise
from frantools.frannet.engine import arguments, kernel, pictures
from frantools.frannet.network.model import Config, FranNet
from frantools.photos.regions import points

QUICK = ft.Setup(K=99)  # three calls


def random_model(restorator: str) -> FranNet:
    """A model that knows x and y, with open gates, so that all inputs of the decoder count."""
    torch.manual_seed(0)
    model = FranNet(Config(restorator)).eval().requires_grad_(False)
    for encoding in (model.position, model.time):
        for parameter in (encoding.gate, encoding.delta, encoding.bias):
            parameter.normal_()
    return model


@pytest.fixture(scope="module")
def diffusion() -> FranNet:
    return random_model("diffusion")


@pytest.fixture(scope="module")
def single() -> FranNet:
    return random_model("single-pass")


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return ft.portraits()["hopper"]


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts the number of threads back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def restore_plainly(
    model: FranNet, image: np.ndarray, setup: ft.Setup | None, size: Any, region: ft.Region, seed: int
) -> np.ndarray:
    """What `restore` must equal: the network's own decoder, all points at once."""
    grid = points(size, region)
    near = grid.float()[None]
    latents = model.latents(model.encode(ft.prepare_input(image)), near)
    if setup is None:
        values = model.decode(latents, near, None, torch.zeros(1, len(grid), 3))
    else:
        keys, draws = noise.point_keys(seed, grid[:, 0], grid[:, 1]), count()
        values = ft.samplers.sample(
            lambda value, t: model.decode(latents, near, t, value),
            noise.normal(keys, next(draws))[None],
            ft.schedule.make("cosine"),
            setup,
            noise=lambda shape: noise.normal(keys, next(draws)).view(shape),
        )
    width, height = size
    return (values.view(height, width, 3) / 2 + 0.5).clamp(0, 1).numpy()


SETUPS = [
    *(pytest.param(setup, id=name) for name, setup in ft.SETUPS.items()),
    pytest.param(ft.Setup(stochasticity=0.5, K=10, noise_projection=False, noise_stddev="squared"), id="squared"),
    pytest.param(ft.Setup(steps="quadratic", clipping=(-1, 1)), id="quadratic, clipped"),
]


@pytest.fixture(params=["compiled", "not compiled"])
def either_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine with its compiled kernel, and without."""
    if request.param == "not compiled":
        monkeypatch.setattr(kernel, "library", lambda: None)
        monkeypatch.setattr(noise, "library", lambda: None)
    elif kernel.library() is None:
        pytest.skip("needs a C++ compiler")


@pytest.mark.usefixtures("either_engine")
@pytest.mark.parametrize("setup", SETUPS)
def test_restore_equals_the_plain_implementation(diffusion, portrait, setup):
    size, region = (24, 40), ft.Region(0.1, 0.3, 0.7, 0.6)
    restored = ft.restore(diffusion, portrait, setup, size, region, seed=5)
    np.testing.assert_allclose(
        restored.image, restore_plainly(diffusion, portrait, setup, size, region, 5), rtol=0, atol=1e-4
    )
    assert restored.image.std() > 0.01, "a flat picture would prove nothing"
    assert restored.calls == setup.calls


@pytest.mark.usefixtures("either_engine")
def test_restore_equals_the_plain_implementation_in_a_single_pass(single, portrait):
    size, region = (24, 40), ft.Region(0.1, 0.3, 0.7, 0.6)
    restored = ft.restore(single, portrait, None, size, region)
    np.testing.assert_allclose(
        restored.image, restore_plainly(single, portrait, None, size, region, 0), rtol=0, atol=1e-5
    )
    assert restored.calls == 1


@pytest.mark.usefixtures("either_engine")
@pytest.mark.parametrize("kind", ["single-pass", "diffusion"])
def test_restore_equals_the_plain_implementation_for_frannets_own_weights(random_models, portrait, kind):
    model, size, region = random_models[kind], (16, 16), ft.Region.full()
    setup = ft.SETUPS["A"] if kind == "diffusion" else None
    restored = ft.restore(model, portrait, setup, size)
    np.testing.assert_allclose(
        restored.image, restore_plainly(model, portrait, setup, size, region, 0), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("tile", [40, 300, 10**6])
def test_the_tile_size_does_not_change_the_picture(diffusion, portrait, monkeypatch, tile):
    usual = ft.restore(diffusion, portrait, size=(48, 37)).image
    monkeypatch.setattr(pictures, "TILE_POINTS", (tile, tile))
    np.testing.assert_allclose(ft.restore(diffusion, portrait, size=(48, 37)).image, usual, rtol=0, atol=1e-5)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_number_of_threads_does_not_change_the_picture(diffusion, portrait, monkeypatch, threads, number):
    monkeypatch.setattr(pictures, "TILE_POINTS", (200, 200))
    usual = ft.restore(diffusion, portrait, size=48).image
    torch.set_num_threads(number)
    np.testing.assert_array_equal(ft.restore(diffusion, portrait, size=48).image, usual)


@settings(max_examples=10)
@given(st.integers(0, 31), st.integers(0, 31), st.integers(1, 32), st.integers(1, 32))
def test_a_region_is_coloured_as_in_the_whole_picture(left, top, width, height):
    model, portrait = random_model("diffusion"), ft.portraits()["astronaut"]
    width, height = min(width, 32 - left), min(height, 32 - top)
    whole = ft.restore(model, portrait, QUICK, size=32, seed=3).image
    region = ft.Region(left / 32, top / 32, width / 32, height / 32)
    part = ft.restore(model, portrait, QUICK, size=(width, height), region=region, seed=3).image
    np.testing.assert_allclose(part, whole[top : top + height, left : left + width], rtol=0, atol=1e-5)


def test_the_same_seed_makes_the_same_picture_and_another_seed_another(diffusion, portrait):
    first, again, other = (ft.restore(diffusion, portrait, size=32, seed=seed).image for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 1e-4


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_any_whole_number_is_a_seed(diffusion, portrait, seed):
    assert np.isfinite(ft.restore(diffusion, portrait, QUICK, size=4, seed=seed).image).all()


def test_restorations_side_by_side_equal_those_one_after_the_other(diffusion, portrait):
    alone = [ft.restore(diffusion, portrait, QUICK, size=64, seed=seed).image for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: ft.restore(diffusion, portrait, QUICK, 64, seed=seed).image, range(4)))
    np.testing.assert_array_equal(alone, together)


def test_the_recipe_makes_the_same_picture_again(diffusion, portrait):
    setup = ft.Setup(K=30, clipping=(-1, 1))
    result = ft.restore(diffusion, portrait, setup, (20, 10), ft.Region(0.2, 0.2, 0.2, 0.4), seed=9)
    recipe = json.loads(json.dumps(dict(result.recipe)))
    again = ft.restore(
        diffusion,
        portrait,
        ft.Setup(**recipe["setup"]),
        tuple(recipe["size"]),
        ft.Region(*recipe["region"]),
        recipe["seed"],
        recipe["precision"],
    )
    np.testing.assert_array_equal(again.image, result.image)
    assert again.recipe == result.recipe


def test_bfloat16_is_close_to_float32(diffusion, single, portrait):
    for model, setup in ((diffusion, ft.SETUPS["B"]), (single, None)):
        exact, rounded = (ft.restore(model, portrait, setup, 32, precision=p).image for p in ("float32", "bfloat16"))
        assert 0 < np.abs(exact - rounded).mean() < 0.01


@pytest.mark.parametrize("setup", ft.SETUPS)
def test_bfloat16_changes_the_loss_by_less_than_a_hundredth(setup):
    model, portraits = ft.load_model("diffusion-basic"), list(ft.portraits().values())
    exact, rounded = (
        ft.evaluate(model, portraits, ft.SETUPS[setup], size=48, precision=precision).mse
        for precision in ("float32", "bfloat16")
    )
    assert rounded != exact
    assert abs(rounded / exact - 1) < 0.01


def test_auto_precision_is_one_of_the_two_and_the_recipe_says_which(single, portrait):
    result = ft.restore(single, portrait, size=16, precision="auto")
    assert result.recipe["precision"] in ("float32", "bfloat16")
    named = ft.restore(single, portrait, size=16, precision=result.recipe["precision"])
    np.testing.assert_array_equal(result.image, named.image)


def test_a_single_pass_model_refuses_a_setup(single, portrait):
    with pytest.raises(ValueError, match="no sampler"):
        ft.restore(single, portrait, ft.Setup(), size=8)


def test_a_diffusion_model_without_a_setup_is_sampled_with_b(diffusion, portrait):
    default, b = (ft.restore(diffusion, portrait, setup, size=8) for setup in (None, ft.SETUPS["B"]))
    np.testing.assert_array_equal(default.image, b.image)
    assert default.recipe == b.recipe


def test_floats_bytes_and_the_prepared_input_are_restored_alike(single, portrait):
    usual = ft.restore(single, portrait, size=16).image
    np.testing.assert_array_equal(ft.restore(single, portrait / 255, size=16).image, usual)
    np.testing.assert_array_equal(ft.restore(single, ft.prepare_input(portrait), size=16).image, usual)


@pytest.mark.parametrize(("size", "shape"), [(1, (1, 1, 3)), (7, (7, 7, 3)), ((5, 3), (3, 5, 3)), ([2, 4], (4, 2, 3))])
def test_a_size_is_pixels_a_side_or_width_and_height(diffusion, single, portrait, size, shape):
    for model, setup in ((diffusion, QUICK), (single, None)):
        image = ft.restore(model, portrait, setup, size).image
        assert image.shape == shape
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize("size", [0, -1, 16385, 1.5, True, "64", None, (64,), (1, 2, 3), (0, 4), (4, 2.0)])
def test_other_sizes_are_refused(single, portrait, size):
    with pytest.raises(ValueError, match="size must be an integer or"):
        ft.restore(single, portrait, size=size)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": 1.5}, "must be an integer"),
        ({"seed": True}, "must be an integer"),
        ({"precision": "half"}, "must be 'float32', 'bfloat16' or 'auto', got 'half'"),
    ],
)
def test_other_wrong_values_are_refused(diffusion, portrait, wrong, message):
    with pytest.raises(ValueError, match=message):
        ft.restore(diffusion, portrait, size=8, **wrong)


def test_a_model_in_training_mode_is_refused_and_stays_as_it_is(portrait):
    model = ft.load_model("single-basic").train()
    before = model.encoder.normalise.running_mean.clone()
    with pytest.raises(ValueError, match=r"the model is in training mode; call model\.eval\(\)"):
        ft.restore(model, portrait, size=8)
    assert torch.equal(model.encoder.normalise.running_mean, before)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"what": "nosuch"}, "'nosuch' is not a known restorer"),
        ({"setup": "C"}, "unknown setup 'C'; accepted: .*DDPM, DDIM, A, B.*, and schedulers"),
        (
            {"setup": 7},
            r"setup must be a Setup, such as SETUPS\['B'\], an AutoregressiveSetup, a SchedulerSetup or .*, got 7",
        ),
        ({"region": (0.2, 0.2, 0.2, 0.4)}, r"region must be a Region\(x, y, width, height\), got \(0.2, "),
        ({"photo": torch.full((1, 1, 64, 64), torch.nan)}, r"the network's input has 4,096 values that are NaN"),
        ({"photo": torch.full((1, 1, 64, 64), 255.0)}, r"the network's input leaves \[-1, 1\]"),
    ],
)
def test_what_is_of_another_kind_is_told(diffusion, portrait, wrong, message):
    with pytest.raises(ValueError, match=message):
        ft.restore(**{"what": diffusion, "photo": portrait, "size": 4, **wrong})


def test_weights_of_another_precision_are_refused(portrait):
    with pytest.raises(ValueError, match=r"the model's weights must be torch.float32, got torch.float64"):
        ft.restore(ft.load_model("single-basic").double(), portrait, size=4)


def test_an_input_that_has_a_gradient_is_restored(single, portrait):
    x = ft.prepare_input(portrait)
    np.testing.assert_array_equal(
        ft.restore(single, x.clone().requires_grad_(), size=8).image, ft.restore(single, x, size=8).image
    )


@pytest.mark.filterwarnings("error")
def test_a_picture_that_may_not_be_written_to_is_restored(single, portrait):
    fixed = portrait.copy()
    fixed.flags.writeable = False
    np.testing.assert_array_equal(ft.restore(single, fixed, size=8).image, ft.restore(single, portrait, size=8).image)


@pytest.mark.usefixtures("either_engine")
@pytest.mark.parametrize("size", [(1, 300), (300, 1), (3, 100), (5, 7)])
def test_a_narrow_picture_equals_the_plain_implementation(diffusion, portrait, size):
    setup = ft.Setup(K=50)
    result = ft.restore(diffusion, portrait, setup, size).image
    np.testing.assert_allclose(
        result, restore_plainly(diffusion, portrait, setup, size, ft.Region.full(), 0), rtol=0, atol=1e-4
    )


def test_progress_never_falls_and_ends_at_one(diffusion, portrait, monkeypatch):
    monkeypatch.setattr(pictures, "TILE_POINTS", (1000, 1000))
    shares: list[float] = []
    callers: set[int] = set()

    def progress(share: float) -> None:
        shares.append(share)
        callers.add(threading.get_ident())

    ft.restore(diffusion, portrait, ft.SETUPS["A"], size=96, progress=progress)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any(0 < share < 1 for share in shares), "it reports while it works"
    assert callers == {threading.get_ident()}


def test_what_progress_raises_ends_the_work_at_once_and_leaves_no_thread(diffusion, portrait, threads):
    torch.set_num_threads(2)
    before = set(threading.enumerate())

    shares = []

    def stop(share: float) -> None:
        shares.append(share)
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        ft.restore(diffusion, portrait, ft.SETUPS["A"], size=2048, progress=stop)  # minutes, if it went on
    assert len(shares) == 1
    assert shares[0] < 0.1, "or the work had been done"
    assert set(threading.enumerate()) == before
    assert torch.get_num_threads() == 2


def test_a_failure_in_a_tile_is_raised_and_ends_the_work(diffusion, portrait, monkeypatch):
    monkeypatch.setattr(noise, "normal", lambda keys, draw: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ft.restore(diffusion, portrait, size=512)


def test_the_number_of_threads_stays_that_of_the_user_in_old_and_new_threads(diffusion, portrait, threads):
    torch.set_num_threads(3)
    numbers = []

    def work() -> None:
        ft.restore(diffusion, portrait, QUICK, size=128)
        numbers.append(torch.get_num_threads())

    work()
    for _ in range(2):
        fresh = threading.Thread(target=work)
        fresh.start()
        fresh.join()
    assert numbers == [3, 3, 3]
    assert torch.get_num_threads() == 3


MEMORY = """
import resource, torch, frantools as ft
from frantools.frannet.network.model import Config, FranNet
torch.set_num_threads(2)
model, portrait, peaks = FranNet(Config("single-pass")).eval(), ft.portraits()["hopper"], []
for size in (256, 1024):
    ft.restore(model, portrait, size=size)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT)
print(peaks[1] - peaks[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module, which Windows does not have")
def test_memory_stays_flat_as_the_size_grows():
    code = MEMORY.replace("UNIT", "1" if sys.platform == "darwin" else "1024")  # macOS counts bytes
    growth = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    output = 1024 * 1024 * 3 * 4
    assert growth < output + 32_000_000, "one row of hidden numbers for each point would take 268 MB"


def test_restorations_are_compared_by_identity(single, portrait):
    first, again = (ft.restore(single, portrait, size=8) for _ in range(2))
    assert first != again
    assert first == first


def test_numpys_whole_numbers_are_seeds(diffusion, portrait):
    result = ft.restore(diffusion, portrait, QUICK, size=4, seed=np.int64(3))
    assert type(result.recipe["seed"]) is int
    np.testing.assert_array_equal(result.image, ft.restore(diffusion, portrait, QUICK, size=4, seed=3).image)


@pytest.mark.parametrize(
    "x", [torch.zeros(1, 1, 32, 32), torch.zeros(64, 64), torch.zeros(2, 1, 64, 64), torch.zeros(1, 1, 64, 64).int()]
)
def test_a_tensor_that_is_no_input_of_the_network_is_refused(single, x):
    with pytest.raises(ValueError, match=r"the network's input must be floats of shape \(1, 1, 64, 64\)"):
        ft.restore(single, x, size=8)


@pytest.mark.parametrize(("device", "native"), [("cuda", True), ("cpu", None), ("meta", False)])
def test_auto_precision_is_that_of_the_device(device, native):
    native = arguments._has_native_bfloat16() if native is None else native
    assert arguments.resolve_precision("auto", torch.device(device)) == ("bfloat16" if native else "float32")


def test_bfloat16_works_on_a_processor_without_it():
    code = """
import numpy, torch, frantools as ft
from frantools.frannet.engine.fast_decoder import has_fused_linear
from frantools.frannet.network.model import Config, FranNet
assert not has_fused_linear(torch.device("cpu"), torch.bfloat16), "the processor is not as old as it should seem"
for kind in ("diffusion", "single-pass"):
    model = FranNet(Config(kind)).eval().requires_grad_(False)
    assert numpy.isfinite(ft.restore(model, ft.portraits()["hopper"], size=4, precision="bfloat16").image).all()
"""
    old = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "FRANTOOLS_KERNEL": "off"}
    done = subprocess.run([sys.executable, "-c", code], env=old, capture_output=True, text=True, check=False)
    if "not as old as it should seem" in done.stderr:
        pytest.skip("needs a processor that oneDNN can be told to take for an older one")
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("either_engine")
@pytest.mark.parametrize("features", ["note", "gray", "fine"])
@pytest.mark.parametrize(
    ("restorator", "objective"), [("single-pass", "noise"), ("diffusion", "noise"), ("diffusion", "v")]
)
def test_the_engine_gives_what_the_definition_of_a_residual_model_gives(restorator, objective, features):
    from frantools import noise
    from frantools.frannet.network.coordinate_model import predictor
    from frantools.frannet.network.model import Config, FranNet
    from frantools.frannet.sampling import schedule
    from frantools.photos.regions import points

    torch.manual_seed(1)
    model = FranNet(Config(restorator, target="residual", features=features, objective=objective)).eval()
    x, at = ft.prepare_input(ft.portraits()["hopper"]), points(24)
    setup = ft.Setup() if model.setup else None
    with torch.inference_mode():
        encoded, where = model.encode(x), at.float()[None]
        latents = model.latents(encoded, where)
        if setup is None:
            values = model.decode(latents, where, None, torch.zeros(1, len(at), 3))
        else:
            keys, diffusion = noise.point_keys(0, *at.unbind(-1)), schedule.make()
            draws = (noise.normal(keys, number) for number in range(99))
            predict = predictor(model.config, lambda v, t: model.decode(latents, where, t, v[None])[0], diffusion)
            *_, last = setup.sample(predict, next(draws), diffusion, lambda _: next(draws))
            values = last.x[None]
        expected = (model.to_colour(values, model.base(encoded, where)) / 2 + 0.5).clamp(0, 1).view(24, 24, 3)
    result = ft.restore(model, x, setup, size=24).image
    assert result.std() > 0.01
    np.testing.assert_allclose(result, expected.numpy(), atol=1e-4)


def test_a_preview_of_a_photo_is_prepared_once_for_all_setups_and_anew_for_other_weights(monkeypatch, portrait) -> None:
    photo, model = ft.Photo(portrait, "square"), FranNet(Config("diffusion")).eval().requires_grad_(False)
    encoded: list[Any] = []
    encode = pictures.encode
    monkeypatch.setattr(pictures, "encode", lambda *given: encoded.append(given) or encode(*given))

    def result(setup: str, size: int = 48) -> np.ndarray:
        return ft.compare(photo, [ft.Column("it", model, setup)], size=size)["it"].image

    first, other = result("B"), result("B:stochasticity=0.5")
    assert len(encoded) == 1
    np.testing.assert_array_equal(first, ft.restore(model, portrait, "B", size=48).image)
    np.testing.assert_array_equal(other, ft.restore(model, portrait, "B:stochasticity=0.5", size=48).image)
    assert len(encoded) == 3
    result("B", 72)
    result("B", 72)
    assert len(encoded) == 5, "larger ones would take too much memory"
    assert ft.Photo(pickle.loads(pickle.dumps(photo))).sha256 == photo.sha256, "and it can be sent"
    with torch.no_grad():
        next(iter(model.buffers())).add_(0.5)
    changed = result("B")
    assert len(encoded) == 6
    np.testing.assert_array_equal(changed, ft.restore(model, portrait, "B", size=48).image)
    assert not np.array_equal(changed, first)
