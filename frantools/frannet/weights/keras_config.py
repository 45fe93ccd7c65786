"""FranNet's own configs: nested JSON, read into a `Config`.

What is not read is refused, so that a model of another kind is never read as if it were a known one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...checks import is_integer
from ...files import from_json, to_json
from ..network import architecture
from ..network.architecture import Conv
from ..network.colours import SPACES
from ..network.config import Config
from ..network.layers import ACTIVATIONS, GATES
from ..sampling.autoregressive import AutoregressiveSetup
from ..sampling.schedule import SCHEDULES, STEPS
from ..sampling.setup import Setup
from ..sampling.source_distribution import Start

# Settings that change nothing in the network: how it was trained, and how it is batched.
IRRELEVANT = ("optimizer.", "renderer.batch_size", "nerf.samplesN")
NEEDED = object()
NOISE = {"normal": "normal", "correct": "normal", "squared": "squared", "zero": "zero"}


class Settings:
    """A part of a config: what is taken out of it is read, and what is left in the end is unknown."""

    def __init__(self, path: Path, tree: Mapping[str, Any], place: str = "") -> None:
        self.path, self.place = path, place
        self.tree = dict(tree)

    def key(self, name: str) -> str:
        return f"{self.place}{name}"

    def refused(self, name: str, value: Any, accepted: str) -> ValueError:
        return ValueError(f"{self.path} asks for {self.key(name)} = {to_json(value)}; supported is {accepted}")

    def take(self, name: str, accepted: Iterable[Any] | type[Any], default: Any = NEEDED) -> Any:
        """A setting: one of some values, a whole number from 1 (`int`), any number (`float`) or such a list."""
        value = self.tree.pop(name, default)
        if value is NEEDED:
            raise ValueError(f"{self.path} lacks the setting {self.key(name)!r}")
        if value is default:
            return value
        if accepted is int:
            if not is_integer(value) or value < 1:
                raise self.refused(name, value, "a whole number from 1")
        elif accepted is float:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self.refused(name, value, "a number")
        elif accepted is list:
            if not isinstance(value, list) or not all(is_integer(each) and each > 0 for each in value):
                raise self.refused(name, value, "a list of whole numbers from 1")
        elif not isinstance(accepted, type):
            known = list(accepted)
            if not any(value == each and type(value) is type(each) for each in known):
                raise self.refused(name, value, " or ".join(map(to_json, known)))
        return value

    def some(self, *names: str) -> None:
        """Pass over settings that do not count here."""
        for name in names:
            self.tree.pop(name, None)

    def part(self, name: str, default: Any = NEEDED) -> Settings:
        """A nested part; a plain text stands for one with that name alone."""
        value = self.tree.get(name, default)
        if value is NEEDED:
            return Settings(self.path, {}, f"{self.key(name)}.")
        value = {"name": value} if isinstance(value, str) else value
        if not isinstance(value, Mapping):
            raise self.refused(name, value, "an object")
        made = Settings(self.path, value, f"{self.key(name)}.")
        self.tree[name] = made
        return made

    def listed(self, name: str) -> list[Settings]:
        """A list of nested parts."""
        values = self.tree.get(name)
        if not isinstance(values, list) or not all(isinstance(each, (Mapping, str)) for each in values):
            raise self.refused(name, values, "a list of objects")
        named = [{"name": each} if isinstance(each, str) else each for each in values]
        made = [Settings(self.path, each, f"{self.key(name)}.{index}.") for index, each in enumerate(named)]
        self.tree[name] = made
        return made

    def left(self) -> Iterator[tuple[str, Any]]:
        """What nobody has read, by its full name."""
        for name, value in self.tree.items():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Settings):
                    yield from each.left()
                elif isinstance(each, Mapping):
                    yield from Settings(self.path, each, f"{self.key(name)}.").left()
                else:
                    yield self.key(name), value


def read_config(path: Path) -> Config:
    """The kind of model that a FranNet config describes; a ValueError names what is not supported."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no config file {path}")
    try:
        tree = from_json(path.read_text(encoding="utf-8"))
        if not isinstance(tree, dict):
            raise ValueError("it is no object")
    except ValueError as error:
        raise ValueError(f"{path} is not a FranNet config in JSON: {error}") from None
    settings = Settings(path, tree)
    try:
        made = _config(settings)
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path} asks for what cannot be: {error}") from None
    for key, value in settings.left():
        if not key.startswith(IRRELEVANT) and value not in (None, False):
            raise ValueError(f"{path} asks for {key} = {to_json(value)}, which is not supported")
    return made


def _config(settings: Settings) -> Config:
    renderer, nerf = settings.part("renderer"), settings.part("nerf")
    position, time = _encoding(renderer, "position encoding"), _encoding(renderer, "time encoding")
    nerf.take("name", ("basic",))
    asked = nerf.tree.pop("format", "bgr")  # as FranNet has it where there is none
    if not isinstance(asked, str) or asked.lower() not in (*SPACES, "identity"):
        raise nerf.refused("format", asked, " or ".join(map(to_json, (*SPACES, "identity"))))
    gray = nerf.tree.get("extra latents")
    if gray:
        for each in nerf.listed("extra latents"):
            each.take("name", ("grayscale",))
        if len(gray) > 1:
            raise nerf.refused("extra latents", gray, 'one, {"name": "grayscale"}')
    return Config(
        position="x" if position.kind == "learned" else "xy",  # FranNet's learned encoding ends up with x alone
        target="difference" if nerf.take("residual", (True, False), False) else "colour",
        encoder=_encoder(settings.part("encoder")),
        position_encoding=position,
        time_encoding=time,
        decoder=_decoder(settings.part("decoder")),
        colours=asked,
        gray_latents=bool(gray),
        **_restorator(settings.part("restorator")),
    )


def _encoding(renderer: Settings, name: str) -> architecture.Encoding:
    if name not in renderer.tree:
        raise ValueError(f"{renderer.path} lacks the setting {renderer.key(name)!r}")
    if isinstance(value := renderer.tree[name], str):
        return architecture.Encoding(renderer.take(name, ("learned", "fixed")))
    if not isinstance(value, Mapping):
        raise renderer.refused(name, value, '"learned" or "fixed"')
    made = renderer.part(name)
    return architecture.Encoding(made.take("name", ("learned", "fixed")), made.take("N", int, 32))


def _decoder(decoder: Settings) -> architecture.DecoderConfig:
    decoder.take("channels", (3,))
    decoder.take("name", ("mlp",))
    mlp = decoder.part("mlp")
    return architecture.DecoderConfig(
        blocks=decoder.take("mlp blocks", int),
        sizes=mlp.take("sizes", list),
        shared=mlp.take("shared", (False, True)),
        residual=decoder.take("residual", (True, False)),
        activation=mlp.take("activation", tuple(ACTIVATIONS)),
        final=mlp.take("final activation", tuple(ACTIVATIONS)),
    )


def _encoder(encoder: Settings) -> architecture.EncoderConfig:
    encoder.take("image size", (64,))
    encoder.take("channels", (1,))
    encoder.take("name", ("basic",))
    latent, head = encoder.take("latent dimension", int), encoder.part("head")
    stages = head.take("downsample steps", list)
    mixer = encoder.part("contexts mixer")
    extractors, gates = _extractors(mixer)
    return architecture.EncoderConfig(
        latent=latent,
        stages=stages,
        before=head.take("conv before stage", range(9), 0),
        after=head.take("conv after stage", range(9), 2),
        context=_global(head, stages[-1]) if not _absent(head, "global context") else None,
        local=_local(head, stages, latent) if not _absent(head, "local context") else (),
        extractors=extractors,
        gates=gates,
    )


def _absent(settings: Settings, name: str) -> bool:
    """Whether a part is null."""
    if name not in settings.tree:
        raise ValueError(f"{settings.path} lacks the setting {settings.key(name)!r}")
    return settings.tree[name] is None


def _local(head: Settings, stages: list[int], latent: int) -> tuple[tuple[Conv, ...], ...]:
    """The local branch of each stage, whose channels it has by default."""
    local, made = head.part("local context"), []
    settings = dict(local.tree)
    for channels in stages:
        local.tree = dict(settings)
        made.append(_convs(local, channels, latent))
    return tuple(made)


def _convs(block: Settings, channels: int, last: int, before: int | None = None) -> tuple[Conv, ...]:
    """A block of convolutions: some, as `conv before` says, and a last one."""
    channels, kernel = block.take("channels", int, channels), block.take("kernel size", int, 3)
    activation = block.take("activation", tuple(ACTIVATIONS), "relu")
    final = block.take("final activation", tuple(ACTIVATIONS), activation)
    ends = Conv(block.take("channels last", int, last), block.take("kernel size last", int, kernel), final)
    asked = block.tree.pop("conv before", before)
    usual = Conv(channels, kernel, activation)
    if is_integer(asked) and asked >= 0:
        return (*[usual] * asked, ends)
    if not isinstance(asked, list):
        raise block.refused("conv before", asked, "a whole number, or a list of channels or of objects")
    convs = []
    for index, each in enumerate(asked):
        one = Settings(
            block.path, each if isinstance(each, Mapping) else {"channels": each}, block.key(f"conv before.{index}.")
        )
        convs.append(
            Conv(
                one.take("channels", int, channels),
                one.take("kernel size", int, kernel),
                one.take("activation", tuple(ACTIVATIONS), activation),
            )
        )
        for key, value in one.left():
            raise ValueError(f"{block.path} asks for {key} = {to_json(value)}, which is not supported")
    return (*convs, ends)


def _global(head: Settings, channels: int) -> architecture.GlobalContext:
    made = head.part("global context")
    mlp, final = made.take("mlp", list), made.take("final activation", tuple(ACTIVATIONS))
    if made.take("name", ("v1", "v2"), "v1") == "v1":
        made.tree["final activation"] = final  # of the last convolution too
        number = made.take("channels", int)
        return architecture.GlobalContext(_convs(made, number, number, before=0), mlp, final)
    convs: list[Conv] = []
    for block in made.listed("downsample steps"):
        channels, kernel = block.take("channels", int), block.take("kernel size", int)
        convs += [Conv(channels, kernel, stride=2), *[Conv(channels, kernel)] * block.take("layers", range(99))]
    made.some("channels", "kernel size", "conv before", "channels last", "kernel size last", "activation")
    return architecture.GlobalContext(tuple(convs), mlp, final)


def _extractors(mixer: Settings) -> tuple[tuple[architecture.Extractor, ...], str]:
    if _absent(mixer, "extractor"):
        return (), architecture.EncoderConfig.gates
    made = mixer.part("extractor")
    if made.tree.get("name") != "combined":
        return (_extractor(made, ("interpolate", "conv", "combined")),), architecture.EncoderConfig.gates
    made.some("name", "mlp", "final activation")  # what merged configs leave behind
    gates = made.take("weights activation", tuple(GATES))
    return tuple(_extractor(each, ("interpolate", "conv")) for each in made.listed("extractors")), gates


def _extractor(made: Settings, kinds: tuple[str, ...]) -> architecture.Extractor:
    if made.take("name", kinds) == "interpolate":
        return architecture.Extractor(
            "interpolate", made.take("mlp", list), made.take("final activation", tuple(ACTIVATIONS))
        )
    made.some("mlp", "final activation")
    padding = made.part("padding", {})
    mode = str(padding.take("mode", ("CONSTANT", "REFLECT", "SYMMETRIC"), "CONSTANT"))
    return architecture.Extractor("conv", padding=mode.lower())


def _restorator(restorator: Settings) -> dict[str, Any]:
    """What a config says of how values are restored, as arguments of a `Config`."""
    kinds = ("single pass", "diffusion", "autoregressive")
    name = restorator.take("name", kinds)
    restorator.take("channels", (3,))
    if name == "single pass":
        return {"restorator": "single-pass"}
    made: dict[str, Any] = {"source": _source(restorator)}
    sampler = restorator.part("sampler", {})
    if name == "diffusion":
        scaling = restorator.tree.get("loss scaling", NEEDED)
        if isinstance(scaling, Mapping):  # of the training alone
            loss = restorator.part("loss scaling")
            loss.take("name", ("clip SNR",))
            loss.some(*loss.tree)
        else:
            restorator.take("loss scaling", (None, "clip SNR"))
        kind = restorator.take("kind", ("DDPM", "DDIM"))
        return made | {"restorator": "diffusion", "setup": _diffusion(sampler, kind)} | _schedule(restorator)
    kind = sampler.take("name", ("autoregressive", "DDIM"))
    interpolant = sampler.part("interpolant")
    if kind == "autoregressive":
        asked = interpolant.take("name", ("direction", "derivative", "constant", "x0"))
        made["restorator"] = {"derivative": "direction", "x0": "constant"}.get(asked, asked)
        return made | {"setup": _autoregressive(sampler)}
    objectives = {"diffusion": "noise", "diffusion-V": "v"}
    made |= {"restorator": "interpolant", "objective": objectives[interpolant.take("name", tuple(objectives))]}
    sampler.some("noise provider", "noise projection")  # which FranNet does not read here
    setup = _ddim(sampler, projection=sampler.take("project noise", (True, False), False))
    return made | {"setup": setup} | _schedule(sampler)


def _source(restorator: Settings) -> Start:
    source = restorator.part("source distribution")
    if source.take("name", ("normal", "uniform")) == "normal":
        return Start("normal", source.take("mean", float, 0.0), source.take("stddev", float, 1.0))
    return Start("uniform", source.take("min", float), source.take("max", float))


def _schedule(settings: Settings) -> dict[str, Any]:
    schedule = settings.part("schedule")
    schedule.take("name", ("discrete",))
    steps = schedule.take("timesteps", int, STEPS)
    if steps < 2:
        raise schedule.refused("timesteps", steps, "a whole number from 2")
    return {"schedule": schedule.take("beta schedule", SCHEDULES), "steps": steps}


def _noise(sampler: Settings, *names: str) -> str:
    """How much noise is added, by the first of some settings that is there."""
    found = [sampler.take(name, tuple(NOISE), "normal") for name in names if name in sampler.tree]
    return NOISE[found[0]] if found else "normal"


def _clipping(sampler: Settings) -> tuple[float, float] | None:
    clipping = sampler.tree.pop("clipping", None)
    if clipping is None:
        return None
    if not isinstance(clipping, Mapping) or clipping.keys() != {"min", "max"}:
        raise sampler.refused("clipping", clipping, 'null or {"min": ..., "max": ...}')
    return clipping["min"], clipping["max"]


def _ddim(sampler: Settings, projection: bool) -> Setup:
    skip = sampler.part("steps skip type", {})
    rule = skip.take("name", ("uniform", "quadratic"), "uniform")
    return Setup(
        stochasticity=sampler.take("stochasticity", float, 1.0),
        K=skip.take("K", int, 1),
        noise_projection=projection,
        noise_stddev=_noise(sampler, "noise stddev"),
        clipping=_clipping(sampler),
        steps=rule,
    )


def _diffusion(sampler: Settings, kind: str) -> Setup:
    """The sampler of a diffusion model: that of its name, or without one of the kind of model."""
    if sampler.take("name", ("DDPM", "DDIM"), kind) == "DDIM":
        projection = [sampler.take(name, (True, False), False) for name in ("project noise", "noise projection")]
        sampler.some("noise provider")
        return _ddim(sampler, any(projection))
    noise = _noise(sampler, "noise stddev", "noise provider")
    clipping = _clipping(sampler)
    sampler.some(*sampler.tree)
    return Setup(1.0, 1, False, noise, clipping, "uniform", "ddpm")


def _autoregressive(sampler: Settings) -> AutoregressiveSetup:
    steps = sampler.part("steps")
    threshold = sampler.take("threshold", float, 0.0)
    if threshold <= 0:
        raise sampler.refused("threshold", threshold, "a number above 0; 0 can be chosen where it is sampled")
    return AutoregressiveSetup(
        start=steps.take("start", float),
        end=steps.take("end", float),
        steps=steps.take("steps", int),
        decay=steps.take("decay", float),
        threshold=threshold,
        converge_threshold=sampler.take("converge threshold", float, 0.0),
        noise_stddev=_noise(sampler, "noise provider"),
    )
