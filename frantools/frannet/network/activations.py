"""Activations and gates by name, as Keras and FranNet's configs name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        "linear": nn.Identity,
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "softplus": nn.Softplus,
        "softsign": nn.Softsign,
        "swish": nn.SiLU,
        "gelu": nn.GELU,
    }
)
"""By Keras' names."""
GATES: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"squared tanh": lambda w: torch.tanh(w) ** 2, **{name: kind() for name, kind in ACTIVATIONS.items()}}
)
"""Functions from a weight to a gate, by name."""
