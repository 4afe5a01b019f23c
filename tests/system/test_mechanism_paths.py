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
