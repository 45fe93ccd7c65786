"""Torch modules: called as they are, tiled where that makes no difference, and left as they were."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import frantools as ft
from frantools.restorers.base import Cancelled
from frantools.restorers.modules import ModuleRestorer
from frantools.restorers.tiling import receptive_field, restore_tiles, scale_of


def photo(width: int, height: int) -> ft.Photo:
    return ft.Photo(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), "whole")


def convolutions(scale: int = 1, depth: int = 2, kernel: int = 3) -> nn.Module:
    torch.manual_seed(depth)
    layers: list[nn.Module] = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()]
    for _ in range(depth - 2):
        layers += [nn.Conv2d(6, 6, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(6, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale), nn.Sigmoid())


class Halving(nn.Module):
    """A small U-Net: it halves the picture, and adds what it saw before."""

    def __init__(self, times: int = 1, how: str = "stride") -> None:
        super().__init__()
        torch.manual_seed(times)
        self.first, self.last, self.how = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1), how
        self.down = nn.ModuleList(nn.Conv2d(8, 8, 3, 2 if how == "stride" else 1, 1) for _ in range(times))
        self.up = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(times))

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.first(x)]
        for down in self.down:
            y = torch.relu(down(skips[-1]))
            skips.append(F.max_pool2d(y, 2, ceil_mode=True) if self.how == "pool" else y)
        y = skips.pop()
        for up in self.up:
            skip = skips.pop()
            y = skip + up(F.interpolate(y, scale_factor=2.0, mode="nearest")[..., : skip.shape[-2], : skip.shape[-1]])
        return torch.sigmoid(self.last(y))


class Global(nn.Module):
    """Squeeze and excitation, which looks at the whole picture, or attention over it."""

    def __init__(self, how: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.how, self.small, self.mix = how, nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.norm = nn.InstanceNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.small(x)
        if self.how == "pool":
            y = y * torch.sigmoid(y.mean((2, 3), keepdim=True))
        elif self.how == "norm":
            y = self.norm(y)
        else:
            keys = F.adaptive_avg_pool2d(y, 8).flatten(2)
            weights = torch.softmax(y.flatten(2).transpose(1, 2) @ keys, dim=-1)
            y = (weights @ keys.transpose(1, 2)).transpose(1, 2).reshape_as(y)
        return torch.sigmoid(self.mix(y))


def whole(module: nn.Module, shown: ft.Photo, size: Any) -> np.ndarray:
    """What the module makes of the picture in one call."""
    x = torch.from_numpy(np.array(shown.resample(size))).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return module.eval()(x)[0].permute(1, 2, 0).clamp(0, 1).numpy()


@pytest.mark.parametrize(
    "module",
    [convolutions(), convolutions(2), convolutions(3, 4), convolutions(1, 6, 5), Halving(1), Halving(2),
     Halving(3, "pool"), Halving(4), Halving(5)],
    ids=["x1", "x2", "x3 deeper", "wide", "U", "UU", "UUU pooled", "UUUU", "UUUUU"],
)  # fmt: skip
@pytest.mark.parametrize("size", [(203, 131), (97, 210)])
def test_tiled_equals_untiled(module, size):
    shown, calls = photo(*size), []
    module.register_forward_hook(lambda *_: calls.append(1))
    made = ft.restore(module, shown, size=max(size), tile=64)
    np.testing.assert_allclose(made.image, whole(module, shown, max(size)), atol=1e-4)
    assert len(calls) > 8 or made.remarks


@pytest.mark.parametrize("module", [convolutions(2), convolutions(1, 6, 5), Halving(2)])
def test_what_sees_a_part_is_tiled(module):
    made = ft.restore(module, photo(200, 200), size=200, tile=64)
    assert not made.remarks


@pytest.mark.parametrize("how", ["pool", "norm", "attention"])
def test_what_sees_the_whole_is_not_tiled_and_the_result_says_so(how):
    module, shown = Global(how), photo(150, 110)
    made = ft.compare(shown, [ft.Column("seer", module, tile=64)], size=150)
    np.testing.assert_allclose(made["seer"].image, whole(module, shown, 150), atol=1e-6)
    assert made["seer"].remarks == ("The module was not tiled, since it sees too much of the picture at once",)
    assert f"seer: {made['seer'].remarks[0]}." in made.measure(["mse"]).caption


def test_large_pictures_are_tiled_by_themselves():
    calls: list[Any] = []
    module = convolutions()
    module.register_forward_hook(lambda _, x, y: calls.append(x[0].shape[-2:]))
    ft.restore(module, photo(400, 40), size=400)
    assert max(max(shape) for shape in calls) < 400
    calls.clear()
    ft.restore(module, photo(384, 40), size=384)
    assert calls == [(40, 384)]


@given(
    width=st.integers(1, 120), height=st.integers(1, 120), tile=st.integers(1, 6), overlap=st.integers(1, 3),
    scale=st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=25)
def test_tiles_of_any_size_fit_together(width, height, tile, overlap, scale):
    module, shown = convolutions(scale), photo(width, height)
    longer = max(width, height)
    made = ft.restore(module, shown, size=longer, tile=16 * tile, overlap=overlap)
    np.testing.assert_allclose(made.image, whole(module, shown, longer), atol=1e-4)


def test_the_probe_finds_how_far_a_network_sees():
    picture = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        assert receptive_field(lambda x: x, picture) == 16
        assert receptive_field(nn.Conv2d(3, 3, 3, padding=20, dilation=20), picture) == 32
        assert receptive_field(nn.Conv2d(3, 3, 3, padding=100, dilation=100), picture) == 128
        assert receptive_field(lambda x: x * x.mean(), picture) == "it sees too much of the picture at once"


def test_a_scale_is_a_whole_number():
    assert scale_of(torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 8, 12)) == 2
    assert scale_of(torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 8, 13)) is None
    assert scale_of(torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 2, 3)) is None
    with pytest.raises(ValueError, match="tile=0 disables tiles"):
        restore_tiles(lambda x: x[..., 1:], torch.zeros(1, 3, 40, 40), 16, 16)


def test_work_ends_between_tiles():
    calls: list[int] = []
    module = convolutions()
    module.register_forward_hook(lambda *_: calls.append(1))

    def stop(share: float) -> None:
        if share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        ft.restore(module, photo(200, 200), size=200, tile=64, overlap=16, progress=stop)
    assert len(calls) == 1


def test_progress_is_told_after_each_tile():
    shares: list[float] = []
    ft.restore(convolutions(), photo(128, 64), size=128, tile=64, overlap=16, progress=shares.append)
    assert {0.5, 1.0} <= set(shares)
    assert shares == sorted(shares)


def test_it_is_called_in_evaluation_mode_and_left_as_it_was():
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.9), nn.Sigmoid())
    module.train()
    module[1].eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    first, second = (ft.restore(module, photo(20, 20), size=20).image for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert [each.training for each in module.modules()] == [True, True, False, True, True]
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(each.grad is None and each.requires_grad for each in module.parameters())


def test_it_stays_in_evaluation_mode_until_the_last_user_has_left():
    training, inside, go = [], threading.Barrier(2), threading.Event()

    class Slow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            inside.wait(60)
            if threading.current_thread().name == "frantools: second":
                go.wait(60)  # the first has left by then
            training.append(self.training)
            return x

    module = Slow().train()
    second = threading.Thread(target=lambda: ft.compare(photo(4, 4), [("second", module)], size=4))
    second.start()
    ft.compare(photo(4, 4), [("first", module)], size=4)
    assert not module.training
    go.set()
    second.join()
    assert training == [False, False]
    assert module.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_it_is_called_in_its_own_dtype(dtype):
    seen_: list[torch.dtype] = []
    module = nn.Conv2d(3, 3, 1).to(dtype)
    nn.init.dirac_(module.weight)
    nn.init.zeros_(module.bias)
    module.register_forward_hook(lambda _, x, y: seen_.append(x[0].dtype))
    shown = photo(16, 16)
    np.testing.assert_allclose(ft.restore(module, shown, size=16).image, shown.resample(16), atol=0.005)
    assert seen_ == [dtype]


class Says(nn.Module):
    """A module that answers with whatever a function makes of its input."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: None, "returned NoneType; it must return a tensor (1, 3, H, W)"),
        (lambda x: (x, x), "returned tuple"),
        (lambda x: x[:, :1], "returned a tensor of shape (1, 1, 8, 8)"),
        (lambda x: x[0], "returned a tensor of shape (3, 8, 8)"),
        (lambda x: x.repeat(2, 1, 1, 1), "returned a tensor of shape (2, 3, 8, 8)"),
        (lambda x: x * torch.nan, "192 values that are NaN or infinite"),
        (lambda x: x * 255, "returned values from"),
        (lambda x: x @ torch.zeros(3, 3), "wrong raised RuntimeError: Expected size"),
    ],
)
def test_what_goes_wrong_is_a_sentence(function, said):
    made = ft.compare(photo(8, 8), [("wrong", Says(function)), ("right", nn.Identity())], size=8)
    assert said in made.errors["wrong"]
    np.testing.assert_array_equal(made["right"].image, made.reference)


def write_and_refuse(x: Tensor) -> Tensor:
    """Halve the input itself, and then accept no size but multiples of 16."""
    x *= 0.5
    if x.shape[-1] % 16:
        raise ValueError("multiples of 16")
    return x


@pytest.mark.parametrize("size", [16, 20])
def test_a_module_may_write_to_its_input(size):
    made = ft.compare(photo(size, size), [("half", Says(write_and_refuse)), "original"], size=size)
    np.testing.assert_allclose(made["half"].image, 0.5 * made["original"].image, atol=1e-6)


def gradient_step(x: Tensor) -> Tensor:
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(0.25 * x.square().sum(), x)
        return x - gradient


def test_a_module_may_compute_gradients():
    made = ft.compare(photo(9, 9), [("half", Says(gradient_step)), "original"], size=9)
    np.testing.assert_allclose(made["half"].image, 0.5 * made["original"].image, atol=1e-6)


def test_a_module_that_makes_its_weights_when_it_is_first_called_can_be_trained_afterwards():
    module = nn.Sequential(nn.LazyConv2d(3, 1), nn.Sigmoid())
    ft.restore(module, photo(8, 8), size=8)
    module(torch.rand(1, 3, 8, 8)).sum().backward()
    assert module[0].weight.grad is not None


def test_a_module_may_answer_uint8():
    shown = photo(8, 8)
    made = ft.restore(Says(lambda x: (x * 255).round().to(torch.uint8)), shown, size=8)
    np.testing.assert_allclose(made.image, shown.resample(8), atol=1 / 255)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64, torch.bool])
def test_an_answer_of_other_numbers_is_refused(dtype):
    with pytest.raises(ValueError, match="returned values of "):
        ft.restore(Says(lambda x: x.to(dtype)), photo(8, 8), size=8)


def test_torchs_threads_are_as_many_as_before():
    before = torch.get_num_threads()
    ft.restore(Says(lambda x: torch.set_num_threads(before + 2) or x), photo(8, 8), size=8)
    assert torch.get_num_threads() == before


def test_a_hanging_call_is_left():
    go = threading.Event()
    made = ft.compare(photo(8, 8), [("hangs", Says(lambda x: go.wait(60) and x))], size=8, timeout=0.1)
    go.set()
    assert "hangs did not return within 0.1 s" in made.errors["hangs"]


def test_the_timeout_is_that_of_all_tiles():
    calls: list[int] = []
    module = Says(lambda x: calls.append(1) or time.sleep(0.1) or x)
    column = ft.Column("slow", module, tile=16, overlap=0)
    made = ft.compare(photo(160, 16), [column], size=160, timeout=0.5)
    assert made.errors["slow"].startswith("slow did not return within 0.5 s")
    assert len(calls) < 10


def fixed(x: Tensor) -> Tensor:
    return F.interpolate(x, size=(40, 40))


def picky(x: Tensor) -> Tensor:
    if x.shape[-1] != 100:
        raise RuntimeError("accepted are\n100 pixels")
    return x


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: F.avg_pool2d(x, 2), "its output has fewer pixels than its input"),
        (lambda x: x[..., 1:-1, 1:-1], "its output has fewer pixels than its input"),
        (lambda x: F.pad(x, (2, 2, 2, 2)), "its output is not an integer multiple of its input"),
        (lambda x: F.interpolate(x, scale_factor=1.5), "its output is not an integer multiple of its input"),
        (fixed, "its output has fewer pixels than its input"),
        (
            lambda x: x if x.shape[-1] > 200 else x.repeat(1, 1, 2, 2),
            "its scale depends on",
        ),
        (picky, "it does not accept every crop of a picture (RuntimeError: accepted are 100 pixels)"),
        (lambda x: x * x.mean(), "it sees too much of the picture at once"),
    ],
)
def test_what_is_not_tiled_says_why(function, said):
    made = ft.restore(Says(function), photo(100, 70), size=100, tile=16)
    assert len(made.remarks) == 1
    assert made.remarks[0].startswith(f"The module was not tiled, since {said}")
    np.testing.assert_allclose(made.image, whole(Says(function), photo(100, 70), 100), atol=1e-6)


@pytest.mark.parametrize("settings", [{"tile": -1}, {"tile": 1.5}, {"overlap": True}, {"scale": 2}])
def test_settings_are_checked(settings):
    with pytest.raises(ValueError, match=r"must be an integer from 0|has no setting scale"):
        ModuleRestorer(nn.Identity(), settings)


class Levels(nn.Module):
    """A network that takes multiples of a number of pixels; of other sizes it fails, or makes a smaller picture."""

    def __init__(self, multiple: int, fails: bool = True) -> None:
        super().__init__()
        torch.manual_seed(multiple)
        self.multiple, self.fails, self.mix = multiple, fails, nn.Conv2d(3, 3, 3, padding=1)
        self.sizes: list[tuple[int, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append((x.shape[-1], x.shape[-2]))
        y = F.interpolate(F.avg_pool2d(x, self.multiple), scale_factor=float(self.multiple))
        rows, columns = y.shape[-2:]
        return torch.sigmoid(y + self.mix(x if self.fails else x[..., :rows, :columns]))


def reflected(module: nn.Module, shown: ft.Photo, size: int, multiple: int) -> np.ndarray:
    """What the module makes of the picture with the padding that NumPy makes."""
    picture = shown.resample(size)
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, -height % multiple), (0, -width % multiple), (0, 0)), "reflect")
    with torch.inference_mode():
        answer = module(torch.from_numpy(padded).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    return answer[:height, :width]


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("multiple", [2, 8, 16, 32, 64])
@pytest.mark.parametrize("size", [(150, 97), (9, 70), (1, 5), (2, 3)])
def test_sizes_that_a_module_refuses_are_padded_and_cropped(multiple, fails, size):
    module, shown = Levels(multiple, fails), photo(*size)
    for _ in range(2):  # the second time the multiple is known
        made = ft.restore(module, shown, size=max(size))
        np.testing.assert_allclose(made.image, reflected(module, shown, max(size), multiple), atol=1e-5)
        wide, tall = (-(-side // multiple) * multiple for side in size)
        assert any(f"to {wide} x {tall}" in remark for remark in made.remarks) == ((wide, tall) != size)


def test_what_a_module_needs_is_remembered():
    module = Levels(16)
    ft.restore(module, photo(33, 33), size=33)
    assert module.sizes == [(33, 33), (34, 34), (36, 36), (40, 40), (48, 48)]
    module.sizes.clear()
    ft.restore(module, photo(50, 20), size=50)
    assert module.sizes == [(64, 32)]
    ft.restore(module, photo(32, 16), size=32)
    assert module.sizes[1:] == [(32, 16)]


@pytest.mark.parametrize("multiple", [8, 64])
def test_tiles_are_padded_too(multiple):
    module, shown = Levels(multiple), photo(301, 187)
    made = ft.restore(module, shown, size=301, tile=64)
    assert len(module.sizes) > 8
    assert not any("tiled" in remark for remark in made.remarks)
    np.testing.assert_allclose(made.image, reflected(module, shown, 301, multiple), atol=1e-4)


def test_a_network_that_fails_for_another_reason_says_its_own():
    calls: list[int] = []
    module = Says(lambda x: calls.append(1) or x @ torch.zeros(3, 3))
    made = ft.compare(photo(64, 64), [("wrong", module)], size=64)
    assert "wrong raised RuntimeError: Expected size" in made.errors["wrong"]
    assert len(calls) == 1  # no padding changes 64 x 64


def test_progress_that_ends_the_work_is_asked_once():
    asked: list[int] = []

    def stop(share: float) -> None:
        asked.append(1)
        raise KeyError("enough")

    go = threading.Event()
    with pytest.raises(KeyError, match="enough"):
        ft.restore(Says(lambda x: go.wait(60) and x), photo(9, 9), size=9, progress=stop)
    go.set()
    assert len(asked) == 1


def forms(module: nn.Module, dtype: torch.dtype) -> dict[str, nn.Module]:
    """A module as PyTorch wraps, compiles, scripts and freezes it."""
    x = torch.rand(1, 3, 16, 16).to(dtype)
    sides = {side: torch.export.Dim(f"side{side}", min=4, max=512) for side in (2, 3)}
    script = torch.jit.script(module)
    return {
        "compiled": torch.compile(module, backend="eager"),
        "parallel and compiled": nn.DataParallel(torch.compile(module, backend="eager")),
        "scripted": script,
        "traced": torch.jit.trace(module, x),
        "frozen": torch.jit.freeze(script),
        "traced and frozen": torch.jit.freeze(torch.jit.trace(module, x)),
        "optimised": torch.jit.optimize_for_inference(script),
        "exported": torch.export.export(module, (x,), dynamic_shapes=({2: sides[2], 3: sides[3]},)).module(),
        "traced by fx": torch.fx.symbolic_trace(module),
        "quantised": torch.ao.quantization.quantize_dynamic(module, {nn.Linear}),
    }


@pytest.mark.filterwarnings("ignore")  # TorchScript and quantisation are deprecated, and still what people have
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_module_restores_in_each_form_that_pytorch_gives_it(dtype):
    module, shown = (
        nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid()).eval().to(dtype),
        photo(19, 14),
    )
    want = ft.restore(module, shown, size=19).image
    made = ft.compare(shown, list(forms(module, dtype).items()), size=19)
    assert made.errors == {}
    for title in made:
        np.testing.assert_allclose(
            made[title].image, want, atol=1e-6 if dtype != torch.bfloat16 else 0.01, err_msg=title
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["compiled", "parallel and compiled", "scripted", "traced by fx"])
def test_each_form_is_left_in_the_mode_that_it_was_in(form):
    module = forms(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout(0.9), nn.Sigmoid()).eval(), torch.float32)[form].train()
    first, second = (ft.restore(module, photo(12, 12), size=12).image for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert all(part.training for part in module.modules())


def test_a_module_without_weights_is_given_float32_on_the_cpu_whatever_the_defaults():
    dtypes: list[torch.dtype] = []
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            ft.restore(Says(lambda x: dtypes.append(x.dtype) or x), photo(8, 8), size=8)
    finally:
        torch.set_default_dtype(torch.float32)
    assert dtypes == [torch.float32]
