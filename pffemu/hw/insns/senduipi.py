"""SENDUIPI r64: post a user interrupt and notify its receiver (SDM vol. 2, SENDUIPI).

UITT and UPID are accessed as supervisor, whatever the CPL; no other core runs between reading and writing the UPID.
"""

from __future__ import annotations

import struct

from pffemu.arch import uitt, upid
from pffemu.arch.encodings import REGISTERS_64
from pffemu.arch.exceptions import GP, UD
from pffemu.arch.registers import MASK64
from pffemu.events.hw import SendUipi
from pffemu.hw.cpu import Cpu
from pffemu.hw.interrupts import SUPERVISOR
from pffemu.hw.page_walk import WRITE
from pffemu.hw.trap import Trap

_WORDS = struct.Struct("<QQ")


def execute(cpu: Cpu, length: int, register: int) -> Trap | None:
    """`register`: the operand's number."""
    state, octets = cpu.uintr, cpu.mmu.ram.octets
    # SDM senduipi.1
    if not cpu.cr4_uintr or not state.uitt_enabled:
        return Trap(UD)
    index = cpu.registers[REGISTERS_64[register]]
    # SDM senduipi.2
    if index > state.uittsz:
        return Trap(GP)
    # SDM senduipi.3
    at = cpu.mmu.translate(state.uittaddr + index * uitt.ENTRY_SIZE & MASK64, SUPERVISOR)
    if isinstance(at, Trap):
        return at
    # SDM senduipi.4
    entry = uitt.unpack(bytes(octets[at : at + uitt.ENTRY_SIZE]))
    if entry is None:
        return Trap(GP)
    # SDM senduipi.5
    at = cpu.mmu.translate(entry.upid_address, SUPERVISOR | WRITE)  # locked: a fault is one of a write
    if isinstance(at, Trap):
        return at
    control, pir = _WORDS.unpack_from(octets, at)
    # SDM senduipi.6
    if control & upid.RESERVED & ~(upid.BLKD if cpu.options.upid_blkd else 0):
        return Trap(GP)
    # SDM senduipi.7
    notify = not control & (upid.ON | upid.SN)
    # SDM senduipi.8
    _WORDS.pack_into(octets, at, control | (upid.ON if notify else 0), pir | 1 << entry.user_vector)
    cpu.charge("cpu.uintr.senduipi")
    cpu.emit(SendUipi, index, entry.user_vector, entry.upid_address, int(notify))
    # SDM senduipi.9
    if notify:
        ndst = control >> upid.NDST_SHIFT
        target = ndst if cpu.apic.x2apic else ndst >> upid.XAPIC_ID_SHIFT & 0xFF
        cpu.interconnect.send_to_id(cpu, control >> upid.NV_SHIFT & 0xFF, target)
    cpu.registers.skip(length)
    return None
