"""The decoder: what answers for a point, from its features and a value."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import architecture
from .layers import ACTIVATIONS, Dropout

OUTPUTS = 3  # numbers of a value: red, green and blue, or what stands for them


class Decoder(nn.Module):
    """MLPs in a row: ``r_k = r_{k-1} + MLP_k([features, value, r_{k-1}])``, or without ``r_{k-1} +`` in front."""

    def __init__(self, of: architecture.DecoderConfig, features: int) -> None:
        super().__init__()
        self.count, self.residual = of.blocks, of.residual
        self.blocks = nn.ModuleList(self.block(of, features + OUTPUTS) for _ in range(1 if of.shared else of.blocks))

    @staticmethod
    def block(of: architecture.DecoderConfig, inputs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for outputs in of.sizes:
            layers += [Dropout(), nn.Linear(inputs, outputs), ACTIVATIONS[of.activation]()]
            inputs = outputs
        layers += [Dropout(), nn.Linear(inputs, OUTPUTS)]
        return nn.Sequential(*layers, *([] if of.final == "linear" else [ACTIVATIONS[of.final]()]))

    @property
    def in_turn(self) -> list[nn.Module]:
        """The blocks as data flows through them: a shared one as often as it is used."""
        blocks = list(self.blocks)
        return blocks * self.count if len(blocks) == 1 else blocks

    def forward(self, features: Tensor, total: Tensor) -> Tensor:
        for block in self.in_turn:
            made = block(torch.cat([features, total], dim=-1))
            total = total + made if self.residual else made
        return total
