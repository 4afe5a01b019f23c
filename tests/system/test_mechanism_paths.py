"""The structure of each mechanism's path, by what one more page costs in events, and flushes of other cores.

The steps of each one are in test_mechanism_steps.py.

The fault benchmark and BFS are the same binaries under all of them; hence a page more is a fault more.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from guest.caching.mechanisms import MECHANISMS, CacheMechanism, chosen_mechanisms
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


def shootdowns(mechanism: CacheMechanism, *, quota: int = 32, batch: int = 1, write: bool = False) -> tuple[int, int]:
    """Evicted pages, and flushes of other cores, when two threads touch 96 pages; room for `quota`, 0: for all."""
    touched = touch("mmapbench", 96, 200, order=RANDOM, write=write)
    done = run(touched, CacheSetting(mechanism, quota, 2, batch=batch), MachineOptions())
    assert done.summary.correct
    evictions = done.to_json(MachineOptions().cpu.profile, 0)["cache"]["evictions"]
    return evictions, done.summary.charges.get("kernel.tlb.shootdown", 0) // SHOOTDOWN


# flushes of other cores in an eviction of a clean page, of eight together, and of a dirty page
FLUSHES = {
    "pin": (0, 0, 0),  # frames stay mapped
    "swizzle": (0, 0, 0),
    "sigsegv": (2, 16, 3),  # rights, and the memfd's page; random pages are seldom neighbours; protected to be written
    "uffd-sigbus": (1, 1, 2),  # protected to be written
    "upcall": (1, 1, 2),
    "daemon": (2, 2, 2),  # there are two cores to flush; unmapped pages need no protection
    "policy": (1, 8, 1),  # it evicts one page a fault
    "exmap": (1, 1, 1),
    "userfault": (1, 1, 2),
    "pff": (1, 1, 2),
    "pff-pte": (1, 1, 2),
    "hw": (0, 0, 2),  # frames wait for an epoch; a page comes in protected: a flush at its first store, one at the end
}


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda one: one.name)
def test_a_fill_flushes_no_core(mechanism: CacheMechanism) -> None:
    assert shootdowns(mechanism, quota=0) == (0, 0)


@pytest.mark.parametrize("name", FLUSHES)
def test_flushes_of_the_other_cores(name: str) -> None:
    (mechanism,) = chosen_mechanisms(name)
    clean, eight, dirty = FLUSHES[name]
    evictions, found = shootdowns(mechanism)
    assert evictions > 50
    assert 0.9 * clean * evictions <= found <= clean * (evictions + 2)
    evictions, found = shootdowns(mechanism, batch=8)
    behind = 2 if name == "hw" else 0  # a refill asks a core that has not flushed since
    assert 0.85 * eight * evictions / 8 <= found <= eight * (evictions / 8 + 2) + behind
    evictions, found = shootdowns(mechanism, write=True)
    assert 0.9 * dirty * evictions <= found <= dirty * (evictions + 32)  # those that stay are written back at the end


@pytest.mark.parametrize(
    ("name", "write", "most"), [("kernel", False, 1), ("kernel", True, 1), ("uffd", False, 1), ("uffd", True, 2)]
)
def test_a_core_that_sleeps_is_not_flushed(name: str, write: bool, most: int) -> None:
    """It looks at what has changed when it wakes: both threads sleep while one of their pages leaves."""
    (mechanism,) = chosen_mechanisms(name)
    evictions, found = shootdowns(mechanism, write=write)
    assert 0 < found < most * evictions


def test_every_mechanism_has_its_flushes() -> None:
    assert FLUSHES.keys() | {"kernel", "uffd"} == {one.name for one in MECHANISMS}
