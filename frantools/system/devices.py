"""The devices and dtypes that networks run with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

CPU = torch.device("cpu")


@contextmanager
def on_processor() -> Iterator[None]:
    """Create tensors on the processor inside this context, whatever the user's default device is."""
    if torch.get_default_device() == CPU:  # an additional context would slow each operation a little
        yield
    else:
        with CPU:
            yield


@contextmanager
def without_autocast() -> Iterator[None]:
    """Compute in the dtypes of the tensors even inside a caller's `torch.autocast`; also a decorator."""
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        yield


def find_device(name: str = "auto") -> torch.device:
    """Return the device with a name.

    Parameters
    ----------
    name : str
        "cpu", "cuda", "cuda:1" ...; "auto" is the fastest available.

    Raises
    ------
    ValueError
        If it is not available.
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.zeros(1, device=device).item()  # the meta device has no numbers
    except (RuntimeError, AssertionError, ImportError):
        raise ValueError(f"device must be 'auto', 'cpu' or an available 'cuda', got {name!r}") from None
    return device
