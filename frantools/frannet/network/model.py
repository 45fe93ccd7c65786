"""FranNet's network: an encoder, coordinate encodings and a decoder, and no sampling.

The encoder reads a small gray picture once. The decoder then answers, for any point of the picture, with three
numbers: the colour (single-pass models), the noise in a noisy colour (diffusion models), or the way to the colour.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...photos.images import INPUT_SIZE
from ..sampling.autoregressive import AutoregressiveSetup
from ..sampling.schedule import STEPS as STEPS
from ..sampling.schedule import Schedule, make
from ..sampling.setup import Setup
from . import architecture as parts
from .colours import to_network, to_rgb
from .config import Config
from .decoder import OUTPUTS as OUTPUTS
from .decoder import Decoder
from .encoder import Encoded as Encoded
from .encoder import Encoder
from .encodings import encoding
from .extractors import extractor
from .extractors import interpolate as interpolate
from .fingerprints import FileWeights
from .layers import Dropout as Dropout

LATENT = parts.EncoderConfig().latent  # numbers in the note's global context, and in its local latent of a point
HIDDEN = parts.DecoderConfig().sizes[0]  # units in each hidden layer of its decoder
BLOCKS = parts.DecoderConfig().blocks  # MLPs in its decoder
RESIDUAL = 0.25  # a residual of 1 is a colour this far from the gray input; it makes their variance about 1


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


class FranNet(nn.Module):
    """The whole network, composed of the parts that a config names. The note's has about 0.59 million parameters.

    Parameters
    ----------
    config : Config
        The kind of model.
    """

    name: str | None = None
    """The shipped name or the file's, where it was loaded from one; with `sha256` it goes into recipes."""
    file: FileWeights | None = None
    """The weights of the file that it was loaded from."""
    source: str | None = None
    """What `load_model` was given, where that alone finds the model again."""

    local: Any
    """The extractor, a module that makes a local context of maps and points; or None."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, config.features)
        self.local = extractor(self.encoder.channels, config.encoder)
        self.position = encoding(config.position_encoding)
        self.time = encoding(config.time_encoding)
        self.decoder = Decoder(config.decoder, sum(self.latent_parts) + sum(self.coordinate_parts) + OUTPUTS)
        self.float()  # whatever torch's default number is: it may be set for other work

    @property
    def sha256(self) -> str | None:
        """The hash of the file that it was loaded from; of the weights themselves once they have changed.

        None of a model that was not loaded.
        """
        return None if self.file is None else self.file.identity(self)

    @property
    def changed(self) -> bool:
        """Whether the weights are others than those of the file that they were loaded from."""
        return self.file is not None and self.file.sha256 != self.sha256

    @property
    def latent_parts(self) -> tuple[int, int, int]:
        """Numbers of a point's latent: from the global context, the local context and the gray input."""
        local = 0 if self.local is None else self.config.encoder.latent
        return self.encoder.width, local, OUTPUTS if self.config.gray_latents else 0

    @property
    def coordinate_parts(self) -> tuple[int, ...]:
        """Numbers in the encoding of each coordinate, and of the time."""
        return (*[self.position.outputs] * len(self.config.position), self.time.outputs)

    @property
    def setup(self) -> Setup | AutoregressiveSetup | None:
        """What the model's own config samples with; None for a single pass."""
        return self.config.setup

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
        """The latent vectors of points: the global context, the local context at the point, and the gray input there.

        Parameters
        ----------
        encoded : Encoded
            Of B pictures.
        points : Tensor
            (B, N, 2) float32 or float64, (x, y) in [0, 1].

        Returns
        -------
        Tensor
            (B, N, 128) float32 of the note's models; see `latent_parts`.
        """
        parts = [encoded.context[:, None].expand(-1, points.shape[1], -1)]
        if self.local is not None:
            parts.append(self.local_context(encoded, points))
        if self.config.gray_latents:
            parts.append(self.gray_latents(encoded, points))
        return torch.cat(parts, dim=-1)

    def local_context(self, encoded: Encoded, points: Tensor) -> Tensor:
        """What an extractor makes of the maps at points, (B, N, 64); zeros where `encoded.local` is off."""
        if not encoded.local:
            return encoded.context.new_zeros(*points.shape[:2], self.config.encoder.latent)
        return self.local(encoded.maps, points)

    def gray_latents(self, encoded: Encoded, points: Tensor) -> Tensor:
        """The gray input at points, (B, N, 3), as the network knows colours."""
        return to_network(interpolate(encoded.gray, points).expand(-1, -1, OUTPUTS), self.config.colours)

    def encode_position(self, points: Tensor) -> Tensor:
        """(..., 2) points to their (..., 66) encoding, or (..., 33) where the model knows x alone."""
        return self.position(points[..., : len(self.config.position)])

    def encode_time(self, t: Tensor | float | None) -> Tensor:
        """The (..., 33) encoding of times: whole numbers are diffusion steps, others times in [0, 1], and None is 0.

        Raises a ValueError if it is no number, a step that the model does not have, or a time outside of [0, 1].
        """
        t = torch.from_numpy(t) if isinstance(t, np.ndarray) else t
        floating = isinstance(t, (float, np.floating)) or (isinstance(t, Tensor) and t.is_floating_point())
        last = 1 if floating else self.config.steps - 1
        if isinstance(t, Tensor):
            # On a GPU a look at the numbers waits for all that is under way.
            inside = t.device.type != "cpu" or bool(((t >= 0) & (t <= last)).all())
        else:
            inside = t is None or (isinstance(t, Real) and not isinstance(t, bool) and 0 <= t <= last)
        if not inside:
            raise ValueError(
                f"t is {t!r}; accepted are diffusion steps, whole numbers from 0 to {self.config.steps - 1}, and "
                "times from 0.0 to 1.0"
            )
        time = torch.as_tensor(0 if t is None else t, dtype=torch.float32, device=self.time.base.device)
        return self.time(time[..., None] / last)

    def base(self, encoded: Encoded, points: Tensor) -> Tensor:
        """What the answers for points, as in `latents`, are added to: the gray input there, or 0.

        It is (B, N, 1) float32, in about [-1, 1].
        """
        if self.config.target == "colour":
            return torch.zeros_like(points[..., :1], dtype=encoded.gray.dtype)
        if self.config.target == "difference":
            return interpolate(encoded.gray, points)
        x, y = (cubic(v, INPUT_SIZE).to(encoded.gray.dtype) for v in points.unbind(-1))
        return torch.einsum("bnh,bhw,bnw->bn", y, encoded.gray[:, 0], x)[..., None]

    def to_colour(self, value: Tensor, base: Tensor) -> Tensor:
        """Colours in about [-1, 1], from clean values (..., 3) and their `base` (..., 1)."""
        colour = to_rgb(value, self.config.colours)
        return colour if self.config.target == "colour" else base + self._scale * colour

    def to_value(self, colour: Tensor, base: Tensor) -> Tensor:
        """The clean values whose `to_colour` is `colour`."""
        left = colour if self.config.target == "colour" else (colour - base) / self._scale
        return to_network(left, self.config.colours)

    @property
    def _scale(self) -> float:
        return RESIDUAL if self.config.target == "residual" else 1.0

    def decode(self, latents: Tensor, points: Tensor, t: Tensor | float | None, value: Tensor) -> Tensor:
        """Answer for points: their clean value, or the noise in `value`.

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
            (B, N, 3): of a single-pass model, the clean values (`to_colour` makes colours of them); of a diffusion
            model, its `Config.objective`: the noise, or the velocity (`samplers.noise_of` makes noise of it); of the
            others, see `interpolants`.
        """
        time = self.encode_time(t).expand(*points.shape[:-1], -1)
        features = torch.cat([latents, self.encode_position(points), time, value], dim=-1)
        return self.decoder(features, self.start(value))

    @property
    def adds_to_value(self) -> bool:
        """Whether the decoder's MLPs add to the value, which is nearly the noise in it, and not to 0, for a velocity.

        FranNet's own models of a velocity add to the value, too.
        """
        return self.config.objective != "v" or self.config.restorator != "diffusion"

    def start(self, value: Tensor) -> Tensor:
        """What the decoder's MLPs add to."""
        return value if self.adds_to_value else torch.zeros_like(value)
