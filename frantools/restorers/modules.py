"""A torch module as a restorer, tiled where the picture is large."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
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
from .base import Cancelled, Progress, Restoration, RestorationInput, Restorer, RestorerError, checked_picture, missing
from .custom import run_with_timeout
from .tiling import ALIGNED, MULTIPLES, TILE, WHOLE, CallError, call_padded, seen, tiled

SETTINGS = ("tile", "overlap")
ODD = max(MULTIPLES) + 1  # pixels a side of a part that tells which multiples a module needs


class ModuleRestorer(Restorer):
    """A `torch.nn.Module` that takes (1, 3, H, W) floats in [0, 1] and answers with the same, of any scale.

    It is called in evaluation mode, on its own device and in its own dtype, without gradients. If it fails, or its
    answer is not a whole number of times as large as its input, the input is padded by reflection to a multiple of 2, 4
    ... 64 pixels, and the answer cropped.

    Parameters
    ----------
    module : nn.Module
        Left in the mode that it was in. It may be compiled, scripted, traced, frozen, exported or quantised.
    settings : dict
        `tile`: pixels a side of a tile, 0 for none, default 256 where the picture is larger than 384. `overlap`: pixels
        around a tile; default: as far as the module is found to see.
    title : str, optional
        Default: the name of its class.
    timeout : float, optional
        Seconds after which a restoration, of all tiles, is no longer waited for. Default: never.
    path, sha256 : str, optional
        The file that the module was made of, and its hash.

    Raises
    ------
    ValueError
        If a setting is unknown or out of its range.
    """

    interruptible = True

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
                f"{self.title} takes no {', '.join(sorted(unknown))}; accepted are {' and '.join(SETTINGS)}"
            )
        for name, value in self.settings.items():
            integer(name, value, 0)
        self.path, self.sha256 = path, sha256

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Call the module, for each tile where there are several; see `Restorer`."""
        begun, start = time.perf_counter(), time.monotonic()
        example = _example(self.module)
        picture = to_tensor(given.picture).to(example.device, example.dtype)
        share = 0.0

        def network(x: Tensor) -> Tensor:
            return run_with_timeout(lambda: self._answer(x), self.title, lambda: progress(share), self.timeout, start)

        def report(done: float) -> None:
            nonlocal share
            share = done
            progress(done)

        try:
            answer, remarks = self._restored(network, picture, report)
        except CallError as error:
            raise error.error from None
        answer = answer.float() if answer.is_floating_point() else answer  # NumPy has no bfloat16
        image, clipped = checked_picture(to_array(answer.cpu()), self.title)
        return Restoration(image, time.perf_counter() - begun, calls=0, remarks=(*remarks, *clipped))

    def _restored(
        self, network: Callable[[Tensor], Tensor], picture: Tensor, report: Progress
    ) -> tuple[Tensor, tuple[str, ...]]:
        """The answer for the whole picture, tiled where that is wanted and possible."""

        def padded(x: Tensor) -> Tensor:
            answer, _multiples[self.module] = call_padded(network, x, _multiples.get(self.module, 1))
            return answer

        answer, remarks = self._tiled(network, padded, picture, report)
        height, width = picture.shape[-2:]
        tall, wide = (_aligned(side, max(1, _multiples[self.module])) for side in (height, width))
        if (tall, wide) != (height, width):
            sizes = f"from {width} x {height} to {wide} x {tall}"
            remarks += (f"The picture was padded {sizes} by reflection, and cropped",)
        return answer, remarks

    def _tiled(
        self,
        network: Callable[[Tensor], Tensor],
        padded: Callable[[Tensor], Tensor],
        picture: Tensor,
        report: Progress,
    ) -> tuple[Tensor, tuple[str, ...]]:
        longer = max(picture.shape[-2:])
        tile = self.settings.get("tile", TILE if longer > WHOLE else 0)
        if not tile or longer <= _aligned(tile):
            return padded(picture), ()
        if "overlap" in self.settings:
            overlap: int | str = self.settings["overlap"]
        else:
            weights = weights_hash(self.module)
            if _seen.get(self.module, ("", 0))[0] != weights:
                with suppress(CallError):  # another size may suit it
                    padded(picture[..., :ODD, :ODD].contiguous())
                _seen[self.module] = weights, seen(network, picture)
            overlap = _seen[self.module][1]
        if isinstance(overlap, str):
            return padded(picture), (f"The module was not tiled, since {overlap}",)
        aligned = max(ALIGNED, _multiples.get(self.module, 1))  # a tile's pixels are halved as those of the whole are
        return tiled(padded, picture, _aligned(overlap, aligned), _aligned(tile, aligned), report), ()

    def _answer(self, x: Tensor) -> Tensor:
        """One call, in evaluation mode and without gradients, except those that the module computes itself."""
        # Not in inference mode: modules that compute gradients, or keep tensors for their training, fail there.
        with evaluating(self.module), torch.no_grad():
            try:
                answer = self.module(x.clone())  # the module may write to its input
            except (MemoryError, torch.OutOfMemoryError, Cancelled):
                raise
            except Exception as error:  # of whatever kind: compiled and exported modules refuse sizes in several ways
                raise CallError(error) from None
        if not isinstance(answer, Tensor):
            raise RestorerError(f"{self.title} answered {type(answer).__name__}; accepted is a tensor (1, 3, H, W)")
        if answer.ndim != 4 or answer.shape[0] != 1 or answer.shape[1] != 3:
            raise RestorerError(
                f"{self.title} answered a tensor of shape {tuple(answer.shape)}; accepted is (1, 3, H, W)"
            )
        return answer.detach()

    def state(self) -> list[Any]:
        """What tells whether the weights have changed."""
        return [weights_hash(self.module)]

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hash of the file that the module was made of."""
        return {self.path: self.sha256} if self.path is not None and self.sha256 is not None else {}

    def to_dict(self) -> dict[str, Any]:
        """What names the module, where anything does."""
        if self.path is None:
            return missing(self.title, f"{self.title} is a torch module in memory, which no name finds again")
        return {"path": self.path, "sha256": self.sha256, "settings": self.settings}


_seen: WeakKeyDictionary[nn.Module, tuple[str, int | str]] = WeakKeyDictionary()  # what was probed, by weights
_multiples: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # what `call_padded` found
_evaluating: WeakKeyDictionary[nn.Module, tuple[int, list[nn.Module]]] = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, until the last of those that use the module at the same time has left."""
    with _lock:
        users, training = _evaluating.get(module) or (0, [each for each in module.modules() if _is_training(each)])
        _evaluating[module] = users + 1, training
        if training:
            with suppress(NotImplementedError):  # an exported module stays in the mode that it was exported in
                module.eval()
    try:
        yield
    finally:
        with _lock:
            users, training = _evaluating.pop(module)
            if users > 1:
                _evaluating[module] = users - 1, training
            else:
                for each in training:
                    each.training = True


def _is_training(module: nn.Module) -> bool:
    """Whether a module is in training mode. A frozen one has no modes."""
    try:
        return module.training
    except AttributeError:
        return False


def _example(module: nn.Module) -> Tensor:
    """A tensor of the device and the dtype that a module takes: one of its weights, or float32 if it has none."""
    tensors = chain(module.parameters(), module.buffers(), _constants(module))
    weights = (each for each in tensors if each.is_floating_point())
    return next(weights, torch.empty(0, dtype=torch.float32, device="cpu"))


def _constants(module: nn.Module) -> Iterator[Tensor]:
    """The tensors in a script's code, which freezing makes of its weights; those without a dimension are numbers."""
    if isinstance(module, torch.jit.ScriptModule):
        graph: Any = module.inlined_graph  # its nodes live as long as it does
        for node in graph.findAllNodes("prim::Constant"):
            if node.output().type().kind() == "TensorType" and node.t("value").ndim:
                yield node.t("value")


def _aligned(pixels: int, multiple: int = ALIGNED) -> int:
    """So many pixels or a few more, so that networks that halve a picture several times stay aligned."""
    return ceil(pixels / multiple) * multiple
