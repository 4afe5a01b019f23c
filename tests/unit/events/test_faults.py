"""Numbers and paths of faults: counted from 1, nested by thread, over in the right order."""

from __future__ import annotations

from pffemu.events.faults import DEEPEST, FORWARDED, KERNEL, SIGNAL, USERFAULTFD, Faults
from pffemu.events.fields import Label

NONE = (0, "")


def test_numbers_count_the_faults_of_the_machine_from_1() -> None:
    faults = Faults()
    assert [faults.begin(tid, 0x1000) for tid in (1, 2, 1)] == [1, 2, 3]
    assert (faults.number(1), faults.number(2), faults.number(3)) == (3, 2, 0)


def test_the_kernel_resolves_what_nothing_else_takes() -> None:
    faults = Faults()
    faults.begin(1, 0x1000)
    assert faults.end(1) == (1, KERNEL)
    assert faults.end(1) == NONE
    faults.begin(1, 0x1000)
    assert faults.take(1, USERFAULTFD) == 2
    assert faults.end(1) == (2, USERFAULTFD)
    assert faults.take(1, USERFAULTFD) == 0


def test_a_handler_returns_to_the_innermost_fault_from_there() -> None:
    faults = Faults()
    for rip in (0x1000, 0x2000, 0x1000):
        faults.begin(1, rip)
        faults.take(1, FORWARDED)
    assert faults.end_at(1, 0x3000, FORWARDED) == NONE
    assert faults.end_at(2, 0x1000, FORWARDED) == NONE
    assert faults.end_at(1, 0x1000, SIGNAL) == NONE
    assert faults.end_at(1, 0x1000, FORWARDED) == (3, FORWARDED)
    assert faults.number(1) == 2


def test_each_kind_of_handler_returns_to_its_own_faults() -> None:
    faults = Faults()
    for path in (FORWARDED, Label("SIGBUS")):
        faults.begin(1, 0x1000)
        faults.take(1, path)
    assert faults.end_at(1, 0x1000, FORWARDED) == (1, FORWARDED)
    faults.begin(1, 0x1000)
    faults.take(1, Label("SIGBUS"))
    assert faults.end_at(1, 0x1000, SIGNAL) == (3, "SIGBUS")


def test_with_an_outer_fault_those_inside_are_over() -> None:
    faults = Faults()
    for rip in (0x1000, 0x2000, 0x3000):
        faults.begin(1, rip)
    assert faults.end_at(1, 0x1000, KERNEL) == (1, KERNEL)
    assert faults.number(1) == 0


def test_what_never_returns_is_forgotten() -> None:
    faults = Faults()
    for rip in range(100):
        faults.begin(1, rip)
    assert faults.forget(1) == 100 - DEEPEST + 1
    assert faults.forget(1) == 0
    assert (faults.begun, faults._open) == (100, {})
