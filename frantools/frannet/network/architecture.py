"""The parts of FranNet's network as a config describes them: kinds and sizes, without weights.

The defaults are those of the note's network. All parts can be restored from their JSON, with its dicts and lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...checks import boolean, choice, integer, invalid, is_integer, set_fields
from .activations import ACTIVATIONS, GATES

PADDINGS = ("constant", "reflect", "symmetric")


def make_part(kind: type[Any], value: Any) -> Any:
    """Return a part, constructed if JSON has made a dict of it."""
    return kind(**value) if isinstance(value, Mapping) else value


def _make_parts(kind: type[Any], values: Any) -> tuple[Any, ...]:
    return tuple(make_part(kind, value) for value in _check_list(kind.__name__, values))


def _check_list(name: str, values: Any) -> Iterable[Any]:
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        raise invalid(name, "a list", values)
    return values


def _check_choices(part: object, **choices: Iterable[Any]) -> None:
    for name, values in choices.items():
        choice(name, getattr(part, name), values)


def _check_integers(part: object, *names: str, minimum: int = 1) -> None:
    for name in names:
        set_fields(part, **{name: integer(name, getattr(part, name), minimum)})


def _integers(name: str, values: Any) -> tuple[int, ...]:
    values = tuple(_check_list(name, values))
    if not all(is_integer(value) and value > 0 for value in values):
        raise invalid(name, "a list of integers from 1", list(values))
    return tuple(int(value) for value in values)


@dataclass(frozen=True)
class Conv:
    """A convolution with "same" padding, and its activation."""

    channels: int
    kernel: int = 3
    activation: str = "relu"
    stride: int = 1

    def __post_init__(self) -> None:
        _check_integers(self, "channels", "kernel")
        _check_choices(self, activation=ACTIVATIONS, stride=(1, 2))


@dataclass(frozen=True)
class GlobalContext:
    """Convolutions, then dense layers with ReLUs, then one to the latent's size."""

    convs: tuple[Conv, ...] = (Conv(8),)
    mlp: tuple[int, ...] = (256,)
    final: str = "relu"

    def __post_init__(self) -> None:
        set_fields(self, convs=_make_parts(Conv, self.convs), mlp=_integers("mlp", self.mlp))
        _check_choices(self, final=ACTIVATIONS)


@dataclass(frozen=True)
class Extractor:
    """The layers that read a point's local context from the feature maps.

    "interpolate" reads them at the point; dense layers `mlp` with ReLUs and one to the latent's size follow. "conv"
    reads the 3 x 3 cells around it, padded beyond the edge by `padding`; convolutions follow.
    """

    kind: str = "interpolate"
    mlp: tuple[int, ...] = (256,)
    final: str = "relu"
    padding: str = "constant"

    def __post_init__(self) -> None:
        set_fields(self, mlp=_integers("mlp", self.mlp))
        _check_choices(self, kind=("interpolate", "conv"), final=ACTIVATIONS, padding=PADDINGS)


@dataclass(frozen=True)
class EncoderConfig:
    """The encoder of the gray input.

    Each stage halves the picture with a convolution of `stages` channels. `before` more convolutions lead to the local
    branch, and `after` more to the next stage. `local` lists the convolutions of each stage's branch.
    """

    latent: int = 64
    stages: tuple[int, ...] = (32, 32, 32)
    before: int = 0
    after: int = 2
    context: GlobalContext | None = GlobalContext()
    local: tuple[tuple[Conv, ...], ...] = ((Conv(32, 5), Conv(64, 5)),) * 3
    extractors: tuple[Extractor, ...] = (Extractor(),)
    """The local context is their sum, with a gate for each but the first."""
    gates: str = "squared tanh"

    def __post_init__(self) -> None:
        set_fields(
            self,
            stages=_integers("stages", self.stages),
            context=make_part(GlobalContext, self.context),
            local=tuple(_make_parts(Conv, stage) for stage in _check_list("local", self.local)),
            extractors=_make_parts(Extractor, self.extractors),
        )
        _check_integers(self, "latent")
        _check_integers(self, "before", "after", minimum=0)
        _check_choices(self, gates=GATES)
        if not 1 <= len(self.stages) <= 6:
            raise ValueError(f"stages must have 1 to 6 items, which halve 64 pixels, got {len(self.stages)}")
        if self.local and (len(self.local) != len(self.stages) or not all(self.local)):
            raise ValueError("local must have convolutions for each stage, or none at all")
        if self.extractors and not self.local:
            raise ValueError("extractors require a local context, and local is empty")


@dataclass(frozen=True)
class Encoding:
    """The encoding of a coordinate: `bands` learned waves, or as many fixed ones."""

    kind: str = "learned"
    bands: int = 32

    def __post_init__(self) -> None:
        _check_integers(self, "bands")
        _check_choices(self, kind=("learned", "fixed"))
        if self.kind == "learned" and self.bands % 2:
            raise invalid("bands", "even for a learned encoding", self.bands)


@dataclass(frozen=True)
class DecoderConfig:
    """A sequence of MLPs with hidden layers `sizes`; the output is their sum, or that of the last."""

    blocks: int = 3
    sizes: tuple[int, ...] = (64, 64, 64)
    shared: bool = False
    residual: bool = True
    activation: str = "relu"
    final: str = "linear"

    def __post_init__(self) -> None:
        set_fields(
            self,
            sizes=_integers("sizes", self.sizes),
            shared=boolean("shared", self.shared),
            residual=boolean("residual", self.residual),
        )
        _check_integers(self, "blocks")
        _check_choices(self, activation=ACTIVATIONS, final=ACTIVATIONS)
