"""The replay of a planned block's loads and stores as native code (numba); semantics: replay, caches."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine.compiled_callback import call_with_four, compile_callback, word_at, words
from pffemu.hw import fill
from pffemu.hw.memory import layout, replay
from pffemu.hw.memory.caches import (
    CORE,
    FILL,
    HIERARCHY,
    HIERARCHY_WORDS,
    LINK_WORDS,
    OWN,
    RAM,
    RAM_WORDS,
    SLOWLY,
)
from pffemu.hw.memory.caches_compiled import hits
from pffemu.hw.memory.layout import LAST, LAST_PAGE, LINE_SHIFT, LINES
from pffemu.hw.memory.replay import (
    KIND,
    LOAD,
    PAGE_COUNT,
    PAGES,
    RESULT_AT,
    ROOT,
    SHIFT,
    SHIFT_AT,
    SIGNED,
    SIZE,
    SIZE_AT,
    SLOW_STEP_AT,
    STEP_WORDS,
    STORE,
    UPDATE,
    WORDS,
)

_PAGE = 12
_PAGE_END = 4095
_PART = 8  # bytes that the engine accesses at once

frame_of = register_jitable(replay.frame_of)
forget_pages = register_jitable(replay.forget_pages)
extended = register_jitable(replay.extended)
value_at = register_jitable(replay.value_at)
value_across = register_jitable(replay.value_across)
computed = register_jitable(replay.computed)


@register_jitable  # type: ignore[untyped-decorator]
def _touch(own: Any, link: Any, user: Any, root: Any, address: Any, size: Any, store: Any) -> bool:
    """An access, over the edge of a line in the parts that the engine makes of it; False: it would fault."""
    hierarchy = words(link[HIERARCHY], link[HIERARCHY_WORDS])
    ram = words(link[RAM], link[RAM_WORDS])
    line_end = (1 << hierarchy[LINE_SHIFT]) - 1
    while size > 0:
        part = min(size, _PART) if (address & line_end) + size > line_end + 1 else size
        frame = frame_of(own, ram, link[RAM_WORDS], root, address, store)
        if frame < 0:
            return False
        first = frame | (address & _PAGE_END)
        line, last = first >> hierarchy[LINE_SHIFT], (first + part - 1) >> hierarchy[LINE_SHIFT]
        if line < hierarchy[LINES]:
            if not hits(hierarchy, link[CORE], line, store):
                call_with_four(link[SLOWLY], user, line, store, 0)
            if (address ^ (address + part - 1)) & ~_PAGE_END:
                if frame_of(own, ram, link[RAM_WORDS], root, address + part - 1, store) < 0:
                    return False
            elif last != line:
                call_with_four(link[SLOWLY], user, last, store, 0)
        address += part
        size -= part
    return True


@register_jitable  # type: ignore[untyped-decorator]
def _loaded(own: Any, link: Any, root: Any, address: Any, size: Any, signed: Any) -> Any:
    """The value of a load that does not fault."""
    ram = words(link[RAM], link[RAM_WORDS])
    if (address ^ (address + size - 1)) & ~_PAGE_END:
        return extended(value_across(own, ram, link[RAM_WORDS], root, address, size), size, signed)
    frame = frame_of(own, ram, link[RAM_WORDS], root, address, False)
    return value_at(ram, link[RAM_WORDS], frame | (address & _PAGE_END), size, signed)


def _slow_step(user: Any, step: Any, address: Any, _unused: Any) -> Any:
    """An access in every case that `_replay` does not know; 0: it would fault."""
    link = words(user, LINK_WORDS)
    own, root = words(link[OWN], WORDS), words(link[FILL], fill.WORDS)[fill.ROOT]
    if own[ROOT] != root:
        forget_pages(own, root)
    first = word_at(step)
    kind, size, result = first & KIND, (first >> SIZE_AT) & SIZE, first >> RESULT_AT
    if not _touch(own, link, user, root, address, size, kind == STORE):
        return 0
    if kind == UPDATE and not _touch(own, link, user, root, address, size, True):
        return 0
    if result:
        own[result] = _loaded(own, link, root, address, size, first & SIGNED != 0)
    return 1


def _replay(user: Any, plan: Any) -> Any:
    """Inline: accesses to the line that its set has had last, in a page that its set of the TLB has had last."""
    link = words(user, LINK_WORDS)
    own = link[OWN]
    core = words(link[HIERARCHY] + 8 * link[CORE], layout.OWN_WORDS)  # its own words
    own_words = words(own, WORDS)
    header = words(link[HIERARCHY], layout.L3)
    shift, page_lines = header[LINE_SHIFT], header[layout.PAGE_LINES]
    line_end = (1 << shift) - 1
    ram, pages = link[RAM], own + 8 * PAGES
    at = link[HIERARCHY] + 8 * link[CORE]
    l1, l1_mask, l1_row = at + 8 * header[layout.L1], header[layout.L1_MASK], 8 * header[layout.L1_WAYS]
    dtlb, dtlb_mask, dtlb_row = at + 8 * header[layout.DTLB], header[layout.DTLB_MASK], 8 * header[layout.DTLB_WAYS]
    same_root = own_words[ROOT] == word_at(link[FILL] + 8 * fill.ROOT)
    step = own + 8 * plan
    while True:
        first = word_at(step)
        kind = first & KIND
        if kind == 0:
            return 0
        one, other = word_at(word_at(step + 16)), word_at(word_at(step + 24))
        address = word_at(step + 8) + one + (other << ((first >> SHIFT_AT) & SHIFT))
        if kind <= UPDATE and same_root:
            page, size, result = address >> _PAGE, (first >> SIZE_AT) & SIZE, first >> RESULT_AT
            entry = pages + ((page & (PAGE_COUNT - 1)) << 4)
            known = word_at(entry)
            physical = word_at(entry + 8) | (address & _PAGE_END)
            line = physical >> shift
            word = word_at(l1 + (line & l1_mask) * l1_row)
            frame = line >> page_lines
            if (
                (known == page << 1 | 1 or (kind == LOAD and known == page << 1))
                and word >> 1 == line + 1
                and (kind == LOAD or word & 1)
                and (address & line_end) + size <= line_end + 1
                and word_at(dtlb + (frame & dtlb_mask) * dtlb_row) == frame + 1
                and (result == 0 or (address & 7) + size <= 8)
            ):
                core[LAST] = word
                core[LAST_PAGE] = frame + 1
                if result:
                    value = word_at(ram + (physical & ~7)) >> 8 * (address & 7)
                    own_words[result] = extended(value, size, first & SIGNED != 0)
                step += 8 * STEP_WORDS
                continue
        if kind > UPDATE:
            own_words[first >> RESULT_AT] = computed(
                kind, one, other, (first >> SHIFT_AT) & SHIFT, word_at(step + 8), (first >> SIZE_AT) & SIZE,
                first & SIGNED != 0,
            )  # fmt: skip
        elif call_with_four(own_words[SLOW_STEP_AT], user, step, address, 0) == 0:
            return 0
        else:
            same_root = True
        step += 8 * STEP_WORDS


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    return {
        "SLOW_STEP": compile_callback(_slow_step, "int64", "int64 int64 int64 int64"),
        "REPLAY": compile_callback(_replay, "int64", "int64 int64"),
    }
