"""CPUID, RDTSC and RDTSCP: hooks give the core's values while guest code runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, Final

import unicorn.x86_const as x86

from pffemu.engine.protocols import EngineHost
from pffemu.engine.registers import RegisterFile

INSTRUCTION_HOOK: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_WORD: Final = 0xFFFF_FFFF
_SKIP: Final = 1  # what a hook returns to keep Unicorn from executing the instruction


def answers(
    registers: RegisterFile, host: EngineHost, fail: Callable[[BaseException], None]
) -> Iterator[tuple[int, Any]]:
    """Unicorn's number of each of these instructions, and its hook; `fail` is called with a hook's exception."""

    def cpuid(_uc: object, _user: object) -> int:
        group = registers.group("rax", "rbx", "rcx", "rdx")
        leaf, _, subleaf, _ = group.read()
        group.write(*host.cpuid(leaf & _WORD, subleaf & _WORD))
        return _SKIP

    def rdtsc(_uc: object, _user: object) -> int:
        try:
            tsc = host.tsc(registers.rip())
        except BaseException as error:
            fail(error)
            return _SKIP
        registers.group("rax", "rdx").write(tsc & _WORD, tsc >> 32 & _WORD)
        return _SKIP

    def rdtscp(uc: object, user: object) -> int:
        registers["rcx"] = 0  # IA32_TSC_AUX
        return rdtsc(uc, user)

    yield x86.UC_X86_INS_CPUID, INSTRUCTION_HOOK(cpuid)
    yield x86.UC_X86_INS_RDTSC, INSTRUCTION_HOOK(rdtsc)
    yield x86.UC_X86_INS_RDTSCP, INSTRUCTION_HOOK(rdtscp)
