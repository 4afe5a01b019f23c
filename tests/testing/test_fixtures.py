"""The fixtures for tests in Python."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from guest.paths import INCLUDE
from pffemu import Exited, Machine, Mode, Program, Reached, UsageError
from pffemu import assemble as assemble_source
from pffemu.events.kernel import Syscall
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


prepared = 0


def at_the_loop() -> Machine:
    """Three pages written, userfaultfd open: a place that is long in coming."""
    global prepared
    prepared += 1
    machine = Machine(cpus=1, ram=16 << 20, stdout=io.BytesIO())
    machine.load(assembled(PREPARE))
    assert isinstance(machine.run(until=["ready"]), Reached)
    return machine


PREPARE = """.include "pff.inc"
_start:
    mov eax, SYS_userfaultfd
    xor edi, edi
    syscall
    mov [rip + area], rax
    movq xmm3, rax
ready:
    inc qword ptr [rip + area]
    mov rcx, [rip + area]
    mov [rip + area + 8192], rcx
    mov eax, SYS_userfaultfd
    syscall
    stui
    mov edi, eax
    mov eax, SYS_exit_group
    syscall
.bss
area: .zero 16384
"""


def assembled(source: str) -> Program:
    return assemble_source(source, include_dirs=(INCLUDE,))


@pytest.mark.parametrize("_time", range(3))
def test_reset_to_gives_the_same_state_each_time(
    _time: int, reset_to: Callable[[Callable[[], Machine]], Machine], trace: Trace
) -> None:
    machine = reset_to(at_the_loop)
    assert prepared == 1
    area, cpu = machine.symbols["area"], machine.cpus[0]
    assert machine.memory.read_u64(area) == 3
    assert not machine.memory.is_present(area + 8192)
    assert cpu.engine.save_registers().xmm(3) == 3
    instructions = machine.instructions
    assert machine.run() == Exited(4)
    assert (machine.instructions - instructions, cpu.uintr.uif) == (9, True)
    assert [event.name for event in trace.of(Syscall)] == ["userfaultfd", "exit_group"]


def test_a_machine_is_prepared_once_for_a_test(reset_to: Callable[[Callable[[], Machine]], Machine]) -> None:
    reset_to(at_the_loop)
    with pytest.raises(UsageError, match="at_the_loop already"):
        reset_to(at_the_loop)
