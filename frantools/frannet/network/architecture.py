"""What a FranNet's network is made of, as its config says it: sizes and kinds, and no weights.

The defaults are FranNet's basic network, the note's. JSON makes dicts and lists of all this; each part takes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...checks import integer, is_integer, set_fields
from .layers import ACTIVATIONS, GATES

PADDINGS = ("constant", "reflect", "symmetric")


def part(kind: type[Any], value: Any) -> Any:
    """A part, of itself or of the dict that JSON made of it."""
    return kind(**value) if isinstance(value, Mapping) else value


def parts(kind: type[Any], values: Any) -> tuple[Any, ...]:
    """As many parts, of themselves or of their dicts."""
    return tuple(part(kind, value) for value in _listed(kind.__name__, values))


def _listed(name: str, values: Any) -> Iterable[Any]:
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        raise ValueError(f"{name} is {values!r}; accepted is a list")
    return values


def check(made: object, **accepted: Iterable[Any] | type[int]) -> None:
    """Raise a ValueError if an attribute is none of those accepted: some values, or `int` for whole numbers from 1."""
    for name, values in accepted.items():
        value = getattr(made, name)
        if isinstance(values, type):
            set_fields(made, **{name: integer(name, value)})
        elif not any(value == each and type(value) is type(each) for each in values):
            raise ValueError(f"{name} is {value!r}; accepted are {', '.join(map(repr, values))}")


def _whole(name: str, values: Any) -> tuple[int, ...]:
    values = tuple(_listed(name, values))
    if not all(is_integer(value) and value > 0 for value in values):
        raise ValueError(f"{name} is {list(values)!r}; accepted are lists of whole numbers from 1")
    return tuple(int(value) for value in values)


@dataclass(frozen=True)
class Conv:
    """A convolution with "same" padding, and its activation."""

    channels: int
    kernel: int = 3
    activation: str = "relu"
    stride: int = 1

    def __post_init__(self) -> None:
        check(self, channels=int, kernel=int, activation=ACTIVATIONS, stride=(1, 2))


@dataclass(frozen=True)
class GlobalContext:
    """Convolutions, then dense layers with a ReLU each, then one to the latent's size."""

    convs: tuple[Conv, ...] = (Conv(8),)
    mlp: tuple[int, ...] = (256,)
    final: str = "relu"

    def __post_init__(self) -> None:
        set_fields(self, convs=parts(Conv, self.convs), mlp=_whole("mlp", self.mlp))
        check(self, final=ACTIVATIONS)


@dataclass(frozen=True)
class Extractor:
    """How a point's local context comes from the maps.

    "interpolate" reads them at the point; dense layers `mlp` with a ReLU each and one to the latent's size follow.
    "conv" reads the 3 x 3 cells around it, beyond the edge as `padding` says; convolutions follow.
    """

    kind: str = "interpolate"
    mlp: tuple[int, ...] = (256,)
    final: str = "relu"
    padding: str = "constant"

    def __post_init__(self) -> None:
        set_fields(self, mlp=_whole("mlp", self.mlp))
        check(self, kind=("interpolate", "conv"), final=ACTIVATIONS, padding=PADDINGS)


@dataclass(frozen=True)
class EncoderConfig:
    """What reads the picture.

    Each stage halves it with a convolution of `stages` channels. `before` more lead to where the local branch leaves,
    and `after` more lead on. The branch's convolutions stand in `local`, a list for each stage.
    """

    latent: int = 64
    stages: tuple[int, ...] = (32, 32, 32)
    before: int = 0
    after: int = 2
    context: GlobalContext | None = GlobalContext()
    local: tuple[tuple[Conv, ...], ...] = ((Conv(32, 5), Conv(64, 5)),) * 3
    extractors: tuple[Extractor, ...] = (Extractor(),)
    """The sum of these is the local context: the first, and the others each times a gate."""
    gates: str = "squared tanh"

    def __post_init__(self) -> None:
        set_fields(self, stages=_whole("stages", self.stages), context=part(GlobalContext, self.context))
        set_fields(self, local=tuple(parts(Conv, stage) for stage in _listed("local", self.local)))
        set_fields(self, extractors=parts(Extractor, self.extractors))
        check(self, latent=int, gates=GATES)
        for name in ("before", "after"):
            set_fields(self, **{name: integer(name, getattr(self, name), 0)})
        if not 1 <= len(self.stages) <= 6:
            raise ValueError(f"there are {len(self.stages)} stages; accepted are 1 to 6: they halve 64 pixels")
        if self.local and (len(self.local) != len(self.stages) or not all(self.local)):
            raise ValueError("the local context does not fit; accepted are convolutions for each stage, or none at all")
        if self.extractors and not self.local:
            raise ValueError("there are extractors and no local context; accepted are both, or none")


@dataclass(frozen=True)
class Encoding:
    """How a coordinate is told to the decoder: in `bands` learned waves, or in as many fixed ones."""

    kind: str = "learned"
    bands: int = 32

    def __post_init__(self) -> None:
        check(self, kind=("learned", "fixed"), bands=int)
        if self.kind == "learned" and self.bands % 2:
            raise ValueError(f"bands is {self.bands}; accepted for a learned encoding are even numbers")


@dataclass(frozen=True)
class DecoderConfig:
    """MLPs one after the other, each with hidden layers `sizes`; their sum is the answer, or the last one alone."""

    blocks: int = 3
    sizes: tuple[int, ...] = (64, 64, 64)
    shared: bool = False
    residual: bool = True
    activation: str = "relu"
    final: str = "linear"

    def __post_init__(self) -> None:
        set_fields(self, sizes=_whole("sizes", self.sizes))
        check(self, blocks=int, shared=(False, True), residual=(False, True), activation=ACTIVATIONS, final=ACTIVATIONS)


def said(made: Any) -> dict[str, Any]:
    """The attributes of a part that are not the defaults."""
    usual = type(made)()
    return {
        field.name: getattr(made, field.name)
        for field in fields(made)
        if getattr(made, field.name) != getattr(usual, field.name)
    }
