"""Fixtures for tests written in Python: `machine`, `core`, `assemble`, `run_guest`, `trace`, `reset_to`.

Building a machine takes less than two milliseconds (after the first), so every test gets a new one. For a state that a
guest reaches only after long, `reset_to` goes there once, and then restores a snapshot in a third of a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pffemu import Machine, Program, Stop
    from pffemu.state.snapshot import Snapshot
    from pffemu.testing.core import Core


@dataclass(slots=True)
class Trace:
    """Every event the test's machines emitted, in order."""

    events: list[Any] = field(default_factory=list)

    def of(self, *kinds: type[Any]) -> list[Any]:
        """The events of these types."""
        return [event for event in self.events if isinstance(event, kinds)]

    def lines(self) -> list[str]:
        """The events as lines of text, as for CHECK, with addresses as numbers."""
        from pffemu.inspect.event_text import event_text

        return [event_text(event, hex) for event in self.events]


MachineFactory = Callable[..., "Machine"]


@pytest.fixture
def trace() -> Trace:
    """The events of this test's machines."""
    return Trace()


@dataclass(slots=True)
class _Prepared:
    """A machine of `reset_to`, and the snapshot of its prepared state."""

    machine: Machine
    snapshot: Snapshot
    sinks: list[Any]
    user: object = None  # the test that uses it


@pytest.fixture(scope="session")
def _prepared() -> dict[Callable[[], Machine], _Prepared]:
    return {}


@pytest.fixture
def reset_to(
    request: pytest.FixtureRequest, trace: Trace, _prepared: dict[Callable[[], Machine], _Prepared]
) -> Callable[[Callable[[], Machine]], Machine]:
    """`reset_to(prepare)`: the machine that `prepare()` returned, in the state of then; `prepare` runs once a session.

    Each function has one machine, so a second request in a test is a UsageError. `trace` collects its events.
    """

    def reset(prepare: Callable[[], Machine]) -> Machine:
        from pffemu.errors import UsageError
        from pffemu.state import snapshot

        found = _prepared.get(prepare)
        if found is None:
            machine = prepare()
            found = _prepared[prepare] = _Prepared(machine, snapshot.take(machine), list(machine.events.sinks))
        elif found.user is request.node:
            name = getattr(prepare, "__name__", repr(prepare))
            raise UsageError(f"this test has the machine of {name} already", remedy="write a second such function")
        else:
            snapshot.put_back(found.machine, found.snapshot)
        found.user = request.node
        found.machine.events.sinks[:] = [*found.sinks, trace.events.append]
        return found.machine

    return reset


@pytest.fixture
def assemble() -> Callable[..., Program]:
    """`assemble(source, defines=...)`, which finds the include files of pffemu's guests (pff.inc, paging.s)."""
    from guest.build import ASM, INCLUDE
    from pffemu.asm import assemble

    return partial(assemble, include_dirs=(ASM, INCLUDE))


@pytest.fixture
def machine(request: pytest.FixtureRequest, trace: Trace) -> Machine:
    """A small machine (one core, 64 MiB, mode pff) whose events `trace` collects.

    `@pytest.mark.parametrize("machine", ["kernel", "uffd", "pff"], indirect=True)` runs the test in each mode; a
    dictionary gives any options of Machine.
    """
    given = getattr(request, "param", {})
    options = given if isinstance(given, dict) else {"mode": given}
    return _machine(trace, **options)


@pytest.fixture
def core(trace: Trace) -> Callable[..., Core]:
    """`core(code="", **options)` makes a bare core in ring 3 (pffemu.testing.core), whose events `trace` collects."""

    def make(code: Program | str = "", **options: Any) -> Core:
        from pffemu.testing.core import Core

        made = Core(code, **options)
        made.events.sinks.append(trace.events.append)
        return made

    return make


def _machine(trace: Trace, **options: Any) -> Machine:
    from pffemu import Machine, Mode

    settings: dict[str, Any] = {"cpus": 1, "ram": 64 << 20, "mode": Mode.PFF} | options
    settings["mode"] = Mode(settings["mode"])
    machine = Machine(**settings)
    machine.events.sinks.append(trace.events.append)
    return machine


@dataclass(slots=True)
class GuestRun:
    """A guest that has run: its stop, its machine, its output."""

    machine: Machine
    stop: Stop
    stdout: bytes
    stderr: bytes

    @property
    def counts(self) -> dict[str, int]:
        """Exact counts of what happened: faults, forwarded, wakes, ... (Machine.counts)."""
        return self.machine.counts()


@pytest.fixture
def run_guest(assemble: Callable[..., Program], trace: Trace) -> Callable[..., GuestRun]:
    """`run_guest(source_or_program, arguments=(), budget=1_000_000, until=(), **options of Machine)`."""

    def run(
        program: Program | str, arguments: tuple[str, ...] = (), budget: int = 1_000_000,
        until: tuple[str | int, ...] = (), **options: Any,
    ) -> GuestRun:  # fmt: skip
        import io

        stdout, stderr = io.BytesIO(), io.BytesIO()
        machine = _machine(trace, stdout=stdout, stderr=stderr, **options)
        machine.load(assemble(program) if isinstance(program, str) else program, arguments)
        stop = machine.run(budget, until)
        return GuestRun(machine, stop, stdout.getvalue(), stderr.getvalue())

    return run
