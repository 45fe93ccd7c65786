"""Processes that prepare batches, and what is said of those that fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .data import Batches


class Answered(Dataset[Any]):
    """A dataset whose errors are answers: a worker would wrap them in the text of its own traceback."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, step: int) -> dict[str, Tensor] | Exception:
        """The batch of a step, or what went wrong."""
        try:
            return self.batches[step]
        except Exception as error:
            return error


def loaded(batches: Batches, steps: range, workers: int) -> Iterator[dict[str, Tensor]]:
    """The batches of steps, prepared by so many processes.

    Raises a ChildProcessError if such a process ends before its time, or cannot be started or talked to.
    """
    if not workers:
        yield from map(batches.__getitem__, steps)
        return
    try:
        answers = iter(DataLoader(Answered(batches), batch_size=None, sampler=steps, num_workers=workers))
    except (RuntimeError, OSError) as error:
        raise ended(error) from None
    while True:
        try:
            answer = next(answers)
        except StopIteration:
            return
        except (RuntimeError, OSError) as error:
            raise ended(error) from None
        if isinstance(answer, BrokenPipeError):
            raise ended(answer)
        if isinstance(answer, Exception):
            raise answer
        yield answer


@contextmanager
def watched() -> Iterator[None]:
    """Let the death of a worker be a ChildProcessError: torch raises its own from a signal, whatever is being done."""
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise ended(error) from None


def ended(error: Exception) -> ChildProcessError:
    """The error that ends a training whose workers fail: a killed process, a broken pipe, no memory to share."""
    return ChildProcessError(
        f"the processes that prepare pictures failed ({' '.join(str(error).split())}); fewer workers take less memory, "
        "and the last checkpoint, if there is one, is kept"
    )
