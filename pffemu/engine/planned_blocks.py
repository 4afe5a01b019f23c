"""Blocks whose loads and stores need no hook, because the memory model knows them from the block's start.

With a memory hook, Unicorn translates every load and store into a slow call, whatever the hook does. A block that has
run often is therefore planned (MemoryHook.plan) and translated again while the hook is away; native code then replays
the plan when the block begins. All other code keeps the hook, so nothing depends on which blocks are planned.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.engine.add_hook import EVERYWHERE
from pffemu.engine.block_counter import BlockCounter
from pffemu.engine.careful_code import CarefulCode
from pffemu.engine.count_block import (
    ASK_FOR_PLAN,
    HOOK_END,
    NO_PLAN,
    PLANS,
    REPLAY,
    REPLAY_DATA,
    UNHOOKED,
    home_slot,
    key_of,
)
from pffemu.engine.hook_bounds import end_place
from pffemu.engine.protocols import MemoryHook
from pffemu.engine.register_memory import registers_address

_KINDS: Final = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE


class PlannedBlocks:
    """The planned blocks of one core. `paused`: no block is planned now, because runs may end in mid-block."""

    def __init__(
        self,
        handle: Any,
        hook: MemoryHook,
        counter: BlockCounter,
        careful: CarefulCode,
        add_hook: Callable[..., int],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._handle, self._memory, self._counter, self._careful = handle, hook, counter, careful
        self._add_hook, self._fail = add_hook, fail
        self.paused = False
        self._nowhere = ctypes.c_int64()  # the end of no hook
        self._place = 0
        self._hook = add_hook(_KINDS, hook.callback_address, EVERYWHERE, user=hook.user_data)
        found, place = registers_address(handle), end_place()
        replay = 0 if found is None or place is None else hook.replay_from(*found)
        if not replay or place is None:
            return
        self._place, state = place, counter.state
        state[HOOK_END] = self._hook + place
        state[REPLAY], state[REPLAY_DATA] = replay, hook.user_data
        self._ask = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(self._plan)
        state[ASK_FOR_PLAN] = ctypes.cast(self._ask, ctypes.c_void_p).value or 0

    def _plan(self, address: int, size: int) -> int:
        """From the block hook: the block has run often enough, or is the first one after a translation without hook.

        1: it must be translated again, and does not run.
        """
        try:
            return self._translated_without_hook(address, size) or self._planned(address, size)
        except BaseException as error:
            self._fail(error)
            return 0

    def _translated_without_hook(self, address: int, size: int) -> int:
        state, at = self._counter.state, PLANS + home_slot(address)
        if not state[UNHOOKED]:
            return 0
        state[UNHOOKED] = 0
        memory = self._memory
        self._hook = self._add_hook(_KINDS, memory.callback_address, EVERYWHERE, user=memory.user_data)
        state[HOOK_END] = self._hook + self._place
        table = self._counter.table
        if table[at] == key_of(address, size) and table[at + 1] > 0:
            return 0
        return self._translate_again(address)

    def _planned(self, address: int, size: int) -> int:
        table, at, key = self._counter.table, PLANS + home_slot(address), key_of(address, size)
        if table[at] != key or table[at + 1] > 0:
            return 0
        table[at + 1] = 0
        if self.paused:
            return 0
        plan = 0 if self._careful.has_any(address, size) else self._memory.plan(address, size)
        table[at + 1] = plan or NO_PLAN
        if not plan:
            return 0
        uclib.uc_hook_del(self._handle, self._hook)
        self._counter.state[HOOK_END] = ctypes.addressof(self._nowhere)
        self._counter.state[UNHOOKED] = 1
        return self._translate_again(address)

    def _translate_again(self, address: int) -> int:
        """Stop before the block, which the engine then translates again."""
        self._careful.stop_before(address)
        return 1
