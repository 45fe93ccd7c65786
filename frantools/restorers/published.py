"""Model files of published architectures, through the spandrel library.

spandrel (MIT) is an optional extra, ``pip install "frantools[published]"``. It knows some 45 architectures by their
tensors. It gets the tensors and never the path, so nothing of a file is run.
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
from .modules import ModuleRestorer

ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt")
WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net_g", "net", "network", "generator")
"""Trainings keep a model's weights under these keys of a dict, or prefixes of a flat file; the first one counts."""
GET = 'pip install "frantools[published]"'


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file. Pickles are read by torch's own reader of tensors alone.

    Raises a ValueError if the file holds anything else, or is damaged.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            return _state_dict(load_file(path), path)
        with warnings.catch_warnings():  # of torch's, about files that it then refuses: that is one sentence
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, or is damaged, and is not read: that could run any code "
            f"({_first_line(error)})"
        ) from None
    except Exception as error:  # of whatever kind: torch tells of damage in many
        raise ValueError(
            f"{path} is not a whole weight file ({_first_line(error)}); accepted are {', '.join(ENDINGS)}"
        ) from None
    return _state_dict(content, path)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by name, out of the dicts that trainings wrap them in."""
    while isinstance(content, Mapping) and (
        key := next((key for key in WRAPPERS if isinstance(content.get(key), Mapping)), None)
    ):
        content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        held = f" (but {', '.join(map(str, content))[:160]})" if isinstance(content, Mapping) and content else ""
        raise ValueError(f"{path} holds no tensors by name{held}; accepted are state dicts")
    # The number of averages is a training's, of `torch.optim.swa_utils.AveragedModel`.
    return {name_in_model(str(key)): value for key, value in content.items() if key != "n_averaged"}


def _without_common_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the first of `WRAPPERS` that any does, by the rest of their names."""
    for wrapper in WRAPPERS:
        if chosen := {key: value for key, value in tensors.items() if key.startswith(f"{wrapper}.")}:
            return {name_in_model(key.removeprefix(f"{wrapper}.")): value for key, value in chosen.items()}
    return {}


def _spandrel() -> Any:
    try:
        import spandrel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"models of published architectures need {error.name}: {GET}") from None
    except Exception as error:  # of whatever kind: a torchvision of another build than torch raises several
        raise ImportError(
            f"spandrel cannot be imported, most often since torchvision does not fit this PyTorch "
            f"({_first_line(error)}); install the torchvision that belongs to it, from where PyTorch came from"
        ) from None
    return spandrel


class _Described(nn.Module):
    """A model as spandrel calls it: with the padding that it needs, which is cut off again."""

    def __init__(self, described: Any) -> None:
        super().__init__()
        self.model, self.described = described.model, described

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.described(x)
        return made


def _described(spandrel: Any, tensors: dict[str, Tensor]) -> Any:
    """The model of some tensors. Old names begin with "model." themselves, so that prefixes go only where they must."""
    try:
        return spandrel.ModelLoader().load_from_state_dict(tensors)
    except spandrel.UnsupportedModelError:
        shorter = _without_common_prefix(tensors)
        if not shorter:
            raise
        return _described(spandrel, shorter)


@lru_cache(maxsize=8)
def _module(path: Path, state: object) -> tuple[nn.Module, FileWeights]:
    """The module of a weight file and what it was loaded with, read again where the file has changed."""
    tensors = tensors_of(path)  # first: what is wrong with the file is told whether or not spandrel is at hand
    spandrel = _spandrel()
    try:
        # A new module draws the numbers of its weights, and the user's generator stays as it is.
        with on_processor(), torch.random.fork_rng(devices=[]):
            described = _described(spandrel, tensors)
    except spandrel.UnsupportedModelError:
        raise ValueError(f"{path} is of an architecture that spandrel does not know") from None
    except Exception as error:  # of whatever kind: tensors that do not fit the architecture they look like
        why = " ".join(str(error).split())[:160] or type(error).__name__  # torch tells the reason in further lines
        raise ValueError(f"{path} does not fit the architecture it looks like ({why})") from None
    if not isinstance(described, spandrel.ImageModelDescriptor):
        raise ValueError(f"{path} needs more than a picture (a mask, say); accepted are models of one picture")
    channels = described.input_channels, described.output_channels
    if channels != (3, 3):
        raise ValueError(f"{path} takes {channels[0]} channels and answers {channels[1]}; accepted are 3 and 3")
    described.float()  # half precision is slow on processors, and some layers lack it there
    module = _Described(described).eval()
    return module, FileWeights(module, hash_of(path))


def published(
    path: str | Path, settings: Mapping[str, Any] | None = None, title: str | None = None, timeout: float | None = None
) -> ModuleRestorer:
    """The model of a weight file as a restorer.

    Raises a FileNotFoundError, ValueError or ImportError if there is no such file, it is no model of a known
    architecture, or spandrel is not at hand.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no weight file {path}")
    status = file.stat()
    module, weights = _module(file.resolve(), (status.st_mtime_ns, status.st_size))
    digest = weights.current_hash(module)
    return ModuleRestorer(module, settings, title or file.stem, timeout, file.as_posix(), digest)
