"""Charges add up to the clock: for every thread, on every core, in every run; an uncharged cycle is noticed."""

from __future__ import annotations

import io

import pytest

from guest.build import guest
from guest.paths import INCLUDE
from pffemu import Exited, Machine, Mode, assemble, compiled
from pffemu.hw.cpu import Cpu
from pffemu.hw.cpu_options import CpuOptions
from pffemu.timing import SHIFT, AccountingError, Ledger, check_accounts, load_profile
from pffemu.timing.ledger import ENDED, ENDED_THREADS


def ran(mode: Mode, **options: int) -> Machine:
    machine = Machine(mode=mode, cpu=CpuOptions(**options))
    machine.open_output(4, "result", io.BytesIO())
    machine.load(guest("fault_bench"), ["40", "1", "1", "0"])
    assert machine.run().exit_code == 0
    return machine


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled if possible", "plain"])
def test_every_threads_charges_are_its_time(mode: Mode, compiled: bool) -> None:
    machine = ran(mode, **({} if compiled else {"compiled": False}))
    for cpu in machine.cpus:
        cpu.check_accounts()
        total = sum(ledger.charged(cpu.profile) for ledger in cpu.ledgers.values())
        assert total >> SHIFT == cpu.clock
        assert sum(sum(ledger.cycles(cpu.profile).values()) for ledger in cpu.ledgers.values()) == pytest.approx(
            cpu.clock, abs=1
        )


def test_instructions_are_charged_by_class_and_alike_compiled_and_plain() -> None:
    times = [
        {tid: ledger.instruction_time for tid, ledger in ran(Mode.PFF, **options).cpus[0].ledgers.items()}
        for options in ({}, {"compiled": False})
    ]
    assert times[0] == times[1]
    assert times[0][1] > 0


@pytest.mark.skipif(compiled.IN_USE, reason="a method of a compiled class cannot be replaced")
def test_a_cycle_past_the_ledger_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    charge = Cpu.charge

    def forgetful(cpu: Cpu, cost: str, units: int = 1) -> None:
        charge(cpu, cost, units)
        if cost == "cpu.uintr.uiret":
            cpu._charged += 1

    monkeypatch.setattr(Cpu, "charge", forgetful)
    with pytest.raises(AccountingError, match="thread 1 on core 0"):
        ran(Mode.PFF)


def test_a_core_whose_threads_do_not_add_up_to_its_clock_is_caught() -> None:
    profile = load_profile()
    ledger = Ledger(1, elapsed=profile.rates["cpu.iret"])
    ledger.units["cpu.iret"] = 1
    check_accounts(profile, [ledger], ledger.elapsed, 0)
    with pytest.raises(AccountingError, match="core 3"):
        check_accounts(profile, [ledger], ledger.elapsed + 1, 3)


FORKS = """
.include "pff.inc"
_start: mov ebx, FORKS
1:  mov eax, SYS_fork
    syscall
    test eax, eax
    jz 2f
    mov eax, SYS_wait4
    mov edi, -1
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
    dec ebx
    jnz 1b
2:  mov eax, SYS_exit_group
    xor edi, edi
    syscall
"""


def test_threads_that_ended_long_ago_share_a_ledger_on_each_core() -> None:
    machine = Machine(ram=16 << 20, cpus=2)
    machine.load(assemble(FORKS.replace("FORKS", str(ENDED_THREADS + 600)), include_dirs=(INCLUDE,)))
    assert machine.run() == Exited(0)
    ledgers = [cpu.ledgers for cpu in machine.cpus]
    assert sum(map(len, ledgers)) < 2 * ENDED_THREADS
    assert any(ENDED in each and each[ENDED].units["cpu.syscall"] >= 500 for each in ledgers)
    assert any(1 in each for each in ledgers)
    for cpu in machine.cpus:
        cpu.check_accounts()
        assert sum(ledger.charged(cpu.profile) for ledger in cpu.ledgers.values()) >> SHIFT == cpu.clock
