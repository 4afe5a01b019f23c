"""What forwarding costs with many userfaultfd regions: by region tables of several sizes, and by the PTE bit.

python examples/region_sweep.py [REGIONS...]        # without: 1 to 10,000, a minute
"""

import sys

from pffemu import Exited, Machine, MachineOptions, Mode, Resumed, Syscall, WalkRefused, guest_program

TABLES = (64, 1024, 16384)  # entries
REGIONS = [int(word) for word in sys.argv[1:]] or [1, 10, 100, 1000, 10_000]


def swept(regions: int, options: MachineOptions) -> tuple[float, float, int]:
    """(cycles a registration, cycles a fault, forwarded faults)."""
    machine = Machine(options)
    marks: list[int] = []
    latencies: list[int] = []
    machine.events.listeners |= {
        Syscall: lambda call: marks.append(call.time) if call.name == "gettid" else None,
        WalkRefused: lambda refused: latencies.append(-refused.time),
        Resumed: lambda resumed: latencies.append(resumed.time),
    }
    machine.load(guest_program("region_sweep"), [str(regions)])
    assert machine.run() == Exited(0)
    return (marks[1] - marks[0]) / regions, sum(latencies) / regions, machine.counts()["forwarded"]


print(f"{'regions':>8}" + "".join(f"{f'table of {size:,}':>22}" for size in TABLES) + f"{'pff-pte':>22}")
for regions in REGIONS:
    row = f"{regions:>8,}"
    for options in (
        *(MachineOptions(uffd_regions=size, ram=256 << 20) for size in TABLES),
        MachineOptions(mode=Mode.PFF_PTE, ram=256 << 20),
    ):
        registration, fault, forwarded = swept(regions, options)
        assert forwarded == regions
        row += f"{f'{registration:,.0f} + {fault:,.1f}':>22}"
    print(row, flush=True)
print("cycles a registration + cycles a fault; every fault was forwarded")
