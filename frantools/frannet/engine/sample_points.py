"""FranNet's own sampling at points: in RGB, with draws and starting values of the caller."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...checks import invalid
from ...system.devices import without_autocast
from ..network.ablations import Ablation, check_ablation, random_positions
from ..network.colours import to_network
from ..network.coordinate_model import check_model, device_of, predictor
from ..network.model import INPUT_SIZE, FranNet
from ..sampling.named_setups import named_setup
from ..sampling.samplers import Noise, Sampler, run_sampler
from .arguments import check_setup


@without_autocast()
def sample_points(
    model: FranNet,
    x: Tensor | NDArray[Any],
    points: Tensor | NDArray[Any],
    setup: Sampler | str | None = None,
    initial: Tensor | NDArray[Any] | None = None,
    noise: Noise | None = None,
    ablation: Ablation | None = None,
) -> Tensor:
    """Return the colours of points as FranNet's own sampler computes them.

    Parameters
    ----------
    model : FranNet
        In evaluation mode.
    x : Tensor or ndarray
        (B, 1, 64, 64) floats in [-1, 1]: grayscale pictures, as `prepare_input` returns them.
    points : Tensor or ndarray
        (B, N, 2) floats, (x, y) in [0, 1].
    setup : Sampler or str, optional
        The sampler, or its name; default: `model.setup`, the sampler of the model's own config. None for a single-pass
        model.
    initial : Tensor or ndarray, optional
        (B, N, 3): the colours to start from, RGB in [-1, 1]. Default: drawn from the model's source distribution; for
        a single-pass model, zeros.
    noise : callable, optional
        ``noise(shape)`` returns standard normal draws, (B, N, 3). It is called in FranNet's order: for the starting
        values if none are given, by the autoregressive sampler once before its first step (which does not use the
        draw), and after each step that adds noise. Default: `torch.randn`.
    ablation : Ablation, optional
        The parts of the network to leave out.

    Returns
    -------
    Tensor
        (B, N, 3) float32: RGB in about [-1, 1], not clipped.

    Raises
    ------
    ValueError
        If an argument is not as above, or the setup does not suit the model.

    Examples
    --------
    >>> import frantools as ft
    >>> x = ft.prepare_input(ft.portraits()["hopper"])
    >>> sample_points(ft.load_model("single-basic"), x, torch.rand(1, 5, 2)).shape
    torch.Size([1, 5, 3])
    """
    model = check_model(model)
    if not isinstance(model, FranNet):
        raise ValueError(f"model must be a FranNet, as load_model returns it, got a {type(model).__name__}")
    ablation = check_ablation(ablation)
    setup = named_setup(setup) if isinstance(setup, str) else setup
    setup = check_setup(model, model.setup if setup is None else setup)
    device = device_of(model)
    x, points = _to_floats("x", x, device, -1), _to_floats("points", points, device, 0)
    _check_shape("x", x, (-1, 1, INPUT_SIZE, INPUT_SIZE), f"(B, 1, {INPUT_SIZE}, {INPUT_SIZE})")
    _check_shape("points", points, (len(x), -1, 2), "(B, N, 2), with B as in x")
    shape = (*points.shape[:2], 3)
    if not (noise is None or callable(noise)):
        raise invalid("noise", "a function of a shape, such as torch.randn", noise)

    def draw(shape: tuple[int, ...]) -> Tensor:
        if noise is None:
            return torch.randn(shape, device=device)
        numbers = _to_floats("noise", noise(shape), device)
        _check_shape("noise", numbers, shape)
        return numbers

    with torch.no_grad():
        encoded = model.encode(x)
        positions = points
        if ablation is not None:
            encoded = ablation.apply(model, encoded)
            if isinstance(ablation.positions, str):
                positions = random_positions(points)
            elif ablation.positions is not None:
                positions = _to_floats("positions", ablation.positions, device)
                _check_shape("positions", positions, tuple(points.shape))
        latents = model.latents(encoded, points)
        if initial is not None:
            colours = _to_floats("initial", initial, device)
            _check_shape("initial", colours, shape)
            value = to_network(colours, model.config.colours)
        elif setup is None:
            value = torch.zeros(shape, device=device)
        else:
            value = model.config.source.from_normal(draw(shape))
        answer = lambda value, t: model.decode(latents, positions, t, value)  # noqa: E731
        if setup is None:
            value = answer(value, None)
        else:
            value = setup.first_value(value, model.config.restorator)
            predict = predictor(model.config, answer, model.schedule)
            for step in run_sampler(setup, predict, value, model.schedule, draw):
                value = step.x
        return model.to_colour(value, model.base(encoded, points))


def _to_floats(name: str, numbers: Any, device: torch.device, minimum: int | None = None) -> Tensor:
    """Return finite float32 numbers; with a minimum, they must lie from it to 1, up to a rounding error."""
    try:
        tensor = torch.as_tensor(numbers, device=device, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        kind = repr(numbers) if isinstance(numbers, str) or numbers is None else f"a {type(numbers).__name__}"
        raise ValueError(f"{name} must be a tensor or an array of numbers, got {kind}") from None
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name} must be finite, and has values that are NaN or infinite")
    if minimum is not None and tensor.numel() and not (tensor.min() >= 1.001 * minimum and tensor.max() <= 1.001):
        raise ValueError(f"{name} must lie in [{minimum}, 1], got {tensor.min():.4g} to {tensor.max():.4g}")
    return tensor


def _check_shape(name: str, tensor: Tensor, shape: tuple[int, ...], accepted: str | None = None) -> None:
    """Raise a ValueError if a tensor has another shape; -1 accepts any number."""
    if len(tensor.shape) != len(shape) or any(b not in (a, -1) for a, b in zip(tensor.shape, shape, strict=True)):
        raise ValueError(f"{name} must have shape {accepted or shape}, got {tuple(tensor.shape)}")
