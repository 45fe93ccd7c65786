"""The numbers of threads that torch uses are the user's, whatever is restored, and however it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import frantools as ft
from frantools.frannet.threads import run

QUICK = ft.Setup(K=99)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Puts the number of threads back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def fresh() -> int:
    """The number that a thread begins with that has not used torch yet."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def restore(progress: Callable[[float], None] | None = None) -> None:
    ft.restore(ft.load_model("diffusion-basic"), ft.portraits()["hopper"], QUICK, size=128, progress=progress)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_number_is_the_same_after_as_before(number):
    torch.set_num_threads(number)
    restore()
    assert (torch.get_num_threads(), fresh()) == (number, number)


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_is_the_same_after_an_error(number):
    torch.set_num_threads(number)

    def stop(share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        restore(stop)
    with pytest.raises(ZeroDivisionError):
        run(lambda index: 1 // index, 4, lambda: None, threading.Event(), parallel=True)
    assert (torch.get_num_threads(), fresh()) == (number, number)


def test_each_of_several_at_once_keeps_its_own_number():
    torch.set_num_threads(2)
    together = threading.Barrier(3)

    def work(number: int) -> tuple[int, int]:
        torch.get_num_threads()  # or torch would ask what others set, when it is first used on this thread
        torch.set_num_threads(number)
        together.wait()
        for _ in range(3):
            restore()
        return number, torch.get_num_threads()

    with ThreadPoolExecutor(3) as pool:
        for asked, left in pool.map(work, (1, 2, 3)):
            assert left == asked
    assert torch.get_num_threads() == 2


def test_a_thread_that_begins_while_others_restore_has_the_users_number():
    torch.set_num_threads(3)
    seen = []
    restore(lambda share: seen.append((torch.get_num_threads(), fresh())))
    assert set(seen) == {(3, 3)}


def test_each_part_has_one_thread_and_all_are_done():
    torch.set_num_threads(3)
    done, reported = {}, threading.Event()

    def work(index: int) -> None:
        assert reported.wait(60)  # the numbers of others are set again by then
        done[index] = torch.get_num_threads()

    run(work, 20, reported.set, threading.Event(), parallel=True)
    assert done == dict.fromkeys(range(20), 1)
