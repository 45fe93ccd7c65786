"""Model files of published architectures, through the spandrel library.

spandrel (MIT) is an optional extra, ``pip install "frantools[published]"``. It knows some 45 architectures by their
tensors. It gets the tensors and never the path, so nothing of a file is run.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .modules import ModuleRestorer

ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt")
GET = 'pip install "frantools[published]"'


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file. Pickles are read by torch's own reader of tensors alone.

    Raises
    ------
    ValueError
        If the file holds anything else, or is damaged.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is not a whole weight file ({_first_line(error)}); accepted are {ENDINGS}") from None
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, and is not read: that could run any code ({_first_line(error)})"
        ) from None
    return _state_dict(content, path)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by name, out of the dicts that trainings wrap them in."""
    for key in ("params_ema", "params", "state_dict", "model", "net", "network", "generator"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} holds no tensors by name; accepted are state dicts")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _spandrel() -> Any:
    try:
        import spandrel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"models of published architectures need {error.name}: {GET}") from None
    except (RuntimeError, ImportError, OSError) as error:  # a torchvision of another build than torch
        raise ImportError(
            f"spandrel cannot be imported, most often since torchvision does not fit this PyTorch ({_first_line(error)}); "
            "install the torchvision that belongs to it, from where PyTorch came from"
        ) from None
    return spandrel


@lru_cache(maxsize=4)
def _described(path: Path, state: object) -> tuple[Any, str]:
    spandrel = _spandrel()
    try:
        described = spandrel.ModelLoader().load_from_state_dict(tensors_of(path))
    except spandrel.UnsupportedModelError:
        raise ValueError(f"{path} is of an architecture that spandrel does not know") from None
    if not isinstance(described, spandrel.ImageModelDescriptor):
        raise ValueError(f"{path} needs more than a picture (a mask, say); accepted are models of one picture")
    if described.input_channels != 3 or described.output_channels != 3:
        raise ValueError(
            f"{path} takes {described.input_channels} channels and answers {described.output_channels}; accepted are 3 and 3"
        )
    described.float()  # half precision is slow on processors, and some layers lack it there
    return described, hashlib.sha256(path.read_bytes()).hexdigest()


def published(
    path: str | Path, settings: Mapping[str, Any] | None = None, title: str | None = None, timeout: float | None = None
) -> ModuleRestorer:
    """The model of a weight file as a restorer.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If there is no such file, it is no model of a known architecture, or spandrel is not at hand.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no weight file {path}")
    status = file.stat()
    described, digest = _described(file.resolve(), (status.st_mtime_ns, status.st_size))
    needs = described.size_requirements
    return ModuleRestorer(
        described.model.eval(),
        settings,
        title or file.stem,
        timeout,
        named={"path": file.as_posix(), "sha256": digest},
        multiple=max(1, needs.multiple_of),
    )
