"""A torch module as a restorer, tiled where the picture is large."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from itertools import chain
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks import is_whole
from ..regions import Region
from .calls import abandonable
from .protocol import Given, Progress, Restoration, RestorerError, checked_picture, missing
from .tiling import TILE, WHOLE, scale_of, seen, tiled

SETTINGS = ("tile", "overlap")


class ModuleRestorer:
    """A `torch.nn.Module` that takes (1, 3, H, W) floats in [0, 1] and answers with the same, of any scale.

    It is called in evaluation mode, on its own device and in its own dtype, without gradients.

    Parameters
    ----------
    module : nn.Module
        Left in the mode that it was in.
    settings : dict
        `tile`: pixels a side of a tile, 0 for none, default 256 where the picture is larger than 384. `overlap`: pixels
        around a tile; default: as far as the module is found to see.
    title : str, optional
        Default: the name of its class.
    timeout : float, optional
        Seconds after which a call is no longer waited for. Default: never.
    named : dict, optional
        What names the module in a recipe.
    multiple : int
        What both sides of a picture must be a multiple of; pictures are mirrored at their right and bottom to fit.

    Raises
    ------
    ValueError
        If a setting is unknown or out of its range.
    """

    cost: float | None = None
    continuous = False
    random = False
    frame = "whole"

    def __init__(
        self,
        module: nn.Module,
        settings: Mapping[str, Any] | None = None,
        title: str | None = None,
        timeout: float | None = None,
        named: Mapping[str, Any] | None = None,
        multiple: int = 1,
    ) -> None:
        self.module, self.settings, self.timeout = module, dict(settings or {}), timeout
        self.title = title or type(module).__name__
        if unknown := self.settings.keys() - set(SETTINGS):
            raise ValueError(
                f"{self.title} takes no {', '.join(sorted(unknown))}; accepted are {' and '.join(SETTINGS)}"
            )
        for name, value in self.settings.items():
            if not is_whole(value) or value < 0:
                raise ValueError(f"{name} is {value!r}; accepted are whole numbers from 0")
        self._named, self._multiple = named, multiple
        self._seen: dict[int, int | None] = {}  # the overlap, once it was probed

    def restore(
        self, given: Given, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Call the module, for each tile where there are several; see `Restorer`."""
        begun = time.perf_counter()
        example = next(chain(self.module.parameters(), self.module.buffers()), torch.empty(0))
        dtype = example.dtype if example.is_floating_point() else torch.float32
        picture = torch.from_numpy(np.array(given.picture)).permute(2, 0, 1)[None].to(example.device, dtype)
        height, width = picture.shape[-2:]
        picture = self._padded(picture)
        share = 0.0

        def network(x: Tensor) -> Tensor:
            return abandonable(lambda: self._answer(x), self.title, lambda: progress(share), self.timeout)

        def report(done: float) -> None:
            nonlocal share
            share = done
            progress(done)

        answer, remarks = self._restored(network, picture, report)
        if (height, width) != tuple(picture.shape[-2:]):
            scale = scale_of(picture, answer) or 1
            answer = answer[..., : height * scale, : width * scale]
        image = checked_picture(answer[0].permute(1, 2, 0).float().cpu().numpy(), self.title)
        return Restoration(image, time.perf_counter() - begun, calls=0, remarks=remarks)

    def _restored(self, network: Any, picture: Tensor, report: Progress) -> tuple[Tensor, tuple[str, ...]]:
        """The answer for the whole picture, tiled where that is wanted and possible."""
        large = max(picture.shape[-2:]) > WHOLE
        tile = self.settings.get("tile", TILE if large else 0)
        tile = ceil(tile / 16) * 16  # aligned for networks that halve a picture
        if not tile or max(picture.shape[-2:]) <= tile:
            return network(picture), ()
        if "overlap" not in self.settings:
            key = id(self.module)
            if key not in self._seen:
                self._seen[key] = seen(network, picture)
            overlap = self._seen[key]
            if overlap is None:
                return network(picture), (f"{self.title} sees the whole picture at once, so it was not tiled",)
        else:
            overlap = ceil(self.settings["overlap"] / 16) * 16
        return tiled(network, picture, overlap, tile, report), ()

    def _padded(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        down, right = -height % self._multiple, -width % self._multiple
        if not (down or right):
            return picture
        mode = "reflect" if down < height and right < width else "replicate"
        return F.pad(picture, (0, right, 0, down), mode=mode)

    def _answer(self, x: Tensor) -> Tensor:
        """One call, in evaluation mode and without gradients."""
        with _lock:
            training = [module for module in self.module.modules() if module.training]
            self.module.eval()
        try:
            with torch.inference_mode():
                answer = self.module(x)
        finally:
            for module in training:
                module.training = True
        if not isinstance(answer, Tensor):
            raise RestorerError(f"{self.title} answered {type(answer).__name__}; accepted is a tensor (1, 3, H, W)")
        if answer.ndim != 4 or answer.shape[0] != 1 or answer.shape[1] != 3:
            raise RestorerError(
                f"{self.title} answered a tensor of shape {tuple(answer.shape)}; accepted is (1, 3, H, W)"
            )
        return answer

    def to_dict(self) -> dict[str, Any]:
        """What names the module, where anything does."""
        if self._named is None:
            return missing(self.title, f"{self.title} is a torch module in memory, which no name finds again")
        return {**self._named, "settings": self.settings}


_lock = threading.Lock()
