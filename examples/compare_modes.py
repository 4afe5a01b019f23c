"""The same binary under the kernel's own faults, under userfaultfd, and under page fault forwarding.

python examples/compare_modes.py
"""

import io

from pffemu import Machine, Mode, guest_program

PAGES = 256

for mode in Mode:
    machine = Machine(mode=mode)
    machine.open_output(4, "result", io.BytesIO())
    machine.load(guest_program("fault_bench"), [str(PAGES), "0", "1", "1"])
    stop = machine.run()
    counts = machine.counts()
    cycles = machine.cpus[0].clock // PAGES
    print(
        f"{mode.value:7} {stop}: {counts['faults']} faults, {counts['forwarded']} forwarded,"
        f" {counts['uffd_messages']} messages, {counts['wakes']} wakes, about {cycles} virtual cycles a page"
    )
