"""siginfo_t as a value: one signal that was sent (asm-generic/siginfo.h)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.abi.signal import BUS_MCEERR_AR, SI_KERNEL, SI_USER
from kernel_model.abi.uapi import Signal
from pffemu.hw.trap import Trap

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

SIGINFO_SIZE: Final = 128  # bytes
_UNION_AT: Final = 16
_UNION_SIZE: Final = SIGINFO_SIZE - _UNION_AT


class SignalTimer(Protocol):
    """A timer whose signal is pending (kernel_model.process.posix_timer)."""

    @property
    def is_due(self) -> bool:
        """The signal is not one of an earlier setting of the timer."""

    def overruns(self, cpu: Cpu) -> int:
        """The signal is about to be taken: si_overrun."""

    def taken(self, cpu: Cpu) -> None:
        """The signal was taken."""


@dataclass(frozen=True, slots=True)
class SigInfo:
    """One signal. `fields`: the union behind the header. `why`, `trap`: for messages, when an exception sent it.

    `timer`: the POSIX timer that sent it, which counts on when it is taken.
    """

    signo: int
    code: int
    fields: bytes = b""
    errno: int = 0
    why: str = ""
    trap: Trap | None = None
    timer: SignalTimer | None = None

    def pack(self) -> bytes:
        header = struct.pack("<iiii", self.signo, self.errno, self.code, 0)
        return header + self.fields.ljust(_UNION_SIZE, b"\0")

    @classmethod
    def unpack(cls, octets: bytes, signo: int) -> SigInfo:
        """The siginfo_t that user space passes to rt_sigqueueinfo; the signal number is the call's argument."""
        _, errno, code = struct.unpack_from("<iii", octets)
        return cls(signo, code, octets[_UNION_AT:SIGINFO_SIZE], errno)

    @classmethod
    def from_user(cls, signo: int, code: int, pid: int, uid: int) -> SigInfo:
        """kill, tgkill: si_pid and si_uid."""
        return cls(signo, code, struct.pack("<iI", pid, uid))

    @classmethod
    def from_kernel(cls, signo: int, why: str = "", trap: Trap | None = None) -> SigInfo:
        return cls(signo, SI_KERNEL, why=why, trap=trap)

    @classmethod
    def of_fault(cls, signo: int, code: int, address: int, why: str, trap: Trap | None) -> SigInfo:
        """A fault's signal with si_addr; si_addr_lsb is that of a page where memory is poisoned."""
        return cls(
            signo,
            code,
            struct.pack("<QH", address, 12 if (signo, code) == (Signal.SIGBUS, BUS_MCEERR_AR) else 0),
            why=why,
            trap=trap,
        )

    @classmethod
    def of_child(cls, code: int, pid: int, uid: int, status: int, utime: int, stime: int) -> SigInfo:
        """SIGCHLD; times in clock ticks (1/100 s)."""
        return cls(Signal.SIGCHLD, code, struct.pack("<iIi4xqq", pid, uid, status, utime, stime))

    def with_overruns(self, overruns: int) -> SigInfo:
        """A timer's signal with this si_overrun."""
        return replace(self, fields=self.fields[:4] + struct.pack("<i", overruns) + self.fields[8:])

    @classmethod
    def of_file(cls, signo: int, code: int, band: int, fd: int) -> SigInfo:
        """A file is ready: si_band, si_fd."""
        return cls(signo, code, struct.pack("<qi", band, fd))

    def renumbered(self, signo: int) -> SigInfo:
        """The same signal information with another signal number."""
        return replace(self, signo=signo)

    @property
    def origin(self) -> str:
        """Why it was sent, for messages."""
        sender = f" from process {self.sender}" if self.sender else ""
        return self.why or (str(self.trap) if self.trap else f"{Signal(self.signo).name}{sender}")

    @property
    def sender(self) -> int:
        """si_pid; 0 when the signal has no sender."""
        if self.code != SI_USER and self.code >= 0 and self.signo != Signal.SIGCHLD:
            return 0
        return int(struct.unpack("<i", self.fields[:4])[0]) if len(self.fields) >= 4 else 0
