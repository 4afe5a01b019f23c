"""Where Unicorn keeps a core's registers in this process, so that native hooks read them in no time.

Unicorn's structure points to that of its CPU, in which the general registers lie side by side. They are found by their
values, and the place is used only if a hook then sees there what guest code has just written.
"""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache
from typing import Any, Final, NamedTuple

import unicorn
import unicorn.x86_const as x86

# in the order in which instructions number them
NUMBERED: Final = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
SEGMENTS: Final = ("fs", "gs")
_SMALLEST, _LARGEST = 1 << 10, 1 << 20  # bytes that Unicorn's structure may have
_READ: Final = 1 << 16  # bytes of the CPU's structure that are searched
_MARK: Final = 0x1234_5678_9A00
_CODE: Final = bytes.fromhex("48ffc349ffc7eb0090")  # inc rbx; inc r15; a jump to the next block: nop


class Place(NamedTuple):
    """Bytes from Unicorn's structure to its pointer, from there to the registers, from these to each segment's base."""

    pointer: int
    registers: int
    segments: tuple[int, ...]


def registers_address(handle: Any) -> tuple[int, tuple[int, ...]] | None:
    """The host address of one engine's general registers, and the words from there to the bases of SEGMENTS."""
    found = _place()
    if found is None:
        return None
    address = ctypes.c_uint64.from_address((handle.value or 0) + found.pointer).value + found.registers
    return address, tuple(place // 8 for place in found.segments)


@cache
def _place() -> Place | None:
    """None: not found, on this host or in this build of Unicorn."""
    try:
        usable = ctypes.CDLL(None).malloc_usable_size
        memory = os.open("/proc/self/mem", os.O_RDONLY)
    except (AttributeError, OSError):
        return None
    usable.restype, usable.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    try:
        return _found(memory, usable)
    finally:
        os.close(memory)


def _found(memory: int, usable: Any) -> Place | None:
    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    uc.mem_map(0x1000, 0x1000)
    uc.mem_write(0x1000, _CODE)
    for number, name in enumerate(NUMBERED):
        uc.reg_write(getattr(x86, f"UC_X86_REG_{name.upper()}"), _MARK + number)
    for number, name in enumerate(SEGMENTS):
        uc.reg_write(getattr(x86, f"UC_X86_REG_{name.upper()}_BASE"), _MARK + 0x80 + number)
    start, size = uc._uch.value, usable(uc._uch)
    if not _SMALLEST <= size <= _LARGEST:
        return None
    marks = struct.pack("<16Q", *range(_MARK, _MARK + 16))
    for place, pointer in enumerate(struct.unpack(f"<{size // 8}Q", ctypes.string_at(start, size // 8 * 8))):
        if pointer % 8 or not 1 << 12 <= pointer < 1 << 47:
            continue
        try:
            read = os.pread(memory, _READ, pointer)
        except OSError:
            continue
        at = read.find(marks)
        bases = [read.find(struct.pack("<Q", _MARK + 0x80 + number)) - at for number in range(len(SEGMENTS))]
        if at < 0 or at % 8 or any(base <= 0 or base % 8 for base in bases):
            continue
        if _is_live(uc, pointer + at):
            return Place(8 * place, at, tuple(bases))
    return None


def _is_live(uc: Any, address: int) -> bool:
    """Whether a block's hook sees there what the block before has written."""
    seen: list[tuple[int, int]] = []
    words = (ctypes.c_uint64 * 16).from_address(address)
    uc.hook_add(unicorn.UC_HOOK_BLOCK, lambda *_: seen.append((words[3], words[15])))
    uc.emu_start(0x1000, 0x1000 + len(_CODE))
    return seen == [(_MARK + 3, _MARK + 15), (_MARK + 4, _MARK + 16)]
