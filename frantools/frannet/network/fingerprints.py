"""Hashes of the weights of torch modules, recomputed when the weights change."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

Fingerprint = list[tuple[Any, ...]]

_hashes: WeakKeyDictionary[nn.Module, tuple[Fingerprint, str]] = WeakKeyDictionary()


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return dict(chain(module.named_parameters(), module.named_buffers()))


def fingerprint(module: nn.Module) -> Fingerprint:
    """Return a quick indicator of changed weights: the address, version and sum of each tensor.

    Torch's versions alone miss changes through ``.data``, and tensors of inference mode have none.
    """
    with torch.no_grad():
        return [
            (
                name,
                value.dtype,
                value.shape,
                value.data_ptr(),
                None if value.is_inference() else value._version,
                repr(value.sum(dtype=torch.float32).item()),  # a string, because NaN does not equal itself
            )
            for name, value in _tensors(module).items()
        ]


def weights_hash(module: nn.Module) -> str:
    """Return the SHA-256 of a module's current weights and buffers, which is recomputed only after they changed."""
    current = fingerprint(module)
    cached, digest = _hashes.get(module, (None, ""))
    if current != cached:
        digest = _digest(module)
        _hashes[module] = current, digest
    return digest


def _digest(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(_tensors(module).items()):
        numbers: Any = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        digest.update(numbers)
    return digest.hexdigest()


class FileWeights:
    """The weights that a module was loaded with from a file.

    Parameters
    ----------
    module : nn.Module
        The module, just loaded.
    sha256 : str
        Of the file.
    """

    def __init__(self, module: nn.Module, sha256: str) -> None:
        self.sha256, self._hash = sha256, weights_hash(module)

    def current_hash(self, module: nn.Module) -> str:
        """Return the file's hash while the module has the file's weights, and otherwise that of its weights."""
        current = weights_hash(module)
        return self.sha256 if current == self._hash else current
