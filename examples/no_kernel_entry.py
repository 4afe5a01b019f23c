"""The fault benchmark under mode hw: 256 page faults, each filled by the core's own unit, and no kernel entry.

python examples/no_kernel_entry.py
"""

from collections import Counter
from typing import Any

from pffemu import Exited, Machine, Mode
from pffemu import guest_program as guest

PAGES = 256
measured = False  # the measured part lies between two gettid()
seen: Counter[str] = Counter()


def count(event: Any) -> None:
    """Count events by their names, inside the measured part."""
    global measured
    name = type(event).__name__
    if name == "Syscall" and event.name == "gettid":
        measured = not measured
    elif measured and name != "SyscallReturned":
        seen[name] += 1


machine = Machine(mode=Mode.HW)
machine.events.sinks.append(count)
machine.load(guest("fault_bench"), [str(PAGES), "1", "1", "1"])
stop = machine.run()
print(f"{seen['WalkRefused']} faults, {seen['DirectedStep']} steps of the unit, {seen['Resumed']} accesses repeated")
entries = seen["Syscall"] + seen["KernelPageFault"] + seen["InterruptAccepted"] + seen["HandlerEntered"]
print(f"{entries} system calls, exceptions, interrupts and handlers")
assert stop == Exited(0), stop
assert (seen["WalkRefused"], entries) == (PAGES, 0), seen
