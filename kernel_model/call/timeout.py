"""A call's timeout argument, in one of three shapes, as a moment of virtual time.

The moment is kept with the pending call, so that a call that starts again does not start its time again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.mman import STICKY_TIMEOUTS
from kernel_model.abi.structs import Timespec, Timeval
from kernel_model.abi.uapi import Errno, LinuxError

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_NS: Final = 1_000_000_000
_INT_SIGN: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Timeout:
    """A call's timeout. `deadline` in cycles; None: the call waits for ever. `zero`: the call does not wait at all."""

    deadline: int | None
    zero: bool = False

    @classmethod
    def after(cls, call: Call, nanoseconds: int) -> Timeout:
        if call.pending.deadline is None:
            call.pending.deadline = call.cpu.clock + call.cpu.profile.to_cycles(nanoseconds)
        return cls(call.pending.deadline, nanoseconds == 0)

    @classmethod
    def of_milliseconds(cls, call: Call, value: int) -> Timeout:
        """poll's and epoll_wait's argument, a C int; negative: for ever."""
        value &= 0xFFFF_FFFF
        return cls(None) if value & _INT_SIGN else cls.after(call, value * 1_000_000)

    @classmethod
    def read(cls, call: Call, address: int, kind: type[Timespec] | type[Timeval]) -> Timeout:
        """The struct at `address`; 0: for ever. Raises LinuxError EFAULT, EINVAL."""
        if not address:
            return cls(None)
        value = call.memory.read_struct(kind, address)
        if isinstance(value, Timespec):
            seconds, nanoseconds = value.tv_sec, value.tv_nsec
            valid = 0 <= nanoseconds < _NS
        else:
            seconds, nanoseconds = value.tv_sec, value.tv_usec * 1000
            valid = nanoseconds >= 0
        if not valid or seconds < 0:
            raise LinuxError(Errno.EINVAL)
        return cls.after(call, seconds * _NS + nanoseconds)

    def passed(self, call: Call) -> bool:
        return self.deadline is not None and (self.zero or call.pending.timed_out or call.cpu.clock >= self.deadline)

    def write_rest(self, call: Call, address: int, kind: type[Timespec] | type[Timeval]) -> None:
        """Write the time left back to the argument. A bad address is ignored, as on Linux."""
        if self.deadline is None or self.zero or call.process.personality & STICKY_TIMEOUTS:
            return
        left = call.cpu.profile.to_ns(max(0, self.deadline - call.cpu.clock))
        unit = 1 if kind is Timespec else 1000
        try:
            call.memory.write_struct(address, kind(left // _NS, left % _NS // unit))
        except LinuxError:
            return
