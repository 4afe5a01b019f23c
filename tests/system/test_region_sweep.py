"""Many userfaultfd regions: those beyond the table's capacity are forwarded, too, and no fault costs more for them."""

from __future__ import annotations

import pytest

from pffemu import Exited, Machine, Mode, Resumed, WalkRefused, guest_program

REGIONS = 80


def swept(**options: object) -> tuple[Machine, set[int]]:
    """A finished run over REGIONS regions, and the latencies of its faults."""
    machine = Machine(ram=64 << 20, **options)
    started: list[int] = []
    latencies: set[int] = set()
    machine.events.listeners[WalkRefused] = lambda refused: started.append(refused.time)
    machine.events.listeners[Resumed] = lambda resumed: latencies.add(resumed.time - started[-1])
    machine.load(guest_program("region_sweep"), [str(REGIONS)])
    assert machine.run() == Exited(0)
    return machine, latencies


@pytest.mark.parametrize("capacity", [1, 64, 1024])
def test_every_region_is_forwarded_whatever_the_table_holds(capacity: int) -> None:
    machine, latencies = swept(mode=Mode.PFF, uffd_regions=capacity)
    counts = machine.counts()
    assert counts["faults"] == counts["forwarded"] == REGIONS
    assert counts["uffd_messages"] == 0
    assert max(latencies) - min(latencies) <= 1  # a comparison is one, whatever the table holds


def test_the_bit_saves_the_comparison_and_the_devices_registers() -> None:
    table, bit = swept(mode=Mode.PFF), swept(mode=Mode.PFF_PTE)
    assert min(table[1]) == min(bit[1]) + 1
    assert table[0].cpus[0].clock - bit[0].cpus[0].clock > REGIONS * 6 * 400
