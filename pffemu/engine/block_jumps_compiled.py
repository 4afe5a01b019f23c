"""The block hook that notes taken branches, for a memory hierarchy, compiled; semantics: note_jump, count_block."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine import count_block as semantics
from pffemu.engine.block_counter_compiled import count_known, home_slot, key_of  # settle, open_window are known, too
from pffemu.engine.compiled_callback import call, compile_callback, octets, version_of, words
from pffemu.engine.count_block import PC_KNOWN, PENDING, PREDICTIONS, PREDICTOR, SLOWLY, TABLE_WORDS, WORDS

register_jitable(semantics.predict)
note_jump = register_jitable(semantics.note_jump)
_TABLE = 8 * WORDS  # bytes from the state to the table


def _hook_of(version: int) -> Any:
    def hook(uc: Any, address: Any, size: Any, user: Any) -> None:
        if version < 0:
            return
        state = words(user, WORDS)
        table = words(user + _TABLE, TABLE_WORDS)
        note_jump(state, words(state[PREDICTOR], PREDICTIONS), address)
        key = key_of(address, size)
        pc_known = octets(state[PC_KNOWN], 1)
        pc_known[0] = 1
        if not count_known(state, table, home_slot(address), key):
            pc_known[0] = 0
            state[PENDING] = key
            call(state[SLOWLY], uc, user)

    return hook


HOOK = compile_callback(_hook_of(version_of(semantics)), "void", "int64 int64 int32 int64")
