"""The fastest Unicorn can be with this page-table layout: no hook but the TLB fill, no slices, no counting."""

from __future__ import annotations

import ctypes
import time

import unicorn
import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu import Machine
from pffemu.arch.registers import GENERAL
from pffemu.hw.tlb_fill import TlbFill


def run_raw(machine: Machine, finish: int) -> float:
    """CPU seconds that bare Unicorn takes from where core 0 of `machine` stands to the address `finish`.

    It works on the machine's memory, through the machine's page tables; the machine cannot be run on afterwards.
    """
    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    for address, size, pointer in machine.ram.pieces():
        uc.mem_map_ptr(address, size, unicorn.UC_PROT_ALL, pointer)
    uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
    fill = TlbFill(machine.ram, compiled=True)
    fill.root = machine.cpus[0].mmu.fill.root
    _hook_fill(uc, fill)
    registers = machine.cpus[0].registers
    for name in GENERAL:
        uc.reg_write(getattr(x86, f"UC_X86_REG_{name.upper()}"), registers[name])
    started = time.thread_time()
    uc.emu_start(registers["rip"], finish)
    seconds = time.thread_time() - started
    assert uc.reg_read(x86.UC_X86_REG_RIP) == finish
    return seconds


def _hook_fill(uc: unicorn.Uc, fill: TlbFill) -> None:
    hook = ctypes.c_size_t()
    begin, end = ctypes.c_uint64(1), ctypes.c_uint64(0)  # everywhere
    status = uclib.uc_hook_add(
        uc._uch, ctypes.byref(hook), unicorn.UC_HOOK_TLB_FILL, ctypes.c_void_p(fill.callback_address),
        ctypes.c_void_p(fill.user_data), begin, end,
    )  # fmt: skip
    assert status == unicorn.UC_ERR_OK
