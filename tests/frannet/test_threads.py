"""The numbers of threads that torch uses are the user's, whatever is restored, and however it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import numpy as np
import pytest
import torch

import frantools as ft
from frantools.frannet.engine.threads import run_parts
from frantools.system.cores import map_on_threads

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
        run_parts(lambda index: 1 // index, 4, lambda: None, threading.Event(), parallel=True)
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
        for number, left in pool.map(work, (1, 2, 3)):
            assert left == number
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

    run_parts(work, 20, reported.set, threading.Event(), parallel=True)
    assert done == dict.fromkeys(range(20), 1)


def refuse_threads(monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
    """Let no thread start but the first `after`, as a limit of the system does."""
    start, started = threading.Thread.start, []

    def limited(thread: threading.Thread) -> None:
        if len(started) >= after:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_where_no_more_threads_can_be_started_the_results_are_the_same(after, monkeypatch):
    torch.set_num_threads(3)
    columns = ["B:K=50", ("f", lambda picture: picture / 2), ("m", torch.nn.Identity())]
    before = ft.compare("hopper", columns, size=64)
    refuse_threads(monkeypatch, after)
    results = ft.compare("hopper", columns, size=64)
    assert results.errors == {}
    for title in results.titles:
        np.testing.assert_array_equal(results[title].image, before[title].image)
    assert torch.get_num_threads() == 3
    assert len(ft.find_rois([before["f"].image, before["B:K=50"].image], 16, 2)) == 2


def test_a_widget_works_where_no_more_threads_can_be_started(monkeypatch):
    refuse_threads(monkeypatch)
    widget = ft.widgets.compare("hopper", ["bicubic", ("f", lambda picture: picture / 2)], size=32)
    assert widget.wait(60)
    assert widget.final
    widget.close()


def test_functions_and_shared_work_have_the_context_of_their_caller():
    variable: ContextVar[str] = ContextVar("variable", default="lost")
    seen: list[tuple[str, str]] = []

    def function(picture):
        seen.append((variable.get(), np.geterr()["divide"]))
        return picture

    def part(index: int) -> None:
        seen.append((variable.get(), np.geterr()["divide"]))

    variable.set("kept")
    with np.errstate(divide="raise"):
        ft.compare("hopper", [("f", function)], size=8)
        run_parts(part, 3, lambda: None, threading.Event(), parallel=True)
        map_on_threads(part, range(3))
    assert seen == [("kept", "raise")] * 7


LATE = """
import threading, time
import frantools as ft
ft.compare("hopper", ["bicubic"], size=8)  # torch cannot be imported as late
def later():
    threading.main_thread().join()
    made = ft.compare("hopper", ["B:K=50", "bicubic", ("f", lambda picture: picture / 2)], size=48)
    print(len(made.titles), made.errors, len(ft.find_rois([made["f"].image, made["bicubic"].image], 16, 2)), flush=True)
threading.Thread(target=later).start()
"""


def test_a_thread_that_outlives_the_script_still_restores():
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=200)
    assert (done.stdout.strip(), done.stderr) == ("3 {} 2", "")
