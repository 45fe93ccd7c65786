"""Inside `torch.autocast` everything gives what it gives outside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import frantools as ft
from frantools.frannet.engine.trajectory import trace
from frantools.frannet.network.model import FranNet
from frantools.frannet.weights.checkpoints import read_safetensors
from frantools.note import strides
from frantools.training import Settings, train

PORTRAIT = ft.portraits()["hopper"]
QUICK = ft.Setup(K=99)


class Own(FranNet):
    """A FranNet that the fast engine does not serve."""


def default() -> FranNet:
    shipped = ft.load_model("single-masking-8")
    model = Own(shipped.config)
    model.load_state_dict(shipped.state_dict())
    return model.eval()


def column(what: Any, setup: Any = None, **options: Any) -> np.ndarray:
    return ft.compare(PORTRAIT, [ft.Column("column", what, setup)], size=24, **options)["column"].image


def points() -> np.ndarray:
    x = ft.prepare_input(PORTRAIT)
    result = ft.sample_points(
        ft.load_model("diffusion-basic"),
        x,
        torch.full((1, 4, 2), 0.3),
        QUICK,
        noise=lambda shape: torch.full(shape, 0.5),
    )
    return result.numpy()


def swept() -> np.ndarray:
    result_in_autocast = ft.sweep({"K": [99]}, [PORTRAIT], ft.Column("B", "B"), measures=("mse",), points=16)
    return result_in_autocast.to_frame()["mse"].to_numpy()


def traced() -> np.ndarray:
    return trace(ft.load_model("diffusion-basic"), ft.prepare_input(PORTRAIT), QUICK, (8, 8), 0).x0


def evaluated() -> np.ndarray:
    result_in_autocast = ft.evaluate("single-masking-8", [PORTRAIT], size=24)
    return np.array([result_in_autocast.mse, result_in_autocast.mse_gray, result_in_autocast.ssim])


WORK: dict[str, Callable[[], np.ndarray]] = {
    "the network's input": lambda: ft.prepare_input(PORTRAIT).numpy(),
    "a setup": lambda: column("B:K=99"),
    "a scheduler": lambda: column("UniPCMultistep:3"),
    "an autoregressive model": lambda: column("direction-basic"),
    "one pass": lambda: column("single-masking-8"),
    "bfloat16": lambda: column("single-masking-8", precision="bfloat16"),
    "a region": lambda: column("single-masking-8", region=ft.Region(0.2, 0.3, 0.4, 0.4)),
    "a model of one's own": lambda: column(default()),
    "an input itself": lambda: ft.restore("single-masking-8", ft.prepare_input(PORTRAIT), size=24).image,
    "a resized picture": lambda: column("bicubic-colour"),
    "a degraded picture": lambda: column("input", given=ft.Degradation(gray=True, shrink=2, blur=1, noise=0.1)),
    "a function": lambda: column(lambda picture: (torch.tensor(picture) @ torch.eye(3)).numpy()),
    "points": points,
    "a sweep": swept,
    "a trace": traced,
    "an evaluation": evaluated,
    "strides": lambda: np.array([step.x0 for step in strides.strides(PORTRAIT, (0.4, 0.5), setup=ft.Setup(K=50))]),
}


@pytest.mark.parametrize("dtypes", [["bfloat16"], ["float16"], ["float16", "bfloat16"]], ids="-".join)
@pytest.mark.parametrize("name", WORK)
def test_results_are_the_same_inside(name, dtypes):
    want = WORK[name]()
    with ExitStack() as stack:
        for dtype in dtypes:
            stack.enter_context(torch.autocast("cpu", getattr(torch, dtype)))
        np.testing.assert_array_equal(WORK[name](), want)
        assert torch.is_autocast_enabled("cpu")


def test_one_thread_gives_the_same_inside():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        want = swept()
        with torch.autocast("cpu", torch.bfloat16):
            np.testing.assert_array_equal(swept(), want)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_modules_restore_inside(dtype):
    module = nn.Conv2d(3, 3, 3, padding=1).to(dtype).requires_grad_(False)
    want = column(module)
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(column(module), want)


def test_training_is_the_same_inside(tmp_path: Path):
    (tmp_path / "pictures").mkdir()
    for name, portrait in ft.portraits().items():
        Image.fromarray(portrait[:70, :64]).save(tmp_path / "pictures" / f"{name}.png")
    settings = Settings("single-pass", steps=2, batch=2, points=16)
    train(tmp_path / "pictures", tmp_path / "outside.safetensors", settings)
    with torch.autocast("cpu", torch.bfloat16):
        train(tmp_path / "pictures", tmp_path / "inside.safetensors", settings)
    outside, inside = (read_safetensors(tmp_path / f"{name}.safetensors")[1] for name in ("outside", "inside"))
    assert outside.keys() == inside.keys()
    assert all(torch.equal(outside[name], inside[name]) for name in outside)
