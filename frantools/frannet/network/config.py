"""What distinguishes one FranNet from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ...checks import boolean, choice, integer, set_fields
from ..sampling.autoregressive import FRANNETS, AutoregressiveSetup
from ..sampling.objectives import INTERPOLANTS, OBJECTIVES, Interpolant
from ..sampling.schedule import SCHEDULES, STEPS
from ..sampling.setup import Setup
from ..sampling.source_distribution import Start
from . import architecture
from .colours import space_name

RESTORATORS = ("single-pass", "diffusion", "interpolant", "direction", "constant")


@dataclass(frozen=True)
class Config:
    """What distinguishes one FranNet from another.

    Parameters
    ----------
    restorator : {"single-pass", "diffusion", "interpolant", "direction", "constant"}
        What the decoder answers. "single-pass": the colour, in one call. "diffusion": the `objective`, about a noisy
        colour. "interpolant": the same, as FranNet's autoregressive restorator samples it. "direction": the way from a
        colour drawn from the noise to the colour of the picture. "constant": the colour, asked about zeros.
    position : {"xy", "x"}
        The coordinates that the decoder is told. FranNet's own weights know x alone where the encoding is learned.
    schedule : {"cosine", "linear", "quadratic", "sigmoid"}
        The noise schedule that a diffusion model was trained with.
    target : {"colour", "residual", "difference"}
        What is restored: the colour, or what it differs by from the gray input, interpolated cubically and scaled
        ("residual"), or linearly and as it is, as FranNet's own models have it ("difference").
    features : {"note", "gray", "fine"}
        The maps that a point's latent is read from: those of the stages; also the gray input itself; also features at
        the input's own resolution.
    objective : {"noise", "v", "direction", "constant"}
        What a diffusion model's network answers: the noise, or the velocity ``sqrt(a) noise - sqrt(1 - a) x0``
        (Salimans and Ho, 2022, https://arxiv.org/abs/2202.00512), which tells x0 well at any noise level. An
        interpolant's may also answer the way to the colour, or the colour.
    steps : int
        Diffusion steps of the schedule, at least 2; step t is encoded as ``t / (steps - 1)``.
    encoder, position_encoding, time_encoding, decoder
        The network's parts; see `parts`. Default: those of the note.
    colours : str
        The colour format that the network knows; see `colours`.
    gray_latents : bool
        Whether a point's latent ends in the gray input there.
    source : Start
        The distribution that sampling starts from.
    setup : Setup or AutoregressiveSetup, optional
        What the model is sampled with by itself. Default: the note's B of a diffusion model and an interpolant,
        FranNet's own of an autoregressive one, None of a single pass.
    """

    restorator: str = "diffusion"
    position: str = "xy"
    schedule: str = "cosine"
    target: str = "colour"
    features: str = "note"
    objective: str = "noise"
    steps: int = STEPS
    encoder: architecture.EncoderConfig = field(default_factory=architecture.EncoderConfig)
    position_encoding: architecture.Encoding = field(default_factory=architecture.Encoding)
    time_encoding: architecture.Encoding = field(default_factory=architecture.Encoding)
    decoder: architecture.DecoderConfig = field(default_factory=architecture.DecoderConfig)
    colours: str = "rgb"
    gray_latents: bool = False
    source: Start = field(default_factory=Start)
    setup: Setup | AutoregressiveSetup | None = None

    def __post_init__(self) -> None:
        interpolant = self.restorator == "interpolant"
        accepted = {
            "restorator": RESTORATORS,
            "position": ("xy", "x"),
            "schedule": SCHEDULES,
            "target": ("colour", "residual", "difference"),
            "features": ("note", "gray", "fine"),
            "objective": (*OBJECTIVES, "direction", "constant") if interpolant else OBJECTIVES,
            "gray_latents": (False, True),
        }
        for name, values in accepted.items():
            choice(name, getattr(self, name), values)
        set_fields(self, steps=integer("steps", self.steps, 2), gray_latents=boolean("gray_latents", self.gray_latents))
        if self.objective == "v" and not self.timed:
            raise ValueError("objective 'v' goes with a diffusion restorator; a single-pass one answers the colour")
        for name, kind in PARTS.items():
            made = architecture.part(kind, getattr(self, name))
            if not isinstance(made, kind):
                raise ValueError(f"{name} is {made!r}; accepted is a {kind.__name__}")
            set_fields(self, **{name: made})
        set_fields(self, colours=space_name(self.colours))
        sampler = self.sampler
        setup = architecture.part(sampler or Setup, self.setup)
        if setup is not None and (sampler is None or not isinstance(setup, sampler)):
            accepted_setup = f"a {sampler.__name__}" if sampler else "None"
            raise ValueError(f"setup is {setup!r}; accepted for a {self.restorator} model is {accepted_setup}")
        if setup is None and sampler is not None:
            setup = FRANNETS if sampler is AutoregressiveSetup else Setup()
        set_fields(self, setup=setup)

    @property
    def sampler(self) -> type[Setup] | type[AutoregressiveSetup] | None:
        """The kind of setup that samples the model; None where its answers are the colours themselves."""
        if self.restorator in ("direction", "constant"):
            return AutoregressiveSetup
        return None if self.restorator == "single-pass" else Setup

    @property
    def timed(self) -> bool:
        """Whether the network is told a time; the others are told 0."""
        return self.restorator in ("diffusion", "interpolant")

    @property
    def interpolant(self) -> Interpolant:
        """What the network sees and answers: by its objective, or the one way that there is for such a model."""
        return INTERPOLANTS[
            self.objective if self.timed else "direction" if self.restorator == "direction" else "constant"
        ]

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON can hold it; ``Config(**it)`` is equal to this one. What is as usual is left out."""
        usual = Config(self.restorator)
        made: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in OLDEST or value != getattr(usual, each.name):
                made[each.name] = value.to_dict() if each.name == "setup" else _plain(value)
        return made


PARTS: Mapping[str, type[Any]] = {
    "encoder": architecture.EncoderConfig,
    "position_encoding": architecture.Encoding,
    "time_encoding": architecture.Encoding,
    "decoder": architecture.DecoderConfig,
    "source": Start,
}
OLDEST = ("restorator", "position", "schedule", "target", "features", "objective", "steps")
"""Settings that every version has written."""


def _plain(value: Any) -> Any:
    """A part as dicts and lists."""
    return asdict(value) if type(value) in PARTS.values() else value
