"""The page faults of a machine that are not over: each has a number, counted from 1, and a path.

A fault begins when ring 3's access is refused, and is over when its thread is back at the refused instruction, or when
nothing will bring the thread back there. What makes an event of a fault asks here for its number. This is state of the
machine, whether anything listens or not, so that equal runs give equal numbers.

A path is the name of what resolved the fault. Reports print the name and know no others: a mechanism that handles
faults calls `take` with its own name, and that is all it has to do here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pffemu.events.fields import Label

KERNEL: Final = Label("kernel")  # the kernel maps the page at once: what no other mechanism has taken
USERFAULTFD: Final = Label("userfaultfd")  # a message to a handler thread
FORWARDED: Final = Label("forwarded")  # a user interrupt in the faulting thread
SIGNAL: Final = "SIG"  # what the path of a signal's handler begins with; it is the signal's name

DEEPEST: Final = 8  # faults of one thread, each in the handler of the one before; older ones will not resume any more
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
        self._open: dict[int, list[OpenFault]] = {}

    def begin(self, tid: int, rip: int) -> int:
        """A new fault of the thread; its number."""
        self.begun = number = self.begun + 1
        stack = self._open.get(tid)
        if stack is None:
            stack = self._open[tid] = []
        elif len(stack) == DEEPEST:
            del stack[0]
        stack.append(OpenFault(number, rip))
        return number

    def number(self, tid: int) -> int:
        """The thread's innermost open fault; 0: it has none."""
        stack = self._open.get(tid)
        return stack[-1].number if stack else 0

    def take(self, tid: int, path: Label) -> int:
        """The mechanism called `path` handles the thread's innermost fault; the fault's number, 0: there is none."""
        stack = self._open.get(tid)
        if not stack:
            return 0
        stack[-1].path = path
        return stack[-1].number

    def end(self, tid: int) -> tuple[int, Label]:
        """The thread's innermost fault is over: its number and path; 0 and no path: there is none."""
        stack = self._open.get(tid)
        if not stack:
            return _NONE
        fault = stack.pop()
        return fault.number, fault.path

    def end_at(self, tid: int, rip: int, path: str) -> tuple[int, Label]:
        """A handler has returned to `rip`: the innermost fault from there is over, and those inside it; as `end`.

        Only of faults whose path begins with `path`.
        """
        stack = self._open.get(tid, [])
        for depth in range(len(stack) - 1, -1, -1):
            fault = stack[depth]
            if fault.rip == rip and fault.path.startswith(path):
                del stack[depth:]
                return fault.number, fault.path
        return _NONE

    def forget(self, tid: int) -> int:
        """The thread returns nowhere any more: its outermost fault, which never resumes; 0: it has none."""
        stack = self._open.pop(tid, None)
        return stack[0].number if stack else 0
