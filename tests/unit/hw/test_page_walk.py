"""The page walk against a second walker, written from the manual without looking at the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pffemu.arch.paging import MAXPHYADDR
from pffemu.hw.page_walk import FETCH, OK, USER, WRITE, permissions, walk

P, W, U, A, D, PS = (1 << bit for bit in (0, 1, 2, 5, 6, 7))
NX = 1 << 63
FRAMES = 16  # of a tiny RAM; tables are in frames 1 to 4
WORDS = FRAMES * 512
PML4, PDPT, PD, PT = 0x1000, 0x2000, 0x3000, 0x4000
ALL = P | W | U


class Result(NamedTuple):
    frame: int
    code: int  # error code, or OK


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def reference(ram: dict[int, int], root: int, address: int, access: int) -> Result:
    """SDM vol. 3, 4.5: `ram` maps physical addresses of entries to unsigned entries; absent: 0 or no RAM."""
    address &= (1 << 64) - 1
    base = root & 0x000F_FFFF_FFFF_F000
    write_ok = user_ok = execute_ok = True
    for shift in (39, 30, 21, 12):
        entry = ram.get(base + 8 * (address >> shift & 0x1FF), 0)
        if not entry & P:
            return Result(0, access)
        maps_page = shift == 12 or (shift != 39 and bool(entry & PS))
        must_be_zero = sum(1 << bit for bit in range(MAXPHYADDR, 52))
        if shift == 39:
            must_be_zero |= PS
        if maps_page and shift == 30:
            must_be_zero |= sum(1 << bit for bit in range(13, 30))
        if maps_page and shift == 21:
            must_be_zero |= sum(1 << bit for bit in range(13, 21))
        if entry & must_be_zero:
            return Result(0, access | 1 | 8)
        write_ok &= bool(entry & W)
        user_ok &= bool(entry & U)
        execute_ok &= not entry & NX
        base = entry & 0x000F_FFFF_FFFF_F000
        if maps_page:
            break
    denied = (access & WRITE and not write_ok) or (access & USER and not user_ok) or (access & FETCH and not execute_ok)
    if denied:
        return Result(0, access | 1)
    inside = address & (1 << shift) - 1
    return Result((base & ~((1 << shift) - 1) | inside) & ~0xFFF, OK)


def ram_of(entries: dict[int, int]) -> list[int]:
    words = [0] * WORDS
    for physical, entry in entries.items():
        if physical // 8 < WORDS:
            words[physical // 8] = signed(entry)
    return words


def path(address: int, pml4e: int, pdpte: int, pde: int, pte: int) -> dict[int, int]:
    """The four entries of `address`, tables in their usual places."""
    places = ((PML4, 39, pml4e), (PDPT, 30, pdpte), (PD, 21, pde), (PT, 12, pte))
    return {table + 8 * (address >> shift & 0x1FF): entry for table, shift, entry in places}


def flags(*bits: int) -> st.SearchStrategy[int]:
    return st.lists(st.sampled_from(bits), unique=True).map(sum)


extra_bits = flags(A, D, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 3, 1 << 4, 1 << 52, 1 << 58, 1 << 62)
poison = st.sampled_from((0, 0, 0, 0, 0, P, W, U, NX, PS, 1 << 13, 1 << 20, 1 << 29, 1 << 46, 1 << 51))
# usually present and permissive, with one bit turned over now and then
entry_flags = st.builds(lambda extra, flip: (ALL | extra) ^ flip, extra_bits, poison)
canonical = st.integers(0, (1 << 47) - 1) | st.integers(-(1 << 47), -1)
accesses = st.sampled_from((0, USER, USER | WRITE, USER | FETCH, WRITE, FETCH))
leaves = st.integers(0, (1 << 46 - 12) - 1).map(lambda frame: frame << 12)
large = st.sampled_from((0, 0, 1, 2))  # at which level PS is set: none, PDPTE, PDE


@given(canonical, accesses, st.tuples(*[entry_flags] * 4), leaves, large, st.booleans())
def test_the_walk_agrees_with_the_reference(
    address: int, access: int, bits: tuple[int, int, int, int], leaf: int, size: int, update: bool
) -> None:
    tables = [PDPT, PD, PT, leaf]
    if size:
        shift = 30 if size == 1 else 21
        tables[size] = leaf & ~((1 << shift) - 1)
    entries = [table | bit for table, bit in zip(tables, bits, strict=True)]
    if size:
        entries[size] ^= PS
    memory = path(address, *entries)
    words = ram_of(memory)
    expected = reference(memory, PML4, address, access)
    frame, _, code = walk(words, WORDS, PML4, address, access, update)
    assert Result(frame, code) == expected
    # A and D: on the way when granted with `update`; D on writes, at the leaf; nothing else changes
    before = ram_of(memory)
    changed = {i * 8: words[i] ^ before[i] for i in range(WORDS) if words[i] != before[i]}
    if not update:
        assert changed == {}
    for physical, difference in changed.items():
        assert physical in memory
        assert difference & ~(A | D) == 0
        assert words[physical // 8] & (A | D) >= before[physical // 8] & (A | D)
    if update and code == OK:
        used = list(memory)[: size + 1 if size else 4]
        assert all(words[physical // 8] & A for physical in used)
        assert not access & WRITE or words[used[-1] // 8] & D
        assert all(not words[p // 8] & D or before[p // 8] & D for p in used[:-1])
        assert access & WRITE or words[used[-1] // 8] & D == before[used[-1] // 8] & D


@given(
    canonical, accesses, st.integers(0, (1 << 64) - 1), st.lists(st.integers(0, (1 << 64) - 1), min_size=4, max_size=4)
)
@example(0, USER, 0, [0, 0, 0, 0])
def test_the_walk_never_leaves_ram_whatever_the_tables_hold(
    address: int, access: int, root: int, entries: list[int]
) -> None:
    memory = path(address, *entries)
    inside = {physical: entry for physical, entry in memory.items() if physical // 8 < WORDS}
    words = ram_of(inside)
    frame, _, code = walk(words, WORDS, signed(root), address, access, True)
    assert Result(frame, code) == reference(inside, root, address, access)


@pytest.mark.parametrize("level", range(4))
def test_a_table_outside_ram_is_not_present(level: int) -> None:
    beyond = WORDS * 8
    tables = [PDPT, PD, PT, 0x7000]
    root = beyond if level == 0 else PML4
    if level:
        tables[level - 1] = beyond
    words = ram_of(path(0x1234000, *(table | ALL for table in tables)))
    assert walk(words, WORDS, root, 0x1234000, USER, True)[2] == USER


@pytest.mark.parametrize(
    ("what", "change", "access", "code"),
    [
        ("read only", lambda e: e & ~W, USER | WRITE, USER | WRITE | 1),
        ("supervisor", lambda e: e & ~U, USER, USER | 1),
        ("no execute", lambda e: e | NX, USER | FETCH, USER | FETCH | 1),
        ("not present", lambda e: e & ~P, USER, USER),
        ("reserved", lambda e: e | 1 << 51, USER, USER | 8 | 1),
    ],
)
@pytest.mark.parametrize("level", range(4))
def test_each_level_can_deny(what: str, change: Callable[[int], int], access: int, code: int, level: int) -> None:
    entries = [table | ALL for table in (PDPT, PD, PT, 0x7000)]
    assert walk(ram_of(path(0x1234000, *entries)), WORDS, PML4, 0x1234000, access, False)[2] == OK
    entries[level] = change(entries[level])
    assert walk(ram_of(path(0x1234000, *entries)), WORDS, PML4, 0x1234000, access, False)[2] == code, what


@pytest.mark.parametrize(("level", "shift"), [(1, 30), (2, 21)])
def test_a_large_page_maps_every_4_kib_piece_of_it(level: int, shift: int) -> None:
    entries = [table | ALL for table in (PDPT, PD, PT, 0x7000)]
    entries[level] = 1 << shift + 1 | ALL | PS
    for offset in (0, 0x1000, (1 << shift) - 0x1000):
        words = ram_of(path(offset, *entries))
        frame, _, code = walk(words, WORDS, PML4, offset + 0x123, USER | WRITE, True)
        assert (frame, code) == ((1 << shift + 1) + offset, OK)


def test_ps_in_a_pml4e_is_a_reserved_bit_and_in_a_pte_it_is_pat() -> None:
    entries = [table | ALL for table in (PDPT, PD, PT, 0x7000)]
    pat = [*entries[:3], entries[3] | PS]
    assert walk(ram_of(path(0, *pat)), WORDS, PML4, 0, USER, False)[2] == OK
    top = [entries[0] | PS, *entries[1:]]
    assert walk(ram_of(path(0, *top)), WORDS, PML4, 0, USER, False)[2] == USER | 1 | 8


@pytest.mark.parametrize(
    ("entry", "access", "granted"),
    [
        (P | U, USER, 1),
        (P | U | W, USER, 1),
        (P | U | W | D, USER, 3),
        (P | U | D, USER, 1),
        (P | U | W | D, USER | WRITE, 3),
        (P | U | W | D, USER | FETCH, 5),
        (P | U, USER | FETCH, 5),
    ],
)
def test_the_tlb_may_write_only_dirty_pages_and_execute_only_what_was_fetched(
    entry: int, access: int, granted: int
) -> None:
    assert permissions(entry, access) == granted
