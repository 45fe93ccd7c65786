"""The compiled kernel: the same answers as without it, made once, and never needed."""

from __future__ import annotations

import os
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
from frantools import kernel, noise
from frantools.engine import Decoder
from frantools.network import Config, FranNet

RESTORE = """
import frantools as ft
from frantools import kernel
from frantools.network import Config, FranNet
model = FranNet(Config("single-pass")).eval().requires_grad_(False)
assert ft.restore(model, ft.portraits()["hopper"], size=4).image.shape == (4, 4, 3)
print("compiled" if kernel.library() else "not compiled")
"""


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Switches the kernel off."""
    return lambda: monkeypatch.setattr(kernel, "library", lambda: None)


needs_kernel = pytest.mark.skipif(kernel.library() is None, reason="needs a C++ compiler")


def model_of(objective: str) -> FranNet:
    torch.manual_seed(2)
    return FranNet(Config("diffusion", objective=objective)).eval().requires_grad_(False)


@needs_kernel
@pytest.mark.parametrize("objective", ["noise", "v"])
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-5), ("bfloat16", 0.1)])
@pytest.mark.parametrize(("rows", "start", "stop"), [(1, 0, 1), (1, 0, 48), (7, 3, 10), (5, 0, 131), (2, 130, 131)])
def test_the_kernel_answers_as_torch_does(without, objective, precision, near, rows, start, stop):
    """For tiles below, of and between whole strips, at any place in the grid."""
    dtype = getattr(torch, precision)
    if not kernel.at_hand(torch.device("cpu"), dtype):
        pytest.skip("needs a processor with AVX-512 BF16")
    model, columns, y = model_of(objective), torch.rand(131), torch.rand(rows)
    encoded = model.encode(ft.prepare_input(ft.portraits()["hopper"]))
    value = torch.randn(rows * (stop - start), 3)
    compiled = Decoder(model, encoded, columns, dtype)
    assert compiled.compiled is not None
    answer = compiled.tile(y, start, stop)(value, 40)
    without()
    plain = Decoder(model, encoded, columns, dtype)
    assert plain.compiled is None
    expected = plain.tile(y, start, stop)(value, 40)
    assert expected.std() > 0.01
    torch.testing.assert_close(answer, expected, rtol=0, atol=near)
    assert (answer - expected).square().mean().sqrt() < near / 5


@needs_kernel
@given(seed=st.integers(-(2**63), 2**63 - 1), draw=st.integers(0, 2000), count=st.integers(1, 100))
def test_the_kernel_draws_the_very_numbers_that_torch_draws(seed, draw, count):
    keys = noise.point_keys(seed, torch.rand(count).double(), torch.rand(count).double())
    compiled, expected = noise.normal(keys, draw), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "library", lambda: None)
        expected = noise.normal(keys, draw)
    assert compiled.shape == (count, 3)
    assert torch.equal(compiled, expected)


@needs_kernel
def test_what_is_no_number_stays_none():
    model, columns = model_of("noise"), torch.rand(4)
    decoder = Decoder(model, model.encode(ft.prepare_input(ft.portraits()["hopper"])), columns)
    value = torch.zeros(4, 3)
    value[2, 1] = torch.nan
    assert decoder.tile(torch.rand(1))(value, 40).isfinite().all(dim=1).tolist() == [True, True, False, True]


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
    made = {**os.environ, "XDG_CACHE_HOME": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", RESTORE], env=made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_kernel
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
def test_the_kernel_is_compiled_once_and_kept(tmp_path):
    assert run(tmp_path) == "compiled"
    (kept,) = (tmp_path / "frantools").iterdir()
    assert kept.suffix == ".so"
    assert run(tmp_path, CXX="no-such-compiler") == "compiled"
    assert run(tmp_path, FRANTOOLS_KERNEL="off") == "not compiled"


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
def test_a_damaged_kept_kernel_is_made_again(tmp_path):
    run(tmp_path)
    (kept,) = (tmp_path / "frantools").iterdir()
    kept.write_bytes(b"no library")
    assert run(tmp_path, CXX="no-such-compiler") == "not compiled"
    assert run(tmp_path) == "compiled"
