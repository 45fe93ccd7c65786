"""FranNet's own configs: nested JSON, read into a `Config`.

A setting that is not read is an error, so that an unknown kind of model is never taken for a known one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...checks import is_integer
from ...files import from_json, to_json
from ..network.activations import ACTIVATIONS, GATES
from ..network.architecture import Conv, DecoderConfig, EncoderConfig, Encoding, Extractor, GlobalContext
from ..network.colours import SPACES
from ..network.config import Config
from ..sampling.autoregressive import AutoregressiveSetup
from ..sampling.schedule import SCHEDULES, STEPS
from ..sampling.setup import Setup
from ..sampling.source_distribution import SourceDistribution
from .keras_section import REQUIRED, KerasSection

# Settings without an effect on the network: how it was trained, and how it is batched.
IGNORED = ("optimizer.", "renderer.batch_size", "nerf.samplesN")
NOISE_STDDEVS = {"normal": "normal", "correct": "normal", "squared": "squared", "zero": "zero"}


def read_config(path: Path) -> Config:
    """Read the config of a FranNet model; a ValueError names unsupported settings."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no config file {path}")
    try:
        tree = from_json(path.read_text(encoding="utf-8"))
        if not isinstance(tree, dict):
            raise ValueError("it is no object")
    except ValueError as error:
        raise ValueError(f"{path} is not a FranNet config in JSON: {error}") from None
    section = KerasSection(path, tree)
    try:
        config = _config(section)
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from None
    section.check_read(IGNORED)
    return config


def _config(root: KerasSection) -> Config:
    renderer, nerf = root.section("renderer"), root.section("nerf")
    position, time = _encoding(renderer, "position encoding"), _encoding(renderer, "time encoding")
    nerf.take("name", ("basic",))
    colours = nerf.tree.pop("format", "bgr")  # FranNet's default
    if not isinstance(colours, str) or colours.lower() not in (*SPACES, "identity"):
        raise nerf.unsupported("format", colours, " or ".join(map(to_json, (*SPACES, "identity"))))
    gray = nerf.tree.get("extra latents")
    if gray:
        for latents in nerf.sections("extra latents"):
            latents.take("name", ("grayscale",))
        if len(gray) > 1:
            raise nerf.unsupported("extra latents", gray, 'one, {"name": "grayscale"}')
    return Config(
        position="x" if position.kind == "learned" else "xy",  # FranNet's learned encoding ends up with x alone
        target="difference" if nerf.take("residual", (True, False), False) else "colour",
        encoder=_encoder(root.section("encoder")),
        position_encoding=position,
        time_encoding=time,
        decoder=_decoder(root.section("decoder")),
        colours=colours,
        gray_latents=bool(gray),
        **_restorator(root.section("restorator")),
    )


def _encoding(renderer: KerasSection, name: str) -> Encoding:
    if name not in renderer.tree:
        raise renderer.missing(name)
    if isinstance(value := renderer.tree[name], str):
        return Encoding(renderer.take(name, ("learned", "fixed")))
    if not isinstance(value, Mapping):
        raise renderer.unsupported(name, value, '"learned" or "fixed"')
    encoding = renderer.section(name)
    return Encoding(encoding.take("name", ("learned", "fixed")), encoding.take("N", int, 32))


def _decoder(decoder: KerasSection) -> DecoderConfig:
    decoder.take("channels", (3,))
    decoder.take("name", ("mlp",))
    mlp = decoder.section("mlp")
    return DecoderConfig(
        blocks=decoder.take("mlp blocks", int),
        sizes=mlp.take("sizes", list),
        shared=mlp.take("shared", (False, True)),
        residual=decoder.take("residual", (True, False)),
        activation=mlp.take("activation", ACTIVATIONS),
        final=mlp.take("final activation", ACTIVATIONS),
    )


def _encoder(encoder: KerasSection) -> EncoderConfig:
    encoder.take("image size", (64,))
    encoder.take("channels", (1,))
    encoder.take("name", ("basic",))
    latent, head = encoder.take("latent dimension", int), encoder.section("head")
    stages = head.take("downsample steps", list)
    extractors, gates = _extractors(encoder.section("contexts mixer"))
    return EncoderConfig(
        latent=latent,
        stages=stages,
        before=head.take("conv before stage", range(9), 0),
        after=head.take("conv after stage", range(9), 2),
        context=None if head.is_null("global context") else _global_context(head, stages[-1]),
        local=() if head.is_null("local context") else _local_branches(head, stages, latent),
        extractors=extractors,
        gates=gates,
    )


def _local_branches(head: KerasSection, stages: list[int], latent: int) -> tuple[tuple[Conv, ...], ...]:
    """Read the local branch of each stage, which has the stage's channels by default."""
    section, branches = head.section("local context"), []
    settings = dict(section.tree)
    for channels in stages:
        section.tree = dict(settings)
        branches.append(_convs(section, channels, latent))
    return tuple(branches)


def _convs(block: KerasSection, channels: int, last: int, before: int | None = None) -> tuple[Conv, ...]:
    """Read a block of convolutions: some, given by `conv before`, and a last one."""
    channels, kernel = block.take("channels", int, channels), block.take("kernel size", int, 3)
    activation = block.take("activation", ACTIVATIONS, "relu")
    final_activation = block.take("final activation", ACTIVATIONS, activation)
    final = Conv(block.take("channels last", int, last), block.take("kernel size last", int, kernel), final_activation)
    convs_before = block.tree.pop("conv before", before)
    if is_integer(convs_before) and convs_before >= 0:
        return (*[Conv(channels, kernel, activation)] * convs_before, final)
    if not isinstance(convs_before, list):
        raise block.unsupported("conv before", convs_before, "an integer, or a list of channels or of objects")
    convs = []
    for index, item in enumerate(convs_before):
        tree = item if isinstance(item, Mapping) else {"channels": item}
        section = KerasSection(block.path, tree, block.key(f"conv before.{index}."))
        convs.append(
            Conv(
                section.take("channels", int, channels),
                section.take("kernel size", int, kernel),
                section.take("activation", ACTIVATIONS, activation),
            )
        )
        section.check_read()
    return (*convs, final)


def _global_context(head: KerasSection, channels: int) -> GlobalContext:
    section = head.section("global context")
    mlp, final = section.take("mlp", list), section.take("final activation", ACTIVATIONS)
    if section.take("name", ("v1", "v2"), "v1") == "v1":
        section.tree["final activation"] = final  # of the last convolution too
        number = section.take("channels", int)
        return GlobalContext(_convs(section, number, number, before=0), mlp, final)
    convs: list[Conv] = []
    for block in section.sections("downsample steps"):
        channels, kernel = block.take("channels", int), block.take("kernel size", int)
        convs += [Conv(channels, kernel, stride=2), *[Conv(channels, kernel)] * block.take("layers", range(99))]
    section.ignore("channels", "kernel size", "conv before", "channels last", "kernel size last", "activation")
    return GlobalContext(tuple(convs), mlp, final)


def _extractors(mixer: KerasSection) -> tuple[tuple[Extractor, ...], str]:
    if mixer.is_null("extractor"):
        return (), EncoderConfig.gates
    section = mixer.section("extractor")
    if section.tree.get("name") != "combined":
        return (_extractor(section, ("interpolate", "conv", "combined")),), EncoderConfig.gates
    section.ignore("name", "mlp", "final activation")  # left behind by merged configs
    gates = section.take("weights activation", GATES)
    return tuple(_extractor(part, ("interpolate", "conv")) for part in section.sections("extractors")), gates


def _extractor(section: KerasSection, kinds: tuple[str, ...]) -> Extractor:
    if section.take("name", kinds) == "interpolate":
        return Extractor("interpolate", section.take("mlp", list), section.take("final activation", ACTIVATIONS))
    section.ignore("mlp", "final activation")
    padding = section.section("padding", {})
    mode = str(padding.take("mode", ("CONSTANT", "REFLECT", "SYMMETRIC"), "CONSTANT"))
    return Extractor("conv", padding=mode.lower())


def _restorator(restorator: KerasSection) -> dict[str, Any]:
    """Read the arguments of a `Config` that describe the restorator."""
    name = restorator.take("name", ("single pass", "diffusion", "autoregressive"))
    restorator.take("channels", (3,))
    if name == "single pass":
        return {"restorator": "single-pass"}
    arguments: dict[str, Any] = {"source": _source(restorator)}
    sampler = restorator.section("sampler", {})
    if name == "diffusion":
        if isinstance(restorator.tree.get("loss scaling", REQUIRED), Mapping):  # only for training
            loss = restorator.section("loss scaling")
            loss.take("name", ("clip SNR",))
            loss.ignore(*loss.tree)
        else:
            restorator.take("loss scaling", (None, "clip SNR"))
        kind = restorator.take("kind", ("DDPM", "DDIM"))
        return arguments | {"restorator": "diffusion", "setup": _diffusion(sampler, kind)} | _schedule(restorator)
    kind = sampler.take("name", ("autoregressive", "DDIM"))
    interpolant = sampler.section("interpolant")
    if kind == "autoregressive":
        output = interpolant.take("name", ("direction", "derivative", "constant", "x0"))
        arguments["restorator"] = {"derivative": "direction", "x0": "constant"}.get(output, output)
        return arguments | {"setup": _autoregressive(sampler)}
    objectives = {"diffusion": "noise", "diffusion-V": "v"}
    arguments |= {"restorator": "interpolant", "objective": objectives[interpolant.take("name", tuple(objectives))]}
    sampler.ignore("noise provider", "noise projection")  # FranNet does not read these
    setup = _ddim(sampler, projection=sampler.take("project noise", (True, False), False))
    return arguments | {"setup": setup} | _schedule(sampler)


def _source(restorator: KerasSection) -> SourceDistribution:
    source = restorator.section("source distribution")
    if source.take("name", ("normal", "uniform")) == "normal":
        return SourceDistribution("normal", source.take("mean", float, 0.0), source.take("stddev", float, 1.0))
    return SourceDistribution("uniform", source.take("min", float), source.take("max", float))


def _schedule(section: KerasSection) -> dict[str, Any]:
    schedule = section.section("schedule")
    schedule.take("name", ("discrete",))
    steps = schedule.take("timesteps", int, STEPS)
    if steps < 2:
        raise schedule.unsupported("timesteps", steps, "an integer from 2")
    return {"schedule": schedule.take("beta schedule", SCHEDULES), "steps": steps}


def _noise_stddev(sampler: KerasSection, *names: str) -> str:
    """Read the standard deviation of the added noise from the first of some settings that is present."""
    values = [sampler.take(name, NOISE_STDDEVS, "normal") for name in names if name in sampler.tree]
    return NOISE_STDDEVS[values[0]] if values else "normal"


def _clipping(sampler: KerasSection) -> tuple[float, float] | None:
    clipping = sampler.tree.pop("clipping", None)
    if clipping is None:
        return None
    if not isinstance(clipping, Mapping) or clipping.keys() != {"min", "max"}:
        raise sampler.unsupported("clipping", clipping, 'null or {"min": ..., "max": ...}')
    return clipping["min"], clipping["max"]


def _ddim(sampler: KerasSection, projection: bool) -> Setup:
    skip = sampler.section("steps skip type", {})
    rule = skip.take("name", ("uniform", "quadratic"), "uniform")
    return Setup(
        stochasticity=sampler.take("stochasticity", float, 1.0),
        K=skip.take("K", int, 1),
        noise_projection=projection,
        noise_stddev=_noise_stddev(sampler, "noise stddev"),
        clipping=_clipping(sampler),
        steps=rule,
    )


def _diffusion(sampler: KerasSection, kind: str) -> Setup:
    """Read the sampler of a diffusion model, by default that of its kind."""
    if sampler.take("name", ("DDPM", "DDIM"), kind) == "DDIM":
        projection = [sampler.take(name, (True, False), False) for name in ("project noise", "noise projection")]
        sampler.ignore("noise provider")
        return _ddim(sampler, any(projection))
    noise_stddev = _noise_stddev(sampler, "noise stddev", "noise provider")
    clipping = _clipping(sampler)
    sampler.ignore(*sampler.tree)
    return Setup(1.0, 1, False, noise_stddev, clipping, "uniform", "ddpm")


def _autoregressive(sampler: KerasSection) -> AutoregressiveSetup:
    steps = sampler.section("steps")
    threshold = sampler.take("threshold", float, 0.0)
    if threshold <= 0:
        raise sampler.unsupported("threshold", threshold, "a number above 0; a setup for sampling may set it to 0")
    return AutoregressiveSetup(
        start=steps.take("start", float),
        end=steps.take("end", float),
        steps=steps.take("steps", int),
        decay=steps.take("decay", float),
        threshold=threshold,
        converge_threshold=sampler.take("converge threshold", float, 0.0),
        noise_stddev=_noise_stddev(sampler, "noise provider"),
    )
