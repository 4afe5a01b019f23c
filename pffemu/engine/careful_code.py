"""Stops before instructions that Unicorn would not execute as the CPU does.

Unicorn reports every block it has translated, before the block runs for the first time (UC_HOOK_EDGE_GENERATED); a
stop requested then keeps the block from running (pinned in tests/quirks). The host (EngineHost) names the block's
careful instructions; each gets a hook of its own, and the block is translated again. Blocks without one cost nothing.

When an instruction with a hook faults, Unicorn loses flags that it has not computed yet. Hooks of instructions that it
otherwise executes correctly therefore save RFLAGS, and ask the host only when their quick condition does not hold.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.engine.add_hook import EVERYWHERE
from pffemu.engine.native_code import hooks
from pffemu.engine.protocols import EngineHost
from pffemu.engine.registers import IDS, RegisterBuffer, read_batch

FORGET_BLOCKS: Final = unicorn.UC_CTL_TB_REMOVE_CACHE | (2 << 26) | (1 << 30)  # two arguments, UC_CTL_IO_WRITE
CODE_HOOK: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)


# words of the state: the first three are what the hooks have saved, the others are inputs of the compiled hooks
RIP, RAX, RFLAGS, HOST, READ, REGISTERS, VALUES = range(7)
WORDS: Final = 7
NOWHERE: Final = -1
HOOKS: Final = "pffemu.engine.careful_code_compiled"
SAVED: Final = ("rax", "rflags")  # in the order of their words


class Quick(IntEnum):
    """When the engine may execute a careful instruction without asking the host."""

    NEVER = 0
    ALWAYS = 1
    EAX_IS_RAX = 2  # the upper half of RAX is zero


class _Block(ctypes.Structure):
    """uc_tb"""

    _fields_ = (("pc", ctypes.c_uint64), ("icount", ctypes.c_uint16), ("size", ctypes.c_uint16))


_TRANSLATED_HOOK: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.POINTER(_Block), ctypes.POINTER(_Block), ctypes.c_void_p
)


def forget_block(handle: Any, address: int) -> None:
    """Forget the translated blocks at `address`."""
    uclib.uc_ctl(handle, FORGET_BLOCKS, ctypes.c_uint64(address), ctypes.c_uint64(address + 1))


class CarefulCode:
    """The careful instructions in a core's translated code, with one hook each.

    `stale`: the block before which the run was stopped, to be translated again.
    """

    def __init__(
        self,
        handle: Any,
        host: EngineHost,
        add_hook: Callable[..., int],
        before: Callable[[int], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        """`before(address)` is called before a careful instruction; `fail` is called with a hook's exception."""
        self._handle, self._host, self._add_hook, self._fail = handle, host, add_hook, fail
        self._before = before
        self._hooks: dict[int, int] = {}  # by address
        self._state = (ctypes.c_int64 * WORDS)()
        values = (ctypes.c_ubyte * (8 * len(SAVED))).from_buffer(self._state, 8 * RAX)
        self._saved = RegisterBuffer(handle, [IDS[name] for name in SAVED], 8, values)
        self._ask_host = CODE_HOOK(lambda _uc, address, _size, _user: before(address))
        self._callbacks: list[Any] = [self._ask_host, CODE_HOOK(self._save), CODE_HOOK(self._save_and_check)]
        self.stale: int | None = None
        self.begin_run()
        self._ask_about_block = _TRANSLATED_HOOK(self._translated)
        self._block_hook = add_hook(unicorn.UC_HOOK_EDGE_GENERATED, self._ask_about_block, EVERYWHERE)

    def compile(self) -> None:
        """Compile the quick hooks. All translated code must be forgotten."""
        found = hooks(HOOKS)
        self._state[HOST] = ctypes.cast(self._ask_host, ctypes.c_void_p).value or 0
        self._state[READ] = ctypes.cast(read_batch, ctypes.c_void_p).value or 0
        _, registers, values, _ = self._saved.arguments
        self._state[REGISTERS], self._state[VALUES] = registers.value or 0, values.value or 0
        self._callbacks = [self._ask_host, found["SAVE_HOOK"], found["CHECK_HOOK"]]
        self.forget()
        uclib.uc_hook_del(self._handle, self._block_hook)
        ask = ctypes.cast(self._ask_about_block, ctypes.c_void_p).value or 0
        hook, user = self._host.compile_translated(ask)
        self._block_hook = self._add_hook(unicorn.UC_HOOK_EDGE_GENERATED, hook, EVERYWHERE, user=user)

    def begin_run(self) -> None:
        """Reset the saved state: in this run no careful instruction has begun."""
        self._state[RIP] = NOWHERE

    def flags_before(self, rip: int) -> int | None:
        """RFLAGS before the careful instruction at `rip`, if it was the last to save them."""
        return self._state[RFLAGS] if self._state[RIP] == rip else None

    def forget(self) -> None:
        """Drop all hooks: translated code was forgotten, and other instructions may be at their addresses."""
        for hook in self._hooks.values():
            uclib.uc_hook_del(self._handle, hook)
        self._hooks.clear()

    def translate_again(self) -> None:
        """Forget the stale block, so that it is translated again."""
        if self.stale is not None:
            forget_block(self._handle, self.stale)
            self.stale = None

    def _translated(self, _uc: object, block: Any, _previous: Any, _user: object) -> None:
        start, size = block.contents.pc, block.contents.size
        try:
            found = self._host.translated(start, size)
        except BaseException as error:
            self._fail(error)
            return
        fresh = {address: quick for address, quick in found.items() if address not in self._hooks}
        if not fresh:
            return
        user = ctypes.addressof(self._state)
        for address, quick in fresh.items():
            hook = self._add_hook(unicorn.UC_HOOK_CODE, self._callbacks[quick], (address, address), user=user)
            self._hooks[address] = hook
        self.stop_before(start)

    def stop_before(self, block: int) -> None:
        """Stop the run before this block, which is translated again. From a hook."""
        self.stale = block
        uclib.uc_emu_stop(self._handle)

    def has_any(self, address: int, size: int) -> bool:
        """Whether a careful instruction lies in these bytes."""
        return any(address <= place < address + size for place in self._hooks)

    def _save(self, _uc: object, address: int, _size: int, _user: object) -> None:
        read_batch(*self._saved.arguments)
        self._state[RIP] = address

    def _save_and_check(self, uc: int, address: int, size: int, user: int) -> None:
        self._save(uc, address, size, user)
        if self._state[RAX] >> 32:
            self._before(address)
