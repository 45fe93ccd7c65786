"""A model at points anywhere, as FranNet samples it: in RGB, with draws and starting values of one's own."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...system.devices import without_autocast
from ..network.ablations import Ablation, ablation_of, random_positions
from ..network.colours import to_network
from ..network.coordinate_model import check_model, device_of, predictor
from ..network.model import INPUT_SIZE, FranNet
from ..sampling.named_setups import named_setup
from ..sampling.samplers import Noise, Sampler, run_sampler
from .pictures import check_setup


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
    """The colours of points, as FranNet's own sampler gives them.

    Parameters
    ----------
    model : FranNet
        In evaluation mode.
    x : Tensor or ndarray
        (B, 1, 64, 64) floats in [-1, 1]: gray pictures, as `prepare_input` makes them.
    points : Tensor or ndarray
        (B, N, 2) floats, (x, y) in [0, 1].
    setup : Sampler or str, optional
        The sampler, or its name; default: `model.setup`, what the model's own config samples with. None for a
        single-pass model.
    initial : Tensor or ndarray, optional
        (B, N, 3): the colours to start from, RGB in [-1, 1]. Default: drawn from the model's source; of a single-pass
        model, zeros of the network.
    noise : callable, optional
        ``noise(shape)`` gives standard normal draws, (B, N, 3). Called in the order in which FranNet draws: for the
        starting values where none are given, by the autoregressive sampler once before its first step (which does not
        use it), and after each step that adds noise. Default: `torch.randn`.
    ablation : Ablation, optional
        What is taken away from the network.

    Returns
    -------
    Tensor
        (B, N, 3) float32: RGB in about [-1, 1], not clipped.

    Raises
    ------
    ValueError
        If an argument is not as above, or the setup does not go with the model.

    Examples
    --------
    >>> import frantools as ft
    >>> x = ft.prepare_input(ft.portraits()["hopper"])
    >>> sample_points(ft.load_model("single-basic"), x, torch.rand(1, 5, 2)).shape
    torch.Size([1, 5, 3])
    """
    model = check_model(model)
    if not isinstance(model, FranNet):
        raise ValueError(f"model is a {type(model).__name__}; accepted is a FranNet, as load_model returns it")
    ablation = ablation_of(ablation)
    setup = named_setup(setup) if isinstance(setup, str) else setup
    setup = check_setup(model, model.setup if setup is None else setup)
    device = device_of(model)
    x, points = _numbers("x", x, device, -1.001), _numbers("points", points, device, 0.0)
    if x.shape[1:] != (1, INPUT_SIZE, INPUT_SIZE):
        raise ValueError(f"x has shape {tuple(x.shape)}; accepted are (B, 1, {INPUT_SIZE}, {INPUT_SIZE})")
    _check("points", points, (len(x), points.shape[1] if points.ndim == 3 else -1, 2))
    shape = (*points.shape[:2], 3)
    if not (noise is None or callable(noise)):
        raise ValueError(f"noise is a {type(noise).__name__}; accepted is a function of a shape, such as torch.randn")

    def draw(shape: tuple[int, ...]) -> Tensor:
        if noise is None:
            return torch.randn(shape, device=device)
        drawn = _numbers("noise", noise(shape), device)
        _check("noise", drawn, shape)
        return drawn

    with torch.no_grad():
        encoded = model.encode(x)
        at = points
        if ablation is not None:
            encoded = ablation.of(model, encoded)
            if isinstance(ablation.positions, str):
                at = random_positions(points)
            elif ablation.positions is not None:
                at = _numbers("positions", ablation.positions, device)
                _check("positions", at, tuple(points.shape))
        latents = model.latents(encoded, points)
        if initial is not None:
            colours = _numbers("initial", initial, device)
            _check("initial", colours, shape)
            start = to_network(colours, model.config.colours)
        elif setup is None:
            start = torch.zeros(shape, device=device)
        else:
            start = model.config.source.of_normal(draw(shape))
        answer = lambda value, t: model.decode(latents, at, t, value)  # noqa: E731
        start = start if setup is None else setup.first_value(start, model.config.restorator)
        value = answer(start, None) if setup is None else start
        predict = predictor(model.config, answer, model.schedule)
        for step in run_sampler(setup, predict, start, model.schedule, draw) if setup is not None else ():
            value = step.x
        return model.to_colour(value, model.base(encoded, points))


def _numbers(name: str, given: Any, device: torch.device, least: float | None = None) -> Tensor:
    """Numbers as the network takes them, finite; those of x and of points are from `least` to 1, but for a rounding."""
    try:
        made = torch.as_tensor(given, device=device, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        said = repr(given) if isinstance(given, str) or given is None else f"a {type(given).__name__}"
        raise ValueError(f"{name} is {said}; accepted are tensors and arrays of numbers") from None
    if not torch.isfinite(made).all():
        raise ValueError(f"{name} has numbers that are not finite; accepted are finite ones")
    if least is not None and made.numel() and not (made.min() >= least and made.max() <= 1.001):
        raise ValueError(f"{name} has numbers outside [{least:.0f}, 1]; accepted are those in it")
    return made


def _check(name: str, made: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(made.shape) != shape:
        accepted = "(B, N, 2)" if name == "points" else str(shape)
        raise ValueError(f"{name} has shape {tuple(made.shape)}; accepted are {accepted}, of as many pictures as x")
