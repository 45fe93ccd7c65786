"""Model files of published architectures, loaded by the spandrel library.

spandrel (MIT) is an optional extra, ``pip install "frantools[published]"``. It recognises about 45 architectures by
their tensors. It receives the tensors and never the path, so that no code of a file runs.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..files import hash_of
from ..frannet.network.fingerprints import FileWeights
from ..frannet.weights.checkpoints import name_in_model
from ..system.devices import on_processor
from .kinds import Kind
from .modules import ModuleRestorer

EXTENSIONS = (".safetensors", ".pth", ".pt", ".ckpt")
WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net_g", "net", "network", "generator")
"""Training scripts save a model's weights under these keys, or with these prefixes; the first one counts."""
INSTALL = 'pip install "frantools[published]"'


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Load the tensors of a weight file. torch reads pickles with ``weights_only=True``.

    Raises a ValueError if the file contains anything else, or is damaged.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            return _state_dict(load_file(path), path)
        with warnings.catch_warnings():  # torch's, about files that it then refuses
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: the file is damaged, or contains more than tensors, which could run any code "
            f"({_first_line(error)})"
        ) from None
    except Exception as error:  # torch raises many types for damaged files
        raise ValueError(f"{path}: not a complete weight file ({_first_line(error)})") from None
    return _state_dict(content, path)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """Unwrap the state dict from the dicts of training scripts."""
    while isinstance(content, Mapping) and (
        key := next((key for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
    ):
        content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        keys = f", but {', '.join(map(str, content))[:160]}" if isinstance(content, Mapping) and content else ""
        raise ValueError(f"{path}: the file contains no state dict{keys}")
    # `torch.optim.swa_utils.AveragedModel` adds the number of averages.
    return {name_in_model(str(key)): value for key, value in content.items() if key != "n_averaged"}


def _without_common_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the first prefix of `WRAPPERS` that occurs, without it."""
    for wrapper in WRAPPERS:
        if prefixed := {key: value for key, value in tensors.items() if key.startswith(f"{wrapper}.")}:
            return {name_in_model(key.removeprefix(f"{wrapper}.")): value for key, value in prefixed.items()}
    return {}


def _import_spandrel() -> Any:
    try:
        import spandrel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"models of published architectures need {error.name}: {INSTALL}") from None
    except Exception as error:  # a torchvision of another build than torch raises several types
        raise ImportError(
            f"spandrel cannot be imported, usually because torchvision does not match PyTorch ({_first_line(error)}); "
            "install both from the same source"
        ) from None
    return spandrel


class _DescribedModel(nn.Module):
    """A model as spandrel calls it: with the padding that it needs, which is cropped again."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model, self.descriptor = descriptor.model, descriptor

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.descriptor(x)
        return output


def _load_descriptor(spandrel: Any, tensors: dict[str, Tensor]) -> Any:
    """Recognise a model. Prefixes are removed only if necessary: names of some architectures start with "model."."""
    try:
        return spandrel.ModelLoader().load_from_state_dict(tensors)
    except spandrel.UnsupportedModelError:
        shorter = _without_common_prefix(tensors)
        if not shorter:
            raise
        return _load_descriptor(spandrel, shorter)


@lru_cache(maxsize=8)
def _load_module(path: Path, version: object) -> tuple[nn.Module, FileWeights]:
    """Load the module of a weight file, again if the file has changed."""
    tensors = load_tensors(path)  # first, so that a damaged file is reported without spandrel, too
    spandrel = _import_spandrel()
    try:
        # A new module draws random weights; the user's generator must not change.
        with on_processor(), torch.random.fork_rng(devices=[]):
            descriptor = _load_descriptor(spandrel, tensors)
    except spandrel.UnsupportedModelError:
        raise ValueError(f"{path}: spandrel does not know the architecture") from None
    except Exception as error:  # tensors that do not fit the recognised architecture
        reason = " ".join(str(error).split())[:160] or type(error).__name__  # torch gives it in further lines
        raise ValueError(f"{path}: the tensors do not fit the recognised architecture ({reason})") from None
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise ValueError(f"{path}: the model needs more than a picture, such as a mask")
    channels = descriptor.input_channels, descriptor.output_channels
    if channels != (3, 3):
        raise ValueError(f"{path}: the model must map 3 channels to 3, got {channels[0]} to {channels[1]}")
    descriptor.float()  # half precision is slow on processors, and some layers lack it there
    module = _DescribedModel(descriptor).eval()
    return module, FileWeights(module, hash_of(path))


def load_published(
    path: str | Path, settings: Mapping[str, Any] | None = None, title: str | None = None, timeout: float | None = None
) -> ModuleRestorer:
    """Load the model of a weight file as a restorer.

    Raises a FileNotFoundError, ValueError or ImportError if there is no such file, its architecture is unknown, or
    spandrel is not installed.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no weight file {path}")
    status = file.stat()
    module, weights = _load_module(file.resolve(), (status.st_mtime_ns, status.st_size))
    return ModuleRestorer(module, settings, title or file.stem, timeout, file.as_posix(), weights.current_hash(module))


PUBLISHED = Kind(
    "path",
    lambda path: path.suffix.lower() in EXTENSIONS,
    lambda what, options: load_published(what, options.settings, options.title, options.timeout),
)
