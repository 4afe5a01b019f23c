"""The block hook as native code (numba); semantics: count_block."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine import count_block as semantics
from pffemu.engine.compiled_callback import call, compile_callback, words
from pffemu.engine.count_block import (
    ADDRESS_BITS,
    LEARN,
    PENDING,
    SLOWLY,
    STOP,
    TABLE_WORDS,
    WORDS,
)

# inlined, with one call site each: a call costs more than the work
key_of = register_jitable(inline="always")(semantics.key_of)
home_slot = register_jitable(inline="always")(semantics.home_slot)
count_known = register_jitable(inline="always")(semantics.count_known)
find_slot = register_jitable(semantics.find_slot)
details_of = register_jitable(semantics.details_of)
must_learn = register_jitable(semantics.must_learn)
settle = register_jitable(semantics.settle)
open_window = register_jitable(semantics.open_window)
size_word = register_jitable(semantics.size_word)
enter = register_jitable(semantics.enter)
count_block = register_jitable(semantics.count_block)
_TABLE = 8 * WORDS  # bytes from the state to the table


def _slow_hook(uc: Any, user: Any) -> None:
    """Every unusual case: not in its home slot, not learnt yet, a REP iteration, or the window is used up."""
    state = words(user, WORDS)
    table = words(user + _TABLE, TABLE_WORDS)
    key = state[PENDING]
    address, size = key & ((1 << ADDRESS_BITS) - 1), key >> ADDRESS_BITS
    slot = find_slot(table, address, size)
    if must_learn(table, slot, key):
        call(state[LEARN], address, size)
        slot = find_slot(table, address, size)
    if not count_block(state, table, slot):
        call(state[STOP], uc, 0)


def _hook(uc: Any, address: Any, size: Any, user: Any) -> None:
    state = words(user, WORDS)
    table = words(user + _TABLE, TABLE_WORDS)
    key = key_of(address, size)
    if not count_known(state, table, home_slot(address), key):
        state[PENDING] = key
        call(state[SLOWLY], uc, user)  # by its address: a numba call would add a prologue to the usual case


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    # int64 stands for every pointer: the hook only passes them on
    return {
        "SLOW_HOOK": compile_callback(_slow_hook, "void", "int64 int64"),
        "HOOK": compile_callback(_hook, "void", "int64 int64 int32 int64"),
    }
