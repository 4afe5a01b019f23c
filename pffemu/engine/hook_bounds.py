"""Memory hooks that are switched off and on by one store, although translated code still calls Unicorn for them.

Unicorn calls a hook whose span has the address, and treats pages as hooked that a span has; a span that begins behind
its end has all. So a hook of the span [1, 0] is switched off by an end of 1. The place of the end in Unicorn's
structure is found by its value, and used only if the hook then obeys.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from typing import Any, Final

import unicorn
import unicorn.x86_const as x86

from pffemu.engine.add_hook import EVERYWHERE, add_hook

OFF: Final = 1  # value of the end
ON: Final = 0
_MARK: Final = 0x1234_5678_9A00
_CODE: Final = bytes.fromhex("488b03")  # mov rax, [rbx]
_HOOK: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
)


@cache
def end_place() -> int | None:
    """Bytes from a hook to the end of its span; None: not found."""
    try:
        usable = ctypes.CDLL(None).malloc_usable_size
    except (AttributeError, OSError):
        return None
    usable.restype, usable.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    uc: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    uc.mem_map(0x1000, 0x1000)
    uc.mem_write(0x1000, _CODE)
    uc.reg_write(x86.UC_X86_REG_RBX, 0x1800)
    calls: list[int] = []
    callback = _HOOK(lambda *_: calls.append(1))
    address = ctypes.cast(callback, ctypes.c_void_p).value or 0
    marked = add_hook(uc._uch, unicorn.UC_HOOK_MEM_READ, address, 0, (_MARK, _MARK + 1))
    at = ctypes.string_at(marked, usable(marked)).find(struct.pack("<2Q", _MARK, _MARK + 1))
    if at < 0 or at % 8:
        return None
    end = ctypes.c_uint64.from_address(add_hook(uc._uch, unicorn.UC_HOOK_MEM_READ, address, 0, EVERYWHERE) + at + 8)
    seen = []
    for value in (ON, OFF, ON):
        end.value = value
        uc.emu_start(0x1000, 0x1000 + len(_CODE))
        seen.append(len(calls))
    return at + 8 if seen == [1, 1, 2] else None
