"""The hook for loads and stores as native code (numba); semantics: access.hits, access.access, fetch.bring."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine import count_block
from pffemu.engine.compiled_callback import call_with_four, compile_callback, prefetch, words
from pffemu.hw import fill, page_walk
from pffemu.hw.memory import access as access_semantics
from pffemu.hw.memory import fetch, overlap, sets
from pffemu.hw.memory import prefetch as prefetcher
from pffemu.hw.memory.caches import (
    CORE,
    COUNTER,
    FILL,
    HIERARCHY,
    HIERARCHY_WORDS,
    LINK_WORDS,
    RAM,
    RAM_WORDS,
    SLOWLY,
)
from pffemu.hw.memory.layout import (
    L2,
    L2_MASK,
    L2_WAYS,
    L3,
    L3_SETS,
    L3_WAYS,
    LAST_PAGE,
    LINE_SHIFT,
    LINES,
    OWN_WORDS,
    PAGE_LINES,
)

_STORE = 17  # UC_MEM_WRITE
_PAGE = 12
_HOST_LINE = 64

register_jitable(page_walk.reserved_bits)
register_jitable(page_walk.walk)
front = register_jitable(sets.front)
for function in (
    sets.push, sets.place_of, fetch.l1_set, fetch.l2_set, fetch.keep_in_l3, fetch.take_from_others, fetch.fetch,
    prefetcher.stream_of, prefetcher.forget_arrivals, prefetcher.begin_stream, prefetcher.prefetched,
    prefetcher.run_ahead, prefetcher.train,
    overlap.stall, overlap.await_miss, overlap.forget_arrived, overlap.arrival_of_pair, overlap.has_pointers,
    overlap.points_to, overlap.resolve_branch, overlap.pay,
    access_semantics.load_entry, access_semantics.translate,
):  # fmt: skip
    register_jitable(function)
hits = register_jitable(inline="always")(access_semantics.hits)
access = register_jitable(access_semantics.access)
bring = register_jitable(fetch.bring)


@register_jitable  # type: ignore[untyped-decorator]
def _prefetch_sets(link: Any, line: Any) -> None:
    """Begin to load the host's copies of a line's sets: their misses are most of what a random access takes here."""
    hierarchy = words(link[HIERARCHY], link[HIERARCHY_WORDS])
    for at in (
        link[CORE] + hierarchy[L2] + (line & hierarchy[L2_MASK]) * hierarchy[L2_WAYS],
        L3 + line % hierarchy[L3_SETS] * hierarchy[L3_WAYS],
    ):
        prefetch(link[HIERARCHY] + 8 * at)
        prefetch(link[HIERARCHY] + 8 * at + _HOST_LINE)


def _slow_hook(user: Any, line: Any, store: Any, _unused: Any) -> None:
    link = words(user, LINK_WORDS)
    header = words(link[HIERARCHY], link[HIERARCHY_WORDS])
    prefetch(link[RAM] + (line << header[LINE_SHIFT]))
    _prefetch_sets(link, line)
    if words(link[HIERARCHY] + 8 * link[CORE], OWN_WORDS)[LAST_PAGE] != (line >> header[PAGE_LINES]) + 1:
        _prefetch_sets(link, header[LINES] + (line >> header[PAGE_LINES] >> header[LINE_SHIFT] - 3))
    access(
        words(link[HIERARCHY], link[HIERARCHY_WORDS]), link[CORE], words(link[COUNTER], count_block.WORDS),
        words(link[RAM], link[RAM_WORDS]), words(link[FILL], fill.WORDS)[fill.ROOT], line, store != 0,
    )  # fmt: skip


def _hook(_uc: Any, kind: Any, address: Any, size: Any, _value: Any, user: Any) -> None:
    link = words(user, LINK_WORDS)
    hierarchy = words(link[HIERARCHY], link[HIERARCHY_WORDS])
    line = address >> hierarchy[LINE_SHIFT]
    if line >= hierarchy[LINES]:
        return
    store = kind == _STORE
    if not hits(hierarchy, link[CORE], line, store):
        call_with_four(link[SLOWLY], user, line, store, 0)
    end = address + size - 1
    last = end >> hierarchy[LINE_SHIFT]
    if last != line and end >> _PAGE == address >> _PAGE:
        call_with_four(link[SLOWLY], user, last, store, 0)


def _bring(user: Any, line: Any, count: Any, store: Any) -> None:
    link = words(user, LINK_WORDS)
    bring(words(link[HIERARCHY], link[HIERARCHY_WORDS]), link[CORE], line, count, store != 0)


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    return {
        "SLOW_HOOK": compile_callback(_slow_hook, "void", "int64 int64 int64 int64"),
        "HOOK": compile_callback(_hook, "void", "int64 int32 int64 int32 int64 int64"),
        "BRING": compile_callback(_bring, "void", "int64 int64 int64 int64"),
    }
