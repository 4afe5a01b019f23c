"""Hypothesis strategies for machine states: registers, flags, user-interrupt state, frames. Needs hypothesis.

@given(registers(), uintr_states(handler=0x400000))
def test_something(registers, uintr): ...
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pffemu.arch import rflags
from pffemu.arch.pagefault import RSVD, I, P, U, W
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.arch.registers import GENERAL, MASK64
from pffemu.hw.cpu import UintrState

WORD: Final = MASK64
_USER_FLAGS: Final = rflags.UIRET_MASK & ~rflags.TF  # what ring 3 can have set; TF would trap
_EDGES: Final = (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 47, (1 << 63) - 1, 1 << 63, WORD)


def words() -> SearchStrategy[int]:
    """64-bit values; values at carries and sign changes are more frequent."""
    return st.one_of(st.sampled_from(_EDGES), st.integers(0, WORD))


def user_addresses(alignment: int = 1) -> SearchStrategy[int]:
    """Addresses of user space."""
    return st.integers(PAGE_SIZE // alignment, (USER_END - PAGE_SIZE) // alignment).map(lambda n: n * alignment)


def non_canonical_addresses() -> SearchStrategy[int]:
    """Addresses in the hole of 4-level paging."""
    return st.integers(1 << 47, WORD - (1 << 47))


def flags() -> SearchStrategy[int]:
    """RFLAGS of ring 3: IF and bit 1 set, the others random."""
    return st.integers(0, WORD).map(lambda bits: bits & _USER_FLAGS | rflags.IF | rflags.ALWAYS_ONE)


def registers() -> SearchStrategy[dict[str, int]]:
    """Every general register but RSP, and RFLAGS: `machine.cpus[0].registers[name] = value` for each."""
    general = {name: words() for name in GENERAL if name != "rsp"}
    return st.fixed_dictionaries({**general, "rflags": flags()})


def stack_adjusts(stack_top: int | None = None) -> SearchStrategy[int]:
    """UISTACKADJUST: an amount to subtract, or with `stack_top` also that stack to load (bit 0 set)."""
    amounts = st.integers(0, 2048).map(lambda n: n & ~1)
    return amounts if stack_top is None else st.one_of(amounts, st.just(stack_top | 1))


def uintr_states(*, handler: int | None = None, stack_top: int | None = None) -> SearchStrategy[UintrState]:
    """User-interrupt state of a thread; `handler` None: any address of user space."""
    return st.builds(
        UintrState,
        uif=st.booleans(),
        handler=user_addresses() if handler is None else st.just(handler),
        stackadjust=stack_adjusts(stack_top),
        uirr=st.one_of(st.just(0), st.integers(0, 63).map(lambda vector: 1 << vector), st.integers(0, WORD)),
    )


def error_codes() -> SearchStrategy[int]:
    """Page-fault error codes of ring 3 that the SDM allows: I only without W, RSVD only with P."""
    codes = (U | p | kind | reserved for p in (0, P) for kind in (0, W, I) for reserved in (0, RSVD if p else 0))
    return st.sampled_from(sorted(set(codes)))
