"""The frame a signal handler runs on, and the way back (arch/x86/kernel/signal_64.c).

From the frame's lowest address: return address (the restorer) | ucontext, 304 bytes | siginfo, 128 bytes; above it,
on a 64-byte boundary, SSE and x87 as FXSAVE has them. 128 bytes below RSP, the red zone, stay as they are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.signal import (
    SA_ONSTACK,
    SA_RESTORER,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    UC_SIGCONTEXT_SS,
    UC_STRICT_RESTORE_SS,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.user_memory import UserMemory
from kernel_model.task.siginfo import SIGINFO_SIZE, SigInfo
from kernel_model.task.signals import AltStack, SigAction
from pffemu.arch import exceptions
from pffemu.arch.registers import USER_CS, USER_SS
from pffemu.arch.rflags import DF, RF, TF

if TYPE_CHECKING:
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu, SavedRegisters

RED_ZONE: Final = 128  # bytes
_FXSAVE_SIZE: Final = 512
_GREGS: Final = (
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp"),
    *("rip", "rflags"),
)  # the order of struct sigcontext_64
# ucontext: flags, link, alternative stack (start, flags, size); gregs; cs gs fs ss, err, trapno, oldmask, cr2,
# fpstate, 8 reserved words; mask of signals
_HEAD: Final = struct.Struct("<QQQi4xQ")
_CONTEXT: Final = struct.Struct("<18Q4H4QQ64xQ")
UCONTEXT_SIZE: Final = _HEAD.size + _CONTEXT.size
_FRAME_SIZE: Final = 8 + UCONTEXT_SIZE + SIGINFO_SIZE
_NO_FAULTS: Final = frozenset({exceptions.DB, exceptions.BP})  # vectors of traps; a fault sets RF in the saved RFLAGS
_RESTORED_FLAGS: Final = (
    0x1 | 0x4 | 0x10 | 0x40 | 0x80 | TF | DF | 0x800 | RF | 1 << 18
)  # CF PF AF ZF SF TF DF OF RF AC


def push(cpu: Cpu, task: Task, registers: SavedRegisters, action: SigAction, info: SigInfo) -> SavedRegisters:
    """Write the frame; returns the registers that the handler starts with.

    Raises LinuxError EFAULT when the stack or the disposition is unusable, Blocked; then nothing is changed.
    """
    if not action.flags & SA_RESTORER:
        raise LinuxError(Errno.EFAULT)  # x86-64 has no other way back
    signals = task.signals
    rsp, stack = registers.word("rsp"), signals.altstack
    top = rsp - RED_ZONE
    entering = bool(action.flags & SA_ONSTACK) and stack.size > 0 and not on_stack(stack, rsp)
    nested = stack.size > 0 and on_stack(stack, rsp)
    if entering:
        top = stack.start + stack.size
    fpstate = (top - _FXSAVE_SIZE) & -64
    frame = ((fpstate - _FRAME_SIZE) & -16) - 8
    if frame < 0 or ((entering or nested) and not stack.holds(frame)):
        raise LinuxError(Errno.EFAULT)  # the alternative stack is full
    mask = signals.blocked if signals.saved_blocked is None else signals.saved_blocked
    trap = signals.last_trap
    saved = registers
    if info.trap is not None and info.trap.vector not in _NO_FAULTS:
        saved = registers.replace(rflags=registers.word("rflags") | RF)
    octets = b"".join(
        (
            action.restorer.to_bytes(8, "little"),
            _HEAD.pack(UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, 0, stack.start, _signed(stack.flags), stack.size),
            _CONTEXT.pack(
                *saved.words_of(_GREGS), USER_CS, 0, 0, USER_SS,
                trap.error_code, trap.vector, mask, trap.address, fpstate, mask,
            ),
            info.pack(),
            bytes(fpstate - frame - _FRAME_SIZE),
            registers.fxsave(),
        )
    )  # fmt: skip
    UserMemory(cpu, task).write(frame, octets)
    if stack.flags & SS_AUTODISARM:
        signals.altstack = AltStack()
    return registers.with_fxsave(None).replace(
        rip=action.handler, rsp=frame, rdi=info.signo, rsi=frame + 8 + UCONTEXT_SIZE, rdx=frame + 8, rax=0,
        rflags=registers.word("rflags") & ~(DF | RF | TF),
    )  # fmt: skip


def pop(cpu: Cpu, task: Task, registers: SavedRegisters) -> tuple[SavedRegisters, int, AltStack]:
    """rt_sigreturn: the interrupted registers, the mask of blocked signals, and the alternative stack.

    Raises LinuxError EFAULT, Blocked.
    """
    memory = UserMemory(cpu, task)
    octets = memory.read(registers.word("rsp"), UCONTEXT_SIZE)  # the handler's RET took the return address
    _, _, start, flags, size = _HEAD.unpack_from(octets)
    values = _CONTEXT.unpack_from(octets, _HEAD.size)
    gregs = interrupted(octets)
    gregs["rflags"] = registers.word("rflags") & ~_RESTORED_FLAGS | gregs["rflags"] & _RESTORED_FLAGS
    if values[18] | 3 != USER_CS:
        raise LinuxError(Errno.EFAULT)  # 32-bit code is not modelled
    fpstate, mask = values[-2:]
    area = memory.read(fpstate, _FXSAVE_SIZE) if fpstate else None
    if area is not None and int.from_bytes(area[24:28], "little") >> 16:
        raise LinuxError(Errno.EFAULT)  # FXRSTOR: #GP for reserved bits of MXCSR
    return registers.with_fxsave(area).replace(**gregs), mask, AltStack(start, flags & 0xFFFF_FFFF, size)


def interrupted(ucontext: bytes) -> dict[str, int]:
    """General registers, RIP and RFLAGS in the first UCONTEXT_SIZE bytes of a ucontext: what a debugger unwinds to."""
    return dict(zip(_GREGS, _CONTEXT.unpack_from(ucontext, _HEAD.size), strict=False))


def on_stack(stack: AltStack, rsp: int) -> bool:
    """on_sig_stack: an SS_AUTODISARM stack does not count, it is disarmed while a handler uses it."""
    return not stack.flags & SS_AUTODISARM and stack.holds(rsp)


def altstack_flags(stack: AltStack, rsp: int) -> int:
    """sas_ss_flags: what sigaltstack reports."""
    if not stack.size:
        return SS_DISABLE
    return SS_ONSTACK if on_stack(stack, rsp) else 0


def _signed(flags: int) -> int:
    return flags - (1 << 32) if flags >> 31 else flags
