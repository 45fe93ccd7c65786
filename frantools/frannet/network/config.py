"""The config of a FranNet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ...checks import boolean, choice, integer, invalid, set_fields
from ..sampling.autoregressive import FRANNET_DEFAULT
from ..sampling.objectives import INTERPOLANTS, OBJECTIVES, Interpolant
from ..sampling.samplers import Sampler
from ..sampling.schedule import SCHEDULES, STEPS
from ..sampling.setup import Setup
from ..sampling.source_distribution import SourceDistribution
from .architecture import DecoderConfig, EncoderConfig, Encoding, make_part
from .colours import space_name

DEFAULT_SETUPS: Mapping[str, Sampler | None] = {
    "single-pass": None,
    "diffusion": Setup(),
    "interpolant": Setup(),
    "direction": FRANNET_DEFAULT,
    "constant": FRANNET_DEFAULT,
}
"""By restorator."""
RESTORATORS = tuple(DEFAULT_SETUPS)


@dataclass(frozen=True)
class Config:
    """The settings that distinguish one FranNet from another.

    Parameters
    ----------
    restorator : {"single-pass", "diffusion", "interpolant", "direction", "constant"}
        The decoder's output. "single-pass": the colour, in one call. "diffusion": the `objective`, for a noisy colour.
        "interpolant": the same, as FranNet's autoregressive restorator samples it. "direction": the difference of the
        picture's colour and a colour drawn from the source. "constant": the colour, for an input of zeros.
    position : {"xy", "x"}
        The coordinates that the decoder reads. FranNet's own weights with a learned encoding read only x.
    schedule : {"cosine", "linear", "quadratic", "sigmoid"}
        The noise schedule that a diffusion model was trained with.
    target : {"colour", "residual", "difference"}
        The restored quantity: the colour, or its difference from the gray input, interpolated cubically and scaled
        ("residual"), or linearly and unscaled, as in FranNet's own models ("difference").
    features : {"note", "gray", "fine"}
        The maps that a point's latent is read from: those of the stages; also the gray input itself; also features at
        the input's own resolution.
    objective : {"noise", "v", "direction", "constant"}
        The output of a diffusion model: the noise, or the velocity ``sqrt(a) noise - sqrt(1 - a) x0`` (Salimans and
        Ho, 2022, https://arxiv.org/abs/2202.00512), which determines x0 well at any noise level. That of an
        interpolant may also be the difference to the colour, or the colour.
    steps : int
        Diffusion steps of the schedule, at least 2; step t is encoded as ``t / (steps - 1)``.
    encoder, position_encoding, time_encoding, decoder
        The network's parts; see `architecture`. Default: those of the note.
    colours : str
        The network's colour format; see `colours`.
    gray_latents : bool
        Whether a point's latent ends in the gray input at the point.
    source : SourceDistribution
        The distribution that sampling starts from.
    setup : Setup or AutoregressiveSetup, optional
        The model's default sampler. Default: the note's B for a diffusion model and an interpolant, FranNet's own for
        an autoregressive model, None for a single-pass model.
    """

    restorator: str = "diffusion"
    position: str = "xy"
    schedule: str = "cosine"
    target: str = "colour"
    features: str = "note"
    objective: str = "noise"
    steps: int = STEPS
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    position_encoding: Encoding = field(default_factory=Encoding)
    time_encoding: Encoding = field(default_factory=Encoding)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    colours: str = "rgb"
    gray_latents: bool = False
    source: SourceDistribution = field(default_factory=SourceDistribution)
    setup: Sampler | None = None

    def __post_init__(self) -> None:
        objectives = (*OBJECTIVES, "direction", "constant") if self.restorator == "interpolant" else OBJECTIVES
        for name, choices in (
            ("restorator", RESTORATORS),
            ("position", ("xy", "x")),
            ("schedule", SCHEDULES),
            ("target", ("colour", "residual", "difference")),
            ("features", ("note", "gray", "fine")),
            ("objective", objectives),
        ):
            choice(name, getattr(self, name), choices)
        set_fields(
            self,
            steps=integer("steps", self.steps, 2),
            gray_latents=boolean("gray_latents", self.gray_latents),
            colours=space_name(self.colours),
        )
        if self.objective == "v" and not self.timed:
            raise ValueError("objective 'v' requires a diffusion restorator; a single-pass model outputs the colour")
        for name, kind in PARTS.items():
            part = make_part(kind, getattr(self, name))
            if not isinstance(part, kind):
                raise invalid(name, f"a {kind.__name__}", part)
            set_fields(self, **{name: part})
        sampler = self.sampler
        setup = make_part(sampler or Setup, self.setup)
        if setup is None:
            setup = DEFAULT_SETUPS[self.restorator]
        elif sampler is None or not isinstance(setup, sampler):
            accepted = f"a {sampler.__name__}" if sampler else "None"
            raise invalid("setup", f"{accepted} for a {self.restorator} model", setup)
        set_fields(self, setup=setup)

    @property
    def sampler(self) -> type[Any] | None:
        """The class of the model's setup; None for a single-pass model."""
        setup = DEFAULT_SETUPS[self.restorator]
        return None if setup is None else type(setup)

    @property
    def timed(self) -> bool:
        """Whether the network reads the time; other networks read 0."""
        return self.restorator in ("diffusion", "interpolant")

    @property
    def interpolant(self) -> Interpolant:
        """The relation of the network's inputs and output: that of the objective, or of the kind of model."""
        if self.timed:
            return INTERPOLANTS[self.objective]
        return INTERPOLANTS["direction" if self.restorator == "direction" else "constant"]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings, for JSON, most of them only if not the default; ``Config(**settings)`` equals this."""
        default = Config(self.restorator)
        settings: dict[str, Any] = {}
        for name in (item.name for item in fields(self)):
            value = getattr(self, name)
            if name in ALWAYS_WRITTEN or value != getattr(default, name):
                settings[name] = value.to_dict() if name == "setup" else asdict(value) if name in PARTS else value
        return settings


PARTS: Mapping[str, type[Any]] = {
    "encoder": EncoderConfig,
    "position_encoding": Encoding,
    "time_encoding": Encoding,
    "decoder": DecoderConfig,
    "source": SourceDistribution,
}
ALWAYS_WRITTEN = ("restorator", "position", "schedule", "target", "features", "objective", "steps")
