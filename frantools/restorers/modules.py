"""Torch modules as restorers, in tiles if the picture is large."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from math import ceil
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..checks import integer, to_python
from ..frannet.network.fingerprints import weights_hash
from ..photos.images import to_array, to_tensor
from ..photos.photo import Photo
from ..photos.regions import Region
from .base import (
    Cancelled,
    Progress,
    Restoration,
    RestorationInput,
    Restorer,
    RestorerError,
    check_picture,
    missing,
    named_token,
)
from .custom import run_with_timeout, title_of
from .identity import process_token
from .kinds import Kind
from .tiling import ALIGNED, MULTIPLES, TILE, WHOLE, CallError, Network, call_padded, receptive_field, restore_tiles

SETTINGS = ("tile", "overlap")
ODD = max(MULTIPLES) + 1  # pixels a side of a crop that shows which multiple a module needs


class ModuleRestorer(Restorer):
    """A `torch.nn.Module` that maps (1, 3, H, W) floats in [0, 1] to the same, at any scale.

    It is called in evaluation mode, on its own device and in its own dtype, without gradients. If it fails, or its
    output is not an integer multiple of its input's size, the input is padded by reflection to a multiple of 2, 4 ...
    64 pixels, and the output cropped.

    Parameters
    ----------
    module : nn.Module
        Its mode is left unchanged. It may be compiled, scripted, traced, frozen, exported or quantised.
    settings : dict
        `tile`: pixels a side of a tile, 0 for none, default 256 if the picture is larger than 384. `overlap`: pixels
        around a tile; default: the receptive field, which is measured.
    title : str, optional
        Default: the name of its class.
    timeout : float, optional
        Seconds to wait for a restoration, of all tiles. Default: no limit.
    path, sha256 : str, optional
        The file that the module was loaded from, and its hash.

    Raises
    ------
    ValueError
        If a setting is unknown or out of its range.
    """

    interruptible = persistent = True

    def __init__(
        self,
        module: nn.Module,
        settings: Mapping[str, Any] | None = None,
        title: str | None = None,
        timeout: float | None = None,
        path: str | None = None,
        sha256: str | None = None,
    ) -> None:
        self.module, self.settings, self.timeout = module, to_python(dict(settings or {})), timeout
        self.title = title or type(module).__name__
        if unknown := self.settings.keys() - set(SETTINGS):
            raise ValueError(
                f"{self.title} has no setting {', '.join(sorted(unknown))}; its settings: {', '.join(SETTINGS)}"
            )
        for name, value in self.settings.items():
            integer(name, value, 0)
        self.path, self.sha256 = path, sha256

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Call the module, once or for each tile; see `Restorer`."""
        started, deadline_start = time.perf_counter(), time.monotonic()
        example = _example(self.module)
        picture = to_tensor(given.picture).to(example.device, example.dtype)
        fraction = 0.0

        def network(x: Tensor) -> Tensor:
            return run_with_timeout(
                lambda: self._call(x), self.title, lambda: progress(fraction), self.timeout, deadline_start
            )

        def on_progress(value: float) -> None:
            nonlocal fraction
            fraction = value
            progress(value)

        try:
            output, remarks = self._restore_padded(network, picture, on_progress)
        except CallError as error:
            raise error.error from None
        output = output.float() if output.is_floating_point() else output  # NumPy has no bfloat16
        image, clipped = check_picture(to_array(output.cpu()), self.title)
        return Restoration(image, time.perf_counter() - started, calls=0, remarks=(*remarks, *clipped))

    def _restore_padded(
        self, network: Network, picture: Tensor, on_progress: Progress
    ) -> tuple[Tensor, tuple[str, ...]]:
        """Restore the whole picture, in tiles if necessary and possible, padded if necessary."""

        def padded(x: Tensor) -> Tensor:
            output, _multiples[self.module] = call_padded(network, x, _multiples.get(self.module, 1))
            return output

        output, remarks = self._restore_tiled(network, padded, picture, on_progress)
        height, width = picture.shape[-2:]
        multiple = max(1, _multiples[self.module])
        padded_height, padded_width = _round_up(height, multiple), _round_up(width, multiple)
        if (padded_height, padded_width) != (height, width):
            sizes = f"from {width} x {height} to {padded_width} x {padded_height}"
            remarks += (f"The picture was padded {sizes} by reflection, and cropped",)
        return output, remarks

    def _restore_tiled(
        self, network: Network, padded: Network, picture: Tensor, on_progress: Progress
    ) -> tuple[Tensor, tuple[str, ...]]:
        longer = max(picture.shape[-2:])
        tile = self.settings.get("tile", TILE if longer > WHOLE else 0)
        if not tile or longer <= _round_up(tile):
            return padded(picture), ()
        if "overlap" in self.settings:
            overlap: int | str = self.settings["overlap"]
        else:
            weights = weights_hash(self.module)
            if _receptive_fields.get(self.module, ("", 0))[0] != weights:
                with suppress(CallError):  # it may accept another size
                    padded(picture[..., :ODD, :ODD].contiguous())
                _receptive_fields[self.module] = weights, receptive_field(network, picture)
            overlap = _receptive_fields[self.module][1]
        if isinstance(overlap, str):
            return padded(picture), (f"The module was not tiled, since {overlap}",)
        multiple = max(ALIGNED, _multiples.get(self.module, 1))  # so that tiles are downsampled as the whole picture is
        return restore_tiles(padded, picture, _round_up(overlap, multiple), _round_up(tile, multiple), on_progress), ()

    def _call(self, x: Tensor) -> Tensor:
        """Call the module in evaluation mode, without gradients except those that it computes itself."""
        # Not in inference mode: modules that compute gradients, or keep tensors for their training, fail there.
        with evaluating(self.module), torch.no_grad():
            try:
                output = self.module(x.clone())  # the module may write to its input
            except (MemoryError, torch.OutOfMemoryError, Cancelled):
                raise
            except Exception as error:  # compiled and exported modules refuse sizes in several ways
                raise CallError(error) from None
        expected = "it must return a tensor (1, 3, H, W)"
        if not isinstance(output, Tensor):
            raise RestorerError(f"{self.title} returned {type(output).__name__}; {expected}")
        if output.ndim != 4 or output.shape[0] != 1 or output.shape[1] != 3:
            raise RestorerError(f"{self.title} returned a tensor of shape {tuple(output.shape)}; {expected}")
        return output.detach()

    def token(self, photo: Photo | None = None) -> dict[str, Any]:
        """Identify the weights and the settings."""
        if self.path is None:
            return process_token(self.module, weights=weights_hash(self.module), settings=self.settings)
        settings = {"settings": self.settings} if self.settings else {}
        return named_token({"setup": None, **settings}, self._file_hashes(photo))

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hash of the file that the module was loaded from."""
        return {self.path: self.sha256} if self.path is not None and self.sha256 is not None else {}

    def to_dict(self) -> dict[str, Any]:
        """The path of its file."""
        if self.path is None:
            return missing(self.title, f"{self.title} is a torch module in memory, which no recipe can name")
        return {"path": self.path, "sha256": self.sha256, "settings": self.settings}


_receptive_fields: WeakKeyDictionary[nn.Module, tuple[str, int | str]] = WeakKeyDictionary()  # with the weights' hash
_multiples: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # of `call_padded`
_evaluating: WeakKeyDictionary[nn.Module, tuple[int, list[nn.Module]]] = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Keep a module in evaluation mode until all threads that use it have left."""
    with _lock:
        users, training = _evaluating.get(module) or (0, [part for part in module.modules() if _is_training(part)])
        _evaluating[module] = users + 1, training
        if training:
            with suppress(NotImplementedError):  # the mode of an exported module is fixed
                module.eval()
    try:
        yield
    finally:
        with _lock:
            users, training = _evaluating.pop(module)
            if users > 1:
                _evaluating[module] = users - 1, training
            else:
                for part in training:
                    part.training = True


def _is_training(module: nn.Module) -> bool:
    """Whether a module is in training mode. A frozen one has no mode."""
    try:
        return module.training
    except AttributeError:
        return False


def _example(module: nn.Module) -> Tensor:
    """A tensor with the module's device and dtype: one of its weights, or float32 if it has none."""
    tensors = chain(module.parameters(), module.buffers(), _constants(module))
    weights = (tensor for tensor in tensors if tensor.is_floating_point())
    return next(weights, torch.empty(0, dtype=torch.float32, device="cpu"))


def _constants(module: nn.Module) -> Iterator[Tensor]:
    """The tensors in a script's code: freezing turns weights into constants. Those without dimensions are numbers."""
    if isinstance(module, torch.jit.ScriptModule):
        graph: Any = module.inlined_graph  # keeps its nodes alive
        for node in graph.findAllNodes("prim::Constant"):
            if node.output().type().kind() == "TensorType" and node.t("value").ndim:
                yield node.t("value")


def _round_up(pixels: int, multiple: int = ALIGNED) -> int:
    """Round up to a multiple, so that networks that downsample several times stay aligned."""
    return ceil(pixels / multiple) * multiple


MODULE = Kind(
    "module",
    lambda what: isinstance(what, nn.Module),
    lambda what, options: ModuleRestorer(what, options.settings, options.title, options.timeout),
    title=title_of,
)
