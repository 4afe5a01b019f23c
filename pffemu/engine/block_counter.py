"""Exact instruction counts without a hook per instruction: each basic block's length is decoded once.

Unicorn calls the block hook *before* a block runs, and a stop requested in it keeps the block from running (pinned in
tests/quirks). So a block that would pass the limit is not counted and not run. When an instruction in mid-block
faults, `uncount` takes back the part of the block that did not run.

An instruction with a REP prefix counts once however often it iterates, as in the hardware's INST_RETIRED counter;
Unicorn starts a new block per iteration, which negative sizes in the table mark.

Before an instruction that stores into its own block Unicorn leaves that block without telling, and runs the instruction
alone, as a block of its own, which is known by that; the rest of the block is then taken back, too.

A block also has a time, in a unit that the decoder chooses: the sum over its instructions' classes.
While guest code runs the counts are behind, by less than a window; see count_block.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from unicorn.unicorn_py3.unicorn import uclib

from pffemu.engine.count_block import (
    ADDRESS_BITS,
    BLOCK,
    CLOSED,
    DETAILS,
    ENTERED_AGAIN,
    EXECUTED,
    LEARN,
    LIMIT,
    NO_LIMIT,
    PREDICTOR,
    REP,
    SLOWLY,
    START,
    STOP,
    STORES_INTO_LAST,
    TABLE_WORDS,
    TIME,
    TIME_LIMIT,
    USED,
    WORDS,
    count_block,
    count_known,
    enter,
    find_slot,
    home_slot,
    hooked_again,
    key_of,
    lies_in_last,
    must_learn,
    note_jump,
    open_window,
    settle,
)
from pffemu.engine.host_memory import mapped
from pffemu.engine.native_code import hooks

_MOST_STORING: Final = 1 << 16
PLAIN: Final = "pffemu.engine.block_counter_compiled"  # modules of hooks
JUMPS: Final = "pffemu.engine.block_jumps_compiled"


class BlockLength(NamedTuple):
    """Instructions and time of a block. `rep`: it is one REP string instruction, and `time` that of an iteration."""

    instructions: int
    time: int
    rep: bool
    last: int  # time of its last instruction


class BlockCounter:
    """The counter of one core: its state, and the C callback for Unicorn's UC_HOOK_BLOCK."""

    def __init__(
        self, decode_length: Callable[[int, int], BlockLength], compiled: bool, notes_jumps: bool = False
    ) -> None:
        """`decode_length(address, size)`: the BlockLength of those guest bytes. `notes_jumps`: for stalls of memory."""
        self._decode_length, self._notes_jumps = decode_length, notes_jumps
        self._predictor: Any = None
        self.plainly = 0  # blocks counted by the plain hook
        self._storing: set[int] = set()  # keys of instructions that store into the block before them
        self._tails: dict[tuple[int, int], tuple[int, int]] = {}  # results of `unfinished` by (rip, key of its block)
        count = WORDS + TABLE_WORDS
        self._words = (ctypes.c_int64 * count).from_buffer(mapped(8 * count))
        self._knows_blocks = False
        words = memoryview(self._words).cast("B").cast("q")
        self.state, self.table = words[:WORDS], words[WORDS:]
        self._learn = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(self.learn)
        self.state[LEARN] = ctypes.cast(self._learn, ctypes.c_void_p).value or 0
        self.state[STOP] = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p).value or 0
        self._end = self.state[LIMIT] = self.state[TIME_LIMIT] = NO_LIMIT
        self.user_data = ctypes.addressof(self._words)
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)
        self._callback = signature(self._python_hook)
        self.callback_address = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        if compiled:
            self.compile()

    def compile(self) -> None:
        """Compile the hook: from now on `callback_address` is that of native code."""
        found = hooks(JUMPS if self._notes_jumps else PLAIN)
        self._knows_blocks = True
        self.state[SLOWLY] = found["SLOW_HOOK"]
        self.callback_address = found["HOOK"]

    def predict_with(self, predictor: Any, address: int) -> None:
        """Give the hook that notes jumps the words of its predictor, which lie at `address`."""
        self._predictor, self.state[PREDICTOR] = predictor, address

    @property
    def executed(self) -> int:
        """Instructions so far, as of the last `settle`."""
        return self.state[EXECUTED]

    def settle(self) -> None:
        """Bring the counts up to date: after a run, and before a hook reads them."""
        settle(self.state)

    @property
    def time(self) -> int:
        """Their time, as of the last `settle`."""
        return self.state[TIME]

    def set_limit(self, instructions: int | None, time_end: int | None = None) -> None:
        """Stop before more than `instructions` further ones, or when `time` reaches `time_end`; None: no limit."""
        state = self.state
        state[LIMIT] = self._end = NO_LIMIT if instructions is None else state[EXECUTED] + instructions
        state[TIME_LIMIT] = NO_LIMIT if time_end is None else time_end
        state[USED] = state[START] = CLOSED  # the first block opens the window

    def left(self) -> tuple[int, int]:
        """Instructions and time up to the limits; neither is positive when its limit is reached."""
        return self._end - self.state[EXECUTED], self.state[TIME_LIMIT] - self.state[TIME]

    def let_nothing_run(self, at_once: bool = False) -> None:
        """Set limits that let no block run after the current window. May be called from any thread.

        `at_once`: the window ends now; only from a hook, because the block hook writes the same words.
        """
        self.state[LIMIT] = -1
        if at_once:
            settle(self.state)
            open_window(self.state)

    @property
    def last_block(self) -> tuple[int, int]:
        """[start, end) of the block that ran last; (0, 0) when it ended early."""
        key = self.state[BLOCK]
        start = key & ((1 << ADDRESS_BITS) - 1)
        return start, start + (key >> ADDRESS_BITS)

    def unfinished(self, rip: int) -> tuple[int, int]:
        """Instructions of the last counted block at and behind `rip`, and their time: counted, but not run."""
        if self.state[ENTERED_AGAIN]:
            self.state[ENTERED_AGAIN] = 0
            self._tails.clear()
        key = rip, self.state[BLOCK]
        tail = self._tails.get(key)
        if tail is None:
            start, end = self.last_block
            if not start <= rip < end:
                return 0, 0
            length = self._decode_length(rip, end - rip)
            tail = self._tails[key] = length.instructions, length.time
        return tail

    def uncount(self, rip: int) -> None:
        """Take back the rest of the last block, in which the instruction at `rip` did not complete."""
        instructions, time = self.unfinished(rip)
        if instructions:
            state = self.state
            state[EXECUTED] -= instructions
            state[TIME] -= time
            state[BLOCK] = 0

    def leave_block(self) -> None:
        """RIP was set from outside: a REP instruction in the next block counts as a new one."""
        self.state[BLOCK] = 0

    def forget(self) -> None:
        """Drop all learnt blocks: the code at their addresses may have changed."""
        if self._knows_blocks:  # else the table takes no memory yet
            ctypes.memset(self.user_data + 8 * WORDS, 0, 8 * DETAILS)  # the details are not read without a key
            self._knows_blocks = self.state[SLOWLY] != 0  # native code learns without telling
        self._tails.clear()

    def learn(self, address: int, size: int) -> int:
        """An unknown block is about to run, or one instruction that stores into the block before it."""
        stores = key_of(address, size) in self._storing
        if stores:
            settle(self.state)
            self.uncount(address)
        self.enter(address, size, self._decode_length(address, size), stores=stores)
        return 0

    def enter(self, address: int, size: int, length: BlockLength, *, stores: bool = False) -> None:
        """Learn a block from its BlockLength. `stores`: see `translated`."""
        self._knows_blocks = True
        instructions = STORES_INTO_LAST if stores else REP if length.rep else length.instructions
        enter(self.state, self.table, address, size, instructions, length.time, length.last)

    def lies_in_last(self, address: int, size: int) -> bool:
        """Whether a block that is translated now lies in the one that ran last."""
        return lies_in_last(self.state, address, size)

    def translated(self, address: int, size: int, length: BlockLength | None, stores: bool) -> None:
        """A block was translated anew, with whatever hooks there are now. `length`: None if it is not known yet.

        `stores`: it is one instruction that stores into the block that ran last. The engine has left that one before
        this instruction, to run it alone.
        """
        hooked_again(self.state, self.table, address, size)
        key = key_of(address, size)
        self._storing.discard(key)
        if stores:
            if len(self._storing) >= _MOST_STORING:
                self._storing.clear()
            self._storing.add(key)
        is_known = self.table[find_slot(self.table, address, size)] == key  # its code may have changed
        if stores or length is not None or is_known:
            self.enter(address, size, length or self._decode_length(address, size), stores=stores)

    def _python_hook(self, uc: object, address: int, size: int, _user: object) -> None:
        self.plainly += 1
        if self._notes_jumps:
            note_jump(self.state, self._predictor, address)
        key = key_of(address, size)
        if count_known(self.state, self.table, home_slot(address), key):
            return
        slot = find_slot(self.table, address, size)
        if must_learn(self.table, slot, key):
            self.learn(address, size)
            slot = find_slot(self.table, address, size)
        if not count_block(self.state, self.table, slot):
            uclib.uc_emu_stop(uc)
