"""Memory hooks without a look-up of RIP, which is half of what such a hook costs in Unicorn.

Before it calls a memory hook, Unicorn finds the RIP of the access in its translation tables, unless a flag in its
structure says that RIP is known. A write of RIP sets that flag, and so its place is found; it is used only if a memory
hook then sees the effect. Hooks that stop Unicorn in mid-block clear the flag first.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

import unicorn
import unicorn.x86_const as x86

_SMALLEST, _LARGEST = 1 << 10, 1 << 20  # bytes that the structure may have
_CODE: Final = bytes.fromhex("488b03488b03")  # mov rax, [rbx], twice


class PcSync:
    """The flag of one engine. `address`: of its byte; of a byte without effect where the place is not known."""

    def __init__(self, handle: Any) -> None:
        self._nowhere = ctypes.c_uint8()
        found = place()
        self.address = ctypes.addressof(self._nowhere) if found is None else (handle.value or 0) + found
        self._flag = ctypes.c_uint8.from_address(self.address)

    def look_up(self) -> None:
        """Let Unicorn look RIP up again, before a stop in mid-block."""
        self._flag.value = 0


@cache
def place() -> int | None:
    """The flag's place in Unicorn's structure; None: not found."""
    try:
        usable = ctypes.CDLL(None).malloc_usable_size
    except (AttributeError, OSError):
        return None
    usable.restype, usable.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    uc.mem_map(0x1000, 0x1000)
    uc.mem_write(0x1000, _CODE)
    uc.reg_write(x86.UC_X86_REG_RBX, 0x1800)
    start, size = uc._uch.value, usable(uc._uch)
    if not _SMALLEST <= size <= _LARGEST:
        return None
    before = ctypes.string_at(start, size)
    uc.reg_write(x86.UC_X86_REG_RIP, 0x1000)
    after = ctypes.string_at(start, size)
    changed = [place for place in range(size) if before[place] != after[place]]
    if not changed or any((before[place], after[place]) != (0, 1) for place in changed):
        return None
    return changed[-1] if _has_effect(uc, start + changed[-1]) else None


def _has_effect(uc: Any, address: int) -> bool:
    """Whether, with the byte at `address` set in the first of two loads, the second one's hook sees the first's RIP."""
    seen: list[int] = []
    flag = ctypes.c_uint8.from_address(address)

    def loaded(*_: object) -> None:
        if not seen and flag.value:
            return  # not as expected: it is clear during a run
        seen.append(uc.reg_read(x86.UC_X86_REG_RIP))
        flag.value = 1

    uc.hook_add(unicorn.UC_HOOK_MEM_READ, loaded)
    uc.emu_start(0x1000, 0x1000 + len(_CODE))
    return seen == [0x1000, 0x1000]
