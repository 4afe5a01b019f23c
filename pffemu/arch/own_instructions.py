"""This machine's own instructions: those that neither keystone nor Unicorn knows, one row each.

Assembler, disassembler, checks, messages, costs and dispatch read this table; the file of the mnemonic's name in
`hw/insns` executes it. CLUI, SENDUIPI, STUI, TESTUI and UIRET are Intel's (SDM vol. 2). SETTIMER and SETTIMERP arm
xUI's kernel-bypass timer; their encodings are not published, so these are pffemu's. PAGEOUT and PAGEDROP return a page
that a directive covers (docs/hardware-resolution.md).
CLUF, STUF, TESTUF and UFRET are UserFault's (KrakOS: its gem5 patches; the encodings are unofficial).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pffemu.arch.exceptions import AC, GP, UD


class Reason(NamedTuple):
    """The message when an exception of the instruction ends the guest."""

    what: str
    remedy: str = "check the address before it is used"


@dataclass(frozen=True, slots=True)
class OwnInstruction:
    """One instruction: F3 [REX] `opcode`, and with an `extension` a ModRM byte whose operand is a 64-bit register."""

    mnemonic: str
    opcode: bytes
    cost: str  # its name in timing.catalogue, which each profile gives a value
    extension: int | None = None
    reasons: Mapping[int, Reason] = field(default_factory=dict)  # by the exception's vector
    cost_is: str = ""  # what the cost stands for, where the mnemonic does not say it
    local: bool = True  # it changes the core's own state only, so no other core can observe when it ran
    falls_through: bool = True  # the next instruction is the one behind it
    pops: int = 0  # bytes that it takes off the stack

    @property
    def operands(self) -> str:
        """Its operands, in words for a message."""
        return "no operand" if self.extension is None else "a 64-bit register"


def _disabled(mnemonic: str) -> dict[int, Reason]:
    return {UD: Reason(f"`{mnemonic}` with CR4.UINTR=0", "let the kernel enable user interrupts")}


_UIRET: Final = _disabled("uiret") | {
    GP: Reason("UIRET to a RIP that is not canonical"),
    AC: Reason("UIRET from a misaligned stack, with RFLAGS.AC set"),
}


def _no_user_faults(mnemonic: str) -> dict[int, Reason]:
    remedy = "mode userfault, and prctl(PR_USER_FAULTS, PR_USER_FAULTS_ENABLE, handler) in this thread"
    return {UD: Reason(f"`{mnemonic}` with CR4.UFAULT=0", remedy)}


_UFRET: Final = _no_user_faults("ufret") | {
    GP: Reason("UFRET to a RIP that is not canonical"),
    AC: Reason("UFRET from a misaligned stack, with RFLAGS.AC set"),
}
_SENDUIPI: Final = {
    UD: Reason(
        "SENDUIPI by a thread that is registered nowhere as a sender",
        "call uintr_register_sender or uintr_register_self first",
    ),
    GP: Reason(
        "SENDUIPI with an index or an entry that is not valid",
        "use the index that the registration returned, while it is registered",
    ),
}
_SETTIMER: Final = {
    UD: Reason("the kernel has not enabled this thread's kernel-bypass timer", "call xui_kb_timer first")
}
_TIMER_ARMED: Final = "SETTIMER, SETTIMERP: the kernel-bypass timer armed"
_PAGEOUT: Final = {
    UD: Reason("the address space has no directives", "make one with UFFDIO_DIRECT first"),
    GP: Reason("an address outside user space, or an index beyond the table of directives"),
}
_ABSENT_AGAIN: Final = "PAGEOUT, PAGEDROP: a page made absent, its frame to the return ring, less the TLB's flush"
_ROWS: Final = (
    OwnInstruction("senduipi", b"\x0f\xc7", "cpu.uintr.senduipi", 6, _SENDUIPI, local=False),
    OwnInstruction("uiret", b"\x0f\x01\xec", "cpu.uintr.uiret", reasons=_UIRET, falls_through=False, pops=24),
    OwnInstruction("stui", b"\x0f\x01\xef", "cpu.uintr.stui", reasons=_disabled("stui")),
    OwnInstruction("clui", b"\x0f\x01\xee", "cpu.uintr.clui", reasons=_disabled("clui")),
    OwnInstruction("testui", b"\x0f\x01\xed", "cpu.uintr.testui", reasons=_disabled("testui")),
    OwnInstruction("settimer", b"\x0f\xc7", "cpu.uintr.settimer", 4, _SETTIMER, _TIMER_ARMED, local=False),
    OwnInstruction("settimerp", b"\x0f\xc7", "cpu.uintr.settimer", 5, _SETTIMER, _TIMER_ARMED, local=False),
    OwnInstruction("pageout", b"\x0f\xc7", "cpu.directed.pageout", 2, _PAGEOUT, _ABSENT_AGAIN, local=False),
    OwnInstruction("pagedrop", b"\x0f\xc7", "cpu.directed.pageout", 3, _PAGEOUT, _ABSENT_AGAIN, local=False),
    OwnInstruction("testuf", b"\x0f\x01\xe9", "cpu.uintr.testui", None, _no_user_faults("testuf"), "TESTUI, TESTUF"),
    OwnInstruction("cluf", b"\x0f\x01\xea", "cpu.uintr.clui", None, _no_user_faults("cluf"), "CLUI, CLUF"),
    OwnInstruction("stuf", b"\x0f\x01\xeb", "cpu.uintr.stui", None, _no_user_faults("stuf"), "STUI, STUF"),
    OwnInstruction(
        "ufret", b"\x0f\x01\xfa", "cpu.uintr.uiret", None, _UFRET, "UIRET, UFRET", falls_through=False, pops=24
    ),
)
OWN_INSTRUCTIONS: Final = {row.mnemonic: row for row in _ROWS}
