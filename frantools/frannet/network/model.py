"""FranNet's network: an encoder, coordinate encodings and a decoder.

The encoder reads a small gray picture once. For any point of the picture, the decoder then returns three numbers: the
colour (single-pass models), the noise in a noisy colour (diffusion models), or the difference to the colour.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...checks import invalid
from ...photos.images import INPUT_SIZE
from ..sampling.samplers import Sampler
from ..sampling.schedule import STEPS as STEPS
from ..sampling.schedule import Schedule, make
from .architecture import DecoderConfig, EncoderConfig
from .colours import to_network, to_rgb
from .config import Config
from .decoder import OUTPUTS as OUTPUTS
from .decoder import Decoder
from .encoder import Encoded as Encoded
from .encoder import Encoder
from .encodings import make_encoding
from .extractors import interpolate as interpolate
from .extractors import make_extractor
from .fingerprints import FileWeights
from .layers import Dropout as Dropout

LATENT = EncoderConfig().latent  # numbers in the note's global context, and in a point's local latent
HIDDEN = DecoderConfig().sizes[0]  # units in each hidden layer of its decoder
BLOCKS = DecoderConfig().blocks  # MLPs in its decoder
RESIDUAL = 0.25  # the colour difference of a residual of 1; it scales residuals to a variance of about 1


def cubic(v: Tensor, cells: int) -> Tensor:
    """Return the weights of cubic interpolation between the centres of cells; the edge is repeated.

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


class FranNet(nn.Module):
    """The whole network, composed of the parts of a config. The note's has about 0.59 million parameters.

    Parameters
    ----------
    config : Config
        The kind of model.
    """

    name: str | None = None
    """The shipped name, or that of the file; with `sha256` it goes into recipes."""
    file: FileWeights | None = None
    """The weights of its file."""
    source: str | None = None
    """The argument of `load_model`, if it alone identifies the model."""

    local: Any
    """The extractor, a module from maps and points to the local context; or None."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, config.features)
        self.local = make_extractor(self.encoder.channels, config.encoder)
        self.position = make_encoding(config.position_encoding)
        self.time = make_encoding(config.time_encoding)
        self.decoder = Decoder(config.decoder, sum(self.latent_parts) + sum(self.coordinate_parts) + OUTPUTS)
        self.float()  # whatever torch's default dtype is

    @property
    def sha256(self) -> str | None:
        """The hash of its file, or of the weights once they have changed; None for a model without a file."""
        return None if self.file is None else self.file.current_hash(self)

    @property
    def changed(self) -> bool:
        """Whether the weights differ from those of the file."""
        return self.file is not None and self.file.sha256 != self.sha256

    @property
    def latent_parts(self) -> tuple[int, int, int]:
        """Numbers in a point's latent: of the global context, the local context and the gray input."""
        local = 0 if self.local is None else self.config.encoder.latent
        return self.encoder.width, local, OUTPUTS if self.config.gray_latents else 0

    @property
    def coordinate_parts(self) -> tuple[int, ...]:
        """Numbers in the encoding of each coordinate, and of the time."""
        return (*[self.position.outputs] * len(self.config.position), self.time.outputs)

    @property
    def setup(self) -> Sampler | None:
        """The sampler of the model's own config; None for a single-pass model."""
        return self.config.setup

    @property
    def schedule(self) -> Schedule:
        """The noise schedule that a diffusion model was trained with."""
        return make(self.config.schedule, self.config.steps)

    def encode(self, x: Tensor) -> Encoded:
        """Encode gray pictures.

        Parameters
        ----------
        x : Tensor
            (B, 1, 64, 64) float32 in [-1, 1].

        Returns
        -------
        Encoded
            `context` (B, 64) and `maps`: three (B, 64, h, h), h = 32, 16, 8, and those of `Config.features`.
        """
        if x.ndim != 4 or tuple(x.shape[1:]) != (1, INPUT_SIZE, INPUT_SIZE):
            raise ValueError(f"x must have shape (B, 1, {INPUT_SIZE}, {INPUT_SIZE}), got {tuple(x.shape)}")
        return self.encoder(x)

    def latents(self, encoded: Encoded, points: Tensor) -> Tensor:
        """Return the latents of points: the global context, the local context and the gray input at the point.

        Parameters
        ----------
        encoded : Encoded
            Of B pictures.
        points : Tensor
            (B, N, 2) float32 or float64, (x, y) in [0, 1].

        Returns
        -------
        Tensor
            (B, N, 128) float32 for the note's models; see `latent_parts`.
        """
        latents = [encoded.context[:, None].expand(-1, points.shape[1], -1)]
        if self.local is not None:
            latents.append(self.local_context(encoded, points))
        if self.config.gray_latents:
            latents.append(self.gray_latents(encoded, points))
        return torch.cat(latents, dim=-1)

    def local_context(self, encoded: Encoded, points: Tensor) -> Tensor:
        """Return the local context at points, (B, N, 64); zeros if `encoded.has_local` is False."""
        if not encoded.has_local:
            return encoded.context.new_zeros(*points.shape[:2], self.config.encoder.latent)
        return self.local(encoded.maps, points)

    def gray_latents(self, encoded: Encoded, points: Tensor) -> Tensor:
        """Return the gray input at points, (B, N, 3), in the network's colour format."""
        return to_network(interpolate(encoded.gray, points).expand(-1, -1, OUTPUTS), self.config.colours)

    def encode_position(self, points: Tensor) -> Tensor:
        """Encode (..., 2) points as (..., 66) numbers, or (..., 33) if the model reads only x."""
        return self.position(points[..., : len(self.config.position)])

    def encode_time(self, t: Tensor | float | None) -> Tensor:
        """Encode times as (..., 33) numbers: integers are diffusion steps, floats times in [0, 1], and None is time 0.

        Raises a ValueError for anything else, such as a step that the model does not have.
        """
        t = torch.from_numpy(t) if isinstance(t, np.ndarray) else t
        floating = isinstance(t, (float, np.floating)) or (isinstance(t, Tensor) and t.is_floating_point())
        last = 1 if floating else self.config.steps - 1
        if isinstance(t, Tensor):
            # On a GPU, reading the numbers would wait for all pending work.
            inside = t.device.type != "cpu" or bool(((t >= 0) & (t <= last)).all())
        else:
            inside = t is None or (isinstance(t, Real) and not isinstance(t, bool) and 0 <= t <= last)
        if not inside:
            steps = f"a diffusion step, an integer from 0 to {self.config.steps - 1}"
            raise invalid("t", f"{steps}, or a time from 0.0 to 1.0", t)
        time = torch.as_tensor(0 if t is None else t, dtype=torch.float32, device=self.time.base.device)
        return self.time(time[..., None] / last)

    def base(self, encoded: Encoded, points: Tensor) -> Tensor:
        """Return the gray input at points, or 0: what a clean value is added to, (B, N, 1) float32 in about [-1, 1]."""
        if self.config.target == "colour":
            return torch.zeros_like(points[..., :1], dtype=encoded.gray.dtype)
        if self.config.target == "difference":
            return interpolate(encoded.gray, points)
        x, y = (cubic(v, INPUT_SIZE).to(encoded.gray.dtype) for v in points.unbind(-1))
        return torch.einsum("bnh,bhw,bnw->bn", y, encoded.gray[:, 0], x)[..., None]

    def to_colour(self, value: Tensor, base: Tensor) -> Tensor:
        """Convert clean values (..., 3) and their `base` (..., 1) to colours in about [-1, 1]."""
        colour = to_rgb(value, self.config.colours)
        return colour if self.config.target == "colour" else base + self._scale * colour

    def to_value(self, colour: Tensor, base: Tensor) -> Tensor:
        """Return the clean values whose `to_colour` is `colour`."""
        difference = colour if self.config.target == "colour" else (colour - base) / self._scale
        return to_network(difference, self.config.colours)

    @property
    def _scale(self) -> float:
        return RESIDUAL if self.config.target == "residual" else 1.0

    def decode(self, latents: Tensor, points: Tensor, t: Tensor | float | None, value: Tensor) -> Tensor:
        """Return the network's output for points: their clean value, or the noise in `value`.

        Parameters
        ----------
        latents : Tensor
            (B, N, 128), from `latents`.
        points : Tensor
            (B, N, 2), the same points.
        t : int, float, (B, N) Tensor or None
            The diffusion step, from 0 to the last of `schedule`; or as a float the time, from 0 to 1; None is time 0.
        value : Tensor
            (B, N, 3): the noisy values; zeros for a single-pass model.

        Returns
        -------
        Tensor
            (B, N, 3): the clean values of a single-pass model, which `to_colour` converts to colours; the
            `Config.objective` of a diffusion model: the noise, or the velocity; for other models see `objectives`.
        """
        time = self.encode_time(t).expand(*points.shape[:-1], -1)
        features = torch.cat([latents, self.encode_position(points), time, value], dim=-1)
        return self.decoder(features, self.start(value))

    @property
    def adds_to_value(self) -> bool:
        """Whether the decoder's MLPs add to the value, which is close to its noise; for a velocity, they add to 0.

        FranNet's own velocity models add to the value, too.
        """
        return self.config.objective != "v" or self.config.restorator != "diffusion"

    def start(self, value: Tensor) -> Tensor:
        """Return the value that the decoder's MLPs add to."""
        return value if self.adds_to_value else torch.zeros_like(value)
