"""The direct map: all of RAM, nothing else, for supervisor accesses only, in every address space."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import Signal
from kernel_model.mm.direct_map import DIRECT_MAP, DirectMap, linear
from kernel_model.mm.frames import FrameAllocator
from pffemu import Killed
from pffemu.arch.pagefault import P, U
from pffemu.hw.page_walk import FETCH, OK, USER, WRITE, walk
from pffemu.hw.ram import Ram
from tests.guest_tools import load, plain_guest

PAGE = 4096
MIB, GIB = 1 << 20, 1 << 30
_HOLES = ((0xFEE0_0000, PAGE), (0x5_0000_0000, PAGE))


def mapped(size: int, holes: tuple[tuple[int, int], ...] = ()) -> tuple[Ram, int, int]:
    """RAM, a root that has entered its direct map, and the frames the map took."""
    ram = Ram(size, holes)
    frames = FrameAllocator(ram)
    root = frames.take()
    before = frames.free_frames
    DirectMap(ram, frames).enter(root)
    return ram, root, before - frames.free_frames


def translate(ram: Ram, root: int, address: int, access: int) -> tuple[int, int]:
    signed = address - (1 << 64) if address >> 63 else address
    frame, _, code = walk(ram.words, ram.size >> 3, root, signed, access, False)
    return frame, code


@pytest.mark.parametrize("size", [MIB, MIB + PAGE, 2 * MIB, 16 * MIB, GIB, GIB + 2 * MIB + PAGE, 22 * GIB])
def test_every_edge_of_ram_is_mapped_and_the_page_behind_is_not(size: int) -> None:
    ram, root, _ = mapped(size, _HOLES)
    for start, length, _ in ram.pieces():
        for physical in (start, start + length - PAGE):
            assert translate(ram, root, linear(physical), WRITE) == (physical, OK)
    assert translate(ram, root, linear(size), 0)[1] == 0


@pytest.mark.parametrize("hole", [hole for hole, _ in _HOLES])
def test_a_device_behind_ram_is_not_mapped(hole: int) -> None:
    ram, root, _ = mapped(22 * GIB, _HOLES)
    assert translate(ram, root, linear(hole), 0)[1] == 0
    assert translate(ram, root, linear(hole + PAGE), 0) == (hole + PAGE, OK)


@given(page=st.integers(0, 22 * GIB // PAGE - 1), access=st.sampled_from((0, WRITE)))
def test_linear_is_physical_plus_the_base(page: int, access: int) -> None:
    physical = page * PAGE
    ram, root = _LARGE
    expected = (0, access) if physical in dict(_HOLES) else (physical, OK)
    assert translate(ram, root, DIRECT_MAP + physical, access) == expected


_LARGE = mapped(22 * GIB, _HOLES)[:2]


@pytest.mark.parametrize("access", [USER, USER | WRITE, USER | FETCH])
def test_ring_3_is_refused_with_a_protection_fault(access: int) -> None:
    ram, root, _ = mapped(16 * MIB)
    assert translate(ram, root, linear(PAGE), access)[1] == access | P


def test_nobody_executes_there() -> None:
    ram, root, _ = mapped(16 * MIB)
    assert translate(ram, root, linear(PAGE), FETCH)[1] == FETCH | P


def test_large_pages_keep_it_small() -> None:
    assert mapped(GIB)[2] == 1  # the PDPT
    assert mapped(16 * MIB)[2] == 2
    assert mapped(16 * GIB)[2] == 1


@pytest.mark.parametrize(
    ("access", "code"),
    [("mov al, [rbx]", U | P), ("mov [rbx], al", U | P | 2), ("jmp rbx", U | P | 16)],
    ids=["load", "store", "jump"],
)
def test_a_guest_that_touches_it_dies_of_sigsegv(access: str, code: int) -> None:
    run = load(plain_guest(f"movabs rbx, {DIRECT_MAP + PAGE:#x}\nhere: {access}\n"))
    stop = run.go()
    assert isinstance(stop, Killed)
    assert stop.signal is Signal.SIGSEGV
    end = run.machine.kernel.ended
    assert end is not None
    assert end.trap is not None
    assert (end.trap.address, end.trap.error_code) == (DIRECT_MAP + PAGE, code)
