"""The compiled kernel: the same answers as without it, made once, and never needed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft
from frantools import noise
from frantools.frannet.engine import compiled_tile, kernel
from frantools.frannet.engine.compiled_tile import POINT_STEPS, CompiledTile
from frantools.frannet.engine.grid_decoder import GridDecoder
from frantools.frannet.network.coordinate_model import predictor
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.sampling import setup
from frantools.frannet.sampling.schedule import make

RESTORE = """
import frantools as ft
from frantools.frannet.engine import kernel
from frantools.frannet.network.model import Config, FranNet
model = FranNet(Config("single-pass")).eval().requires_grad_(False)
assert ft.restore(model, ft.portraits()["hopper"], size=4).image.shape == (4, 4, 3)
print("compiled" if kernel.library() else "not compiled")
"""


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Switches all that is compiled off."""
    return lambda: [monkeypatch.setattr(module, "library", lambda: None) for module in (kernel, noise)] and None


needs_kernel = pytest.mark.skipif(kernel.library() is None, reason="needs a C++ compiler")


def model_of(objective: str) -> FranNet:
    torch.manual_seed(2)
    return FranNet(Config("diffusion", objective=objective)).eval().requires_grad_(False)


@needs_kernel
@pytest.mark.parametrize("objective", ["noise", "v"])
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-5), ("bfloat16", 0.1)])
@pytest.mark.parametrize(("rows", "start", "stop"), [(1, 0, 1), (1, 0, 48), (7, 3, 10), (5, 0, 131), (2, -1, 200)])
def test_the_kernel_answers_as_torch_does(without, objective, precision, near, rows, start, stop):
    """For tiles below, of and between whole strips, at any place in the grid."""
    dtype = getattr(torch, precision)
    model, columns, y = model_of(objective), torch.rand(131), torch.rand(rows)
    encoded = model.encode(ft.prepare_input(ft.portraits()["hopper"]))
    value = torch.randn(rows * len(columns[start:stop]), 3)
    compiled = GridDecoder(model, encoded, columns, dtype)
    assert compiled.compiled is not None
    output = compiled.tile(y, start, stop)(value, 40)
    without()
    reference = GridDecoder(model, encoded, columns, dtype)
    assert reference.compiled is None
    expected = reference.tile(y, start, stop)(value, 40)
    assert expected.std() > 0.01
    torch.testing.assert_close(output, expected, rtol=0, atol=near)
    assert (output - expected).square().mean().sqrt() < near / 5


def draws(count: int) -> Callable[..., torch.Tensor]:
    """A sampler's draws for so many points, the same ones each time that this is called."""
    generator = torch.Generator().manual_seed(1)
    return lambda *_: torch.randn(3, count, generator=generator).T


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Square roots in torch that are rounded correctly: those of its own library may be off in the last bit."""

    def length(v: torch.Tensor) -> torch.Tensor:
        return v.square().sum(dim=-1, keepdim=True).clamp(min=setup.MINIMUM_SQUARE).double().sqrt().float()

    monkeypatch.setattr(setup, "length", length)


WALKS = {
    **ft.SETUPS,
    "clipped": ft.Setup(K=30, clipping=(-1, 0.5)),
    "squared": ft.Setup(stochasticity=0.3, noise_stddev="squared"),
    "still": ft.Setup(noise_stddev="zero"),
    "quadratic": ft.Setup(stochasticity=0.7, steps="quadratic", noise_projection=False),
    "some": ft.Setup(start=60, stop=10, K=7),
}


@needs_kernel
@pytest.mark.parametrize("objective", ["noise", "v"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", WALKS)
@pytest.mark.parametrize("small", [False, True])
def test_compiled_sampling_gives_the_very_values_that_torchs_steps_give(
    rounded, monkeypatch, objective, precision, name, small
):
    """However many points and steps the compiled function is given at once."""
    if small:
        monkeypatch.setattr(compiled_tile, "NOISE_LIMIT", 5 * 185 * 3)
        monkeypatch.setattr(compiled_tile, "POINT_STEPS", 1)
    model, sampler = model_of(objective), WALKS[name]
    encoded = model.encode(ft.prepare_input(ft.portraits()["hopper"]))
    tile = GridDecoder(model, encoded, torch.rand(37), getattr(torch, precision)).tile(torch.rand(5))
    assert isinstance(tile, CompiledTile)
    start, message = torch.randn(3, 185).T, list[float]()
    result = tile.sample(start, sampler.kernel_coefficients(make()), draws(185), message.append)
    first = sampler.first_value(start, "diffusion")
    *_, last = sampler.sample(predictor(model.config, tile, make()), first, make(), draws(185))
    expected = last.x
    assert expected.std() > 0.01
    if torch.backends.cpu.get_cpu_capability() == "AVX2":  # elsewhere torch may round in other places
        assert torch.equal(result, expected)
    torch.testing.assert_close(result, expected, rtol=0, atol=5e-3)
    assert message == sorted(message)
    assert message[-1] == sampler.calls
    assert (len(message) > 1) == (small or sampler.calls > POINT_STEPS // 185)


@needs_kernel
def test_compiled_sampling_ends_soon_after_it_is_no_longer_wanted():
    model, calls = model_of("noise"), []
    tile = GridDecoder(model, model.encode(ft.prepare_input(ft.portraits()["hopper"])), torch.rand(99)).tile(
        torch.rand(99)
    )

    def stop(steps: float) -> None:
        calls.append(steps)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        tile.sample(torch.randn(99 * 99, 3), ft.SETUPS["A"].kernel_coefficients(make()), draws(99 * 99), stop)
    assert len(calls) == 1
    assert calls[0] < 2


@needs_kernel
@given(seed=st.integers(-(2**63), 2**63 - 1), draw=st.integers(0, 2000), count=st.integers(1, 100))
def test_the_kernel_draws_the_very_numbers_that_torch_draws(seed, draw, count):
    keys = noise.point_keys(seed, torch.rand(count).double(), torch.rand(count).double())
    compiled = noise.normal(keys, draw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, "library", lambda: None)
        expected = noise.normal(keys, draw)
    assert compiled.shape == (count, 3)
    assert torch.equal(compiled, expected)


@needs_kernel
@pytest.mark.parametrize(("units", "blocks", "channels"), [(32, 2, 3), (128, 1, 3), (64, 4, 1)])
def test_the_kernel_is_compiled_for_the_sizes_that_it_is_told(units, blocks, channels):
    """Against the same three layers and the sum in torch, over two rows of five points."""
    weights = {
        "first": torch.randn(blocks, units, 2 * channels) / 2,
        "hidden": torch.randn(blocks, 2, units, units) / units**0.5,
        "hidden_bias": torch.randn(blocks, 2, units),
        "out": torch.randn(blocks, channels, units) / units**0.5,
        "out_bias": torch.randn(blocks, channels),
        "local": torch.randn(blocks, units, units) / units**0.5,
        "columns": torch.randn(blocks, 5, units),
    }
    local, rows, time = torch.randn(10, units), torch.randn(2, blocks * units), torch.randn(blocks, units)
    value = torch.randn(10, channels)
    output = kernel.KernelBlocks(torch.float32, **weights).tile(local, rows, 0, 5)(value, time, True)
    total = value
    for k in range(blocks):
        place = weights["columns"][k] + rows.unflatten(1, (blocks, units))[:, k][:, None]
        read = torch.cat([value, total], dim=1) @ weights["first"][k].T + local @ weights["local"][k].T
        h = (read + place.flatten(0, 1) + time[k]).relu()
        for weight, bias in zip(weights["hidden"][k], weights["hidden_bias"][k], strict=True):
            h = (h @ weight.T + bias).relu()
        total = total + h @ weights["out"][k].T + weights["out_bias"][k]
    torch.testing.assert_close(output, total, rtol=1e-4, atol=1e-4)


def test_sizes_that_the_kernel_cannot_be_compiled_for_have_none():
    assert kernel.library(hidden=7) is None


@needs_kernel
def test_what_is_no_number_stays_none():
    model, columns = model_of("noise"), torch.rand(4)
    decoder = GridDecoder(model, model.encode(ft.prepare_input(ft.portraits()["hopper"])), columns)
    value = torch.zeros(4, 3)
    value[2, 1] = torch.nan
    assert decoder.tile(torch.rand(1))(value, 40).isfinite().all(dim=1).tolist() == [True, True, False, True]


@needs_kernel
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_torchs_default_number_does_not_reach_the_kernel(kind):
    model, picture = ft.load_model("diffusion-basic"), ft.portraits()["hopper"]
    usual = ft.restore(model, picture, size=20).image
    draws = noise.normal(torch.arange(50), 0)
    torch.set_default_dtype(kind)
    try:
        assert torch.equal(noise.normal(torch.arange(50), 0), draws)
        if kind == torch.float64:  # the model's own operations do not all take a default of bfloat16
            np.testing.assert_allclose(ft.restore(model, picture, size=20).image, usual, rtol=0, atol=1e-4)
    finally:
        torch.set_default_dtype(torch.float32)


@needs_kernel
def test_values_of_another_kind_are_taken_and_of_another_shape_refused():
    model, columns = model_of("noise"), torch.rand(4)
    output = GridDecoder(model, model.encode(ft.prepare_input(ft.portraits()["hopper"])), columns).tile(torch.rand(2))
    value = torch.randn(8, 3)
    assert torch.equal(output(value.double(), 40), output(value, 40))
    with pytest.raises(RuntimeError):
        output(torch.randn(9, 3), 40)


def test_neither_engine_gives_a_wrong_gradient(without):
    """The products of oneDNN have none: an answer that took part in a graph would have half a gradient."""
    model, columns, value = model_of("noise"), torch.rand(4), torch.randn(4, 3, requires_grad=True)
    encoded = model.encode(ft.prepare_input(ft.portraits()["hopper"]))
    with torch.enable_grad():
        assert not GridDecoder(model, encoded, columns).tile(torch.rand(1))(value, 40).requires_grad
        without()
        assert not GridDecoder(model, encoded, columns).tile(torch.rand(1))(value, 40).requires_grad


@pytest.mark.parametrize("name", ["A", "B", "DDIM"])
def test_without_the_kernel_restore_gives_the_same_picture(without, name):
    model, picture = ft.load_model("diffusion-basic"), ft.portraits()["hopper"]
    usual = ft.restore(model, picture, ft.SETUPS[name], size=20).image
    without()
    other = ft.restore(model, picture, ft.SETUPS[name], size=20).image
    np.testing.assert_allclose(other, usual, rtol=0, atol=1e-4)
    assert usual.std() > 0.01


def run(cache: Path, **environment: str) -> str:
    """What a new process says of the kernel, with a cache folder of its own."""
    result = {**os.environ, "XDG_CACHE_HOME": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", RESTORE], env=result, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def kernel_cache(tmp_path_factory) -> Path:
    """A cache folder with a compiled kernel."""
    cache = tmp_path_factory.mktemp("cache")
    assert run(cache) == "compiled"
    return cache


@needs_kernel
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
def test_the_compiled_kernel_is_cached(kernel_cache):
    assert sorted(path.suffix for path in (kernel_cache / "frantools").glob("kernel-*")) == [".sha256", ".so"]
    assert run(kernel_cache, CXX="no-such-compiler") == "compiled"
    assert run(kernel_cache, FRANTOOLS_KERNEL="off") == "not compiled"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_restore_works_where_nothing_compiles(tmp_path, compiler):
    assert run(tmp_path, CXX=compiler) == "not compiled"
    assert not list(tmp_path.rglob("*kernel*"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
def test_restore_works_where_nothing_can_be_kept(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    assert run(blocked) == "not compiled"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
@needs_kernel
def test_a_cache_that_others_may_write_to_is_not_loaded(kernel_cache, tmp_path):
    shutil.copytree(kernel_cache, tmp_path, dirs_exist_ok=True)
    (tmp_path / "frantools").chmod(0o777)
    assert run(tmp_path) == "not compiled"
    (tmp_path / "frantools").chmod(0o755)
    assert run(tmp_path) == "compiled"


OTHER = """
import torch, frantools as ft
from frantools import noise
from frantools.frannet.engine import kernel
model, picture = ft.load_model("diffusion-basic"), ft.portraits()["hopper"]
compiled, rounded = (ft.restore(model, picture, size=(30, 20), precision=p).image for p in ("float32", "bfloat16"))
strip = kernel.library().strip()
kernel.library = noise.library = lambda: None
print(strip, abs(compiled - ft.restore(model, picture, size=(30, 20)).image).max() < 1e-4)
print(1e-4 < abs(compiled - rounded).max() < 0.1)
"""


@needs_kernel
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="these are names of x86 processors")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
@pytest.mark.parametrize(("older", "strip"), [("haswell", 24), ("x86-64", 16)])
def test_the_kernel_of_an_older_processor_answers_alike(tmp_path, older, strip):
    if older == "haswell" and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("needs a processor with AVX2")
    result = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "CXXFLAGS": f"-march={older}"}
    done = subprocess.run([sys.executable, "-c", OTHER], env=result, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(strip), "True", "True"], done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
@needs_kernel
def test_a_damaged_cached_kernel_is_compiled_again(kernel_cache, tmp_path):
    shutil.copytree(kernel_cache, tmp_path, dirs_exist_ok=True)
    (path,) = (tmp_path / "frantools").glob("kernel-*.so")
    content = path.read_bytes()
    for damaged in (b"no library", content[:5000], content[:-1]):  # a truncated library crashes Python
        path.write_bytes(damaged)
        assert run(tmp_path, CXX="no-such-compiler") == "not compiled"
    assert run(tmp_path) == "compiled"


WITHOUT_HOME = (
    """
import os, pwd
for name in [name for name in os.environ if name == "HOME" or name.startswith("XDG_")]:
    del os.environ[name]
def unknown(user):
    raise KeyError(user)
pwd.getpwuid = pwd.getpwnam = unknown
"""
    + RESTORE
)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is compiled there")
@pytest.mark.parametrize("setup_code", ["", "compiler.user_cache_path = lambda name: compiler.Path('~') / name"])
def test_a_user_without_a_home_has_a_cache_among_the_temporary_files(tmp_path, setup_code):
    """Whether the library that looks for the cache folder raises then, or answers a path that begins with ~."""
    temporary, current = tmp_path / "temporary", tmp_path / "current"
    temporary.mkdir()
    current.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    code = f"from frantools.system import compiler\n{setup_code}\n{WITHOUT_HOME}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=current, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(current.iterdir())
    cached = list(temporary.glob("frantools-*/kernel-*.so"))
    assert done.stdout.strip() == ("compiled" if cached else "not compiled")
    assert bool(cached) == (kernel.library() is not None)


def test_noise_imports_nothing_of_the_network():
    code = "import sys, frantools.noise; print([name for name in sys.modules if name.startswith('frantools.frannet')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
