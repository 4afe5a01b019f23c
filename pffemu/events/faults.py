"""The open page faults of a machine: each has a number, counted from 1, and a path.

A fault begins when ring 3's access is refused, and is over when its thread is back at the refused instruction, or when
nothing will bring the thread back there. Code that makes an event of a fault asks here for its number. The numbers are
state of the machine, with or without listeners, so that equal runs give equal numbers.

A path is the name of what resolved the fault. Reports print any name: a mechanism that handles faults only has to call
`take` with its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pffemu.events.fault_repeats import FaultRepeats
from pffemu.events.fields import Label

KERNEL: Final = Label("kernel")  # the kernel maps the page at once; the path unless another mechanism takes the fault
USERFAULTFD: Final = Label("userfaultfd")  # a message to a handler thread
FORWARDED: Final = Label("forwarded")  # a user interrupt in the faulting thread
DIRECTED: Final = Label("directed")  # the core's own unit, as a directive says
SIGNAL: Final = "SIG"  # prefix of the paths of signal handlers, which are the signals' names

DEEPEST: Final = 8  # nested faults of one thread; older ones are dropped, for they will not resume
ON_DISK: Final = "disk"  # what a thread whose page is being read waits for
_NONE: Final = (0, Label(""))


@dataclass(slots=True)
class OpenFault:
    """A fault that is not over, in a thread that faulted at `rip`."""

    number: int
    rip: int
    path: Label = KERNEL


class Faults:
    """The open faults of every thread, by tid, innermost last."""

    def __init__(self) -> None:
        self.begun = 0
        self.repeats = FaultRepeats()
        self._open: dict[int, list[OpenFault]] = {}

    def begin(self, tid: int, rip: int) -> int:
        """Begin a fault of the thread; its number."""
        self.begun = number = self.begun + 1
        stack = self._open.get(tid)
        if stack is None:
            stack = self._open[tid] = []
        elif len(stack) == DEEPEST:
            del stack[0]
        stack.append(OpenFault(number, rip))
        return number

    def number(self, tid: int) -> int:
        """The number of the thread's innermost open fault; 0: it has none."""
        stack = self._open.get(tid)
        return stack[-1].number if stack else 0

    def take(self, tid: int, path: Label) -> int:
        """Note that mechanism `path` handles the thread's innermost fault; the fault's number, 0: there is none."""
        stack = self._open.get(tid)
        if not stack:
            return 0
        stack[-1].path = path
        return stack[-1].number

    def end(self, tid: int) -> tuple[int, Label]:
        """End the thread's innermost fault; its number and path, or 0 and no path."""
        stack = self._open.get(tid)
        if not stack:
            return _NONE
        fault = stack.pop()
        return fault.number, fault.path

    def end_at(self, tid: int, rip: int, path: str) -> tuple[int, Label]:
        """A handler has returned to `rip`: end the innermost fault of that instruction, and those inside it; as `end`.

        Only faults whose path begins with `path` count.
        """
        stack = self._open.get(tid, [])
        for depth in range(len(stack) - 1, -1, -1):
            fault = stack[depth]
            if fault.rip == rip and fault.path.startswith(path):
                del stack[depth:]
                return fault.number, fault.path
        return _NONE

    def forget(self, tid: int) -> int:
        """Drop the faults of a thread that will not resume them; the outermost one's number, 0: it has none."""
        self.repeats.forget(tid)
        stack = self._open.pop(tid, None)
        return stack[0].number if stack else 0
