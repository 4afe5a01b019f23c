"""The structure of each mechanism's path, by what one more page costs in events: who runs where, and what is entered.

The fault benchmark and BFS are the same binaries under all of them; hence a page more is a fault more.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.touch import RANDOM, touch
from guest.caching.workload import CacheSetting
from pffemu import Mode
from pffemu.cli import compare_steps
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from pffemu.timing import SHIFT, load_profile
from tests.system.test_pff_fault_path import Ran

FEW, MANY = 16, 48
SHOOTDOWN = load_profile().rates["kernel.tlb.shootdown"] >> SHIFT  # cycles


@dataclass(frozen=True)
class PerPage:
    """What one more page costs."""

    faults: float
    kernel_entries: float
    forwarded: float = 0
    uffd_messages: float = 0
    wakes: float = 0
    context_switches: float = 0


def per_page(mode: Mode, *, write: int = 0, copy: int = 1) -> PerPage:
    few, many = (Ran(mode).fault_bench(pages, write, 0, copy).counts for pages in (FEW, MANY))
    return PerPage(*((many[name] - few[name]) / (MANY - FEW) for name in PerPage.__dataclass_fields__))


PATHS = {
    Mode.KERNEL: PerPage(faults=1, kernel_entries=1),
    Mode.DAEMON: PerPage(
        faults=1, kernel_entries=1
    ),  # the thread spins: nothing is woken, and the daemon enters nothing
    Mode.POLICY: PerPage(faults=1, kernel_entries=1),  # as the kernel's own: nothing else is entered or woken
    Mode.PFF: PerPage(faults=1, kernel_entries=1, forwarded=1),  # the ioctl
    Mode.PFF_PTE: PerPage(faults=1, kernel_entries=1, forwarded=1),
    Mode.USERFAULT: PerPage(faults=1, kernel_entries=1, forwarded=1),
    Mode.UPCALL: PerPage(faults=1, kernel_entries=3),  # the fault, the ioctl, the return
    Mode.UFFD: PerPage(faults=1, kernel_entries=3, uffd_messages=1, wakes=2, context_switches=2),
}


@pytest.mark.parametrize("mode", PATHS)
def test_one_fill(mode: Mode) -> None:
    assert per_page(mode) == PATHS[mode]


def test_a_policy_saves_the_second_fault_of_a_store_after_zeropage() -> None:
    assert per_page(Mode.POLICY, write=1, copy=0).faults == 1
    assert per_page(Mode.PFF, write=1, copy=0).faults == 2


def of_a_batch(name: str, batch: int) -> tuple[int, int]:
    """Evicted pages, and flushes of the other core's TLB, when two threads read with room for a third of the pages."""
    (mechanism,) = chosen_mechanisms(name)
    reads = touch("mmapbench", 96, 200, order=RANDOM)
    done = run(reads, CacheSetting(mechanism, 32, 2, batch=batch), MachineOptions())
    assert done.summary.correct
    return done.cache["evictions"], done.summary.charges.get("kernel.tlb.shootdown", 0) // SHOOTDOWN


@pytest.mark.parametrize("name", ["exmap", "userfault", "pff"])
def test_a_batch_of_pages_leaves_with_one_flush_of_the_other_core(name: str) -> None:
    evictions, shootdowns = of_a_batch(name, 8)
    assert evictions > 50
    assert 0 < shootdowns <= evictions / 8 + 2
    evictions, shootdowns = of_a_batch(name, 1)
    assert evictions / 2 < shootdowns <= evictions + 2


# kernel entries of a fill, of an eviction, and of a dirty page's write-back besides; then switches and wakes of a fill
STEPS = {
    "sigsegv": (5, 2, 1, 0, 0),  # the fault, pwrite, mprotect, sigreturn, and the fault that maps the page
    "uffd": (3, 1, 1, 2, 2),  # the fault; the handler's read and ioctl
    "upcall": (3, 1, 1, 0, 0),  # the fault, the ioctl, the return
    "daemon": (1, 1, 0, 0, 0),  # the fault; the daemon enters for the eviction, whose answer says what is dirty
    "policy": (1, 0, 0, 0, 0),  # the kernel evicts inside the fault
    "exmap": (1, 1, 0, 0, 0),  # a call for each, and no fault
    "userfault": (1, 1, 1, 0, 0),  # the ioctl; madvise; write protection
    "pff": (1, 1, 1, 0, 0),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_fill_an_eviction_and_a_write_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_steps, "PAGES", 32)
    (mechanism,) = chosen_mechanisms(name)
    told = compare_steps.steps(CacheSetting(mechanism), MachineOptions())
    entries = [round(told[of]["kernel_entries"]) for of in ("of_a_fill", "of_an_eviction", "of_a_write_back")]
    switches, wakes = (round(told["of_a_fill"][what]) for what in ("context_switches", "wakes"))
    assert (*entries, switches, wakes) == STEPS[name]
