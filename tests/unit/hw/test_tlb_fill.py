"""The TLB's miss handler: compiled and plain are one function, and a refusal says what the MMU needs."""

from __future__ import annotations

import ctypes
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch.paging import PTE_A, PTE_D, PTE_NX, PTE_P, PTE_PS, PTE_U, PTE_W
from pffemu.arch.registers import MASK64
from pffemu.engine import jit
from pffemu.engine.engine_page import ENGINE_PAGE, ENGINE_PAGE_PA
from pffemu.engine.refusals import (
    CODE_CHANGES,
    NON_CANONICAL,
    NOTHING,
    PAGE_FAULT,
    REFUSED,
    REFUSED_CODE,
    REFUSED_PAGE,
    UNSEEN_CODE,
)
from pffemu.hw.fill import (
    CODE,
    CORE,
    NO_FRAME,
    PASSING,
    RAM_WORDS,
    SEARCHED,
    STORED_AT_HOME,
    STORED_TO,
    TRANSLATED,
    UNCLEAN,
)
from pffemu.hw.page_walk import FETCH, USER, WRITE
from pffemu.hw.ram import Ram
from pffemu.hw.tlb_fill import TlbFill

READ, STORE, EXECUTE = 16, 17, 18  # UC_MEM_*
TABLES = 8  # frames 1 to 8 hold random tables
SMALL = 1 << 20

_HOOK = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p
)
needs_numba = pytest.mark.skipif(not jit.available(), reason="numba is not installed, or PFFEMU_JIT=0")


def miss(fill: TlbFill, address: int, kind: int) -> tuple[int, int] | None:
    """(physical page, permissions) as Unicorn gets them, or None when refused."""
    entry = (ctypes.c_uint64 * 2)()
    hook = _HOOK(fill.callback_address)
    if not hook(None, address & (1 << 64) - 1, kind, ctypes.addressof(entry), fill.user_data):
        return None
    return entry[0], entry[1] & 0xFFFF_FFFF


def refusal(fill: TlbFill) -> tuple[int, int, int]:
    """Reason, page and error code of the last one."""
    return fill.state[REFUSED], fill.state[REFUSED_PAGE] & MASK64, fill.state[REFUSED_CODE]


def random_tables(ram: Ram, seed: int) -> None:
    """Tables that mostly point at each other, so that walks get deep."""
    chance = random.Random(seed)
    for word in range(512, (TABLES + 1) * 512):
        entry = chance.randrange(1, TABLES + 1) << 12
        for bit, likely in ((PTE_P, 0.95), (PTE_U, 0.97), (PTE_W, 0.8), (PTE_A, 0.5), (PTE_D, 0.5), (PTE_PS, 0.1)):
            entry |= bit if chance.random() < likely else 0
        entry |= 1 << 58 if chance.random() < 0.1 else 0
        entry |= chance.choice((1 << 50, 1 << 14, 1 << 35)) if chance.random() < 0.05 else 0
        ram.words[word] = entry | (PTE_NX if chance.random() < 0.2 else 0)


@needs_numba
@given(
    seed=st.integers(0, 50),
    misses=st.lists(
        st.tuples(st.integers(0, (1 << 64) - 1) | st.integers(0, (1 << 47) - 1), st.sampled_from((16, 17, 18))),
        min_size=1,
        max_size=20,
    ),
)
def test_compiled_and_plain_grant_refuse_and_change_tables_alike(seed: int, misses: list[tuple[int, int]]) -> None:
    sides = []
    for compiled in (True, False):
        ram = Ram(SMALL)
        random_tables(ram, seed)
        fill = TlbFill(ram, compiled)
        fill.root = 0x1000
        sides.append((ram, fill))
    for address, kind in misses:
        page = address & ~0xFFF
        compiled_result, plain_result = (miss(fill, page, kind) for _, fill in sides)
        assert compiled_result == plain_result
        compiled_state, plain_state = (fill.state[RAM_WORDS:].tolist() for _, fill in sides)
        assert compiled_state == plain_state
    used = (TABLES + 1) * 4096
    assert sides[0][0].octets[:used] == sides[1][0].octets[:used]
    assert sides[0][0].frames.tolist() == sides[1][0].frames.tolist()


@pytest.fixture(params=[False, pytest.param(True, marks=needs_numba)], ids=["plain", "compiled"])
def fill(request: pytest.FixtureRequest) -> TlbFill:
    """Page 0x5000 is user and writable, 0x6000 the kernel's; tables are in frames 1 to 4."""
    ram = Ram(SMALL)
    for table in (1, 2, 3):
        ram.words[table * 512] = (table + 1) << 12 | PTE_P | PTE_W | PTE_U
    ram.words[4 * 512 + 5] = 0x9000 | PTE_P | PTE_W | PTE_U
    ram.words[4 * 512 + 6] = 0xA000 | PTE_P | PTE_W
    made = TlbFill(ram, request.param)
    made.root = 0x1000
    return made


def test_a_read_is_granted_for_reading_until_a_store_has_set_d(fill: TlbFill) -> None:
    assert miss(fill, 0x5000, READ) == (0x9000, 1)
    assert miss(fill, 0x5000, STORE) == (0x9000, 3)
    assert miss(fill, 0x5000, READ) == (0x9000, 3)
    assert fill.state[REFUSED] == NOTHING


def map_alias(fill: TlbFill, page: int, *, executable: bool) -> None:
    """Map the frame of page 0x5000 once more."""
    entry = fill.ram_words[4 * 512 + 5]
    fill.ram_words[4 * 512 + (page >> 12)] = entry if executable else entry - (1 << 63)


def test_clean_code_is_fetched_at_once_and_again_after_stores_through_its_own_page(fill: TlbFill) -> None:
    for _ in range(2):
        assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
        assert fill.frames[9] & CODE == SEARCHED
        assert miss(fill, 0x5000, STORE) == (0x9000, 3)
        assert fill.frames[9] & CODE == 0
    assert fill.state[REFUSED] == NOTHING


def test_the_untranslatable_is_fetched_only_where_its_page_is_guarded(fill: TlbFill) -> None:
    fill.ram_words[0x9010 >> 3] = 0xE8BA0FF0
    assert miss(fill, 0x5000, EXECUTE) is None
    assert refusal(fill)[:2] == (UNSEEN_CODE, 0x5000)
    fill.frames[9] |= SEARCHED | UNCLEAN
    assert miss(fill, 0x5000, EXECUTE) is None
    fill.guard(0x5000, 0x9000, NO_FRAME, {0x5010, 0x4FFF})
    assert (fill.exits, fill.exits_before) == ({0x5010}, {0x4FFF})
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
    map_alias(fill, 0x7000, executable=True)
    assert miss(fill, 0x7000, EXECUTE) is None
    fill.forget_guards()
    assert not fill.exits
    assert miss(fill, 0x5000, EXECUTE) is None


def test_a_refusal_stays_when_the_page_before_a_guarded_one_is_fetched_from_behind_the_run(fill: TlbFill) -> None:
    fill.guard(0x8000, 0x9000, NO_FRAME, {0x8000})
    assert miss(fill, 0x6000, STORE) is None
    assert miss(fill, 0x7000, EXECUTE) is None
    assert refusal(fill)[:2] == (PAGE_FAULT, 0x6000)
    fill.state[REFUSED] = NOTHING
    assert miss(fill, 0x7000, EXECUTE) is None
    assert refusal(fill)[:2] == (PAGE_FAULT, 0x7000)


@pytest.mark.parametrize("executable", [True, False])
@pytest.mark.parametrize("bits", [SEARCHED, TRANSLATED])
def test_a_store_to_code_is_refused_through_another_page(fill: TlbFill, executable: bool, bits: int) -> None:
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
    fill.frames[9] = fill.frames[9] & ~CODE | bits
    map_alias(fill, 0x7000, executable=executable)
    assert miss(fill, 0x7000, STORE) is None
    assert refusal(fill)[:2] == (CODE_CHANGES, 0x7000)
    assert miss(fill, 0x7000, READ) == (0x9000, 1)
    assert miss(fill, 0x5000, STORE) == (0x9000, 3)
    fill.frames[9] = 0
    assert miss(fill, 0x7000, STORE) == (0x9000, 3)


@pytest.mark.parametrize("executable", [True, False])
def test_what_another_page_stored_to_is_fetched_when_no_tlb_grants_it_any_more(fill: TlbFill, executable: bool) -> None:
    assert miss(fill, 0x5000, STORE) == (0x9000, 3)
    map_alias(fill, 0x7000, executable=executable)
    assert miss(fill, 0x7000, STORE) == (0x9000, 3)
    assert miss(fill, 0x5000, EXECUTE) is None
    assert refusal(fill)[:2] == (UNSEEN_CODE, 0x5000)
    fill.frames[9] &= ~(STORED_TO | STORED_AT_HOME)
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)


def test_another_core_at_the_same_page_is_as_another_page(fill: TlbFill) -> None:
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
    fill.state[CORE] = 1
    assert miss(fill, 0x5000, STORE) is None
    assert fill.state[REFUSED] == CODE_CHANGES
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
    fill.state[CORE] = 0
    assert miss(fill, 0x5000, STORE) is None


def test_the_instruction_that_runs_alone_is_fetched_once_more_before_its_store(fill: TlbFill) -> None:
    fill.frames[9] = PASSING
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
    assert miss(fill, 0x5000, STORE) == (0x9000, 3)
    assert miss(fill, 0x5000, EXECUTE) == (0x9000, 5)
    assert miss(fill, 0x5000, EXECUTE) is None


def test_a_page_of_a_device_has_no_bits(fill: TlbFill) -> None:
    fill.ram_words[4 * 512 + 7] = 0xFEE0_0000 | PTE_P | PTE_W | PTE_U
    assert miss(fill, 0x7000, STORE) == (0xFEE0_0000, 3)
    assert not any(fill.frames)


@pytest.mark.parametrize(
    ("page", "kind", "code"),
    [
        (0x7000, READ, USER),
        (0x7000, STORE, USER | WRITE),
        (0x7000, EXECUTE, USER | FETCH),
        (0x6000, READ, USER | 1),
        (0x6000, STORE, USER | WRITE | 1),
        (0x7FFF_FFFF_F000, READ, USER),
        (0xFFFF_8000_0000_0000, READ, USER),
    ],
)
def test_a_refusal_leaves_its_page_and_error_code(fill: TlbFill, page: int, kind: int, code: int) -> None:
    assert miss(fill, page, kind) is None
    assert refusal(fill) == (PAGE_FAULT, page, code)


@pytest.mark.parametrize("page", [1 << 47, (1 << 63) + 0x1000, 0xFFFF_7FFF_FFFF_F000])
def test_an_address_that_is_not_canonical_is_refused_as_such(fill: TlbFill, page: int) -> None:
    assert miss(fill, page, READ) is None
    assert refusal(fill)[:2] == (NON_CANONICAL, page)


def test_of_the_engines_own_page_ring_3_gets_only_the_fetch_that_ends_a_run(fill: TlbFill) -> None:
    assert miss(fill, ENGINE_PAGE, READ) is None
    assert fill.state[REFUSED] == NON_CANONICAL
    assert miss(fill, ENGINE_PAGE, STORE) is None
    assert miss(fill, ENGINE_PAGE, EXECUTE) == (ENGINE_PAGE_PA, 4)
    assert miss(fill, ENGINE_PAGE + 0x1000, EXECUTE) is None
