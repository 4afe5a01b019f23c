"""Work in a thread: results, errors, signals."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from pffemu.cli import foreground
from pffemu.cli.stopped import Stopped


@pytest.fixture(autouse=True)
def _handlers_as_before() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_result_comes_back() -> None:
    assert foreground.call(lambda: 7) == 7


def test_work_is_not_done_in_the_main_thread() -> None:
    assert foreground.call(threading.current_thread) is not threading.main_thread()


def test_error_is_raised_here() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        foreground.call(broken)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    foreground.call(lambda: None)
    assert signal.getsignal(signal.SIGINT) is before


def test_progress_is_shown_meanwhile() -> None:
    shown: list[int] = []
    foreground.call(lambda: time.sleep(0.3), show=lambda: shown.append(1))
    assert len(shown) >= 2


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_work_that_listens(signum: signal.Signals) -> None:
    end = threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signum)
        end.wait(10)

    with pytest.raises(Stopped) as stopped:
        foreground.call(work, stop=end.set)
    assert (stopped.value.exit_code, stopped.value.abandoned) == (128 + signum, False)


def test_stop_is_asked_for_until_it_helps() -> None:
    end, asked = threading.Event(), list[int]()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        end.wait(10)

    def stop() -> None:
        asked.append(1)
        if len(asked) == 4:
            end.set()

    with pytest.raises(Stopped):
        foreground.call(work, stop=stop)
    assert len(asked) == 4


def test_work_that_cannot_be_stopped_is_given_up_at_once() -> None:
    end = threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        end.wait(10)

    started = time.monotonic()
    with pytest.raises(Stopped) as stopped:
        foreground.call(work)
    end.set()
    assert stopped.value.abandoned
    assert time.monotonic() - started < 1


def test_further_signals_are_ignored() -> None:
    end = threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        end.wait(10)

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        end.set()

    with pytest.raises(Stopped) as stopped:
        foreground.call(work, stop=stop)
    assert stopped.value.signum == signal.SIGINT


def test_outside_the_main_thread_no_signals_are_touched() -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(foreground.call(lambda: 3)))
    thread.start()
    thread.join(10)
    assert results == [3]
