"""SENDUIPI, row by row of its page in the SDM: faults in their order, the UPID's update, the message."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.arch import uitt, upid
from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP, PF, UD
from pffemu.arch.pagefault import P, W
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_D
from pffemu.arch.uitt import UittEntry
from pffemu.arch.upid import Upid
from pffemu.events.hw import IpiSent, SendUipi
from pffemu.hw import insns
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import senduipi
from pffemu.hw.trap import Trap
from tests.unit.hw.cores import MAPPED, MISSING_PAGE, READ_ONLY_PAGE, USER_PAGE, cores, page_entry_flags, peek, poke
from tests.unit.hw.cores import run_arrivals as arrive

UITT = MAPPED
UPID = MAPPED + PAGE_SIZE
RAX = 0
NV = 0xEC


def sender(count: int = 2, **options: object) -> list[Cpu]:
    """Core 0 may send to entry 3 (UV 9, of core 1's UPID); entries 0 to 7 exist."""
    made = cores(count, **options)  # type: ignore[arg-type]
    cpu = made[0]
    cpu.uintr.uittaddr, cpu.uintr.uitt_enabled, cpu.uintr.uittsz = UITT, True, 7
    poke(cpu, UITT + 3 * 16, UittEntry(9, UPID).pack())
    poke(cpu, UPID, Upid(nv=NV, ndst=made[-1].apic.ndst).pack())
    cpu.registers["rip"], cpu.registers["rax"] = 0x1000, 3
    return made


def state_of(cpu: Cpu) -> tuple[object, ...]:
    return cpu.engine.save_registers(), peek(cpu, UPID, 64), peek(cpu, UITT, 256), cpu.clock, cpu.interconnect.sequence


def test_it_posts_the_vector_sets_on_and_sends_nv_to_ndst() -> None:
    cpu, receiver = sender()
    assert senduipi.execute(cpu, 4, RAX) is None
    assert upid.unpack(peek(cpu, UPID, 16)) == Upid(on=True, nv=NV, ndst=1, pir=1 << 9)
    assert cpu.registers["rip"] == 0x1004
    assert not cpu.apic.irr
    arrive(receiver)
    assert receiver.apic.irr == 1 << NV
    assert receiver.apic.tmr == 0
    assert (cpu.bus.counts[SendUipi], cpu.bus.counts[IpiSent]) == (1, 1)


@pytest.mark.parametrize(("on", "sn", "notifies"), [(0, 0, True), (1, 0, False), (0, 1, False), (1, 1, False)])
def test_it_notifies_only_when_on_and_sn_are_clear(on: int, sn: int, notifies: bool) -> None:
    cpu, receiver = sender()
    poke(cpu, UPID, Upid(on=bool(on), sn=bool(sn), nv=NV, ndst=1, pir=1 << 40).pack())
    assert senduipi.execute(cpu, 4, RAX) is None
    after = upid.unpack(peek(cpu, UPID, 16))
    assert after == Upid(on=bool(on or notifies), sn=bool(sn), nv=NV, ndst=1, pir=1 << 40 | 1 << 9)
    assert len(receiver.arrivals) == notifies


@pytest.mark.parametrize(("cr4", "enabled"), [(False, True), (True, False), (False, False)])
def test_ud_without_cr4_uintr_or_the_enable_bit(cr4: bool, enabled: bool) -> None:
    cpu, _ = sender()
    cpu.cr4_uintr, cpu.uintr.uitt_enabled = cr4, enabled
    cpu.registers["rax"] = 1 << 60  # #UD comes before every other check
    before = state_of(cpu)
    assert senduipi.execute(cpu, 4, RAX) == Trap(UD)
    assert state_of(cpu) == before


@pytest.mark.parametrize("index", [8, 9, 1 << 32, (1 << 32) + 3, (1 << 64) - 1])
def test_gp_beyond_uittsz_with_all_64_bits_compared(index: int) -> None:
    cpu, _ = sender()
    cpu.registers["rax"] = index
    before = state_of(cpu)
    assert senduipi.execute(cpu, 4, RAX) == Trap(GP)
    assert state_of(cpu) == before


@pytest.mark.parametrize("index", [0, 3, 7])
def test_uittsz_is_the_highest_index(index: int) -> None:
    cpu, _ = sender()
    poke(cpu, UITT + 16 * index, UittEntry(index, UPID).pack())
    cpu.registers["rax"] = index
    assert senduipi.execute(cpu, 4, RAX) is None
    assert upid.unpack(peek(cpu, UPID, 16)).pir == 1 << index


@pytest.mark.parametrize("bit", range(64))
def test_gp_for_each_bit_of_an_entrys_first_word_that_must_not_be(bit: int) -> None:
    cpu, _ = sender()
    control = uitt.V ^ 1 << bit
    poke(cpu, UITT + 3 * 16, struct.pack("<QQ", control, UPID))
    before = state_of(cpu)
    if 8 <= bit < 14:  # a bit of UV
        assert senduipi.execute(cpu, 4, RAX) is None
        assert upid.unpack(peek(cpu, UPID, 16)).pir == 1 << (1 << bit - 8)
    else:
        assert senduipi.execute(cpu, 4, RAX) == Trap(GP)
        assert state_of(cpu) == before


@pytest.mark.parametrize("address", [UPID + 1, UPID + 32, UPID + 16, 1 << 47, 1 << 63])
def test_gp_for_a_upid_address_that_is_misaligned_or_not_canonical(address: int) -> None:
    cpu, _ = sender()
    poke(cpu, UITT + 3 * 16, struct.pack("<QQ", uitt.V, address))
    before = state_of(cpu)
    assert senduipi.execute(cpu, 4, RAX) == Trap(GP)
    assert state_of(cpu) == before


@pytest.mark.parametrize("bit", range(32))
@pytest.mark.parametrize("blkd", [True, False])
def test_gp_for_each_reserved_bit_of_the_upid(bit: int, blkd: bool) -> None:
    cpu, _ = sender(upid_blkd=blkd)
    poke(cpu, UPID, struct.pack("<QQ", 1 << bit, 0))
    before = state_of(cpu)
    allowed = bit in (0, 1) or 16 <= bit < 24 or (bit == 7 and blkd)
    assert senduipi.execute(cpu, 4, RAX) == (None if allowed else Trap(GP))
    if not allowed:
        assert state_of(cpu) == before
    elif bit == 7:
        assert peek(cpu, UPID, 1) == bytes([upid.BLKD | upid.ON])


def test_linuxs_blkd_bit_is_allowed_by_default() -> None:
    cpu, _ = sender()
    poke(cpu, UPID, Upid(nv=0xEB, ndst=1, blkd=True).pack())
    assert senduipi.execute(cpu, 4, RAX) is None
    assert upid.unpack(peek(cpu, UPID, 16)) == Upid(on=True, nv=0xEB, ndst=1, blkd=True, pir=1 << 9)


@pytest.mark.parametrize(
    ("uitt_at", "upid_at", "trap"),
    [
        (MISSING_PAGE, UPID, Trap(PF, 0, MISSING_PAGE + 3 * 16)),
        (UITT, MISSING_PAGE, Trap(PF, W, MISSING_PAGE)),
        (UITT, READ_ONLY_PAGE, Trap(PF, P | W, READ_ONLY_PAGE)),
        (1 << 47, UPID, Trap(GP)),
    ],
    ids=["UITT missing", "UPID missing", "UPID read-only", "UITT not canonical"],
)
def test_page_faults_of_the_tables_are_supervisor_accesses(uitt_at: int, upid_at: int, trap: Trap) -> None:
    cpu, _ = sender()
    cpu.uintr.uittaddr = uitt_at
    poke(cpu, UITT + 3 * 16, UittEntry(9, upid_at).pack())
    poke(cpu, READ_ONLY_PAGE, Upid(nv=NV, ndst=1).pack())
    before = state_of(cpu)
    assert senduipi.execute(cpu, 4, RAX) == trap
    assert state_of(cpu) == before


def test_the_tables_may_lie_in_supervisor_or_in_user_memory() -> None:
    cpu, _ = sender()
    poke(cpu, UITT + 3 * 16, UittEntry(9, USER_PAGE).pack())
    poke(cpu, USER_PAGE, Upid(nv=NV, ndst=1).pack())
    assert senduipi.execute(cpu, 4, RAX) is None
    assert upid.unpack(peek(cpu, USER_PAGE, 16)).pir == 1 << 9


def test_it_sets_a_of_the_table_and_a_and_d_of_the_upid() -> None:
    cpu, _ = sender()
    assert senduipi.execute(cpu, 4, RAX) is None
    assert (page_entry_flags(cpu, UITT), page_entry_flags(cpu, UPID)) == (PTE_A, PTE_A | PTE_D)


@pytest.mark.parametrize("x2apic", [False, True])
@pytest.mark.parametrize("count", [2, 64])
def test_ndst_has_the_format_of_the_senders_mode(x2apic: bool, count: int) -> None:
    made = sender(count, x2apic=x2apic)
    last = count - 1
    ndst = last if x2apic else last << 8 | 0xFFFF_00AA  # the other bits do not count
    poke(made[0], UPID, Upid(nv=NV, ndst=ndst).pack())
    assert senduipi.execute(made[0], 4, RAX) is None
    assert [len(cpu.arrivals) for cpu in made] == [0] * last + [1]


def test_an_ndst_nobody_has_is_lost_without_a_word() -> None:
    made = sender()
    poke(made[0], UPID, Upid(nv=NV, ndst=77).pack())
    assert senduipi.execute(made[0], 4, RAX) is None
    assert not any(cpu.arrivals for cpu in made)


def test_to_oneself_the_message_is_there_at_once() -> None:
    (cpu,) = sender(1)
    assert senduipi.execute(cpu, 4, RAX) is None
    assert cpu.event_at <= cpu.clock
    arrive(cpu)
    assert cpu.apic.irr == 1 << NV


@pytest.mark.parametrize("nv", [0, 8, 15])
def test_an_nv_below_16_is_an_error_of_the_receivers_apic(nv: int) -> None:
    cpu, receiver = sender()
    poke(cpu, UPID, Upid(nv=nv, ndst=1).pack())
    assert senduipi.execute(cpu, 4, RAX) is None
    arrive(receiver)
    assert (receiver.apic.irr, receiver.apic.errors) == (0, 1 << 6)


@pytest.mark.parametrize("number", range(16))
@pytest.mark.parametrize("rex_w", [0, 8])
def test_every_register_with_and_without_rex_w(number: int, rex_w: int) -> None:
    cpu, _ = sender()
    cpu.registers[REGISTERS_64[number]] = 3
    rex = 0x40 | rex_w | number >> 3
    code = bytes([0xF3, *([rex] if rex != 0x40 else []), 0x0F, 0xC7, 0xF0 | number & 7])
    found = insns.find(code + bytes(10))
    assert found is not None
    assert (found.length, found.local) == (len(code), False)
    assert found.execute(cpu, found.length) is None
    assert upid.unpack(peek(cpu, UPID, 16)).pir == 1 << 9
    assert cpu.registers["rip"] == 0x1000 + len(code)


def test_a_memory_operand_or_another_extension_is_not_senduipi() -> None:
    for modrm in (*range(0xC0, 0xE0), *range(0xF8, 0x100), *range(0xC0)):
        found = insns.own_instruction(bytes([0xF3, 0x0F, 0xC7, modrm, 0, 0, 0, 0]))
        assert (found is not None) == (0xD0 <= modrm < 0xE0)  # PAGEOUT, PAGEDROP


@given(control=st.integers(0, (1 << 64) - 1), pir=st.integers(0, (1 << 64) - 1), vector=st.integers(0, 63))
def test_no_upid_content_does_anything_else_than_the_manual_says(control: int, pir: int, vector: int) -> None:
    cpu, _ = SHARED
    poke(cpu, UITT + 3 * 16, UittEntry(vector, UPID).pack())
    poke(cpu, UPID, struct.pack("<QQ", control, pir))
    sent = cpu.bus.counts[SendUipi]
    trap = senduipi.execute(cpu, 4, RAX)
    after = struct.unpack("<QQ", peek(cpu, UPID, 16))
    if control & upid.RESERVED & ~upid.BLKD:
        assert (trap, after) == (Trap(GP), (control, pir))
        assert cpu.bus.counts[SendUipi] == sent
    else:
        assert trap is None
        assert after == (control if control & 3 else control | upid.ON, pir | 1 << vector)


SHARED = sender()
