"""Model files of published architectures: Real-ESRGAN's weights where they are at hand, random ones elsewhere."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage import data
from torch import Tensor, nn
from torch.nn import functional as F

import frantools as ft
from frantools.files import ContentChangedError
from frantools.restorers.columns import Column
from frantools.restorers.published import load_tensors


@pytest.fixture(scope="session")
def spandrel() -> Any:
    """The library; where torchvision is of another build than torch, the two operators that it looks for are named."""
    try:
        import spandrel
    except ModuleNotFoundError:
        pytest.skip("needs spandrel, of the extra frantools[published]")
    except RuntimeError:  # operator torchvision::nms does not exist
        for name in [name for name in sys.modules if name.split(".")[0] in ("torchvision", "spandrel")]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import spandrel
    return spandrel


@pytest.fixture(scope="session")
def trained() -> Path:
    """The folder of Real-ESRGAN's weights."""
    folder = Path(__file__).parents[3] / "shared" / "restorers"
    if not folder.is_dir():
        pytest.skip("needs ../shared/restorers (Real-ESRGAN's weights), which is not in the repository")
    return folder


class Dense(nn.Module):
    """Five convolutions, each of which reads all before it."""

    def __init__(self) -> None:
        super().__init__()
        for n in range(5):
            self.add_module(f"conv{n + 1}", nn.Conv2d(64 + 32 * n, 32 if n < 4 else 64, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for n in range(1, 5):
            seen.append(F.leaky_relu(getattr(self, f"conv{n}")(torch.cat(seen, 1)), 0.2))
        return x + 0.2 * self.conv5(torch.cat(seen, 1))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = Dense(), Dense(), Dense()

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """Real-ESRGAN x4plus: Wang et al., 2021, https://arxiv.org/abs/2107.10833."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_first, self.conv_last = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 3, 3, padding=1)
        self.body = nn.Sequential(*(Block() for _ in range(23)))
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            self.add_module(name, nn.Conv2d(64, 64, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv_first(x)
        y = first + self.conv_body(self.body(first))
        for up in (self.conv_up1, self.conv_up2):
            y = F.leaky_relu(up(F.interpolate(y, scale_factor=2, mode="nearest")), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(y), 0.2))


class Compact(nn.Module):
    """Real-ESRGAN's compact network."""

    def __init__(self, features: int = 64, convolutions: int = 16, scale: int = 4) -> None:
        super().__init__()
        self.scale, layers = scale, [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(convolutions):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, nn.Conv2d(features, 3 * scale**2, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.body(x), self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


TRAINED = {"realesrgan-x4plus": (RRDBNet, 23.5), "animevideov3": (Compact, 25.3)}
CORNER = data.astronaut()[:256, :256]


@pytest.mark.parametrize("name", TRAINED)
def test_trained_weights_restore_the_same_as_a_module_and_through_spandrel(name, trained, spandrel):
    make, psnr = TRAINED[name]
    path, module = trained / f"{name}.safetensors", make()
    module.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    photo, given = ft.Photo(CORNER, "whole"), ft.Degradation(shrink=4)
    made = ft.compare(photo, [("module", module), path, "bicubic"], size=256, given=given)
    assert not made.errors
    assert made[name].image.shape == (256, 256, 3)
    np.testing.assert_allclose(made["module"].image, made[name].image, atol=1e-4)
    assert made.numbers(["psnr"])[name]["psnr"] == pytest.approx(psnr, abs=0.5)
    assert made.recipe.models[str(path)]


def random_compact() -> dict[str, Tensor]:
    torch.manual_seed(0)
    weights = Compact(16, 4, 2).state_dict()
    return {name: value * 0.3 for name, value in weights.items()}


@pytest.mark.parametrize("ending", [".safetensors", ".pth", "wrapped.pth"])
def test_a_model_file_is_a_column_and_named_by_its_hash(ending, tmp_path, spandrel):
    path = tmp_path / f"small{ending}"
    weights = random_compact()
    if ending == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({"params_ema": weights} if "wrapped" in ending else weights, path)
    module = Compact(16, 4, 2)
    module.load_state_dict(weights)
    photo = ft.Photo(CORNER, "whole")
    made = ft.compare(photo, [("file", str(path)), ("module", module)], size=40)
    assert made["file"].image.shape == (80, 80, 3)
    np.testing.assert_allclose(made["file"].image, made["module"].image, atol=1e-5)
    recipe = ft.compare(photo, [("file", str(path))], size=40).recipe
    ft.render(recipe, photo=CORNER)
    torch.save({name: value + 0.1 for name, value in weights.items()}, path)
    if ending == ".safetensors":
        save_file({name: value + 0.1 for name, value in weights.items()}, path)
    os.utime(path, ns=(0, 0))
    with pytest.raises(ContentChangedError, match=f"the file .*small{ending} has changed since the recipe was made"):
        ft.render(recipe, photo=CORNER)
    assert (ft.restore(str(path), photo, size=40).image != made["file"].image).any()


def test_another_architecture_with_random_weights_is_padded_and_cut_as_it_needs(tmp_path, spandrel):
    from spandrel.architectures.SwinIR import SwinIR

    torch.manual_seed(0)
    settings: dict[str, Any] = {"depths": [1], "num_heads": [2], "embed_dim": 8, "mlp_ratio": 2, "window_size": 8}
    model = SwinIR(img_size=32, upscale=2, upsampler="pixelshuffledirect", **settings).eval()
    path = tmp_path / "swin.pth"
    torch.save(model.state_dict(), path)
    photo = ft.Photo(CORNER[:21, :35], "whole")
    made = ft.restore(path, photo, size=35)
    assert made.image.shape == (42, 70, 3)
    with torch.inference_mode():
        x = torch.from_numpy(np.array(photo.resample(35))).permute(2, 0, 1)[None]
        expected = model(x)[0].permute(1, 2, 0).clamp(0, 1).numpy()[:42, :70]
    np.testing.assert_allclose(made.image, expected, atol=1e-4)


class Trap:
    """What runs code where a pickle of it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "run")


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_file_of_more_than_tensors_is_refused_and_runs_nothing(save, tmp_path):
    path, trace = tmp_path / "trap.pth", tmp_path / "trace"
    save({"weight": torch.zeros(3), "more": Trap(trace)}, path)
    with pytest.raises(ValueError, match=r"trap.pth: [^\n]*more than tensors[^\n]*$"):
        load_tensors(path)
    with pytest.raises((ValueError, ImportError)):
        ft.restore(path, "hopper", size=16)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.safetensors", b"\x08\0\0\0\0\0\0\0nonsense", "not a complete weight file"),
        ("a.pth", b"nonsense", "the file is damaged"),
        ("a.pt", b"", "not a complete weight file"),
        ("a.ckpt", b"PK\x03\x04" + bytes(99), "not a complete weight file"),
    ],
)
def test_a_damaged_file_is_told_in_one_sentence(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"^[^\n]*{name}: [^\n]*{said}[^\n]*$"):
        load_tensors(tmp_path / name)


def test_a_list_of_tensors_is_no_model(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="contains no state dict"):
        load_tensors(tmp_path / "list.pth")


@pytest.mark.parametrize(
    ("weights", "said"),
    [({"nothing": torch.zeros(2)}, "spandrel does not know the architecture"),
     ({name: value[:1] for name, value in random_compact().items()}, r"do not fit|takes|does not know")],
)  # fmt: skip
def test_what_spandrel_does_not_know_is_told(weights, said, tmp_path, spandrel):
    save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=rf"a.safetensors: [^\n]*({said})"):
        ft.restore(tmp_path / "a.safetensors", "hopper", size=16)


WITHOUT = """
import sys, types
import frantools as ft
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise {error}
sys.meta_path.insert(0, Finder())
for _ in range(2):
    try:
        ft.restore("small.pth", "hopper", size=16)
    except ImportError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("spandrel", "ModuleNotFoundError('No module named spandrel', name='spandrel')", "need spandrel: pip install"),
        (
            "torchvision",
            "RuntimeError('operator torchvision::nms does not exist')",
            "torchvision does not match PyTorch",
        ),
    ],
)
def test_a_library_that_cannot_be_imported_is_one_sentence_each_time(name, error, said, tmp_path):
    if find_spec("spandrel") is None:
        name, said = "spandrel", "need spandrel: pip install"
    torch.save(random_compact(), tmp_path / "small.pth")
    environment = {**os.environ, "PYTHONPATH": str(Path(ft.__file__).parent.parent)}
    code = WITHOUT.format(name=name, error=error)
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == 2, run.stdout
    assert all(said in line for line in lines)


def test_a_column_of_a_model_file_can_be_written_down_without_the_library(tmp_path):
    torch.save(random_compact(), tmp_path / "small.pth")
    described = Column("x2", tmp_path / "small.pth", tile=64).to_dict()
    assert Column.from_dict(described).to_dict() == described
    assert described["settings"] == {"tile": 64}


def prefixed(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value.clone() for name, value in weights.items()}


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module."]
)
@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("params",),
        ("state_dict",),
        ("model_state_dict",),
        ("model",),
        ("state_dict", "params_ema"),
        ("model", "net"),
    ],
)
def test_wrapped_weights_are_those_of_the_model_itself(prefix, keys, tmp_path):
    want = random_compact()
    content: Any = prefixed(want, prefix)
    for key in reversed(keys):
        content = {"epoch": 3, key: content}
    torch.save(content, tmp_path / "wrapped.pth")
    found = load_tensors(tmp_path / "wrapped.pth")
    assert found.keys() == want.keys()
    save_file(prefixed(want, prefix), tmp_path / "wrapped.safetensors")
    found = load_tensors(tmp_path / "wrapped.safetensors")
    assert all(torch.equal(found[name], want[name]) for name in want)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_that_torch_averaged_are_those_of_the_model(ending, tmp_path):
    averaged = torch.optim.swa_utils.AveragedModel(nn.Conv2d(3, 3, 1)).state_dict()
    assert averaged.keys() == {"n_averaged", "module.weight", "module.bias"}
    save: Any = save_file if ending == "safetensors" else torch.save
    save(averaged, tmp_path / f"averaged.{ending}")
    assert load_tensors(tmp_path / f"averaged.{ending}").keys() == {"weight", "bias"}


def test_what_holds_no_tensors_by_name_is_told_with_the_names_that_it_has(tmp_path):
    torch.save({"epoch": 3, "mine": {"weight": torch.zeros(1)}}, tmp_path / "mine.pth")
    with pytest.raises(ValueError, match=r"contains no state dict, but epoch, mine"):
        load_tensors(tmp_path / "mine.pth")


def test_a_weight_that_the_architecture_does_not_know_is_named(tmp_path, spandrel):
    save_file(random_compact() | {"strange": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(ValueError, match=r'do not fit the recognised architecture .*Unexpected.*"strange"'):
        ft.restore(tmp_path / "more.safetensors", CORNER, size=16)


def test_the_moving_average_comes_before_the_weights_themselves(tmp_path):
    torch.save({"params": {"weight": torch.zeros(1)}, "params_ema": {"weight": torch.ones(1)}}, tmp_path / "both.pth")
    assert load_tensors(tmp_path / "both.pth") == {"weight": torch.ones(1)}


@pytest.mark.parametrize("prefix", ["model.", "params_ema.module.", "state_dict._orig_mod.", "net_g."])
def test_a_flat_file_of_prefixed_names_restores(prefix, tmp_path, spandrel):
    weights, photo = random_compact(), ft.Photo(CORNER, "whole")
    save_file(weights, tmp_path / "plain.safetensors")
    save_file(prefixed(weights, prefix), tmp_path / "prefixed.safetensors")
    plain, found = (ft.restore(tmp_path / f"{name}.safetensors", photo, size=24) for name in ("plain", "prefixed"))
    np.testing.assert_array_equal(found.image, plain.image)


def test_names_that_begin_with_model_themselves_stay(tmp_path, spandrel):
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(0)
    old = ESRGAN(num_filters=8, num_blocks=1, scale=2).state_dict()
    assert all(name.startswith("model.") for name in old)
    torch.save({"state_dict": prefixed(old, "module.")}, tmp_path / "old.pth")
    assert ft.restore(tmp_path / "old.pth", ft.Photo(CORNER, "whole"), size=16).image.shape == (32, 32, 3)
