"""Data-loading workers and their error messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .data import Batches


class _BatchesOrErrors(Dataset[Any]):
    """A dataset that returns errors, because a worker would wrap them in the text of its traceback."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, step: int) -> dict[str, Tensor] | Exception:
        try:
            return self.batches[step]
        except Exception as error:
            return error


def load_batches(batches: Batches, steps: range, workers: int) -> Iterator[dict[str, Tensor]]:
    """Yield the batches of steps, prepared by worker processes.

    Raises
    ------
    ChildProcessError
        If a worker dies, or cannot be started or reached.
    """
    if not workers:
        yield from map(batches.__getitem__, steps)
        return
    try:
        loader = iter(DataLoader(_BatchesOrErrors(batches), batch_size=None, sampler=steps, num_workers=workers))
        while True:
            batch = next(loader)
            if isinstance(batch, Exception):
                break
            yield batch
    except StopIteration:
        return
    except (RuntimeError, OSError) as error:
        raise workers_failed(error) from None
    raise workers_failed(batch) if isinstance(batch, BrokenPipeError) else batch


@contextmanager
def convert_worker_errors() -> Iterator[None]:
    """Turn the death of a worker into a ChildProcessError: torch raises a RuntimeError from a signal, at any time."""
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise workers_failed(error) from None


def workers_failed(error: Exception) -> ChildProcessError:
    """Create the error of a killed process, a broken pipe or a lack of shared memory."""
    return ChildProcessError(
        f"the processes that prepare pictures failed ({' '.join(str(error).split())}); the last checkpoint, if any, is "
        "kept. Fewer workers need less memory"
    )
