"""Bands of work on all cores."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from geodfx.jit import run_bands, run_each, thread_count


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_bands_cover_all_rows_once(monkeypatch: pytest.MonkeyPatch, threads: str, count: int):
    monkeypatch.setenv("GEODFX_THREADS", threads)
    rows, told = np.zeros(count, np.int64), []

    def work(first: int, last: int) -> None:
        rows[first:last] += 1

    run_bands(work, count, told.append)
    assert (rows == 1).all()
    assert sum(told) == count


def test_results_come_in_their_order():
    assert run_each(lambda i: i * i, 50) == [i * i for i in range(50)]


def test_what_a_worker_asks_for_it_does_itself():
    """Else workers that all wait for others would wait for ever."""
    totals = run_each(lambda i: sum(run_each(lambda j: i * j, 4)), 4 * thread_count())
    assert totals == [6 * i for i in range(4 * thread_count())]


def test_nothing_works_on_after_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GEODFX_THREADS", "3")  # fewer than there is work, however many cores there are
    going = threading.Event()
    ended = []

    def work(i: int) -> None:
        if i == 0:
            going.wait(5)
            raise ValueError("first")
        going.set()
        time.sleep(0.05)
        ended.append(i)

    with pytest.raises(ValueError, match="first"):
        run_each(work, 40)
    count = len(ended)
    time.sleep(0.2)
    assert len(ended) == count < 39
    assert run_each(lambda i: i, 3) == [0, 1, 2]  # the threads are as good as before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_that_is_forked_off_has_threads_of_its_own():
    run_each(lambda i: i, 8)
    child = os.fork()
    if child == 0:
        os._exit(0 if run_each(lambda i: i, 8) == list(range(8)) else 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child never ended")
