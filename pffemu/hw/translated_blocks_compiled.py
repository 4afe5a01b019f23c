"""The hook for translated blocks as native code (numba); semantics: translated_blocks and ordinary."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine import count_block
from pffemu.engine.block_counter_compiled import enter
from pffemu.engine.compiled_callback import call_with_four, compile_callback, octets, words
from pffemu.engine.count_block import REP
from pffemu.hw import fill, ordinary, translated_frames
from pffemu.hw.ordinary import CLASSES, IS_REP, LAST, RESULTS, TIME
from pffemu.hw.page_walk import FETCH, OK, USER
from pffemu.hw.tlb_fill_compiled import walk
from pffemu.hw.translated_blocks import ASK, CHECKS, COUNTER, FILL, FOUND, PAGES, RATES, TABLE, TABLE_WORDS, WORDS
from pffemu.hw.translated_frames import KNOWN_WORDS

register_jitable(ordinary.opcode_at)
register_jitable(ordinary.behind_operand)
lies_in_last = register_jitable(count_block.lies_in_last)
hooked_again = register_jitable(count_block.hooked_again)
scan_block = register_jitable(ordinary.scan_block)
known_slot = register_jitable(translated_frames.known_slot)


@register_jitable  # type: ignore[untyped-decorator]
def _is_counted(state: Any, user: Any, address: Any, size: Any) -> bool:
    """Whether the block is ordinary and in a noted page: it is counted, and there is nothing else to do."""
    offset, page = address & 4095, address >> 12
    if state[CHECKS] != 0 or address >> 47 != 0 or offset + size > 4096:
        return False
    filled, known = words(state[FILL], fill.WORDS), words(state[PAGES], KNOWN_WORDS)
    slot, root = known_slot(page), filled[fill.ROOT]
    if known[slot] != page or known[slot + 1] != root:
        return False
    ram_words = filled[fill.RAM_WORDS]
    frame, _, code = walk(words(filled[fill.RAM_ADDRESS], ram_words), ram_words, root, address, USER | FETCH, False)
    if code != OK or frame >> 3 >= ram_words:
        return False
    found = words(user + 8 * FOUND, RESULTS)
    instructions = scan_block(
        octets(filled[fill.RAM_ADDRESS] + frame + offset, size), size, words(state[TABLE], TABLE_WORDS),
        words(user + 8 * RATES, len(CLASSES)), found,
    )  # fmt: skip
    if instructions == 0:
        return False
    if state[COUNTER] != 0:
        if found[IS_REP] != 0:
            instructions = REP
        counter = words(state[COUNTER], count_block.WORDS)
        if instructions == 1 and lies_in_last(counter, address, size):
            return False
        blocks = words(state[COUNTER] + 8 * count_block.WORDS, count_block.TABLE_WORDS)
        hooked_again(counter, blocks, address, size)
        enter(counter, blocks, address, size, instructions, found[TIME], found[LAST])
    return True


def _hook(uc: Any, block: Any, previous: Any, user: Any) -> None:
    state, translated = words(user, WORDS), words(block, 2)  # uc_tb: pc; 16 bits each of icount and size
    if not _is_counted(state, user, translated[0], translated[1] >> 16 & 0xFFFF):
        call_with_four(state[ASK], uc, block, previous, user)


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    return {
        "HOOK": compile_callback(_hook, "void", "int64 int64 int64 int64"),
    }
