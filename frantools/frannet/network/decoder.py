"""The decoder: from a point's features and a value to the network's output."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .activations import ACTIVATIONS
from .architecture import DecoderConfig
from .layers import Dropout

OUTPUTS = 3  # numbers of a value: the channels of a colour


class Decoder(nn.Module):
    """A sequence of MLPs: ``r_k = r_{k-1} + MLP_k([features, value, r_{k-1}])``, or the same without ``r_{k-1} +``."""

    def __init__(self, config: DecoderConfig, features: int) -> None:
        super().__init__()
        self.count, self.residual = config.blocks, config.residual
        count = 1 if config.shared else config.blocks
        self.blocks = nn.ModuleList(self._make_block(config, features + OUTPUTS) for _ in range(count))

    @staticmethod
    def _make_block(config: DecoderConfig, inputs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for outputs in config.sizes:
            layers += [Dropout(), nn.Linear(inputs, outputs), ACTIVATIONS[config.activation]()]
            inputs = outputs
        layers += [Dropout(), nn.Linear(inputs, OUTPUTS)]
        return nn.Sequential(*layers, *([] if config.final == "linear" else [ACTIVATIONS[config.final]()]))

    @property
    def sequence(self) -> list[nn.Module]:
        """The blocks in the order of the data flow, in which a shared one is repeated."""
        blocks = list(self.blocks)
        return blocks * self.count if len(blocks) == 1 else blocks

    def forward(self, features: Tensor, total: Tensor) -> Tensor:
        for block in self.sequence:
            output = block(torch.cat([features, total], dim=-1))
            total = total + output if self.residual else output
        return total
