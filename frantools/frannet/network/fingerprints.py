"""Identities of the weights of torch modules: hashes that change whenever the weights do."""

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
    """What tells quickly whether weights have changed: of each tensor its place in memory, its version and its sum.

    Torch's versions alone do not see changes that go through ``.data``, and tensors of inference mode have none.
    """
    with torch.no_grad():
        return [
            (
                name,
                value.dtype,
                value.shape,
                value.data_ptr(),
                None if value.is_inference() else value._version,
                repr(value.sum(dtype=torch.float32).item()),  # a text, since NaN is not equal to itself
            )
            for name, value in _tensors(module).items()
        ]


def weights_hash(module: nn.Module) -> str:
    """The SHA-256 of a module's weights and buffers as they are now, computed again once they have changed."""
    now = fingerprint(module)
    before, digest = _hashes.get(module, (None, ""))
    if now != before:
        digest = _digest(module)
        _hashes[module] = now, digest
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
        As it was loaded.
    sha256 : str
        Of the file.
    """

    def __init__(self, module: nn.Module, sha256: str) -> None:
        self.sha256, self._hash = sha256, weights_hash(module)

    def identity(self, module: nn.Module) -> str:
        """The file's hash, as long as the module has the file's weights; then that of the weights that it has."""
        now = weights_hash(module)
        return self.sha256 if now == self._hash else now
