"""Stops before instructions that Unicorn would not execute as the CPU does.

Unicorn tells of every block it has translated, before the block runs for the first time (UC_HOOK_EDGE_GENERATED); a
stop asked for then keeps the block from running (pinned in tests/quirks). The host names the block's careful
instructions; each gets a hook of its own, and the block is translated again with them. Blocks without one cost nothing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.engine.add_hook import EVERYWHERE
from pffemu.engine.protocols import EngineHost

FORGET_BLOCKS: Final = unicorn.UC_CTL_TB_REMOVE_CACHE | (2 << 26) | (1 << 30)  # two arguments, UC_CTL_IO_WRITE
CODE_HOOK: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)


class _Block(ctypes.Structure):
    """uc_tb"""

    _fields_ = (("pc", ctypes.c_uint64), ("icount", ctypes.c_uint16), ("size", ctypes.c_uint16))


_TRANSLATED_HOOK: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.POINTER(_Block), ctypes.POINTER(_Block), ctypes.c_void_p
)


def forget_block(handle: Any, address: int) -> None:
    """Have the blocks at `address` translated anew."""
    uclib.uc_ctl(handle, FORGET_BLOCKS, ctypes.c_uint64(address), ctypes.c_uint64(address + 1))


class CarefulCode:
    """The careful instructions of what a core has translated: one hook each.

    `stale`: the block in front of which the run was stopped, to be translated again; `flush`: the TLB goes before.
    """

    def __init__(
        self,
        handle: Any,
        host: EngineHost,
        add_hook: Callable[..., int],
        before: Callable[[int], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        """`before(address)`: guest code is in front of that careful instruction; `fail`: is told of an exception."""
        self._handle, self._host, self._add_hook, self._fail = handle, host, add_hook, fail
        self._hooks: dict[int, int] = {}  # by address
        self._callback = CODE_HOOK(lambda _uc, address, _size, _user: before(address))
        self.stale: int | None = None
        self.flush = False
        add_hook(unicorn.UC_HOOK_EDGE_GENERATED, _TRANSLATED_HOOK(self._translated), EVERYWHERE)

    def forget(self) -> None:
        """All translated code is forgotten: other instructions may be at these addresses."""
        for hook in self._hooks.values():
            uclib.uc_hook_del(self._handle, hook)
        self._hooks.clear()

    def translate_again(self) -> None:
        """Forget the stale block; the run goes on with a new one."""
        if self.stale is not None:
            forget_block(self._handle, self.stale)
            self.stale = None

    def _translated(self, _uc: int, block: Any, _previous: Any, _user: int) -> None:
        start, size = block.contents.pc, block.contents.size
        try:
            found = self._host.careful_instructions(start, size)
            self.flush = self._host.translated(start, size)
        except BaseException as error:
            self._fail(error)
            return
        fresh = [address for address in found if address not in self._hooks]
        if not fresh and not self.flush:
            return
        for address in fresh:
            self._hooks[address] = self._add_hook(unicorn.UC_HOOK_CODE, self._callback, (address, address))
        self.stale = start
        uclib.uc_emu_stop(self._handle)
