"""The hook for loads and stores as native code (numba); semantics: access.hits, access.access, fetch.bring."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine import count_block
from pffemu.engine.compiled_callback import call_with_four, compile_callback, version_of, words
from pffemu.hw import fill, page_walk
from pffemu.hw.memory import access as access_semantics
from pffemu.hw.memory import caches, fetch, layout, overlap, prefetch, sets
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
from pffemu.hw.memory.layout import LINE_SHIFT, LINES

_STORE = 17  # UC_MEM_WRITE
_PAGE = 12

register_jitable(page_walk.reserved_bits)
register_jitable(page_walk.walk)
front = register_jitable(sets.front)
for function in (
    sets.push, sets.place_of, fetch.l1_set, fetch.l2_set, fetch.keep_in_l3, fetch.take_from_others, fetch.fetch,
    prefetch.stream_of, prefetch.forget_arrivals, prefetch.begin_stream, prefetch.prefetched, prefetch.run_ahead,
    prefetch.train,
    overlap.stall, overlap.await_miss, overlap.forget_arrived, overlap.arrival_of_pair, overlap.has_pointers,
    overlap.points_to, overlap.resolve_branch, overlap.pay,
    access_semantics.load_entry, access_semantics.translate,
):  # fmt: skip
    register_jitable(function)
hits = register_jitable(inline="always")(access_semantics.hits)
access = register_jitable(access_semantics.access)
bring = register_jitable(fetch.bring)
_VERSION = version_of(
    access_semantics, caches, fetch, layout, overlap, prefetch, sets, count_block, fill, page_walk
)  # fmt: skip


def _slow_hook_of(version: int) -> Any:
    def hook(user: Any, line: Any, store: Any, _unused: Any) -> None:
        if version < 0:
            return
        link = words(user, LINK_WORDS)
        access(
            words(link[HIERARCHY], link[HIERARCHY_WORDS]), link[CORE], words(link[COUNTER], count_block.WORDS),
            words(link[RAM], link[RAM_WORDS]), words(link[FILL], fill.WORDS)[fill.ROOT], line, store != 0,
        )  # fmt: skip

    return hook


def _hook_of(version: int) -> Any:
    def hook(_uc: Any, kind: Any, address: Any, size: Any, _value: Any, user: Any) -> None:
        if version < 0:
            return
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

    return hook


def _bring_of(version: int) -> Any:
    def function(user: Any, line: Any, count: Any, store: Any) -> None:
        if version < 0:
            return
        link = words(user, LINK_WORDS)
        bring(words(link[HIERARCHY], link[HIERARCHY_WORDS]), link[CORE], line, count, store != 0)

    return function


SLOW_HOOK = compile_callback(_slow_hook_of(_VERSION), "void", "int64 int64 int64 int64")
HOOK = compile_callback(_hook_of(_VERSION), "void", "int64 int32 int64 int32 int64 int64")
BRING = compile_callback(_bring_of(_VERSION), "void", "int64 int64 int64 int64")
