"""The fixtures for tests in Python."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pffemu import Exited, Machine, Mode, Program
from pffemu.events import Syscall
from pffemu.testing.fixtures import GuestRun, Trace

EXIT = "_start: mov eax, 60\nmov edi, 7\nsyscall\n"
OPEN = '.include "pff.inc"\n_start: mov eax, SYS_userfaultfd\nxor edi, edi\nsyscall\nmov edi, eax\n'
OPEN += "mov eax, SYS_exit\nsyscall"


def test_machine_and_assemble(machine: Machine, assemble: Callable[..., Program], trace: Trace) -> None:
    machine.load(assemble(EXIT))
    assert machine.run() == Exited(7)
    assert [event.name for event in trace.of(Syscall)] == ["exit"]
    assert any(line.startswith("syscall exit rip=0x40000a") for line in trace.lines())


@pytest.mark.parametrize("machine", ["kernel", "uffd", "pff"], indirect=True)
def test_machine_in_every_mode(machine: Machine, assemble: Callable[..., Program]) -> None:
    machine.load(assemble(OPEN))
    status = -38 & 0xFF if machine.options.mode is Mode.KERNEL else 3
    assert machine.run() == Exited(status)


@pytest.mark.parametrize("machine", [{"cpus": 3, "ram": 8 << 20}], indirect=True)
def test_machine_with_options(machine: Machine) -> None:
    assert (len(machine.cpus), machine.ram.size) == (3, 8 << 20)


def test_run_guest(run_guest: Callable[..., GuestRun], trace: Trace) -> None:
    run = run_guest('_start: mov eax, 1\nmov edi, 1\nlea rsi, [rip + t]\nmov edx, 3\nsyscall\n'
                    'mov eax, 60\nxor edi, edi\nsyscall\n.data\nt: .ascii "abc"', mode="kernel")  # fmt: skip
    assert (run.stop, run.stdout) == (Exited(0), b"abc")
    assert len(trace.of(Syscall)) == 2


def test_run_guest_stops_at_symbols(run_guest: Callable[..., GuestRun]) -> None:
    run = run_guest("_start: mov eax, 5\nthere: jmp there", until=("there",))
    assert run.machine.cpus[0].registers["rax"] == 5
