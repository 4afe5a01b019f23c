"""The block hook for a memory hierarchy, compiled: it notes taken branches, and replays planned loads and stores.

Semantics: count_block.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine import count_block as semantics
from pffemu.engine.block_counter_compiled import (  # settle, open_window are known, too
    count_block,
    count_known,
    find_slot,
    home_slot,
    key_of,
    must_learn,
)
from pffemu.engine.compiled_callback import call, compile_callback, octets, words
from pffemu.engine.count_block import (
    ADDRESS_BITS,
    ASK_FOR_PLAN,
    HOOK_END,
    LEARN,
    PC_KNOWN,
    PENDING,
    PREDICTIONS,
    PREDICTOR,
    REPLAY,
    REPLAY_DATA,
    SLOWLY,
    STOP,
    TABLE_WORDS,
    UNHOOKED,
    WORDS,
)

register_jitable(semantics.predict)
note_jump = register_jitable(semantics.note_jump)
plan_of = register_jitable(inline="always")(semantics.plan_of)
note_run = register_jitable(inline="always")(semantics.note_run)
_TABLE = 8 * WORDS  # bytes from the state to the table


def _slow_hook(uc: Any, user: Any) -> Any:
    """Every unusual case, as in block_counter_compiled; 1: the block runs."""
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
        return 0
    return 1


def _hook(uc: Any, address: Any, size: Any, user: Any) -> None:
    state = words(user, WORDS)
    table = words(user + _TABLE, TABLE_WORDS)
    key, slot = key_of(address, size), home_slot(address)
    plan = plan_of(table, slot, key)
    if state[ASK_FOR_PLAN]:
        asks = state[UNHOOKED] != 0 or (plan <= 0 and note_run(table, slot, key))
        if asks and call(state[ASK_FOR_PLAN], address, size):
            return
    note_jump(state, words(state[PREDICTOR], PREDICTIONS), address)
    pc_known = octets(state[PC_KNOWN], 1)
    pc_known[0] = 1
    if not count_known(state, table, slot, key):
        pc_known[0] = 0
        state[PENDING] = key
        if call(state[SLOWLY], uc, user) == 0:
            return
    if state[ASK_FOR_PLAN] == 0:
        return
    hook_end = words(state[HOOK_END], 1)
    hook_end[0] = plan > 0
    if plan > 0:
        call(state[REPLAY], state[REPLAY_DATA], plan)


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    return {
        "SLOW_HOOK": compile_callback(_slow_hook, "int64", "int64 int64"),
        "HOOK": compile_callback(_hook, "void", "int64 int64 int32 int64"),
    }
