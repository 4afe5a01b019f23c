"""The trace file: what the hash says, whatever happens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pffemu.errors import PffemuError, UsageError
from pffemu.events.bus import EventBus
from pffemu.events.kernel import Syscall, Warned
from pffemu.events.trace import TraceHash
from pffemu.report.trace import TraceFile

EVENTS = [Syscall(n, 0, 1, n, "read", 0x400000) for n in range(10_000)] + [Warned(1, 0, 1, 'a "quoted"\n\u00e9 text')]  # type: ignore[arg-type]


def test_file_and_hash_agree(tmp_path: Path) -> None:
    trace_hash = TraceHash()
    with TraceFile(tmp_path / "trace") as trace:
        for event in EVENTS:
            trace(event)
            trace_hash(event)
    data = (tmp_path / "trace").read_bytes()
    assert hashlib.sha256(data).hexdigest() == trace_hash.hexdigest()
    assert len(data.splitlines()) == len(EVENTS)


def test_no_events_no_bytes(tmp_path: Path) -> None:
    with TraceFile(tmp_path / "trace"):
        pass
    assert (tmp_path / "trace").read_bytes() == b""
    assert TraceHash().hexdigest() == hashlib.sha256(b"").hexdigest()


def test_rest_is_written_when_the_run_raises(tmp_path: Path) -> None:
    def run() -> None:
        with TraceFile(tmp_path / "trace") as trace:
            trace(EVENTS[0])
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert (tmp_path / "trace").read_bytes().count(b"\n") == 1


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the trace"):
        TraceFile(tmp_path)


def test_full_disk() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with pytest.raises(PffemuError, match="No space left"), TraceFile(full) as trace:
        trace(EVENTS[0])


def test_a_listener_hears_of_its_own_events_alone_behind_the_sinks() -> None:
    bus, heard = EventBus(), []
    bus.sinks.append(lambda event: heard.append(("sink", type(event))))
    bus.listeners[Warned] = lambda event: heard.append(("listener", event.what))
    bus.emit(EVENTS[0])
    bus.emit(Warned(1, 0, 1, "careful"))
    assert heard == [("sink", Syscall), ("sink", Warned), ("listener", "careful")]
    assert (bus.counts[Syscall], bus.counts[Warned]) == (1, 1)
