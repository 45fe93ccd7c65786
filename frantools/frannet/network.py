"""FranNet's network: an encoder, coordinate encodings and a decoder, and no sampling.

The encoder reads a small gray picture once. The decoder then answers, for any point of the picture, with three
numbers: the colour (single-pass models) or the noise in a noisy colour (diffusion models).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..images import INPUT_SIZE
from .config import Config
from .schedule import STEPS as STEPS
from .schedule import Schedule, make

LATENT = 64  # numbers in the global context, and in the local latent of a point
CHANNELS = 32  # of the encoder's convolutions
BANDS = 32  # frequencies of a coordinate encoding
HIDDEN = 64  # units in each hidden layer of the decoder
BLOCKS = 3  # MLPs in the decoder, each a residual on the value
OUTPUTS = 3  # numbers of a value: red, green and blue, or what stands for them
FINE = 32  # channels of the features at the input's own resolution
RESIDUAL = 0.25  # a residual of 1 is a colour this far from the gray input; it makes their variance about 1


class Encoded(NamedTuple):
    """What the encoder keeps of a batch of gray pictures."""

    context: Tensor
    """(B, 64): the global context."""
    maps: tuple[Tensor, ...]
    """Three feature maps, (B, 64, h, h) with h = 32, 16, 8; then, where the model has more, (B, C, 64, 64)."""
    gray: Tensor
    """(B, 1, 64, 64): the input."""


class SameStride2(nn.Conv2d):
    """3x3 stride-2 convolution with TensorFlow's "same" padding: zeros on the right and the bottom only."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (0, 1, 0, 1)))


def conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding="same"), nn.ReLU())


class Stage(nn.Module):
    """Halve the picture; branch off a feature map of local context; go on."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.down = nn.Sequential(SameStride2(inputs, CHANNELS), nn.ReLU())
        self.local = nn.Sequential(conv(CHANNELS, CHANNELS, 5), conv(CHANNELS, LATENT, 5))
        self.on = nn.Sequential(conv(CHANNELS, CHANNELS, 3), conv(CHANNELS, CHANNELS, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.down(x)
        return self.local(x), self.on(x)


class Encoder(nn.Module):
    """Gray pictures (B, 1, 64, 64) in [-1, 1] to their `Encoded` features."""

    def __init__(self, features: str = "note") -> None:
        super().__init__()
        self.features = features
        # Keras' defaults: epsilon 1e-3, momentum 0.99 (which PyTorch counts from the other end).
        self.normalise = nn.BatchNorm2d(1, eps=1e-3, momentum=0.01)
        self.stages = nn.ModuleList([Stage(1), Stage(CHANNELS), Stage(CHANNELS)])
        self.squeeze = conv(CHANNELS, 8, 3)
        cells = (INPUT_SIZE // 8) ** 2
        self.context = nn.Sequential(nn.Linear(8 * cells, 256), nn.ReLU(), nn.Linear(256, LATENT), nn.ReLU())
        if features == "fine":
            self.fine = nn.Sequential(conv(1, FINE // 2, 5), conv(FINE // 2, FINE, 3), conv(FINE, FINE, 3))

    @property
    def channels(self) -> int:
        """Of all maps together."""
        return 3 * LATENT + {"note": 0, "gray": 1, "fine": 1 + FINE}[self.features]

    def forward(self, gray: Tensor) -> Encoded:
        x = normal = self.normalise(gray)
        maps = []
        for stage in self.stages:
            local, x = stage(x)
            maps.append(local)
        cells = self.squeeze(x).permute(0, 2, 3, 1)  # flattened in (height, width, channel) order, as in Keras
        if self.features == "gray":
            maps.append(normal)
        elif self.features == "fine":
            maps.append(torch.cat([normal, self.fine(normal)], dim=1))
        return Encoded(self.context(cells.flatten(1)), tuple(maps), gray)


def interpolate(features: Tensor, points: Tensor) -> Tensor:
    """(B, C, h, w) maps read bilinearly at (B, N, 2) points, to (B, N, C): pixel-centre alignment, zeros outside."""
    grid = points[:, :, None] * 2 - 1
    read = F.grid_sample(features.to(grid.dtype), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return read[..., 0].transpose(1, 2).to(features.dtype)


def cubic(v: Tensor, cells: int) -> Tensor:
    """The weights of cubic interpolation between the centres of cells; those beyond the edge repeat the last.

    Parameters
    ----------
    v : Tensor
        (...) coordinates in [0, 1].
    cells : int
        How many cells share [0, 1].

    Returns
    -------
    Tensor
        (..., cells): at most four neighbours differ from 0; their sum is 1.

    References
    ----------
    Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -1/2.
    """
    place = v * cells - 0.5
    first = place.floor() - 1
    weights = torch.zeros(*v.shape, cells, dtype=v.dtype, device=v.device)
    for tap in range(4):
        distance = (place - (first + tap)).abs()
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        cell = (first + tap).clamp(0, cells - 1).long()
        weights.scatter_add_(-1, cell[..., None], torch.where(distance <= 1, near, far)[..., None])
    return weights


def frequency_bands() -> tuple[Tensor, Tensor]:
    """The middle and half the width of each of the 32 frequency bands, float32.

    Frequencies run from 1e-4 to 1e4 periods: geometric up to 1 and from 1 on, `i / 17` powers of 1e4.
    Computed in float32 in FranNet's own order: at 10,000 periods its rounding shows.
    """
    powers = torch.tensor(1e4 ** (1 / 17), dtype=torch.float32) ** torch.arange(17, dtype=torch.float32)
    low, high = (1 / powers).flip(0), powers
    base = torch.cat([(edges[1:] + edges[:-1]) / 2 for edges in (low, high)])
    half = torch.cat([(edges[1:] - edges[:-1]) / 2 for edges in (low, high)])
    return base, half


class CoordinateEncoding(nn.Module):
    """FranNet's learned encoding of a coordinate: itself, and 32 gated waves.

    ``concat(v, tanh(gate) * (W_sin sin(2 pi v f) + W_cos cos(2 pi v f) + b))`` with ``f = base + tanh(delta) * range``,
    so that each band learns its frequency within its range, its phase and whether it counts at all.
    """

    outputs = 1 + BANDS
    """Numbers that a coordinate is encoded in."""
    base: Tensor
    range: Tensor

    def __init__(self) -> None:
        super().__init__()
        base, half = frequency_bands()
        self.register_buffer("base", base, persistent=False)
        self.register_buffer("range", half, persistent=False)
        self.delta = nn.Parameter(torch.zeros(BANDS))
        self.sine = nn.Parameter(torch.ones(BANDS))
        self.cosine = nn.Parameter(torch.ones(BANDS))
        self.bias = nn.Parameter(torch.zeros(BANDS))
        self.gate = nn.Parameter(torch.zeros(BANDS))  # closed at first, or the high bands are noise to learn through

    def forward(self, v: Tensor) -> Tensor:
        """(..., C) coordinates to (..., C * 33) numbers, coordinate by coordinate.

        float64 coordinates, as of points that float32 does not tell apart, have float64 phases.
        """
        v = v[..., None]
        frequency = self.base + torch.tanh(self.delta) * self.range
        if v.dtype == torch.float64 and frequency.dtype != torch.float64:
            periods = v * frequency.double()
            angle = ((periods - periods.floor()) * (2 * torch.pi)).to(frequency.dtype)
            v = v.to(frequency.dtype)
        else:
            angle = (v * frequency) * (2 * torch.pi)
        waves = self.sine * torch.sin(angle) + self.cosine * torch.cos(angle) + self.bias
        return torch.cat([v, torch.tanh(self.gate) * waves], dim=-1).flatten(-2)


class Dropout(nn.Module):
    """FranNet's dropout of 0.05, to the nearest 256th: one random byte a number, where `nn.Dropout` takes four.

    Random numbers are a fifth of the time of a training step on a processor.
    """

    cut = 13
    """Of 256 numbers, how many are dropped on average."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.cut
        return x * kept.to(x.dtype).mul_(256 / (256 - self.cut))


class Decoder(nn.Module):
    """Three MLPs, each a residual: ``r_k = r_{k-1} + MLP_k([features, value, r_{k-1}])``."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self.block(features + OUTPUTS) for _ in range(BLOCKS))

    @staticmethod
    def block(inputs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for width in (inputs, HIDDEN, HIDDEN):
            layers += [Dropout(), nn.Linear(width, HIDDEN), nn.ReLU()]
        return nn.Sequential(*layers, Dropout(), nn.Linear(HIDDEN, OUTPUTS))

    def forward(self, features: Tensor, total: Tensor) -> Tensor:
        for block in self.blocks:
            total = total + block(torch.cat([features, total], dim=-1))
        return total


class FranNet(nn.Module):
    """The whole network. About 0.59 million parameters.

    Parameters
    ----------
    config : Config
        The kind of model.
    """

    name: str | None = None
    """The shipped name or the file's, where it was loaded from one; with `sha256` it goes into recipes."""
    sha256: str | None = None
    source: str | None = None
    """What `load_model` was given, where that alone finds the model again."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.features)
        self.local = nn.Sequential(nn.Linear(self.encoder.channels, 256), nn.ReLU(), nn.Linear(256, LATENT), nn.ReLU())
        self.position = CoordinateEncoding()
        self.time = CoordinateEncoding()
        coordinates = len(config.position) + 1  # and the time
        self.decoder = Decoder(2 * LATENT + coordinates * CoordinateEncoding.outputs + OUTPUTS)
        self.float()  # whatever torch's default number is: it may be set for other work

    @property
    def is_diffusion(self) -> bool:
        return self.config.restorator == "diffusion"

    @property
    def schedule(self) -> Schedule:
        """The noise schedule that a diffusion model was trained with."""
        return make(self.config.schedule, self.config.steps)

    def encode(self, x: Tensor) -> Encoded:
        """Read gray pictures.

        Parameters
        ----------
        x : Tensor
            (B, 1, 64, 64) float32 in [-1, 1].

        Returns
        -------
        Encoded
            `context` (B, 64) and `maps`: three (B, 64, h, h), h = 32, 16, 8, and what `Config.features` adds.
        """
        if x.ndim != 4 or tuple(x.shape[1:]) != (1, INPUT_SIZE, INPUT_SIZE):
            raise ValueError(f"the network reads (B, 1, {INPUT_SIZE}, {INPUT_SIZE}) pictures, not {tuple(x.shape)}")
        return self.encoder(x)

    def latents(self, encoded: Encoded, points: Tensor) -> Tensor:
        """The latent vectors of points: the global context, then the local context at the point.

        Parameters
        ----------
        encoded : Encoded
            Of B pictures.
        points : Tensor
            (B, N, 2) float32 or float64, (x, y) in [0, 1].

        Returns
        -------
        Tensor
            (B, N, 128) float32.
        """
        local = self.local(torch.cat([interpolate(features, points) for features in encoded.maps], dim=-1))
        context = encoded.context[:, None].expand(-1, points.shape[1], -1)
        return torch.cat([context, local], dim=-1)

    def encode_position(self, points: Tensor) -> Tensor:
        """(..., 2) points to their (..., 66) encoding, or (..., 33) where the model knows x alone."""
        return self.position(points[..., : len(self.config.position)])

    def encode_time(self, t: Tensor | int | None) -> Tensor:
        """The (..., 33) encoding of diffusion steps; None, for single-pass models, is time 0."""
        time = torch.as_tensor(0 if t is None else t, dtype=torch.float32, device=self.time.base.device)
        return self.time(time[..., None] / (self.config.steps - 1))

    def base(self, encoded: Encoded, points: Tensor) -> Tensor:
        """What the answers for points are added to: the gray input there, cubically interpolated, or 0.

        Parameters
        ----------
        encoded : Encoded
            Of B pictures.
        points : Tensor
            (B, N, 2) float32 or float64, (x, y) in [0, 1].

        Returns
        -------
        Tensor
            (B, N, 1) float32, in about [-1, 1].
        """
        if self.config.target == "colour":
            return torch.zeros_like(points[..., :1], dtype=encoded.gray.dtype)
        x, y = (cubic(v, INPUT_SIZE).to(encoded.gray.dtype) for v in points.unbind(-1))
        return torch.einsum("bnh,bhw,bnw->bn", y, encoded.gray[:, 0], x)[..., None]

    def to_colour(self, value: Tensor, base: Tensor) -> Tensor:
        """Colours in about [-1, 1], from clean values (..., 3) and their `base` (..., 1)."""
        return value if self.config.target == "colour" else base + RESIDUAL * value

    def to_value(self, colour: Tensor, base: Tensor) -> Tensor:
        """The clean values whose `to_colour` is `colour`."""
        return colour if self.config.target == "colour" else (colour - base) / RESIDUAL

    def decode(self, latents: Tensor, points: Tensor, t: Tensor | int | None, value: Tensor) -> Tensor:
        """Answer for points: their clean value, or the noise in `value`.

        Parameters
        ----------
        latents : Tensor
            (B, N, 128), from `latents`.
        points : Tensor
            (B, N, 2), the same points.
        t : int, (B, N) Tensor or None
            The diffusion step, from 0 to the last of `schedule`; None for a single-pass model.
        value : Tensor
            (B, N, 3): the noisy values; zeros for a single-pass model.

        Returns
        -------
        Tensor
            (B, N, 3): of a single-pass model, the clean values (`to_colour` makes colours of them); of a diffusion
            model, its `Config.objective`: the noise, or the velocity (`samplers.noise_of` makes noise of it).
        """
        time = self.encode_time(t).expand(*points.shape[:-1], -1)
        features = torch.cat([latents, self.encode_position(points), time, value], dim=-1)
        return self.decoder(features, self.start(value))

    def start(self, value: Tensor) -> Tensor:
        """What the decoder's MLPs add to: the value, which is nearly the noise in it, or 0 for a velocity."""
        return torch.zeros_like(value) if self.config.objective == "v" else value
