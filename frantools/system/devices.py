"""Where networks run, and in which dtypes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

CPU = torch.device("cpu")


@contextmanager
def on_processor() -> Iterator[None]:
    """Make tensors on the processor within, whatever the user's default device is."""
    if torch.get_default_device() == CPU:  # or each operation would take a little longer
        yield
    else:
        with CPU:
            yield


@contextmanager
def without_autocast() -> Iterator[None]:
    """Compute in the dtypes of the tensors themselves, also inside a caller's `torch.autocast`. A decorator, too."""
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        yield


def find_device(name: str = "auto") -> torch.device:
    """The device of a name.

    Parameters
    ----------
    name : str
        "cpu", "cuda", "cuda:1" ...; "auto" is the fastest at hand.

    Raises
    ------
    ValueError
        If it is not at hand.
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.zeros(1, device=device).item()  # the meta device has a name and no numbers
    except (RuntimeError, AssertionError, ImportError):
        raise ValueError(f"the device {name!r} is not at hand; accepted are auto, cpu and cuda") from None
    return device
