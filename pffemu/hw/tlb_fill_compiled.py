"""The fill hook as native code (numba); semantics: fill.fill and page_walk.walk."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine.compiled_callback import compile_callback, words
from pffemu.hw import fill as semantics
from pffemu.hw import page_walk, untranslatable
from pffemu.hw.fill import FRAMES_ADDRESS, RAM_ADDRESS, RAM_WORDS, WORDS

register_jitable(page_walk.reserved_bits)
register_jitable(page_walk.permissions)
walk = register_jitable(page_walk.walk)
register_jitable(semantics.refuse)
register_jitable(semantics.refuse_fetch)
register_jitable(semantics.with_home)
register_jitable(semantics.is_guarded)
register_jitable(untranslatable.is_prefix)
register_jitable(untranslatable.octet)
register_jitable(untranslatable.begins_at)
register_jitable(untranslatable.is_clean)
register_jitable(semantics.fetched)
register_jitable(semantics.stored_to)
fill = register_jitable(semantics.fill)


def _hook(_uc: Any, address: Any, kind: Any, entry: Any, user: Any) -> bool:
    state = words(user, WORDS)
    frames = words(state[FRAMES_ADDRESS], state[RAM_WORDS] >> 9)
    granted = fill(words(state[RAM_ADDRESS], state[RAM_WORDS]), frames, state, address, kind)
    if granted == 0:
        return False
    result = words(entry, 2)  # struct uc_tlb_entry: physical address, permissions
    result[0] = granted & ~4095
    result[1] = granted & 7
    return True


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    # int64 stands for every pointer: the hook only passes them on
    return {
        "HOOK": compile_callback(_hook, "boolean", "int64 int64 int32 int64 int64"),
    }
